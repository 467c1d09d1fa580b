/* SPDX-License-Identifier: Apache-2.0 */
/* See snapshots.h: what a start makes of the snapshots that are there. */
#include "shell/snapshots_in.h"

/* Does it belong to this journal and this pack? */
static wr_err check_fits(struct wr_server *server, const struct wr_snapshot_info *info,
                         struct wr_error *error)
{
    uint8_t link[32];
    uint64_t first = wr_journal_first(server->journal), last = wr_journal_last(server->journal);
    if (info->sequence > last) {
        return wr_fail(error, WR_E_STATE, "it stands at entry %llu, and the journal ends at %llu",
                       (unsigned long long)info->sequence, (unsigned long long)last);
    }
    if (info->sequence + 1 < first) {
        return wr_fail(error, WR_E_PACK, "it stands at entry %llu, and the journal begins at %llu",
                       (unsigned long long)info->sequence, (unsigned long long)first);
    }
    if (memcmp(wr_pack_state_digest(server->pack), info->state_digest, 32) != 0) {
        return wr_fail(error, WR_E_PACK, "it was made with other features");
    }
    wr_err err = wr_journal_link(server->journal, info->sequence, link, error);
    return err == WR_OK && memcmp(link, info->place.link, sizeof link) != 0
               ? wr_fail(error, WR_E_STATE, "its row is another one in this journal")
               : err;
}

static void note(struct wr_server *server, const struct wr_snapshot_info *info, int64_t before_ns)
{
    struct wr_snapshots *s = &server->snapshots;
    const struct wr_port_clock *clock = &server->port->clock;
    s->stats.sequence = s->stats.restored = info->sequence;
    s->stats.n_bytes = info->n_bytes;
    s->stats.begun_us = info->begun_us;
    wr_server_log(server, "info", "restored", "the state at entry %llu, %llu bytes in %lld us",
                  (unsigned long long)info->sequence, (unsigned long long)info->n_bytes,
                  (long long)((clock->mono_ns(clock->context) - before_ns) / 1000));
}

bool wr_snapshots_start(void *files, const struct wr_journal_identity *identity,
                        struct wr_row_place *out)
{
    const struct wr_snapshot_files *of = files;
    struct wr_snapshot_place place = {.port = of->port,
                                      .directory = of->directory,
                                      .keys = {identity->keys[0], identity->keys[1]}};
    struct wr_snapshot_info info;
    struct wr_error error;
    uint64_t sequences[WR_LIMIT_SNAPSHOTS];
    if (wr_snapshot_list(&place, sequences) == 0 ||
        wr_snapshot_look(&place, sequences[0], &info, &error) != WR_OK) {
        return false;
    }
    *out = info.place;
    return out->segment != 0;
}

/* Tries one; on an error the engine has to be opened again if it was `touched`. */
static wr_err restore_one(struct wr_server *server, const struct wr_snapshot_place *place,
                          uint64_t sequence, bool *touched, struct wr_error *why)
{
    const struct wr_port_clock *clock = &server->port->clock;
    int64_t before_ns = clock->mono_ns(clock->context);
    struct wr_snapshot_info info;
    wr_err err = wr_snapshot_look(place, sequence, &info, why);
    err = err != WR_OK ? err : check_fits(server, &info, why);
    *touched = err == WR_OK;
    err = err != WR_OK ? err : wr_snapshot_load(place, &info, server->engine, why);
    if (err == WR_OK) {
        note(server, &info, before_ns);
    }
    return err;
}

/* Damaged, or not of this journal: it will never fit again, and must not pass for a good one. */
static void refuse(struct wr_server *server, const struct wr_snapshot_place *place,
                   uint64_t sequence, wr_err err, const char *why, bool is_last)
{
    bool gone = err == WR_E_STATE && wr_snapshot_remove(place, sequence) == WR_IO_OK;
    wr_server_log(server, "warn", "snapshot_refused",
                  "the snapshot at entry %llu: %s; %s is used instead%s",
                  (unsigned long long)sequence, why,
                  is_last ? "the journal alone" : "an older one or the journal",
                  gone ? "; it has been removed" : "");
}

wr_err wr_snapshots_restore(struct wr_server *server,
                            wr_err (*open)(struct wr_server *server, struct wr_error *error),
                            bool *restored, struct wr_error *error)
{
    struct wr_snapshots *s = &server->snapshots;
    struct wr_snapshot_place place = wr_snapshots_place(server);
    uint64_t sequences[WR_LIMIT_SNAPSHOTS];
    size_t n = server->config.snapshot_every_ns != 0 ? wr_snapshot_list(&place, sequences) : 0;
    *restored = false;
    s->stats.restored = s->stats.sequence = s->before = 0;
    s->begun_ns = server->now_ns;
    s->rest_ns = server->now_ns + WR_SNAPSHOT_REST_NS;
    s->folded = wr_journal_last(server->journal);
    for (size_t i = 0; i < n && !*restored; i++) {
        struct wr_error why = {.offset = WR_NO_OFFSET};
        bool touched;
        wr_err err = restore_one(server, &place, sequences[i], &touched, &why);
        if (err == WR_OK) {
            *restored = true;
            s->before = i + 1 < n ? sequences[i + 1] : 0;
            continue;
        }
        refuse(server, &place, sequences[i], err, why.text, i + 1 == n);
        if (touched) {
            wr_engine_close(server->engine);
            server->engine = NULL;
            err = open(server, error);
            if (err != WR_OK) {
                return err;
            }
        }
    }
    return WR_OK;
}
