/* SPDX-License-Identifier: Apache-2.0 */
/* Closed logs of a journal that a server writes to, as SQLite files behind it, for auditors.
 *
 *   <state>/sqlite/journal-<first sequence>.db    the rows of one closed log, with indexes
 *   <state>/sqlite/new.db                         one that is being made
 *
 * A file is there whole or not at all: it is made under another name, synced, renamed. What a stop
 * or a crash left half made is made again. A file goes when its log has gone: retention counts for
 * both. A thread that gives way to all others does this; it reads what nobody changes any more. */
#ifndef WR_SQLITE_BEHIND_H
#define WR_SQLITE_BEHIND_H

#include "base/err.h"
#include "port/port.h"

#include <stdatomic.h>

struct wr_sqlite_behind;

/* `failed` hears of each failure, from the thread; the next try is a minute later.
 * Errors: WR_E_MEMORY; WR_E_UNSUPPORTED where the port has no threads. */
WR_NODISCARD wr_err wr_sqlite_behind_open(const struct wr_port *port, const char *directory,
                                          void (*failed)(void *context,
                                                         const struct wr_error *error),
                                          void *context, struct wr_sqlite_behind **out,
                                          struct wr_error *error);
/* Breaks off what is under way. */
void wr_sqlite_behind_close(struct wr_sqlite_behind *behind);

/* What the thread does every few seconds: makes what is missing, removes what has no log any more.
 * `stop` may be NULL; when it is set the work is broken off without an error. */
WR_NODISCARD wr_err wr_sqlite_behind_pass(const struct wr_port *port, const char *directory,
                                          const atomic_bool *stop, struct wr_error *error);

#endif
