/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that syncs one file at a time for the journal's thread, which goes on writing meanwhile:
 * in mode fast rows are kept once they are written, and a slow disk must not make them wait; in
 * mode durable the next group is made ready.
 *
 *   IDLE ──ask──▶ ASKED ──sync──▶ DONE ──take──▶ IDLE
 *
 * The journal's thread makes the first and the last step, this one that between; so each owns all
 * else of the struct while it is its turn. What is to be done beside the sync comes behind DONE,
 * and nobody waits for it but the next one who asks. */
#ifndef WR_SYNC_THREAD_H
#define WR_SYNC_THREAD_H

#include "shell/journal.h"

struct wr_sync_thread;

/* `asker` is the gate at which the journal's thread waits: it is opened when a sync has ended.
 * Errors: WR_E_MEMORY. */
WR_NODISCARD wr_err wr_sync_thread_open(const struct wr_port *port, struct wr_gate *asker,
                                        struct wr_sync_thread **out, struct wr_error *error);
/* Nothing may be under way. */
void wr_sync_thread_close(struct wr_sync_thread *thread);

/* True while a sync is under way, or its result not taken. */
bool wr_sync_thread_is_syncing(const struct wr_sync_thread *thread);
/* Neither that, nor is anything done beside it. */
bool wr_sync_thread_is_idle(const struct wr_sync_thread *thread);
/* It has to be idle. */
void wr_sync_thread_ask(struct wr_sync_thread *thread, const struct wr_journal_sync *sync,
                        const struct wr_journal_aside *aside);
/* False: nothing has ended. Else what was asked, how it ended, and how long it took. */
bool wr_sync_thread_take(struct wr_sync_thread *thread, struct wr_journal_sync *sync,
                         enum wr_io *result, int64_t *took_ns);

#endif
