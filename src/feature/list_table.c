/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/list_in.h"

enum { TAIL_FIRST = 1024, PART_FIRST = 8, MOVES_LEAST = 2, SPARE_MAX = 4, AHEAD = 12 };

static void *take(struct wr_list_table *table, size_t n)
{
    void *block = table->memory->take(table->memory->context, n);
    table->bytes += block != NULL ? n : 0;
    return block;
}

static void give(struct wr_list_table *table, void *block, size_t n)
{
    if (block != NULL) {
        table->memory->give(table->memory->context, block, n);
        table->bytes -= n;
    }
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
void wr_list_table_open(struct wr_list_table *table, const struct wr_memory *memory,
                        enum wr_list_match match)
{
    *table = (struct wr_list_table){.memory = memory, .match = match, .kept_s = INT64_MIN};
    table->notes.memory = memory;
}

void wr_list_table_close(struct wr_list_table *table)
{
    for (uint64_t c = table->first; c < table->next; c++) {
        give(table, table->chunks[c & (table->n_chunks - 1)],
             c + 1 == table->next ? table->tail_cap : WR_LIST_CHUNK);
    }
    while (table->spare != NULL) {
        uint8_t *chunk = table->spare;
        memcpy(&table->spare, chunk, sizeof table->spare);
        give(table, chunk, WR_LIST_CHUNK);
    }
    for (uint32_t i = 0; i < WR_LIST_PARTS; i++) {
        give(table, table->parts[i].slots, table->parts[i].size * sizeof(uint32_t));
    }
    table->bytes -= wr_list_notes_close(&table->notes);
    give(table, table->spans, table->cap_spans * sizeof *table->spans);
    give(table, table->chunks, table->n_chunks * sizeof *table->chunks);
    WR_ASSERT(table->bytes == 0);
    *table = (struct wr_list_table){0};
}

/* ── slots ──────────────────────────────────────────────────────────────────────────────────── */
static void put_slot(struct wr_list_part *part, uint32_t home, uint32_t slot)
{
    WR_ASSERT(part->n + 1 < part->size);
    uint32_t i = home;
    while (part->slots[i] != 0) {
        i = i + 1 == part->size ? 0 : i + 1;
    }
    part->slots[i] = slot;
    part->n++;
}

static uint32_t home_of_slot(const struct wr_list_table *table, const struct wr_list_part *part,
                             uint32_t slot)
{
    return wr_list_home(part, wr_list_hash(wr_list_record_key(wr_list_record(table, slot))));
}

/* How far slot i lies behind slot `from`. */
static uint32_t behind(const struct wr_list_part *part, uint32_t i, uint32_t from)
{
    return i >= from ? i - from : i + part->size - from;
}

/* Empties a slot and moves back what was pushed past it. */
static void drop_slot(const struct wr_list_table *table, struct wr_list_part *part, uint32_t hole)
{
    uint32_t i = hole;
    for (;;) {
        i = i + 1 == part->size ? 0 : i + 1;
        if (part->slots[i] == 0) {
            break;
        }
        uint32_t home = home_of_slot(table, part, part->slots[i]);
        if (behind(part, i, home) >= behind(part, i, hole)) {
            part->slots[hole] = part->slots[i];
            hole = i;
        }
    }
    part->slots[hole] = 0;
    part->n--;
}

/* At most four fifths in use, and one is free. From STAGGERED on each part has sizes of its own, so
 * that they do not all grow at the same time. */
static uint32_t size_for(const struct wr_list_table *table, const struct wr_list_part *part,
                         uint32_t n)
{
    enum { STAGGERED = 256 };
    uint64_t size = WR_MAX(part->size, (uint32_t)PART_FIRST);
    while (size * 4 < (uint64_t)n * 5 + 4) {
        uint64_t before = size;
        size += size / 8 > 1 ? size / 8 : 1;
        if (before < STAGGERED && size >= STAGGERED) {
            size = STAGGERED + (uint64_t)(part - table->parts) / 8;
        }
    }
    return (uint32_t)size;
}

static bool grow_part(struct wr_list_table *table, struct wr_list_part *part, uint32_t n)
{
    struct wr_list_part wider = {.size = size_for(table, part, n)};
    if (wider.size == part->size) {
        return true;
    }
    size_t bytes = wider.size * sizeof *wider.slots;
    wider.slots = take(table, bytes);
    if (wider.slots == NULL) {
        return false;
    }
    memset(wider.slots, 0, bytes);
    for (uint32_t i = 0; i < part->size; i++) {
        if (i + AHEAD < part->size && part->slots[i + AHEAD] != 0) {
            __builtin_prefetch(wr_list_record(table, part->slots[i + AHEAD]));
        }
        if (part->slots[i] != 0) {
            put_slot(&wider, home_of_slot(table, &wider, part->slots[i]), part->slots[i]);
        }
    }
    give(table, part->slots, part->size * sizeof *part->slots);
    *part = wider;
    return true;
}

/* ── room ───────────────────────────────────────────────────────────────────────────────────── */
static size_t record_size(const struct wr_list_entry *entry)
{
    size_t n = WR_LIST_HEAD + entry->key.n + (entry->expires_s != 0 ? 4 : 0) +
               (entry->owner.n + entry->reason.n != 0 ? 3 : 0);
    return (n + 1) & ~(size_t)1;
}

static bool slots_for(struct wr_list_table *table, const struct wr_list_entry *entries, size_t n)
{
    uint16_t more[WR_LIST_PARTS] = {0};
    for (size_t i = 0; i < n; i++) {
        more[wr_list_hash(entries[i].key) >> 56] += !entries[i].drops;
    }
    for (uint32_t p = 0; p < WR_LIST_PARTS; p++) {
        if (more[p] != 0 && !grow_part(table, &table->parts[p], table->parts[p].n + more[p])) {
            return false;
        }
    }
    return true;
}

/* Places of the ring of chunks, for those in use and `more` of them. */
static bool ring_for(struct wr_list_table *table, uint32_t more)
{
    uint64_t wanted = table->next - table->first + more;
    uint32_t cap = WR_MAX(table->n_chunks, 4u);
    while (cap < wanted) {
        cap *= 2;
    }
    if (cap == table->n_chunks) {
        return true;
    }
    uint8_t **chunks = cap <= WR_LIST_CHUNKS ? take(table, cap * sizeof *chunks) : NULL;
    if (chunks == NULL) {
        return false;
    }
    for (uint64_t c = table->first; c < table->next; c++) {
        chunks[c & (cap - 1)] = table->chunks[c & (table->n_chunks - 1)];
    }
    give(table, table->chunks, table->n_chunks * sizeof *chunks);
    table->chunks = chunks;
    table->n_chunks = cap;
    return true;
}

/* The only chunk starts small and grows to its full size. */
static bool grow_tail(struct wr_list_table *table, size_t size)
{
    size_t cap = table->tail_cap != 0 ? table->tail_cap : TAIL_FIRST;
    while (cap < table->tail_n + size && cap < WR_LIST_CHUNK) {
        cap *= 2;
    }
    if (cap == table->tail_cap) {
        return true;
    }
    if (!ring_for(table, table->next == table->first)) {
        return false;
    }
    uint8_t *chunk = take(table, cap);
    if (chunk == NULL) {
        return false;
    }
    if (table->next == table->first) {
        table->next++;
    } else {
        uint8_t *old = table->chunks[(table->next - 1) & (table->n_chunks - 1)];
        memcpy(chunk, old, table->tail_n);
        give(table, old, table->tail_cap);
    }
    table->chunks[(table->next - 1) & (table->n_chunks - 1)] = chunk;
    table->tail_cap = (uint32_t)cap;
    return true;
}

static bool chunks_for(struct wr_list_table *table, uint32_t wanted)
{
    if (!ring_for(table, wanted)) {
        return false;
    }
    while (table->n_spare < wanted) {
        uint8_t *chunk = take(table, WR_LIST_CHUNK);
        if (chunk == NULL) {
            return false;
        }
        memcpy(chunk, &table->spare, sizeof table->spare);
        table->spare = chunk;
        table->n_spare++;
    }
    return true;
}

static bool records_for(struct wr_list_table *table, size_t size)
{
    if (!grow_tail(table, size)) {
        return false;
    }
    /* A chunk may end early, by the longest record at most. */
    size_t fits = WR_LIST_CHUNK - WR_LIST_RECORD_MAX;
    uint32_t wanted = (uint32_t)(size / fits) + 2;
    return chunks_for(table, table->tail_n + size <= table->tail_cap ? 0 : wanted);
}

static bool spans_for(struct wr_list_table *table, size_t n)
{
    if (table->match != WR_LIST_BIN || table->n_spans + n <= table->cap_spans) {
        return true;
    }
    size_t cap = WR_MAX(table->cap_spans * (size_t)2, table->n_spans + n);
    struct wr_list_span *spans = take(table, cap * sizeof *spans);
    if (spans == NULL) {
        return false;
    }
    if (table->n_spans != 0) {
        memcpy(spans, table->spans, table->n_spans * sizeof *spans);
    }
    give(table, table->spans, table->cap_spans * sizeof *spans);
    table->spans = spans;
    table->cap_spans = (uint32_t)cap;
    return true;
}

/* Each entry's note is held from here on: what is put before it may be the last to refer to it. */
static bool notes_for(struct wr_list_table *table, const struct wr_list_entry *entries, size_t n)
{
    uint64_t before = table->notes.bytes;
    size_t made = 0;
    for (; made < n; made++) {
        const struct wr_list_entry *entry = &entries[made];
        if (!entry->drops && !wr_list_notes_keep(&table->notes, entry->owner, entry->reason)) {
            break;
        }
    }
    for (size_t i = 0; made < n && i < made; i++) {
        if (!entries[i].drops) {
            wr_list_notes_drop(&table->notes, wr_list_notes_find(&table->notes, entries[i].owner,
                                                                 entries[i].reason));
        }
    }
    table->bytes += table->notes.bytes - before;
    return made == n;
}

bool wr_list_table_expect(struct wr_list_table *table, uint32_t n)
{
    uint32_t each = n / WR_LIST_PARTS + n / WR_LIST_PARTS / 16;
    for (uint32_t p = 0; p < WR_LIST_PARTS && each > 0; p++) {
        if (!grow_part(table, &table->parts[p], each)) {
            return false;
        }
    }
    return true;
}

bool wr_list_table_room(struct wr_list_table *table, const struct wr_list_entry *entries, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        size += entries[i].drops ? 0 : record_size(&entries[i]);
    }
    WR_ASSERT(n <= WR_LIMIT_LIST_EDITS);
    return size == 0 || (slots_for(table, entries, n) && spans_for(table, n) &&
                         records_for(table, size) && notes_for(table, entries, n));
}

