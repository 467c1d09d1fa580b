/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a journal in forms that other tools read: JSON lines, CSV, an SQLite database. */
#ifndef WR_JOURNAL_EXPORT_H
#define WR_JOURNAL_EXPORT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/bytes.h"

struct wr_journal_export;

/* `format` is jsonl, csv or sqlite; `path` is where to: a new file (NULL: standard output, but for
 * sqlite). Errors: WR_E_USAGE for another format or no path; WR_E_IO, also when the file is there
 * already; WR_E_MEMORY. What `*out` is set to is to be closed after an error too. */
WR_NODISCARD wr_err wr_journal_export_open(struct wr_arena *arena, const char *format,
                                           const char *path, struct wr_journal_export **out,
                                           struct wr_error *error);
/* One entry. */
WR_NODISCARD wr_err wr_journal_export_row(struct wr_journal_export *export, uint64_t sequence,
                                          struct wr_str payload, struct wr_error *error);
/* Ends it; with `keep` the entries so far are there whole afterwards. Without, what a database
 * holds is left undefined. Errors: WR_E_IO, with `keep` only. */
WR_NODISCARD wr_err wr_journal_export_close(struct wr_journal_export *export, bool keep,
                                            struct wr_error *error);

#endif
