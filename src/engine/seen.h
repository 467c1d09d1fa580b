/* SPDX-License-Identifier: Apache-2.0 */
/* Which event ids were decided, in which entry and with which body: what makes a retry harmless.
 *
 *   ring: entries in order of sequence, in chunks of WR_SEEN_CHUNK; the oldest leave when there are
 *   more than `cap` or when they are older than `age_us` at an insertion.
 *
 *   parts: 256 open-addressing tables (linear probing, deletion by shifting back) from the id's
 *   keyed 64-bit hash to a place in the ring; each doubles by itself and at a load of its own, so
 *   that no single insertion moves more than 1/256 of the ids, and few follow one another closely.
 *
 * Ids are not kept: two ids with one 64-bit keyed hash would be taken for one another (a chance of
 * 2^-41 for a new id at 8 Mi remembered ones), which the body's hash turns into a conflict, never
 * into a wrong answer. What is remembered depends on the entries alone, not on the room at hand. */
#ifndef WR_SEEN_H
#define WR_SEEN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/piece.h"

#define WR_LIMIT_SEEN_IDS (1u << 28)

struct wr_seen_entry {
    uint64_t id_hash;
    struct wr_hash128 body;
    uint64_t sequence;
    int64_t now_us;
};

/* A chunk is less than a huge page: the first touch of one of those can stop the loop for
 * milliseconds, that of a small page every 102 ids, where none was made ready, is hardly seen. */
enum { WR_SEEN_PARTS = 256, WR_SEEN_CHUNK = 16384 };

struct wr_seen_part {
    uint64_t *slots; /* bit 63: in use; 31 bits of hash; 32 bits of place */
    uint32_t size, n;
};

struct wr_seen_image { /* being copied: places [next, end) are still to come */
    uint64_t next, end;
    bool made, failed;
};

struct wr_seen {
    const struct wr_memory *memory;
    uint64_t cap;
    int64_t age_us;
    struct wr_seen_entry **chunks; /* place p is in chunks[p / WR_SEEN_CHUNK % n_chunks] */
    size_t n_chunks;
    uint64_t first, next; /* places in use: [first, next) */
    struct wr_seen_entry *spare;
    uint64_t bytes;
    struct wr_seen_image image;
    uint64_t restored_end; /* while it is restored: where the image ends */
    struct wr_seen_part parts[WR_SEEN_PARTS];
};

/* cap 1 .. WR_LIMIT_SEEN_IDS. False when there is no memory; deinit is safe then. */
bool wr_seen_init(struct wr_seen *seen, const struct wr_memory *memory, uint64_t cap,
                  int64_t age_us);
void wr_seen_deinit(struct wr_seen *seen);
/* Other limits from now on; what is too many leaves at once. False (unchanged) without memory. */
bool wr_seen_set_limits(struct wr_seen *seen, uint64_t cap, int64_t age_us);

void wr_seen_prefetch(const struct wr_seen *seen, uint64_t id_hash);
/* The entry of an id unless it is older than the age at `now_us`, or NULL. */
const struct wr_seen_entry *wr_seen_find(const struct wr_seen *seen, uint64_t id_hash,
                                         int64_t now_us);
/* Makes sure that one more id can be added without fail. False when there is no memory. */
bool wr_seen_room(struct wr_seen *seen, uint64_t id_hash);
/* Adds an id after wr_seen_room; its older entry, if there is one, is found no longer. */
void wr_seen_add(struct wr_seen *seen, const struct wr_seen_entry *entry);
/* The blocks that the next WR_SEEN_FORESIGHT ids take of the memory, as far as can be told: for who
 * can make pages ready; nothing here depends on that. Never more than a chunk and two tables. */
enum { WR_SEEN_FORESIGHT = WR_SEEN_CHUNK / 4, WR_SEEN_NEEDS = 2 };
void wr_seen_foresee(const struct wr_seen *seen, struct wr_memory_need needs[WR_SEEN_NEEDS]);

static inline uint64_t wr_seen_count(const struct wr_seen *seen)
{
    return seen->next - seen->first;
}
/* The entry at a place that is in use. */
const struct wr_seen_entry *wr_seen_at(const struct wr_seen *seen, uint64_t place);
/* now of the oldest entry; false when there is none. */
bool wr_seen_oldest(const struct wr_seen *seen, int64_t *now_us);
/* Adds all entries in order to a digest. O(n). */
void wr_seen_digest(const struct wr_seen *seen, struct wr_sha256 *sha);

/* ── as pieces (base/piece.h) ───────────────────────────────────────────────────────────────── */
/*   FIRST    version in `at`; cap, age, first and next place
 *   ENTRIES  40 bytes each, from place `at` on: id hash, body, sequence, now
 *
 * Entries never change, so an image of what was there at the beginning can be copied while others
 * come; the oldest are copied first, and leave only behind that. */
WR_NODISCARD bool wr_seen_image_begin(struct wr_seen *seen, const struct wr_piece_sink *sink);
/* Copies up to a budget of bytes and lessens it; true when all is copied, or it has failed. */
bool wr_seen_image_step(struct wr_seen *seen, const struct wr_piece_sink *sink, size_t *budget);
/* Entries left before they were copied. */
static inline bool wr_seen_image_failed(const struct wr_seen *seen)
{
    return seen->image.failed;
}
void wr_seen_image_end(struct wr_seen *seen);
/* Into an empty one with the same limits. Errors: WR_E_STATE, WR_E_MEMORY; it is good for nothing
 * but deinit then. */
WR_NODISCARD wr_err wr_seen_restore_piece(struct wr_seen *seen, const struct wr_piece *piece,
                                          struct wr_error *error);
WR_NODISCARD wr_err wr_seen_restore_end(const struct wr_seen *seen, struct wr_error *error);

#endif