/* ── records ────────────────────────────────────────────────────────────────────────────────── */
static uint32_t *find_slot(const struct wr_list_table *table, uint64_t hash, struct wr_str key)
{
    const struct wr_list_part *part = &table->parts[hash >> 56];
    if (part->size == 0) {
        return NULL;
    }
    for (uint32_t i = wr_list_home(part, hash);; i = i + 1 == part->size ? 0 : i + 1) {
        uint32_t slot = part->slots[i];
        if (slot == 0) {
            return NULL;
        }
        if (slot >> WR_LIST_PLACE_BITS == wr_list_tag(hash) &&
            wr_str_eq(wr_list_record_key(wr_list_record(table, slot)), key)) {
            return &part->slots[i];
        }
    }
}

const uint8_t *wr_list_look(const struct wr_list_table *table, uint64_t hash, struct wr_str key)
{
    const uint32_t *slot = find_slot(table, hash, key);
    return slot != NULL ? wr_list_record(table, *slot) : NULL;
}

/* Room for a record at the end; its place. */
static uint8_t *append(struct wr_list_table *table, size_t size, uint32_t *place)
{
    if (table->tail_n + size > table->tail_cap) {
        WR_ASSERT(table->n_spare > 0 && table->tail_cap == WR_LIST_CHUNK);
        WR_ASSERT(table->next - table->first < table->n_chunks);
        uint8_t *chunk = table->spare;
        if (table->tail_n < WR_LIST_CHUNK) {
            wr_put16(table->chunks[(table->next - 1) & (table->n_chunks - 1)] + table->tail_n,
                     WR_LIST_END);
        }
        memcpy(&table->spare, chunk, sizeof table->spare);
        table->n_spare--;
        table->chunks[table->next++ & (table->n_chunks - 1)] = chunk;
        table->tail_n = 0;
    }
    uint64_t chunk = table->next - 1;
    uint32_t at = table->tail_n;
    *place = (uint32_t)(chunk % WR_LIST_CHUNKS) << 15 | at / 2;
    table->tail_n += (uint32_t)size;
    table->used += size;
    return table->chunks[chunk & (table->n_chunks - 1)] + at;
}

