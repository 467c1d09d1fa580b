/* SPDX-License-Identifier: Apache-2.0 */
/* What of a start needs no pack: the journal is opened and its new segment settled, on a thread of
 * its own where there are threads, while the pack is read, and then the rows.
 *
 *   wr_beginning_open ─▶ journal opened ─▶ wr_beginning_opened ─▶ rows are read
 *                             ├─▶ newest snapshot read, as long as the pack is
 *                             └─▶ segment synced and named ─▶ wr_beginning_settled ─▶ rows may be
 *                                                                                      appended
 */
#include "shell/server_in.h"

enum { NOT_OPENED, OPENED, AHEAD, SETTLED };
enum { WAIT_NS = 100000000 };
#define PIECE ((size_t)64 * 1024) /* of memory, touched at once */

static void reach(struct wr_server *server, unsigned stage)
{
    const struct wr_port_threads *threads = &server->port->threads;
    atomic_store(&server->beginning.stage, stage);
    if (server->beginning.has_thread) {
        threads->gate_open(threads->context, &server->beginning.gate);
    }
}

static void await(struct wr_server *server, unsigned stage)
{
    const struct wr_port_threads *threads = &server->port->threads;
    while (atomic_load(&server->beginning.stage) < stage) {
        threads->gate_wait(threads->context, &server->beginning.gate, WAIT_NS);
    }
}

static void open_journal(struct wr_server *server)
{
    struct wr_beginning *b = &server->beginning;
    b->err =
        wr_journal_open(server->port, b->files.directory, &b->options, &server->journal, &b->error);
    reach(server, OPENED);
}

/* A page costs a microsecond, in a virtual machine several: the caller, who is faster then, shall
 * find most of them there. */
static void touch(struct wr_server *server)
{
    const struct wr_port_process *process = &server->port->process;
    struct wr_server_room room = server->beginning.fills;
    for (size_t at = 0; room.bytes != NULL && process->touch != NULL && at < room.n; at += PIECE) {
        process->touch(process->context, (char *)room.bytes + at, WR_MIN(PIECE, room.n - at));
    }
}

static void run(void *arg)
{
    struct wr_server *server = arg;
    struct wr_beginning *b = &server->beginning;
    if (atomic_load(&b->stage) == NOT_OPENED) {
        touch(server);
        open_journal(server);
    }
    if (b->err == WR_OK && b->has_thread && b->options.start != NULL) {
        const struct wr_snapshot_place place = {.port = b->files.port,
                                                .directory = b->files.directory};
        wr_snapshot_read_ahead(&place, &b->ahead);
        reach(server, AHEAD);
    }
    if (b->err == WR_OK && wr_journal_must_settle(server->journal)) {
        b->settled = wr_journal_settle_do(server->journal);
    }
    reach(server, SETTLED);
}

static void start_thread(struct wr_server *server)
{
    struct wr_beginning *b = &server->beginning;
    const struct wr_port_threads *threads = &server->port->threads;
    b->has_thread = true; /* the thread reads it */
    if (threads->start == NULL ||
        threads->start(threads->context, "weir-begin", run, server, &b->thread) != WR_IO_OK) {
        b->has_thread = false;
    }
}

void wr_beginning_open(struct wr_server *server, bool beside)
{
    struct wr_beginning *b = &server->beginning;
    b->begun = true;
    b->error = (struct wr_error){.offset = WR_NO_OFFSET};
    b->files = (struct wr_snapshot_files){server->port, server->config.state_directory};
    b->options = (struct wr_journal_options){
        .segment_max = server->config.segment_max,
        .retain_bytes = server->config.retain_bytes,
        .retain_us = server->config.retain_us,
        .lays_ahead = server->config.mode == WR_MODE_DURABLE,
        .settles_apart = true,
        .opens_full = true,
        .phrases_stay = beside, /* the pack's are not known yet: wr_journal_use_phrases */
        .start = server->config.snapshot_every_ns != 0 ? wr_snapshots_start : NULL,
        .start_context = &b->files,
    };
    if (!beside) {
        b->options.phrases = wr_keep_phrases(server);
        open_journal(server);
        b->options.phrases = wr_str_of("", 0);
        wr_arena_reset(&server->scratch);
    }
    start_thread(server);
    if (!b->has_thread) {
        run(server);
    }
}

wr_err wr_beginning_opened(struct wr_server *server, struct wr_error *error)
{
    struct wr_beginning *b = &server->beginning;
    if (!b->begun) {
        wr_beginning_open(server, false);
    }
    await(server, OPENED);
    if (b->err != WR_OK && error != NULL) {
        *error = b->error;
    }
    return b->err;
}

const struct wr_snapshot_ahead *wr_beginning_ahead(const struct wr_server *server)
{
    const struct wr_beginning *b = &server->beginning;
    return atomic_load(&b->stage) >= AHEAD && b->ahead.bytes != NULL ? &b->ahead : NULL;
}

wr_err wr_beginning_settled(struct wr_server *server, struct wr_error *error)
{
    struct wr_beginning *b = &server->beginning;
    if (!b->begun) {
        return WR_OK;
    }
    await(server, SETTLED);
    b->ahead.sequence = 0; /* the state is restored: no other is read from there */
    return server->journal == NULL || !wr_journal_must_settle(server->journal)
               ? WR_OK
               : wr_journal_settle_end(server->journal, b->settled, error);
}

void wr_beginning_end(struct wr_server *server)
{
    struct wr_beginning *b = &server->beginning;
    if (b->has_thread) {
        server->port->threads.join(server->port->threads.context, b->thread);
        b->has_thread = false;
        wr_snapshot_drop_ahead(server->port, &b->ahead);
    }
}
