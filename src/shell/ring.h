/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded byte ring between one producer and one consumer, without locks.
 *
 *   head ─ written by the producer, tail ─ by the consumer; both count bytes from the start.
 *   A message is 8 bytes of head (size, kind), then its bytes, padded to 8; it never wraps: what is
 *   left at the end of the ring is skipped by a message of kind WR_RING_SKIP.
 *
 * The producer claims room, fills it, and publishes one or many messages at once. The consumer
 * peeks at the oldest, and releases it when it is done with the bytes.
 * Source: Lamport, "Specifying concurrent program modules", 1983. */
#ifndef WR_RING_H
#define WR_RING_H

#include "base/arena.h"

#include <stdatomic.h>

enum { WR_RING_SKIP = 0 };

struct wr_ring {
    alignas(64) atomic_uint_fast64_t head; /* published */
    uint64_t filled;                       /* producer: claimed so far */
    uint64_t tail_seen;                    /* producer: the tail when it last looked */
    uint64_t origin; /* count at the first byte; changed by the producer while nothing is held */
    alignas(64) atomic_uint_fast64_t tail; /* released */
    uint64_t head_seen;                    /* consumer */
    uint8_t *bytes;
    uint64_t size; /* a power of two */
    const struct wr_memory *memory;
};

/* False when there is no memory. */
bool wr_ring_open(struct wr_ring *ring, const struct wr_memory *memory, uint64_t size);
void wr_ring_close(struct wr_ring *ring);

/* ── producer ───────────────────────────────────────────────────────────────────────────────── */
/* Room for a message of n bytes, or NULL. kind is not WR_RING_SKIP. */
void *wr_ring_claim(struct wr_ring *ring, uint32_t kind, uint32_t n);
void wr_ring_publish(struct wr_ring *ring);
/* Bytes that are certainly free (a message may need its size twice because of the skip). */
uint64_t wr_ring_room(struct wr_ring *ring);
/* When the ring holds nothing, not even claimed, the next message lies at its first byte: so a ring
 * that is seldom full stays in few pages, and a message as large as the ring fits. */
void wr_ring_rewind(struct wr_ring *ring);

/* ── consumer ───────────────────────────────────────────────────────────────────────────────── */
/* The oldest published message, or NULL. */
const void *wr_ring_peek(struct wr_ring *ring, uint32_t *kind, uint32_t *n);
void wr_ring_release(struct wr_ring *ring);
bool wr_ring_is_empty(struct wr_ring *ring);

#endif
