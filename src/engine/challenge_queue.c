/* SPDX-License-Identifier: Apache-2.0 */
/* See challenge.h. */
#include "engine/challenge.h"

void wr_challenge_init(struct wr_challenge *shadow)
{
    *shadow = (struct wr_challenge){.cap = 1};
    shadow->slots = &shadow->one;
}

bool wr_challenge_make_room(struct wr_challenge *shadow, const struct wr_memory *memory,
                            const struct wr_pack *pack)
{
    if (pack->n_challengers == 0 || shadow->room != NULL) {
        return true;
    }
    size_t size = WR_LIMIT_SHADOW_PENDING * sizeof *shadow->slots;
    struct wr_challenge_slot *slots = memory->take(memory->context, size);
    char *room = memory->take(memory->context, WR_LIMIT_SHADOW_BYTES);
    if (slots == NULL || room == NULL) {
        if (slots != NULL) {
            memory->give(memory->context, slots, size);
        }
        if (room != NULL) {
            memory->give(memory->context, room, WR_LIMIT_SHADOW_BYTES);
        }
        return false;
    }
    slots[0] = shadow->one;
    shadow->slots = slots;
    shadow->cap = WR_LIMIT_SHADOW_PENDING;
    shadow->room = room;
    return true;
}

void wr_challenge_deinit(struct wr_challenge *shadow, const struct wr_memory *memory)
{
    if (shadow->room != NULL) {
        memory->give(memory->context, shadow->slots,
                     WR_LIMIT_SHADOW_PENDING * sizeof *shadow->slots);
        memory->give(memory->context, shadow->room, WR_LIMIT_SHADOW_BYTES);
    }
}

static struct wr_challenge_slot *slot_at(const struct wr_challenge *shadow, uint32_t i)
{
    WR_ASSERT(i < shadow->n_slots);
    return &shadow->slots[(shadow->first + i) % shadow->cap];
}

const struct wr_challenge_slot *wr_challenge_slot(const struct wr_challenge *shadow, uint32_t i)
{
    return slot_at(shadow, i);
}

struct wr_str wr_challenge_record(const struct wr_challenge *shadow,
                                  const struct wr_challenge_slot *slot)
{
    return slot->size != 0 ? wr_str_of(shadow->room + slot->at, slot->size) : WR_STR("");
}

/* Where the oldest record begins; the tail when there is none. */
static uint32_t head_of(const struct wr_challenge *shadow)
{
    for (uint32_t i = 0; i < shadow->n_slots; i++) {
        if (slot_at(shadow, i)->size != 0) {
            return slot_at(shadow, i)->at;
        }
    }
    return shadow->tail;
}

/* A place of `size` bytes in one piece behind the youngest record. Head and tail meet only when
 * there is no record. */
static bool place(struct wr_challenge *shadow, size_t size, uint32_t *at)
{
    if (shadow->n_records == 0) {
        shadow->tail = 0;
    }
    uint32_t head = head_of(shadow);
    bool ahead = shadow->n_records == 0 || shadow->tail > head;
    if (ahead && size <= WR_LIMIT_SHADOW_BYTES - shadow->tail) {
        *at = shadow->tail;
        return true;
    }
    *at = ahead ? 0 : shadow->tail;
    return size < head - *at;
}

static struct wr_challenge_slot *append(struct wr_challenge *shadow)
{
    WR_ASSERT(shadow->n_slots < shadow->cap);
    shadow->n_slots++;
    return slot_at(shadow, shadow->n_slots - 1);
}

/* The last slot is kept free of records, so that a gap always finds one. */
void wr_challenge_push(struct wr_challenge *shadow, uint64_t sequence, struct wr_str record)
{
    uint32_t at;
    shadow->n_decisions++;
    shadow->has_folded = shadow->has_folded || record.n == 0;
    if (record.n != 0 && shadow->n_slots + 1 < shadow->cap && place(shadow, record.n, &at)) {
        memcpy(shadow->room + at, record.p, record.n);
        *append(shadow) = (struct wr_challenge_slot){
            .upto = sequence, .n = 1, .at = at, .size = (uint32_t)record.n};
        shadow->tail = at + (uint32_t)record.n;
        shadow->n_records++;
        return;
    }
    struct wr_challenge_slot *last =
        shadow->n_slots != 0 ? slot_at(shadow, shadow->n_slots - 1) : NULL;
    if (last == NULL || last->size != 0) {
        last = append(shadow);
        *last = (struct wr_challenge_slot){.why = record.n != 0 ? WR_CHALLENGE_BACKLOG
                                                                : WR_CHALLENGE_LOST};
    }
    last->upto = sequence;
    last->n++;
}

void wr_challenge_cover(struct wr_challenge *shadow, uint64_t upto)
{
    while (shadow->n_slots != 0 && slot_at(shadow, 0)->upto <= upto) {
        const struct wr_challenge_slot *slot = slot_at(shadow, 0);
        shadow->n_decisions -= slot->n;
        shadow->n_records -= slot->size != 0;
        shadow->first = (shadow->first + 1) % shadow->cap;
        shadow->n_slots--;
    }
    shadow->covered = WR_MAX(shadow->covered, upto);
}

void wr_challenge_fold(struct wr_challenge *shadow, uint64_t upto, uint64_t n)
{
    while (n > 0 && shadow->n_slots != 0) {
        struct wr_challenge_slot *slot = slot_at(shadow, 0);
        uint32_t covered = (uint32_t)WR_MIN(n, (uint64_t)slot->n);
        n -= covered;
        slot->n -= covered;
        shadow->n_decisions -= covered;
        if (slot->n == 0) {
            shadow->n_records -= slot->size != 0;
            shadow->first = (shadow->first + 1) % shadow->cap;
            shadow->n_slots--;
        }
    }
    shadow->covered = WR_MAX(shadow->covered, upto);
}

void wr_challenge_lose(struct wr_challenge *shadow, enum wr_challenge_why why)
{
    if (shadow->n_slots == 0) {
        return;
    }
    struct wr_challenge_slot gap = {.upto = slot_at(shadow, shadow->n_slots - 1)->upto,
                                    .n = (uint32_t)shadow->n_decisions,
                                    .why = why};
    shadow->first = 0;
    shadow->n_slots = 1;
    shadow->n_records = 0;
    shadow->slots[0] = gap;
}

void wr_challenge_save(const struct wr_challenge *shadow, uint8_t out[24])
{
    uint64_t upto = shadow->n_slots != 0 ? slot_at(shadow, shadow->n_slots - 1)->upto : 0;
    wr_put64(out, shadow->covered);
    wr_put64(out + 8, shadow->n_decisions);
    wr_put64(out + 16, upto);
}

void wr_challenge_restore(struct wr_challenge *shadow, const char in[24])
{
    uint64_t n = WR_MIN(wr_get64(in + 8), (uint64_t)UINT32_MAX);
    shadow->covered = wr_get64(in);
    shadow->has_folded = n != 0;
    if (n != 0) {
        shadow->n_decisions = n;
        *append(shadow) = (struct wr_challenge_slot){
            .upto = wr_get64(in + 16), .n = (uint32_t)n, .why = WR_CHALLENGE_LOST};
    }
}
