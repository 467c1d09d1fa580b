/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/seen_in.h"

#define IN_USE    (UINT64_C(1) << 63)
#define TAG_MASK  UINT64_C(0x7fffffff00000000)
#define PLACE(s)  ((uint32_t)(s))
#define TAG(hash) (IN_USE | (((hash) << 32) & TAG_MASK))

enum { PART_FIRST = 16 };

static void *take(struct wr_seen *seen, size_t n)
{
    void *block = seen->memory->take(seen->memory->context, n);
    seen->bytes += block != NULL ? n : 0;
    return block;
}

static void give(struct wr_seen *seen, void *block, size_t n)
{
    if (block != NULL) {
        seen->memory->give(seen->memory->context, block, n);
        seen->bytes -= n;
    }
}

static size_t chunks_for(uint64_t cap)
{
    return (size_t)(cap / WR_SEEN_CHUNK) + 2;
}

/* A slot keeps the low 32 bits of a place; fewer than 2^32 are in use, so they tell it. */
static uint64_t whole_place(const struct wr_seen *seen, uint64_t slot)
{
    return seen->first + (uint32_t)(PLACE(slot) - (uint32_t)seen->first);
}

/* ── parts ──────────────────────────────────────────────────────────────────────────────────── */
static struct wr_seen_part *part_of(struct wr_seen *seen, uint64_t hash)
{
    return &seen->parts[hash >> 56];
}

static uint32_t home(const struct wr_seen_part *part, uint64_t slot)
{
    return (uint32_t)(slot >> 32) & (part->size - 1);
}

static uint64_t *find_slot(const struct wr_seen *seen, uint64_t hash)
{
    const struct wr_seen_part *part = &seen->parts[hash >> 56];
    uint64_t tag = TAG(hash);
    if (part->size == 0) {
        return NULL;
    }
    for (uint32_t i = home(part, tag);; i = (i + 1) & (part->size - 1)) {
        uint64_t slot = part->slots[i];
        if (slot == 0) {
            return NULL;
        }
        if ((slot & (IN_USE | TAG_MASK)) == tag &&
            wr_seen_entry_at(seen, whole_place(seen, slot))->id_hash == hash) {
            return &part->slots[i];
        }
    }
}

static void put_slot(struct wr_seen_part *part, uint64_t slot)
{
    uint32_t i = home(part, slot);
    WR_ASSERT(part->n + 1 < part->size);
    while (part->slots[i] != 0) {
        i = (i + 1) & (part->size - 1);
    }
    part->slots[i] = slot;
    part->n++;
}

/* Empties a slot and moves back what was pushed past it, so that probing needs no tombstones. */
static void drop_slot(struct wr_seen_part *part, uint32_t hole)
{
    uint32_t mask = part->size - 1;
    for (uint32_t i = (hole + 1) & mask; part->slots[i] != 0; i = (i + 1) & mask) {
        uint32_t pushed = (i - home(part, part->slots[i])) & mask;
        if (pushed >= ((i - hole) & mask)) {
            part->slots[hole] = part->slots[i];
            hole = i;
        }
    }
    part->slots[hole] = 0;
    part->n--;
}

/* How many ids a part holds before it doubles, of so many slots: nine to twelve sixteenths. Parts
 * fill alike, and would all double within a few hundredths of the ids; each at a load of its own,
 * they do so within a quarter. Ids as many as a power of two, as the usual cap is, fit below. */
static uint32_t load_of(size_t part, uint32_t size)
{
    return (uint32_t)((uint64_t)size * (9 * WR_SEEN_PARTS + 3 * part) / (16 * WR_SEEN_PARTS));
}