static void count_length(struct wr_list_table *table, struct wr_str key, int by)
{
    if (table->match != WR_LIST_PREFIX && table->match != WR_LIST_CIDR) {
        return;
    }
    uint32_t l = wr_list_length(table->match, key);
    table->lengths[l] += (uint32_t)by;
    uint64_t bit = UINT64_C(1) << (l % 64);
    table->present[l / 64] =
        table->lengths[l] != 0 ? table->present[l / 64] | bit : table->present[l / 64] & ~bit;
}

static void write_record(uint8_t *record, const struct wr_list_entry *entry, uint32_t note)
{
    uint32_t head = (uint32_t)entry->key.n | (entry->expires_s != 0 ? WR_LIST_EXPIRES : 0) |
                    (note != 0 ? WR_LIST_NOTED : 0) | (entry->hides ? WR_LIST_HIDES : 0);
    uint8_t *at = record + WR_LIST_HEAD;
    wr_put16(record, (uint16_t)head);
    wr_put32(record + 2, entry->created_s);
    memcpy(at, entry->key.p, entry->key.n);
    at += entry->key.n;
    if (entry->expires_s != 0) {
        wr_put32(at, entry->expires_s);
        at += 4;
    }
    if (note != 0) {
        at[0] = (uint8_t)note;
        at[1] = (uint8_t)(note >> 8);
        at[2] = (uint8_t)(note >> 16);
    }
}

