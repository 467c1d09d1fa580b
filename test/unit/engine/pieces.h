/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a snapshot, in memory. */
#ifndef PIECES_H
#define PIECES_H

#include "engine/snapshot.h"

#include "unit/engine/rig.h"

struct pieces {
    char *bytes;
    size_t n, cap, room;
    size_t claims_left; /* then there is no room; SIZE_MAX: for ever */
};

static inline void *claim(void *context, size_t n)
{
    struct pieces *pieces = context;
    if (pieces->claims_left == 0) {
        return NULL;
    }
    pieces->claims_left -= pieces->claims_left != SIZE_MAX;
    if (pieces->n + n > pieces->cap) {
        pieces->cap = 2 * pieces->cap + n + 65536;
        pieces->bytes = realloc(pieces->bytes, pieces->cap);
    }
    pieces->n += n;
    return pieces->bytes + pieces->n - n;
}

static inline size_t room(void *context)
{
    return ((struct pieces *)context)->room;
}

static inline struct wr_piece_sink sink_of(struct pieces *pieces)
{
    pieces->room = pieces->claims_left = SIZE_MAX;
    return (struct wr_piece_sink){claim, room, pieces};
}

static inline wr_err restore(struct wr_engine *engine, const struct pieces *pieces,
                             struct wr_error *error)
{
    struct wr_str bytes = wr_str_of(pieces->bytes, pieces->n);
    struct wr_piece piece;
    wr_err err = WR_OK;
    while (err == WR_OK && wr_piece_take(&bytes, &piece)) {
        err = wr_engine_restore(engine, &piece, error);
    }
    return err != WR_OK ? err : wr_engine_restore_end(engine, error);
}

#endif
