/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a state directory, also of one that a service is writing to: closed segments do not
 * change, and the newest one proves by its chain how far it reaches. */
#ifndef WR_JOURNAL_BACKUP_H
#define WR_JOURNAL_BACKUP_H

#include "port/port.h"
#include "base/err.h"

struct wr_backup_result {
    uint64_t first, last; /* sequences that the copy holds; last 0: none */
    uint64_t n_files, n_bytes;
};

/* Copies `from` to `to`, which is made and must be empty, syncs it, opens it and verifies the whole
 * chain. The copy gets an epoch far ahead, so that decision ids of a service started on it are
 * none that the original has given or gives. Errors: WR_E_IO, WR_E_STATE, WR_E_JOURNAL. */
WR_NODISCARD wr_err wr_journal_backup(const struct wr_port *port, const char *from, const char *to,
                                      struct wr_backup_result *out, struct wr_error *error);

#endif