/* Where a slot's record stands: chunks in use are fewer than their numbers in slots. */
static struct wr_list_cursor cursor_of(const struct wr_list_table *table, uint32_t slot)
{
    uint32_t place = slot & WR_LIST_PLACE_MASK;
    uint64_t after = ((place >> 15) - table->first) % WR_LIST_CHUNKS;
    return (struct wr_list_cursor){table->first + after, (place & 32767) * 2};
}

/* The record is found no longer; what it was counted in is set right. */
static void bury(struct wr_list_table *table, uint32_t slot)
{
    uint8_t *record = wr_list_record(table, slot);
    uint16_t head = wr_get16(record);
    if (WR_UNLIKELY(table->image.sink != NULL)) {
        wr_list_image_save(table, cursor_of(table, slot));
    }
    uint64_t before = table->notes.bytes;
    wr_list_notes_drop(&table->notes, wr_list_record_note(record));
    table->bytes -= before - table->notes.bytes;
    count_length(table, wr_list_record_key(record), -1);
    table->n--;
    table->n_hiding -= (head & WR_LIST_HIDES) != 0;
    table->dead += wr_list_record_size(head);
    wr_put16(record, head | WR_LIST_DEAD);
}

static void move_oldest(struct wr_list_table *table)
{
    uint8_t *chunk = table->chunks[table->first & (table->n_chunks - 1)];
    for (uint32_t at = 0; at + WR_LIST_HEAD <= WR_LIST_CHUNK;) {
        uint16_t head = wr_get16(chunk + at);
        if (head == WR_LIST_END) {
            break;
        }
        uint32_t size = wr_list_record_size(head), place;
        if ((head & WR_LIST_DEAD) == 0) {
            struct wr_str key = wr_list_record_key(chunk + at);
            uint64_t hash = wr_list_hash(key);
            uint32_t *slot = find_slot(table, hash, key);
            WR_ASSERT(slot != NULL);
            wr_list_image_save(table, (struct wr_list_cursor){table->first, at});
            memcpy(append(table, size, &place), chunk + at, size);
            wr_list_spans_move(table, key, *slot & WR_LIST_PLACE_MASK, place);
            *slot = wr_list_tag(hash) << WR_LIST_PLACE_BITS | place;
        } else {
            table->dead -= size;
        }
        table->used -= size;
        at += size;
    }
    table->first++;
    memcpy(chunk, &table->spare, sizeof table->spare);
    table->spare = chunk;
    table->n_spare++;
}

