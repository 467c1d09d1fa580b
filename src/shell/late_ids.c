/* SPDX-License-Identifier: Apache-2.0 */
/* Labels that come when the engine has long forgotten the event's id: the loop's side. What is
 * decided is told to the finder in pieces, taken from the ids that the engine remembers, so that a
 * decision pays nothing for it; asked is only for labels. Answers of decisions wait for none of it.
 */
#include "shell/server_in.h"

#define TELL_AFTER_NS 1000000000 /* also when there are few ids */
#define TELL_SOON_NS  20000000   /* while something is looked for: how far rows are synced */

void wr_late_ids_open(struct wr_server *server)
{
    struct wr_journal_identity identity = wr_journal_identity(server->journal);
    server->ids_told = wr_engine_ids(server->engine).end;
    server->ids_told_ns = server->now_ns;
    server->finder = wr_id_finder_open(server->port, server->config.state_directory, identity.node,
                                       identity.keys, wr_engine_sequence(server->engine));
    if (server->finder == NULL) {
        wr_server_log(server, "warn", "no_id_index", "no memory: labels find only ids of late");
    }
}

void wr_late_ids_close(struct wr_server *server)
{
    if (server->finder != NULL) {
        wr_id_finder_close(server->finder);
        server->finder = NULL;
    }
}

static struct wr_id_bounds bounds_of(const struct wr_server *server)
{
    struct wr_journal_stats stats;
    wr_journal_thread_stats(server->thread, &stats);
    return (struct wr_id_bounds){.first = stats.first,
                                 .synced = stats.synced,
                                 .segments = stats.n_segments + stats.n_dropped};
}

/* The next piece; with the last one, everything up to now is told. False when there is no room. */
static bool tell_some(struct wr_server *server, uint64_t end)
{
    struct wr_id_pair pairs[WR_LIMIT_ID_TELL / 4];
    struct wr_id_bounds bounds = bounds_of(server);
    uint64_t n = WR_MIN(end - server->ids_told, (uint64_t)WR_COUNTOF(pairs));
    for (uint64_t i = 0; i < n; i++) {
        wr_engine_id_at(server->engine, server->ids_told + i, &pairs[i].hash, &pairs[i].sequence);
    }
    bool is_last = server->ids_told + n == end;
    uint64_t upto = is_last ? wr_engine_sequence(server->engine) : pairs[n - 1].sequence;
    if (!wr_id_finder_tell(server->finder, &bounds, upto, pairs, (uint32_t)n)) {
        return false;
    }
    server->ids_told += n;
    return true;
}

/* What was forgotten before it was told is read from the journal. */
static void skip_forgotten(struct wr_server *server, const struct wr_engine_ids *ids)
{
    if (server->ids_told < ids->first) {
        uint64_t hash, sequence = wr_engine_sequence(server->engine) + 1;
        if (ids->first < ids->end) {
            wr_engine_id_at(server->engine, ids->first, &hash, &sequence);
        }
        wr_id_finder_skip(server->finder, sequence - 1);
        server->ids_told = ids->first;
    }
}

static bool tell_all(struct wr_server *server)
{
    struct wr_engine_ids ids = wr_engine_ids(server->engine);
    skip_forgotten(server, &ids);
    do {
        if (!tell_some(server, ids.end)) {
            return false;
        }
    } while (server->ids_told < ids.end);
    server->ids_told_ns = server->now_ns;
    return true;
}

bool wr_late_ids_ask(struct wr_server *server, struct wr_str id, uint64_t ticket)
{
    bool told = wr_id_finder_told(server->finder) == wr_engine_sequence(server->engine);
    return (told || tell_all(server)) &&
           wr_id_finder_ask(server->finder, wr_engine_id_hash(server->engine, id), ticket);
}

static bool should_tell(const struct wr_server *server)
{
    uint64_t n = wr_engine_ids(server->engine).end - server->ids_told;
    int64_t since_ns = server->now_ns - server->ids_told_ns;
    bool is_due = since_ns >= TELL_AFTER_NS &&
                  (n > 0 || bounds_of(server).first != wr_id_finder_bounds(server->finder)->first);
    return n >= WR_LIMIT_ID_TELL || is_due ||
           (wr_id_finder_n_asked(server->finder) > 0 && since_ns >= TELL_SOON_NS);
}

void wr_late_ids_step(struct wr_server *server)
{
    struct wr_id_found_row found;
    if (server->finder == NULL || server->engine == NULL) {
        return;
    }
    if (should_tell(server)) {
        (void)tell_all(server);
    }
    if (server->port->threads.start == NULL) {
        wr_id_finder_step(server->finder);
    }
    while (!server->failed && wr_id_finder_answer(server->finder, &found)) {
        wr_gather_take_id(server, found.ticket, found.sequence);
    }
}
