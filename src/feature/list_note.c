/* SPDX-License-Identifier: Apache-2.0 */
/* Owners and reasons of entries: each pair is kept once, by number, while an entry refers to it. */
#include "feature/list_in.h"

enum { FIRST_CAP = 8, NONE = 0 };

struct wr_list_note {
    uint32_t refs, next_free;
    uint64_t hash;
    uint16_t owner_n, reason_n;
    char text[]; /* owner, then reason */
};

static void *take(struct wr_list_notes *notes, size_t n)
{
    void *block = notes->memory->take(notes->memory->context, n);
    notes->bytes += block != NULL ? n : 0;
    return block;
}

static void give(struct wr_list_notes *notes, void *block, size_t n)
{
    if (block != NULL) {
        notes->memory->give(notes->memory->context, block, n);
        notes->bytes -= n;
    }
}

static size_t size_of(const struct wr_list_note *note)
{
    return sizeof *note + note->owner_n + note->reason_n;
}

uint64_t wr_list_notes_close(struct wr_list_notes *notes)
{
    uint64_t bytes = notes->bytes;
    for (uint32_t i = 1; i <= notes->n; i++) {
        if (notes->notes[i] != NULL) {
            give(notes, notes->notes[i], size_of(notes->notes[i]));
        }
    }
    give(notes, notes->notes, notes->cap * sizeof *notes->notes);
    give(notes, notes->slots, notes->size * sizeof *notes->slots);
    WR_ASSERT(notes->bytes == 0);
    return bytes;
}

static uint64_t hash_of(struct wr_str owner, struct wr_str reason)
{
    return wr_list_hash(owner) * 3 + wr_list_hash(reason);
}

static bool is(const struct wr_list_note *note, struct wr_str owner, struct wr_str reason)
{
    return wr_str_eq(wr_str_of(note->text, note->owner_n), owner) &&
           wr_str_eq(wr_str_of(note->text + note->owner_n, note->reason_n), reason);
}

static uint32_t *find(const struct wr_list_notes *notes, uint64_t hash, struct wr_str owner,
                      struct wr_str reason)
{
    for (uint32_t i = (uint32_t)hash & (notes->size - 1); notes->size != 0;
         i = (i + 1) & (notes->size - 1)) {
        uint32_t number = notes->slots[i];
        if (number == NONE ||
            (notes->notes[number]->hash == hash && is(notes->notes[number], owner, reason))) {
            return &notes->slots[i];
        }
    }
    return NULL;
}

uint32_t wr_list_notes_find(struct wr_list_notes *notes, struct wr_str owner, struct wr_str reason)
{
    if (owner.n + reason.n == 0) {
        return NONE;
    }
    if (notes->last != NONE && is(notes->notes[notes->last], owner, reason)) {
        return notes->last;
    }
    const uint32_t *slot = find(notes, hash_of(owner, reason), owner, reason);
    notes->last = slot != NULL ? *slot : NONE;
    return notes->last;
}

/* ── making ─────────────────────────────────────────────────────────────────────────────────── */
static void enter(struct wr_list_notes *notes, uint32_t number)
{
    uint32_t i = (uint32_t)notes->notes[number]->hash & (notes->size - 1);
    while (notes->slots[i] != NONE) {
        i = (i + 1) & (notes->size - 1);
    }
    notes->slots[i] = number;
}

