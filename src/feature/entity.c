/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/entity.h"

enum { SLOTS_MIN = 4096 };

#define MOVED (UINT64_MAX) /* in the old table: look on behind it; no row has this number */

static uint64_t slot_of(uint64_t hash, uint32_t row)
{
    return hash << 32 | (row + 1);
}

static size_t slots_size(uint32_t n)
{
    return n * sizeof(uint64_t);
}

static uint64_t *take_slots(const struct wr_memory *memory, uint32_t n)
{
    return memory->take(memory->context, slots_size(n));
}

static void give_slots(const struct wr_memory *memory, uint64_t *slots, uint32_t n)
{
    if (slots != NULL) {
        memory->give(memory->context, slots, slots_size(n));
    }
}

bool wr_entities_init(struct wr_entities *entities, struct wr_store *store, uint32_t rows_max)
{
    const struct wr_memory *memory = store->memory;
    *entities = (struct wr_entities){.store = store, .n_slots = SLOTS_MIN, .free_row = WR_ROW_NONE};
    entities->live = entities->lost =
        (struct wr_row_list){.oldest = WR_ROW_NONE, .newest = WR_ROW_NONE};
    entities->n_slots_max = SLOTS_MIN;
    while ((uint64_t)entities->n_slots_max * 5 < (uint64_t)rows_max * 8) {
        entities->n_slots_max *= 2;
    }
    entities->n_pages_max = rows_max / WR_PAGE_ROWS + 1;
    entities->slots = take_slots(memory, SLOTS_MIN);
    entities->pages =
        memory->take(memory->context, entities->n_pages_max * sizeof *entities->pages);
    entities->page_spans =
        memory->take(memory->context, entities->n_pages_max * sizeof *entities->page_spans);
    if (entities->slots != NULL && entities->pages != NULL && entities->page_spans != NULL) {
        memset(entities->slots, 0, slots_size(SLOTS_MIN));
        return true;
    }
    wr_entities_deinit(entities);
    return false;
}

void wr_entities_deinit(struct wr_entities *entities)
{
    const struct wr_memory *memory = entities->store->memory;
    give_slots(memory, entities->slots, entities->n_slots);
    give_slots(memory, entities->next, entities->n_slots * 2);
    give_slots(memory, entities->old, entities->n_slots / 2);
    if (entities->pages != NULL) {
        memory->give(memory->context, entities->pages,
                     entities->n_pages_max * sizeof *entities->pages);
    }
    if (entities->page_spans != NULL) {
        memory->give(memory->context, entities->page_spans,
                     entities->n_pages_max * sizeof *entities->page_spans);
    }
    *entities = (struct wr_entities){0};
}

uint64_t wr_entities_taken(const struct wr_entities *entities)
{
    return slots_size(entities->n_slots) +
           (entities->next != NULL ? slots_size(entities->n_slots * 2) : 0) +
           (entities->old != NULL ? slots_size(entities->n_slots / 2) : 0) +
           entities->n_pages_max * (sizeof *entities->pages + sizeof *entities->page_spans);
}

const struct wr_row *wr_entity_row(const struct wr_entities *entities, uint32_t row)
{
    WR_CHECK_SLOW(row < entities->n_rows);
    return &entities->pages[row / WR_PAGE_ROWS][row % WR_PAGE_ROWS];
}

struct wr_row *wr_entity_edit(const struct wr_entities *entities, uint32_t row)
{
    WR_CHECK_SLOW(row < entities->n_rows);
    uint32_t page = row / WR_PAGE_ROWS, at = row % WR_PAGE_ROWS;
    if (WR_UNLIKELY(entities->store->shadow != NULL)) {
        wr_shadow_save(entities->store->shadow, entities->page_spans[page],
                       at * (uint32_t)sizeof(struct wr_row), sizeof(struct wr_row));
    }
    return &entities->pages[page][at];
}

