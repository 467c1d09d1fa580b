/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on their way to the journal's thread. A row is condensed by the phrases of the pack that
 * decided it, and its segment has their table: so the thread is told a pack's table before the
 * first row of that pack, and rows of a pack whose table it has not are written plain. */
#include "shell/server_in.h"

#include "engine/phrasebook.h"

#define PAUSE_NS 200000

/* Lets the journal's thread make room in its ring. False when it cannot: the journal has failed. */
static bool make_room(struct wr_server *server)
{
    const struct wr_port_threads *threads = &server->port->threads;
    wr_journal_thread_submit(server->thread);
    if (wr_journal_thread_state(server->thread) != WR_JOURNAL_OK) {
        return false;
    }
    if (threads->start == NULL) {
        wr_journal_thread_step(server->thread);
    } else { /* rare: the ring is full, and the journal's thread is at work */
        struct wr_gate pause = {0};
        threads->gate_wait(threads->context, &pause, PAUSE_NS);
    }
    return true;
}

static bool keep(struct wr_server *server, uint64_t sequence, struct wr_str payload)
{
    if (WR_UNLIKELY(wr_decide_unrecorded(server) != NULL)) {
        server->metrics.n_unrecorded++;
        return true;
    }
    while (!wr_journal_thread_append(server->thread, sequence, payload)) {
        if (!make_room(server)) {
            return false;
        }
    }
    return true;
}

bool wr_keep(struct wr_server *server, const struct wr_answer *entry)
{
    if (WR_UNLIKELY(server->late_row_n != 0) && !wr_keep_late(server)) {
        return false;
    }
    bool known = server->rows_by == wr_engine_pack(server->engine);
    return keep(server, entry->sequence,
                known && entry->condensed.n != 0 ? entry->condensed : entry->record);
}

bool wr_keep_late(struct wr_server *server)
{
    struct wr_str record = wr_str_of(server->late_row, server->late_row_n);
    server->late_row_n = 0;
    return record.n == 0 || keep(server, server->late_row_sequence, record);
}

/* ── tables ─────────────────────────────────────────────────────────────────────────────────── */
struct wr_str wr_keep_phrases(struct wr_server *server)
{
    struct wr_str table;
    struct wr_error error;
    return wr_pack_phrases(&server->scratch, server->pack, &table, &error) == WR_OK
               ? table
               : wr_str_of("", 0);
}

wr_err wr_keep_begin(struct wr_server *server, struct wr_error *error)
{
    struct wr_str table = wr_keep_phrases(server);
    server->rows_by = table.n != 0 ? server->pack : NULL;
    wr_err err = wr_journal_use_phrases(server->journal, table, error);
    wr_arena_reset(&server->scratch);
    return err;
}

/* Each table is a segment: when there are a great many, rows are plain rather than that. */
static bool may_begin_segment(const struct wr_server *server)
{
    struct wr_journal_stats stats;
    wr_journal_thread_stats(server->thread, &stats);
    return stats.n_segments < WR_LIMIT_SEGMENTS / 2;
}

bool wr_keep_follow_pack(struct wr_server *server)
{
    server->rows_by = NULL;
    if (server->thread == NULL || !may_begin_segment(server)) {
        return true;
    }
    struct wr_str table = wr_keep_phrases(server);
    while (table.n != 0 && !wr_journal_thread_use_phrases(server->thread, table)) {
        if (!make_room(server)) {
            return false;
        }
    }
    server->rows_by = table.n != 0 ? server->pack : NULL;
    return true;
}
