/* SPDX-License-Identifier: Apache-2.0 */
/* Builds without SQLite: the module for the edge. */
#include "app/sqlite_behind.h"

wr_err wr_sqlite_behind_open(const struct wr_port *port, const char *directory,
                             void (*failed)(void *context, const struct wr_error *error),
                             void *context, struct wr_sqlite_behind **out, struct wr_error *error)
{
    (void)port, (void)directory, (void)failed, (void)context;
    *out = NULL;
    return wr_fail(error, WR_E_UNSUPPORTED, "this build has no SQLite");
}

void wr_sqlite_behind_close(struct wr_sqlite_behind *behind)
{
    (void)behind;
}