/* ── slots ──────────────────────────────────────────────────────────────────────────────────── */
void wr_entity_prefetch(const struct wr_entities *entities, const struct wr_event_key *key)
{
    __builtin_prefetch(&entities->slots[(uint32_t)key->hash & (entities->n_slots - 1)]);
    if (entities->old != NULL) {
        __builtin_prefetch(&entities->old[(uint32_t)key->hash & (entities->n_slots / 2 - 1)]);
    }
}

static uint32_t find_in(const struct wr_entities *entities, const uint64_t *slots, uint32_t mask,
                        const struct wr_event_key *key)
{
    for (uint32_t at = (uint32_t)key->hash & mask; slots[at] != 0; at = (at + 1) & mask) {
        uint64_t slot = slots[at];
        if (slot >> 32 != (uint32_t)key->hash || slot == MOVED) {
            continue;
        }
        const struct wr_row *row = wr_entity_row(entities, (uint32_t)slot - 1);
        if (row->hash == key->hash && row->check == key->check) {
            return (uint32_t)slot - 1;
        }
    }
    return WR_ROW_NONE;
}

uint32_t wr_entity_find(const struct wr_entities *entities, const struct wr_event_key *key)
{
    uint32_t at = find_in(entities, entities->slots, entities->n_slots - 1, key);
    if (at == WR_ROW_NONE && entities->old != NULL) {
        at = find_in(entities, entities->old, entities->n_slots / 2 - 1, key);
    }
    return at;
}

static uint32_t hint_in(const uint64_t *slots, uint32_t mask, const struct wr_event_key *key)
{
    for (uint32_t at = (uint32_t)key->hash & mask; slots[at] != 0; at = (at + 1) & mask) {
        if (slots[at] >> 32 == (uint32_t)key->hash && slots[at] != MOVED) {
            return (uint32_t)slots[at] - 1;
        }
    }
    return WR_ROW_NONE;
}

uint32_t wr_entity_hint(const struct wr_entities *entities, const struct wr_event_key *key)
{
    uint32_t at = hint_in(entities->slots, entities->n_slots - 1, key);
    if (at == WR_ROW_NONE && entities->old != NULL) {
        at = hint_in(entities->old, entities->n_slots / 2 - 1, key);
    }
    return at;
}

static void slot_put(uint64_t *slots, uint32_t mask, uint64_t slot)
{
    uint32_t at = (uint32_t)(slot >> 32) & mask;
    while (slots[at] != 0) {
        at = (at + 1) & mask;
    }
    slots[at] = slot;
}

/* ── growing, a step with each new entity ───────────────────────────────────────────────────── */
/* A step clears or moves 256 bytes: WR_LIMIT_FEATURE_GROWTH for a batch whose entities are all new.
 * The next table is asked for when 9/16 of the present one are taken and takes over at 5/8: of n
 * slots n/16 adds lie between, and as many steps clear it. Moving takes n/32 steps, long before the
 * next one is asked for. Not earlier, so that memory is not taken long before it is needed. */
enum { STEP_SLOTS = WR_LIMIT_FEATURE_GROWTH / (16 * WR_LIMIT_SCHEMA_ENTITIES) / sizeof(uint64_t) };

static void move_step(struct wr_entities *entities)
{
    uint32_t n = entities->n_slots / 2;
    for (unsigned i = 0; i < STEP_SLOTS && entities->old_moved < n; i++) {
        uint64_t *slot = &entities->old[entities->old_moved++];
        if (*slot != 0 && *slot != MOVED) {
            slot_put(entities->slots, entities->n_slots - 1, *slot);
            *slot = MOVED;
            entities->growth += sizeof *slot;
        }
    }
    if (entities->old_moved == n) {
        give_slots(entities->store->memory, entities->old, n);
        entities->old = NULL;
    }
}

static void clear_step(struct wr_entities *entities)
{
    uint32_t left = entities->n_slots * 2 - entities->next_cleared;
    uint32_t n = WR_MIN(left, (uint32_t)STEP_SLOTS);
    memset(entities->next + entities->next_cleared, 0, slots_size(n));
    entities->growth += slots_size(n);
    entities->next_cleared += n;
}