void wr_list_table_tidy(struct wr_list_table *table)
{
    uint64_t begun = table->next - WR_MIN(table->tidied, table->next);
    for (uint64_t n = MOVES_LEAST + 2 * begun; n > 0; n--) {
        bool worth = table->dead > WR_LIST_CHUNK && table->dead * 4 > table->used;
        if (!worth || table->next - table->first < 3 || !chunks_for(table, 2)) {
            break;
        }
        move_oldest(table);
    }
    table->tidied = table->next;
    while (table->n_spare > SPARE_MAX) {
        uint8_t *chunk = table->spare;
        memcpy(&table->spare, chunk, sizeof table->spare);
        table->n_spare--;
        give(table, chunk, WR_LIST_CHUNK);
    }
}

/* ── changing ───────────────────────────────────────────────────────────────────────────────── */
static bool is_gone(const struct wr_list_table *table, const uint8_t *record)
{
    uint32_t expires_s = wr_list_record_expires(record);
    return expires_s != 0 && expires_s <= table->kept_s;
}

bool wr_list_table_put(struct wr_list_table *table, const struct wr_list_entry *entry)
{
    uint64_t hash = wr_list_hash(entry->key);
    uint32_t *slot = find_slot(table, hash, entry->key), place;
    struct wr_list_entry made = *entry;
    uint32_t note = wr_list_notes_find(&table->notes, entry->owner, entry->reason);
    bool replaced = false;
    if (slot != NULL) {
        uint8_t *old = wr_list_record(table, *slot);
        replaced = !is_gone(table, old) && (wr_get16(old) & WR_LIST_HIDES) == 0;
        made.created_s = replaced ? wr_get32(old + 2) : entry->created_s;
        wr_list_spans_drop(table, entry->key);
        bury(table, *slot);
    }
    write_record(append(table, record_size(&made), &place), &made, note);
    uint32_t mark = wr_list_tag(hash) << WR_LIST_PLACE_BITS | place;
    if (slot != NULL) {
        *slot = mark;
    } else {
        struct wr_list_part *part = &table->parts[hash >> 56];
        put_slot(part, wr_list_home(part, hash), mark);
    }
    table->n++;
    table->n_hiding += entry->hides;
    count_length(table, entry->key, 1);
    wr_list_spans_add(table, entry->key, place);
    return replaced;
}

static void drop_record(struct wr_list_table *table, uint32_t *slot, uint64_t hash)
{
    uint32_t mark = *slot;
    struct wr_list_part *part = &table->parts[hash >> 56];
    wr_list_spans_drop(table, wr_list_record_key(wr_list_record(table, mark)));
    drop_slot(table, part, (uint32_t)(slot - part->slots));
    bury(table, mark);
}

bool wr_list_table_drop(struct wr_list_table *table, struct wr_str key)
{
    uint64_t hash = wr_list_hash(key);
    uint32_t *slot = find_slot(table, hash, key);
    if (slot == NULL) {
        return false;
    }
    const uint8_t *record = wr_list_record(table, *slot);
    bool was_there = !is_gone(table, record) && (wr_get16(record) & WR_LIST_HIDES) == 0;
    drop_record(table, slot, hash);
    return was_there;
}

void wr_list_table_age(struct wr_list_table *table, int64_t now_s, uint32_t n)
{
    table->kept_s = WR_MAX(table->kept_s, now_s - WR_LIST_KEPT_S);
    if (table->sweep_chunk < table->first) {
        table->sweep_chunk = table->first;
        table->sweep_at = 0;
    }
    for (; n > 0 && table->n > 0; n--) {
        uint8_t *record = wr_list_record_at(table, &table->sweep_chunk, &table->sweep_at);
        if (record == NULL) { /* from the beginning, the next time */
            table->sweep_chunk = table->first;
            table->sweep_at = 0;
            return;
        }
        uint16_t head = wr_get16(record);
        table->sweep_at += wr_list_record_size(head);
        if ((head & WR_LIST_DEAD) == 0 && is_gone(table, record)) {
            struct wr_str key = wr_list_record_key(record);
            uint64_t hash = wr_list_hash(key);
            drop_record(table, find_slot(table, hash, key), hash);
        }
    }
}
