/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/tally.h"

#include "base/hash.h"
#include "feature/gauge.h"

struct part {
    uint32_t n, mask;  /* values; slots - 1 */
    uint64_t values[]; /* [mask + 1], 0 = free; then as many counts of 32 bits */
};

enum { SLOTS_MIN = 16, SLOTS_MAX = 2048, SLOTS_SPLIT = 512 };

static struct part *part_at(const struct wr_store *store, uint32_t ref)
{
    return wr_store_at(store, ref);
}

static const struct part *look_at(const struct wr_store *store, uint32_t ref)
{
    return wr_store_look(store, ref);
}

static uint32_t *counts_of(struct part *part)
{
    return (uint32_t *)(void *)(part->values + part->mask + 1);
}

static uint32_t count_at(const struct part *part, uint32_t at)
{
    uint32_t n;
    memcpy(&n, (const uint8_t *)(part->values + part->mask + 1) + at * sizeof n, sizeof n);
    return n;
}

static uint32_t new_part(struct wr_store *store, uint32_t slots)
{
    size_t size = sizeof(struct part) + slots * (sizeof(uint64_t) + sizeof(uint32_t));
    uint32_t ref = wr_store_alloc(store, wr_store_size_for(size));
    if (ref != WR_STORE_NO_REF) {
        struct part *part = part_at(store, ref);
        memset(part, 0, size);
        part->mask = slots - 1;
    }
    return ref;
}

/* The slot of a value, or the free one where it would go. */
static uint32_t slot_of(const struct part *part, uint64_t value)
{
    uint32_t at = (uint32_t)wr_mix64(value) & part->mask;
    while (part->values[at] != 0 && part->values[at] != value) {
        at = (at + 1) & part->mask;
    }
    return at;
}

static unsigned part_of(const struct wr_tally *tally, uint64_t value)
{
    return tally->n_parts == 1 ? 0 : (unsigned)(wr_mix64(value) >> 61);
}

static void put(struct part *part, uint64_t value, uint32_t n)
{
    uint32_t at = slot_of(part, value);
    part->values[at] = value;
    counts_of(part)[at] = n;
    part->n++;
}

void wr_tally_clear(struct wr_store *store, struct wr_tally *tally)
{
    for (unsigned i = 0; i < tally->n_parts; i++) {
        wr_store_free(store, tally->parts[i]);
    }
    *tally = (struct wr_tally){0};
}

/* ── growing ────────────────────────────────────────────────────────────────────────────────── */
static bool move_part(struct wr_store *store, struct wr_tally *tally, unsigned i, uint32_t slots)
{
    uint32_t ref = new_part(store, slots);
    if (ref == WR_STORE_NO_REF) {
        return false;
    }
    struct part *from = part_at(store, tally->parts[i]), *to = part_at(store, ref);
    for (uint32_t at = 0; at <= from->mask; at++) {
        if (from->values[at] != 0) {
            put(to, from->values[at], counts_of(from)[at]);
        }
    }
    wr_store_free(store, tally->parts[i]);
    tally->parts[i] = ref;
    return true;
}

static bool split(struct wr_store *store, struct wr_tally *tally)
{
    uint32_t refs[WR_TALLY_PARTS], n = 0, old = tally->parts[0];
    while (n < WR_TALLY_PARTS && (refs[n] = new_part(store, SLOTS_SPLIT)) != WR_STORE_NO_REF) {
        n++;
    }
    if (n < WR_TALLY_PARTS) {
        while (n > 0) {
            wr_store_free(store, refs[--n]);
        }
        return false;
    }
    struct part *from = part_at(store, old);
    memcpy(tally->parts, refs, sizeof refs);
    tally->n_parts = WR_TALLY_PARTS;
    for (uint32_t at = 0; at <= from->mask; at++) {
        if (from->values[at] != 0) {
            put(part_at(store, refs[part_of(tally, from->values[at])]), from->values[at],
                counts_of(from)[at]);
        }
    }
    wr_store_free(store, old);
    return true;
}

static bool make_room(struct wr_store *store, struct wr_tally *tally, uint64_t value)
{
    if (tally->n_parts == 0) {
        tally->parts[0] = new_part(store, SLOTS_MIN);
        tally->n_parts = tally->parts[0] != WR_STORE_NO_REF;
        return tally->n_parts != 0;
    }
    unsigned i = part_of(tally, value);
    const struct part *part = part_at(store, tally->parts[i]);
    uint32_t slots = part->mask + 1;
    if ((part->n + 1) * 8 <= slots * 5) {
        return true;
    }
    if (slots < SLOTS_MAX) {
        return move_part(store, tally, i, slots * 2);
    }
    return tally->n_parts == 1 && split(store, tally);
}