static void take_over(struct wr_entities *entities)
{
    entities->old = entities->slots;
    entities->old_moved = 0;
    entities->slots = entities->next;
    entities->n_slots *= 2;
    entities->next = NULL;
}

/* Keeps the load at or below 5/8 as long as there is memory, and one slot free in any case. */
static bool room_for_slot(struct wr_entities *entities)
{
    uint64_t n = (uint64_t)entities->live.n + entities->lost.n + 1, n_slots = entities->n_slots;
    if (entities->old != NULL) {
        move_step(entities);
    } else if (entities->next != NULL) {
        clear_step(entities);
        if (entities->next_cleared == n_slots * 2 && n * 8 > n_slots * 5) {
            take_over(entities);
        }
    } else if (n * 16 > n_slots * 9 && entities->n_slots < entities->n_slots_max) {
        entities->next = take_slots(entities->store->memory, entities->n_slots * 2);
        entities->next_cleared = 0;
    }
    return n < entities->n_slots;
}

/* ── removing ───────────────────────────────────────────────────────────────────────────────── */
/* Where it stands, or where the run ends without it. */
static uint32_t slot_find(const uint64_t *slots, uint32_t mask, uint64_t slot)
{
    uint32_t at = (uint32_t)(slot >> 32) & mask;
    while (slots[at] != 0 && slots[at] != slot) {
        at = (at + 1) & mask;
    }
    return at;
}

/* Removes a slot and closes the gap: every later slot of the run that may stand in it moves up. In
 * the old table it is only marked: there slots must not move across the place moving has come to.
 */
static void slot_remove(struct wr_entities *entities, uint64_t slot)
{
    uint64_t *slots = entities->slots;
    uint32_t mask = entities->n_slots - 1, gap = slot_find(slots, mask, slot);
    if (slots[gap] == 0) {
        WR_ASSERT(entities->old != NULL);
        gap = slot_find(entities->old, entities->n_slots / 2 - 1, slot);
        WR_ASSERT(entities->old[gap] == slot);
        entities->old[gap] = MOVED;
        return;
    }
    for (uint32_t at = (gap + 1) & mask; slots[at] != 0; at = (at + 1) & mask) {
        uint32_t home = (uint32_t)(slots[at] >> 32) & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            slots[gap] = slots[at];
            gap = at;
        }
    }
    slots[gap] = 0;
}

/* ── lists ──────────────────────────────────────────────────────────────────────────────────── */
static struct wr_row_list *list_of(struct wr_entities *entities, const struct wr_row *row)
{
    return row->is_lost ? &entities->lost : &entities->live;
}

static void unlink_row(struct wr_entities *entities, uint32_t at)
{
    struct wr_row *row = wr_entity_edit(entities, at);
    struct wr_row_list *list = list_of(entities, row);
    if (row->before != WR_ROW_NONE) {
        wr_entity_edit(entities, row->before)->after = row->after;
    } else {
        list->oldest = row->after;
    }
    if (row->after != WR_ROW_NONE) {
        wr_entity_edit(entities, row->after)->before = row->before;
    } else {
        list->newest = row->before;
    }
    list->n--;
}

static void link_newest(struct wr_entities *entities, uint32_t at)
{
    struct wr_row *row = wr_entity_edit(entities, at);
    struct wr_row_list *list = list_of(entities, row);
    row->before = list->newest;
    row->after = WR_ROW_NONE;
    if (list->newest != WR_ROW_NONE) {
        wr_entity_edit(entities, list->newest)->after = at;
    } else {
        list->oldest = at;
    }
    list->newest = at;
    list->n++;
}

void wr_entity_use(struct wr_entities *entities, uint32_t at)
{
    struct wr_row *row = wr_entity_edit(entities, at);
    if (!row->is_lost && entities->live.newest == at) {
        return;
    }
    unlink_row(entities, at);
    row->is_lost = 0;
    link_newest(entities, at);
}