static bool grow_slots(struct wr_list_notes *notes)
{
    if ((notes->n_used + 1) * 2 <= notes->size) {
        return true;
    }
    uint32_t size = notes->size != 0 ? notes->size * 2 : 2 * FIRST_CAP;
    uint32_t *slots = take(notes, size * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    memset(slots, 0, size * sizeof *slots);
    give(notes, notes->slots, notes->size * sizeof *slots);
    notes->slots = slots;
    notes->size = size;
    for (uint32_t i = 1; i <= notes->n; i++) {
        if (notes->notes[i] != NULL) {
            enter(notes, i);
        }
    }
    return true;
}

static bool grow_numbers(struct wr_list_notes *notes)
{
    if (notes->n + 1 < notes->cap) {
        return true;
    }
    uint32_t cap = notes->cap != 0 ? notes->cap * 2 : FIRST_CAP;
    struct wr_list_note **wider = take(notes, cap * sizeof(struct wr_list_note *));
    if (wider == NULL) {
        return false;
    }
    memset(wider, 0, cap * sizeof(struct wr_list_note *));
    if (notes->cap != 0) {
        memcpy(wider, notes->notes, notes->cap * sizeof(struct wr_list_note *));
    }
    give(notes, notes->notes, notes->cap * sizeof(struct wr_list_note *));
    notes->notes = wider;
    notes->cap = cap;
    return true;
}

static uint32_t new_number(struct wr_list_notes *notes)
{
    for (uint32_t i = notes->free; i != NONE && i <= notes->n; i++) {
        if (notes->notes[i] == NULL) {
            notes->free = i + 1;
            return i;
        }
    }
    notes->free = NONE;
    return ++notes->n;
}

static bool make(struct wr_list_notes *notes, struct wr_str owner, struct wr_str reason)
{
    if (notes->n_used == WR_LIMIT_LIST_NOTES || !grow_numbers(notes) || !grow_slots(notes)) {
        return false;
    }
    struct wr_list_note *note = take(notes, sizeof *note + owner.n + reason.n);
    if (note == NULL) {
        return false;
    }
    *note = (struct wr_list_note){.hash = hash_of(owner, reason),
                                  .owner_n = (uint16_t)owner.n,
                                  .reason_n = (uint16_t)reason.n};
    memcpy(note->text, owner.n != 0 ? owner.p : "", owner.n);
    memcpy(note->text + owner.n, reason.n != 0 ? reason.p : "", reason.n);
    uint32_t number = new_number(notes);
    notes->notes[number] = note;
    notes->n_used++;
    enter(notes, number);
    notes->last = number;
    return true;
}

/* ── keeping ────────────────────────────────────────────────────────────────────────────────── */
bool wr_list_notes_keep(struct wr_list_notes *notes, struct wr_str owner, struct wr_str reason)
{
    if (owner.n + reason.n == 0) {
        return true;
    }
    if (wr_list_notes_find(notes, owner, reason) == NONE && !make(notes, owner, reason)) {
        return false;
    }
    notes->notes[notes->last]->refs++;
    return true;
}

/* Empties a slot and moves back what was pushed past it. */
static void leave(struct wr_list_notes *notes, uint32_t number)
{
    uint32_t mask = notes->size - 1, hole = (uint32_t)notes->notes[number]->hash & mask;
    while (notes->slots[hole] != number) {
        hole = (hole + 1) & mask;
    }
    for (uint32_t i = (hole + 1) & mask; notes->slots[i] != NONE; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)notes->notes[notes->slots[i]]->hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            notes->slots[hole] = notes->slots[i];
            hole = i;
        }
    }
    notes->slots[hole] = NONE;
}

void wr_list_notes_drop(struct wr_list_notes *notes, uint32_t number)
{
    if (number == NONE || --notes->notes[number]->refs != 0) {
        return;
    }
    leave(notes, number);
    give(notes, notes->notes[number], size_of(notes->notes[number]));
    notes->notes[number] = NULL;
    notes->n_used--;
    notes->last = notes->last == number ? NONE : notes->last;
    notes->free = notes->free == NONE ? number : WR_MIN(notes->free, number);
}

void wr_list_notes_text(const struct wr_list_notes *notes, uint32_t number, struct wr_str *owner,
                        struct wr_str *reason)
{
    *owner = *reason = wr_str_of("", 0);
    if (number != NONE) {
        const struct wr_list_note *note = notes->notes[number];
        *owner = wr_str_of(note->text, note->owner_n);
        *reason = wr_str_of(note->text + note->owner_n, note->reason_n);
    }
}
