/* SPDX-License-Identifier: Apache-2.0 */
/* See snapshots.h: the writing side, which takes what the loop put into the ring and writes the
 * file. It is a thread's, or the loop's where there are none. */
#include "shell/snapshots_in.h"

enum { WAIT_NS = 100000000, PAGE = 4096 };
/* Steps by which the writer gives way: a tenth of a loop's weight is left to it. With next to none
 * it could not follow a node that is asked for more than it can decide. */
#define GIVE_WAY 10

/* Makes the reserve that is missing, or a small one larger when there is room; once, where that is
 * told and then not given: each try would take of the rows' room for a moment. */
static void tend_reserve(struct wr_snapshots *s)
{
    const struct wr_snapshot_place *place = &s->writer.place;
    bool grows = atomic_load(&s->reserve_is_small) != 0 &&
                 wr_reserve_may_grow(place->port, place->directory);
    if (grows || !wr_reserve_is_there(place->port, place->directory)) {
        uint64_t size = wr_reserve_keep(place->port, place->directory, WR_RESERVE_SIZE);
        atomic_store(&s->reserve_is_small, size < WR_RESERVE_SIZE && !grows);
    }
}

static void conclude(struct wr_snapshots *s, const struct wr_snapshot_info *info)
{
    enum wr_io io = s->writer.io;
    if (info != NULL) {
        io = wr_snapshot_writer_finish(&s->writer, info);
    }
    if (info != NULL && io == WR_IO_OK) {
        wr_snapshot_prune(&s->writer.place, WR_SNAPSHOTS_KEPT);
        if (!s->is_last) {
            tend_reserve(s);
        }
    }
    wr_snapshot_writer_close(&s->writer);
    s->io = io;
    atomic_store(&s->outcome,
                 info != NULL && io == WR_IO_OK ? WR_SNAPSHOT_WRITTEN : WR_SNAPSHOT_LOST);
}

bool wr_snapshots_write_some(struct wr_snapshots *s)
{
    uint32_t kind, n;
    const void *message;
    while ((message = wr_ring_peek(&s->ring, &kind, &n)) != NULL) {
        struct wr_snapshot_info info;
        if (atomic_load(&s->dropped) != 0) {
            break;
        }
        if (kind == WR_SNAPSHOT_PIECE) {
            void *out = wr_snapshot_writer_claim(&s->writer, n);
            if (out != NULL) { /* after a failure the rest is dropped */
                memcpy(out, message, n);
            }
        } else {
            memcpy(&info, message, sizeof info);
        }
        wr_ring_release(&s->ring);
        if (kind != WR_SNAPSHOT_PIECE) {
            conclude(s, s->writer.io == WR_IO_OK ? &info : NULL);
            return false;
        }
    }
    if (atomic_load(&s->dropped) != 0) {
        conclude(s, NULL);
        return false;
    }
    return true;
}

/* The first touch of a page can cost microseconds, and huge pages come whole. */
static void warm(struct wr_snapshots *s)
{
    volatile uint8_t *bytes = s->ring.bytes;
    for (uint64_t i = 0; i < s->ring.size && !s->ring_is_warm; i += PAGE) {
        if (atomic_load(&s->dropped) != 0) {
            return; /* who stops it waits for this thread */
        }
        bytes[i] = 0;
    }
    s->ring_is_warm = true;
    atomic_store(&s->warmed, 1);
}

void wr_snapshots_run(void *arg)
{
    struct wr_server *server = arg;
    struct wr_snapshots *s = &server->snapshots;
    const struct wr_port_threads *threads = &server->port->threads;
    if (threads->give_way != NULL) {
        threads->give_way(threads->context, GIVE_WAY);
    }
    warm(s);
    while (wr_snapshots_write_some(s)) {
        threads->gate_wait(threads->context, &s->gate, WAIT_NS);
    }
}