/* ── counting ───────────────────────────────────────────────────────────────────────────────── */
void wr_tally_add(struct wr_store *store, struct wr_tally *tally, uint64_t value)
{
    if (tally->overflow) {
        return;
    }
    WR_ASSERT(value != 0);
    if (tally->n_parts != 0) {
        struct part *part = part_at(store, tally->parts[part_of(tally, value)]);
        uint32_t at = slot_of(part, value);
        if (part->values[at] == value) {
            counts_of(part)[at]++;
            return;
        }
    }
    if (tally->n == WR_LIMIT_SET_EXACT || !make_room(store, tally, value)) {
        wr_tally_clear(store, tally);
        tally->overflow = true;
        return;
    }
    put(part_at(store, tally->parts[part_of(tally, value)]), value, 1);
    tally->n++;
}

/* Closes the gap: every later slot of the run that may stand in it moves up. */
static void free_slot(struct part *part, uint32_t gap)
{
    uint32_t *counts = counts_of(part);
    for (uint32_t at = (gap + 1) & part->mask; part->values[at] != 0; at = (at + 1) & part->mask) {
        uint32_t home = (uint32_t)wr_mix64(part->values[at]) & part->mask;
        if (((at - home) & part->mask) >= ((at - gap) & part->mask)) {
            part->values[gap] = part->values[at];
            counts[gap] = counts[at];
            gap = at;
        }
    }
    part->values[gap] = 0;
    part->n--;
}

void wr_tally_remove(struct wr_store *store, struct wr_tally *tally, uint64_t value)
{
    if (tally->overflow) {
        return;
    }
    WR_ASSERT(tally->n_parts != 0);
    struct part *part = part_at(store, tally->parts[part_of(tally, value)]);
    uint32_t at = slot_of(part, value);
    WR_ASSERT(part->values[at] == value && counts_of(part)[at] != 0);
    if (--counts_of(part)[at] == 0) {
        free_slot(part, at);
        if (--tally->n == 0) {
            wr_tally_clear(store, tally);
        }
    }
}

uint32_t wr_tally_count(const struct wr_store *store, const struct wr_tally *tally, uint64_t value)
{
    if (tally->n_parts == 0 || value == 0) {
        return 0;
    }
    const struct part *part = look_at(store, tally->parts[part_of(tally, value)]);
    uint32_t at = slot_of(part, value);
    return part->values[at] == value ? count_at(part, at) : 0;
}

void wr_tally_each(const struct wr_store *store, const struct wr_tally *tally,
                   void (*each)(void *context, uint64_t value, uint32_t n), void *context)
{
    for (unsigned i = 0; i < tally->n_parts; i++) {
        const struct part *part = look_at(store, tally->parts[i]);
        for (uint32_t at = 0; at <= part->mask; at++) {
            if (part->values[at] != 0) {
                each(context, part->values[at], count_at(part, at));
            }
        }
    }
}

/* Every value stands where it will be looked for, counted at least once. */
static bool is_sound(const struct wr_store *store, const struct wr_tally *tally, unsigned i,
                     uint32_t *n)
{
    uint32_t span = (tally->parts[i] - 1) >> 12, found = 0;
    if (tally->parts[i] == WR_STORE_NO_REF || span >= store->n_spans ||
        store->spans[span].live == 0 ||
        ((tally->parts[i] - 1) & 4095) * 16 + wr_store_sizes[store->spans[span].size] >
            WR_SPAN_SIZE) {
        return false;
    }
    const struct part *part = look_at(store, tally->parts[i]);
    uint32_t slots = part->mask + 1;
    if (slots < SLOTS_MIN || slots > SLOTS_MAX || (slots & part->mask) != 0 ||
        sizeof *part + slots * (sizeof(uint64_t) + sizeof(uint32_t)) >
            wr_store_sizes[store->spans[span].size] ||
        (part->n != 0 && part->n >= slots)) {
        return false;
    }
    for (uint32_t at = 0; at <= part->mask; at++) {
        found += part->values[at] != 0;
    }
    for (uint32_t at = 0; found == part->n && at <= part->mask; at++) {
        uint64_t value = part->values[at];
        if (value != 0 &&
            (slot_of(part, value) != at || part_of(tally, value) != i || count_at(part, at) == 0)) {
            return false;
        }
    }
    *n += found;
    return found == part->n;
}

bool wr_tally_is_sound(const struct wr_store *store, const struct wr_tally *tally)
{
    uint32_t n = 0;
    uint8_t overflow;
    memcpy(&overflow, (const uint8_t *)tally + offsetof(struct wr_tally, overflow), 1);
    if (overflow > 1 ||
        (tally->n_parts != 0 && tally->n_parts != 1 && tally->n_parts != WR_TALLY_PARTS) ||
        (overflow == 1 && tally->n_parts != 0)) {
        return false;
    }
    for (unsigned i = 0; i < tally->n_parts; i++) {
        if (!is_sound(store, tally, i, &n)) {
            return false;
        }
    }
    return n == tally->n && n <= WR_LIMIT_SET_EXACT;
}
