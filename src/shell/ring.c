/* SPDX-License-Identifier: Apache-2.0 */
/* See ring.h. */
#include "shell/ring.h"

struct message {
    uint32_t n, kind;
};

enum { HEAD = sizeof(struct message) };

bool wr_ring_open(struct wr_ring *ring, const struct wr_memory *memory, uint64_t size)
{
    WR_ASSERT(size >= 64 && (size & (size - 1)) == 0);
    memset(ring, 0, sizeof *ring);
    ring->memory = memory;
    ring->size = size;
    ring->bytes = memory->take(memory->context, (size_t)size);
    return ring->bytes != NULL;
}

void wr_ring_close(struct wr_ring *ring)
{
    if (ring->bytes != NULL) {
        ring->memory->give(ring->memory->context, ring->bytes, (size_t)ring->size);
        ring->bytes = NULL;
    }
}

/* Where in the ring the byte of a count lies. */
static uint64_t place(const struct wr_ring *ring, uint64_t count)
{
    return (count - ring->origin) & (ring->size - 1);
}

static uint64_t padded(uint32_t n)
{
    return (HEAD + (uint64_t)n + 7) & ~(uint64_t)7;
}

static bool has_room(struct wr_ring *ring, uint64_t n)
{
    if (ring->filled + n - ring->tail_seen <= ring->size) {
        return true;
    }
    ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return ring->filled + n - ring->tail_seen <= ring->size;
}

void *wr_ring_claim(struct wr_ring *ring, uint32_t kind, uint32_t n)
{
    WR_ASSERT(kind != WR_RING_SKIP);
    uint64_t need = padded(n), at = place(ring, ring->filled);
    uint64_t skip = at + need > ring->size ? ring->size - at : 0;
    if (need > ring->size || !has_room(ring, need + skip)) {
        return NULL;
    }
    if (skip != 0) {
        *(struct message *)(void *)(ring->bytes + at) =
            (struct message){(uint32_t)(skip - HEAD), WR_RING_SKIP};
        ring->filled += skip;
        at = 0;
    }
    *(struct message *)(void *)(ring->bytes + at) = (struct message){n, kind};
    ring->filled += need;
    return ring->bytes + at + HEAD;
}

void wr_ring_publish(struct wr_ring *ring)
{
    atomic_store_explicit(&ring->head, ring->filled, memory_order_release);
}

uint64_t wr_ring_room(struct wr_ring *ring)
{
    ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return ring->size - (ring->filled - ring->tail_seen);
}

/* The consumer reads the origin only behind a head that it acquired after the change: it has taken
 * all before it. */
void wr_ring_rewind(struct wr_ring *ring)
{
    if (ring->filled != ring->tail_seen) {
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    }
    if (ring->filled == ring->tail_seen) {
        ring->origin = ring->filled;
    }
}

static uint64_t tail_of(const struct wr_ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

bool wr_ring_is_empty(struct wr_ring *ring)
{
    ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
    return ring->head_seen == tail_of(ring);
}

const void *wr_ring_peek(struct wr_ring *ring, uint32_t *kind, uint32_t *n)
{
    for (;;) {
        uint64_t tail = tail_of(ring);
        if (tail == ring->head_seen && wr_ring_is_empty(ring)) {
            return NULL;
        }
        const struct message *message = (const void *)(ring->bytes + place(ring, tail));
        if (message->kind != WR_RING_SKIP) {
            *kind = message->kind;
            *n = message->n;
            return message + 1;
        }
        wr_ring_release(ring);
    }
}

void wr_ring_release(struct wr_ring *ring)
{
    uint64_t tail = tail_of(ring);
    const struct message *message = (const void *)(ring->bytes + place(ring, tail));
    atomic_store_explicit(&ring->tail, tail + padded(message->n), memory_order_release);
}
