/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of several messages, one to a lane of 128 bits: what a processor without SHA instructions
 * has instead, and WebAssembly above all. A lane whose message has ended takes the next one, so
 * that all four are busy until the last messages. */
#include "base/sha256_in.h"

enum { LANES = 4 };

typedef uint32_t lanes4 __attribute__((vector_size(16)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));

WR_SHA256_DEFINE(rounds_of_four, lanes4)

static inline lanes4 load_words(const uint8_t *p)
{
    bytes16 x;
    memcpy(&x, p, sizeof x);
    return (lanes4)__builtin_shufflevector(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13,
                                           12);
}

/* Four words of each message become the first of all, the second of all, and so on. */
static inline void load_lanes(lanes4 w[4], const uint8_t *const p[LANES], size_t at)
{
    lanes4 x0 = load_words(p[0] + at), x1 = load_words(p[1] + at);
    lanes4 x2 = load_words(p[2] + at), x3 = load_words(p[3] + at);
    lanes4 low01 = __builtin_shufflevector(x0, x1, 0, 4, 1, 5);
    lanes4 low23 = __builtin_shufflevector(x2, x3, 0, 4, 1, 5);
    lanes4 high01 = __builtin_shufflevector(x0, x1, 2, 6, 3, 7);
    lanes4 high23 = __builtin_shufflevector(x2, x3, 2, 6, 3, 7);
    w[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    w[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    w[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    w[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

static void compress_four(lanes4 state[8], const uint8_t *const p[LANES], size_t blocks)
{
    lanes4 w[16];
    for (size_t at = 0; at < 64 * blocks; at += 64) {
        for (size_t i = 0; i < 4; i++) {
            load_lanes(w + 4 * i, p, at + 16 * i);
        }
        rounds_of_four(state, w);
    }
}

/* ── lanes ──────────────────────────────────────────────────────────────────────────────────── */
struct lane {
    size_t message;
    size_t blocks; /* left of this piece: the whole blocks of the message, or its tail */
    size_t tail_blocks;
    bool busy;
    uint8_t tail[128];
};

struct work {
    lanes4 state[8];
    struct lane lanes[LANES];
    const uint8_t *p[LANES];
    size_t next, n_busy;
};

static void begin_message(struct work *work, size_t i, const void *bytes, size_t n)
{
    struct lane *lane = &work->lanes[i];
    *lane = (struct lane){.message = work->next++, .blocks = n / 64, .busy = true};
    lane->tail_blocks = wr_sha256_tail(bytes, n, lane->tail);
    work->p[i] = bytes;
    for (size_t k = 0; k < 8; k++) {
        work->state[k][i] = wr_sha256_start[k];
    }
    work->n_busy++;
}

/* Goes on to the tail when the whole blocks are done, and ends the message after it. */
static void pass_on(struct work *work, size_t i, uint8_t (*digests)[32])
{
    struct lane *lane = &work->lanes[i];
    if (lane->busy && lane->blocks == 0 && lane->tail_blocks > 0) {
        work->p[i] = lane->tail;
        lane->blocks = lane->tail_blocks;
        lane->tail_blocks = 0;
    } else if (lane->busy && lane->blocks == 0) {
        uint32_t h[8];
        for (size_t k = 0; k < 8; k++) {
            h[k] = work->state[k][i];
        }
        wr_sha256_digest(h, digests[lane->message]);
        lane->busy = false;
        work->n_busy--;
    }
}

/* As many blocks as every busy lane has left; idle ones repeat what a busy one does. */
static void compress_together(struct work *work)
{
    size_t blocks = SIZE_MAX, one = 0;
    for (size_t i = 0; i < LANES; i++) {
        if (work->lanes[i].busy && work->lanes[i].blocks < blocks) {
            blocks = work->lanes[i].blocks;
            one = i;
        }
    }
    for (size_t i = 0; i < LANES; i++) {
        work->p[i] = work->lanes[i].busy ? work->p[i] : work->p[one];
    }
    compress_four(work->state, work->p, blocks);
    for (size_t i = 0; i < LANES; i++) {
        work->p[i] += 64 * blocks;
        work->lanes[i].blocks -= work->lanes[i].busy ? blocks : 0;
    }
}

static void compress_alone(struct work *work)
{
    size_t i = 0;
    while (!work->lanes[i].busy) {
        i++;
    }
    uint32_t h[8];
    for (size_t k = 0; k < 8; k++) {
        h[k] = work->state[k][i];
    }
    wr_sha256_portable(h, work->p[i], work->lanes[i].blocks);
    work->lanes[i].blocks = 0;
    for (size_t k = 0; k < 8; k++) {
        work->state[k][i] = h[k];
    }
}

void wr_sha256_lanes(const void *const *bytes, const size_t *n, uint8_t (*digests)[32],
                     size_t count)
{
    struct work work = {.next = 0};
    while (work.next < count || work.n_busy > 0) {
        for (size_t i = 0; i < LANES; i++) {
            pass_on(&work, i, digests);
            if (!work.lanes[i].busy && work.next < count) {
                begin_message(&work, i, bytes[work.next], n[work.next]);
                pass_on(&work, i, digests); /* a short one is all tail */
            }
        }
        if (work.n_busy > 1) {
            compress_together(&work);
        } else if (work.n_busy == 1) {
            compress_alone(&work);
        }
    }
}
