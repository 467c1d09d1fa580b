/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces: what a snapshot is made of, one after the other.
 *
 *   offset  size
 *        0     2  owner: the holder of state that wrote it and will read it (enum wr_piece_owner)
 *        2     2  kind, the owner's own
 *        4     4  n, bytes that follow the head; at most WR_LIMIT_PIECE
 *        8     8  at, where they belong, the owner's own
 *       16     n  bytes
 *
 * Little-endian, without padding. Each owner writes its first piece with its version in `at`;
 * whoever reads refuses owners, versions and kinds that it does not know. A new holder of state
 * takes the next number here and is called from engine/snapshot.c. */
#ifndef WR_PIECE_H
#define WR_PIECE_H

#include "base/bytes.h"

#define WR_LIMIT_PIECE 65536u
#define WR_PIECE_HEAD  16u

enum wr_piece_owner {
    WR_PIECE_ENGINE = 1,
    WR_PIECE_SEEN = 2,
    WR_PIECE_FEATURES = 3,
    WR_PIECE_LISTS = 4,
    WR_PIECE_OWNERS = 5,
};
enum { WR_PIECE_FIRST = 0 }; /* kind of the first piece of every owner */

struct wr_piece {
    uint16_t owner, kind;
    uint64_t at;
    struct wr_str bytes;
};

/* Where pieces go. `claim` gives n bytes to fill, the next ones in order, or NULL when there is no
 * room. `room` is how many bytes may be claimed by one who can also wait; the rest is kept for
 * those who cannot. */
struct wr_piece_sink {
    void *(*claim)(void *context, size_t n);
    size_t (*room)(void *context);
    void *context;
};

/* The bytes of a new piece, to be filled; NULL when there is no room. */
static inline uint8_t *wr_piece_add(const struct wr_piece_sink *sink, enum wr_piece_owner owner,
                                    uint16_t kind, uint64_t at, uint32_t n)
{
    WR_ASSERT(n <= WR_LIMIT_PIECE);
    uint8_t *p = sink->claim(sink->context, WR_PIECE_HEAD + n);
    if (p == NULL) {
        return NULL;
    }
    wr_put16(p, (uint16_t)owner);
    wr_put16(p + 2, kind);
    wr_put32(p + 4, n);
    wr_put64(p + 8, at);
    return p + WR_PIECE_HEAD;
}

/* Takes the first piece off the bytes; false when they do not begin with a whole one. */
static inline bool wr_piece_take(struct wr_str *bytes, struct wr_piece *out)
{
    if (bytes->n < WR_PIECE_HEAD) {
        return false;
    }
    uint32_t n = wr_get32(bytes->p + 4);
    if (n > WR_LIMIT_PIECE || bytes->n - WR_PIECE_HEAD < n) {
        return false;
    }
    out->owner = wr_get16(bytes->p);
    out->kind = wr_get16(bytes->p + 2);
    out->at = wr_get64(bytes->p + 8);
    out->bytes = wr_str_of(bytes->p + WR_PIECE_HEAD, n);
    *bytes = wr_str_of(bytes->p + WR_PIECE_HEAD + n, bytes->n - WR_PIECE_HEAD - n);
    return true;
}

#endif