void wr_entity_lose(struct wr_entities *entities, uint32_t at)
{
    struct wr_row *row = wr_entity_edit(entities, at);
    WR_ASSERT(!row->is_lost && row->ref == WR_STORE_NO_REF);
    unlink_row(entities, at);
    row->is_lost = 1;
    link_newest(entities, at);
}

/* ── rows ───────────────────────────────────────────────────────────────────────────────────── */
static uint32_t take_row(struct wr_entities *entities)
{
    uint32_t at = entities->free_row;
    if (at != WR_ROW_NONE) {
        entities->free_row = wr_entity_row(entities, at)->after;
        return at;
    }
    if (entities->n_rows == entities->n_pages * WR_PAGE_ROWS) {
        uint32_t span = 0;
        struct wr_row *page = entities->n_pages < entities->n_pages_max
                                  ? wr_store_span(entities->store, &span)
                                  : NULL;
        if (page == NULL) {
            return WR_ROW_NONE;
        }
        entities->page_spans[entities->n_pages] = span;
        entities->pages[entities->n_pages++] = page;
    }
    return entities->n_rows++;
}

uint32_t wr_entity_add(struct wr_entities *entities, const struct wr_event_key *key,
                       uint32_t entity)
{
    uint32_t at = room_for_slot(entities) ? take_row(entities) : WR_ROW_NONE;
    if (at == WR_ROW_NONE) {
        return WR_ROW_NONE;
    }
    *wr_entity_edit(entities, at) =
        (struct wr_row){.hash = key->hash, .check = key->check, .entity = (uint8_t)entity};
    wr_row_set_lost(wr_entity_edit(entities, at), WR_LOST_NONE);
    link_newest(entities, at);
    slot_put(entities->slots, entities->n_slots - 1, slot_of(key->hash, at));
    return at;
}

void wr_entity_drop(struct wr_entities *entities, uint32_t at)
{
    struct wr_row *row = wr_entity_edit(entities, at);
    WR_ASSERT(row->ref == WR_STORE_NO_REF);
    unlink_row(entities, at);
    slot_remove(entities, slot_of(row->hash, at));
    row->after = entities->free_row;
    entities->free_row = at;
}

/* ── restoring ──────────────────────────────────────────────────────────────────────────────── */
/* As many slots as the table would have come to by growing: not over 5/8 full. */
bool wr_entity_restore_begin(struct wr_entities *entities)
{
    const struct wr_memory *memory = entities->store->memory;
    uint64_t n = (uint64_t)entities->live.n + entities->lost.n;
    uint32_t n_slots = SLOTS_MIN;
    WR_ASSERT(entities->next == NULL && entities->old == NULL);
    while (n * 8 > (uint64_t)n_slots * 5 && n_slots < entities->n_slots_max) {
        n_slots *= 2;
    }
    uint64_t *slots = n < n_slots ? take_slots(memory, n_slots) : NULL;
    if (slots == NULL) {
        return false;
    }
    memset(slots, 0, slots_size(n_slots));
    give_slots(memory, entities->slots, entities->n_slots);
    entities->slots = slots;
    entities->n_slots = n_slots;
    return true;
}

bool wr_entity_restore(struct wr_entities *entities, uint32_t row)
{
    const struct wr_row *is = wr_entity_row(entities, row);
    uint32_t mask = entities->n_slots - 1, at = (uint32_t)is->hash & mask;
    for (; entities->slots[at] != 0; at = (at + 1) & mask) {
        uint64_t slot = entities->slots[at];
        if (slot >> 32 == (uint32_t)is->hash) {
            const struct wr_row *other = wr_entity_row(entities, (uint32_t)slot - 1);
            if (other->hash == is->hash && other->check == is->check) {
                return false;
            }
        }
    }
    entities->slots[at] = slot_of(is->hash, row);
    return true;
}