bool wr_seen_grow(struct wr_seen *seen, struct wr_seen_part *part, uint64_t n)
{
    struct wr_seen_part bigger = {.size = part->size != 0 ? part->size * 2 : PART_FIRST};
    while (load_of((size_t)(part - seen->parts), bigger.size) <= n) {
        bigger.size *= 2;
    }
    size_t bytes = bigger.size * sizeof *bigger.slots;
    bigger.slots = take(seen, bytes);
    if (bigger.slots == NULL) {
        return false;
    }
    memset(bigger.slots, 0, bytes);
    for (uint32_t i = 0; i < part->size; i++) {
        if (part->slots[i] != 0) {
            put_slot(&bigger, part->slots[i]);
        }
    }
    give(seen, part->slots, part->size * sizeof *part->slots);
    *part = bigger;
    return true;
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
bool wr_seen_init(struct wr_seen *seen, const struct wr_memory *memory, uint64_t cap,
                  int64_t age_us)
{
    WR_ASSERT(cap > 0 && cap <= WR_LIMIT_SEEN_IDS && age_us > 0);
    *seen = (struct wr_seen){.memory = memory, .cap = cap, .age_us = age_us};
    seen->n_chunks = chunks_for(cap);
    seen->chunks = take(seen, seen->n_chunks * sizeof(struct wr_seen_entry *));
    if (seen->chunks == NULL) {
        seen->n_chunks = 0;
        return false;
    }
    memset(seen->chunks, 0, seen->n_chunks * sizeof(struct wr_seen_entry *));
    return true;
}

void wr_seen_deinit(struct wr_seen *seen)
{
    for (size_t i = 0; i < seen->n_chunks; i++) {
        give(seen, seen->chunks[i], WR_SEEN_CHUNK * sizeof(struct wr_seen_entry));
    }
    give(seen, seen->chunks, seen->n_chunks * sizeof(struct wr_seen_entry *));
    give(seen, seen->spare, WR_SEEN_CHUNK * sizeof(struct wr_seen_entry));
    for (size_t i = 0; i < WR_SEEN_PARTS; i++) {
        give(seen, seen->parts[i].slots, seen->parts[i].size * sizeof(uint64_t));
    }
    *seen = (struct wr_seen){0};
}

static void drop_oldest(struct wr_seen *seen)
{
    const struct wr_seen_entry *entry = wr_seen_entry_at(seen, seen->first);
    struct wr_seen_part *part = part_of(seen, entry->id_hash);
    uint64_t *slot = find_slot(seen, entry->id_hash);
    if (slot != NULL && PLACE(*slot) == (uint32_t)seen->first) {
        drop_slot(part, (uint32_t)(slot - part->slots));
    }
    seen->first++;
    if (seen->first % WR_SEEN_CHUNK == 0) {
        struct wr_seen_image *image = &seen->image;
        image->failed =
            image->failed || (image->made && image->next < image->end && image->next < seen->first);
        struct wr_seen_entry **left =
            &seen->chunks[(seen->first / WR_SEEN_CHUNK - 1) % seen->n_chunks];
        give(seen, seen->spare, WR_SEEN_CHUNK * sizeof(struct wr_seen_entry));
        seen->spare = *left;
        *left = NULL;
    }
}

bool wr_seen_set_limits(struct wr_seen *seen, uint64_t cap, int64_t age_us)
{
    WR_ASSERT(cap > 0 && cap <= WR_LIMIT_SEEN_IDS && age_us > 0);
    size_t n_chunks = chunks_for(cap);
    if (n_chunks != seen->n_chunks) {
        struct wr_seen_entry **chunks = take(seen, n_chunks * sizeof *chunks);
        if (chunks == NULL) {
            return false;
        }
        while (wr_seen_count(seen) > cap) {
            drop_oldest(seen);
        }
        memset(chunks, 0, n_chunks * sizeof *chunks);
        uint64_t end = (seen->next + WR_SEEN_CHUNK - 1) / WR_SEEN_CHUNK;
        for (uint64_t k = seen->first / WR_SEEN_CHUNK; k < end; k++) {
            chunks[k % n_chunks] = seen->chunks[k % seen->n_chunks];
            seen->chunks[k % seen->n_chunks] = NULL;
        }
        for (size_t i = 0; i < seen->n_chunks; i++) { /* a chunk made ahead and not yet begun */
            give(seen, seen->chunks[i], WR_SEEN_CHUNK * sizeof(struct wr_seen_entry));
        }
        give(seen, seen->chunks, seen->n_chunks * sizeof *chunks);
        seen->chunks = chunks;
        seen->n_chunks = n_chunks;
    }
    while (wr_seen_count(seen) > cap) {
        drop_oldest(seen);
    }
    seen->cap = cap;
    seen->age_us = age_us;
    return true;
}

/* ── use ────────────────────────────────────────────────────────────────────────────────────── */
void wr_seen_prefetch(const struct wr_seen *seen, uint64_t id_hash)
{
    const struct wr_seen_part *part = &seen->parts[id_hash >> 56];
    if (part->size != 0) {
        __builtin_prefetch(&part->slots[home(part, TAG(id_hash))]);
    }
}

static bool expired(const struct wr_seen *seen, const struct wr_seen_entry *entry, int64_t now_us)
{
    int64_t age;
    return __builtin_sub_overflow(now_us, entry->now_us, &age) ? now_us > entry->now_us
                                                               : age > seen->age_us;
}

const struct wr_seen_entry *wr_seen_find(const struct wr_seen *seen, uint64_t id_hash,
                                         int64_t now_us)
{
    const uint64_t *slot = find_slot(seen, id_hash);
    if (slot == NULL) {
        return NULL;
    }
    const struct wr_seen_entry *entry = wr_seen_entry_at(seen, whole_place(seen, *slot));
    return expired(seen, entry, now_us) ? NULL : entry;
}

bool wr_seen_room(struct wr_seen *seen, uint64_t id_hash)
{
    struct wr_seen_part *part = part_of(seen, id_hash);
    if (part->n >= load_of((size_t)(part - seen->parts), part->size) &&
        !wr_seen_grow(seen, part, part->n) && part->n + 2 >= part->size) {
        return false;
    }
    struct wr_seen_entry **chunk = &seen->chunks[seen->next / WR_SEEN_CHUNK % seen->n_chunks];
    if (*chunk == NULL) {
        *chunk = seen->spare != NULL ? seen->spare
                                     : take(seen, WR_SEEN_CHUNK * sizeof(struct wr_seen_entry));
        seen->spare = NULL;
    }
    return *chunk != NULL;
}

void wr_seen_insert(struct wr_seen *seen, const struct wr_seen_entry *entry)
{
    *wr_seen_entry_at(seen, seen->next) = *entry;
    uint64_t slot = TAG(entry->id_hash) | (uint32_t)seen->next;
    uint64_t *known = find_slot(seen, entry->id_hash);
    if (known != NULL) {
        *known = slot;
    } else {
        put_slot(part_of(seen, entry->id_hash), slot);
    }
    seen->next++;
}

void wr_seen_add(struct wr_seen *seen, const struct wr_seen_entry *entry)
{
    enum { EXPIRED_MAX = 8 }; /* bounds the work of one insertion; two would keep up */
    for (int i = 0; i < EXPIRED_MAX && seen->first < seen->next; i++) {
        if (wr_seen_count(seen) < seen->cap &&
            !expired(seen, wr_seen_entry_at(seen, seen->first), entry->now_us)) {
            break;
        }
        drop_oldest(seen);
    }
    wr_seen_insert(seen, entry);
}

/* Once the ids are as many as may be, the oldest leave a chunk for each that is begun. */
static bool needs_chunk(const struct wr_seen *seen)
{
    uint64_t left = WR_SEEN_CHUNK - seen->next % WR_SEEN_CHUNK;
    uint64_t behind = (seen->next + left) / WR_SEEN_CHUNK;
    return left <= WR_SEEN_FORESIGHT && seen->spare == NULL &&
           seen->chunks[behind % seen->n_chunks] == NULL;
}

/* Of parts that are about to double. Once the ids are as many as may be, few do, by chance. */
static struct wr_memory_need needs_tables(const struct wr_seen *seen)
{
    enum { A_PART = WR_SEEN_FORESIGHT / WR_SEEN_PARTS, TABLES_MAX = 2 };
    struct wr_memory_need tables = {.n = 0};
    if (wr_seen_count(seen) >= seen->cap) {
        return tables;
    }
    for (size_t i = 0; i < WR_SEEN_PARTS && tables.n < TABLES_MAX; i++) {
        const struct wr_seen_part *part = &seen->parts[i];
        size_t size = part->size * 2 * sizeof *part->slots;
        bool is_due = part->size != 0 && part->n + A_PART >= load_of(i, part->size);
        if (is_due && (tables.n == 0 || size == tables.size)) {
            tables.size = size;
            tables.n++;
        }
    }
    return tables;
}

void wr_seen_foresee(const struct wr_seen *seen, struct wr_memory_need needs[WR_SEEN_NEEDS])
{
    needs[0] = (struct wr_memory_need){WR_SEEN_CHUNK * sizeof(struct wr_seen_entry),
                                       needs_chunk(seen) ? 1 : 0};
    needs[1] = needs_tables(seen);
}

const struct wr_seen_entry *wr_seen_at(const struct wr_seen *seen, uint64_t place)
{
    WR_ASSERT(place >= seen->first && place < seen->next);
    return wr_seen_entry_at(seen, place);
}

bool wr_seen_oldest(const struct wr_seen *seen, int64_t *now_us)
{
    if (seen->first == seen->next) {
        return false;
    }
    *now_us = wr_seen_entry_at(seen, seen->first)->now_us;
    return true;
}

void wr_seen_digest(const struct wr_seen *seen, struct wr_sha256 *sha)
{
    for (uint64_t place = seen->first; place < seen->next; place++) {
        const struct wr_seen_entry *entry = wr_seen_entry_at(seen, place);
        uint8_t bytes[40];
        wr_put64(bytes, entry->id_hash);
        wr_put64(bytes + 8, entry->body.lo);
        wr_put64(bytes + 16, entry->body.hi);
        wr_put64(bytes + 24, entry->sequence);
        wr_put64(bytes + 32, (uint64_t)entry->now_us);
        wr_sha256_add(sha, bytes, sizeof bytes);
    }
}
