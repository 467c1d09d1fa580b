/* SPDX-License-Identifier: Apache-2.0 */
/* The entities held: who they are, where their tape is, who was used least recently.
 *
 *   slots: open addressing, 8 bytes: low 32 bits of the hash | row + 1     (0 = free)
 *          They double in steps, at each new entity one: the next table is cleared while the
 *          present one fills from 9/16 to 5/8, then takes over and the old one is moved into it.
 *   rows:  32 bytes, in spans of the store, numbered in order of making
 *
 * Two lists in order of use run through the rows: the live, and the *lost*: entities whose history
 * was given up by a cap. A lost row keeps the time up to which history is missing, so that a
 * window that reaches back there can say so. */
#ifndef WR_FEATURE_ENTITY_H
#define WR_FEATURE_ENTITY_H

#include "feature/schema.h"
#include "feature/store.h"

/* Bytes of slots that a batch of 16 events may clear or move for growth. */
#define WR_LIMIT_FEATURE_GROWTH 65536

#define WR_ROW_NONE  UINT32_MAX
#define WR_PAGE_ROWS (WR_SPAN_SIZE / (uint32_t)sizeof(struct wr_row))
#define WR_LOST_NONE (-((int64_t)1 << 47)) /* before every tick */

struct wr_row {
    uint64_t hash;
    uint32_t check;
    uint32_t ref; /* chunk, or what a large tape keeps besides its tree; 0 = empty tape */
    uint32_t before, after;
    uint32_t lost_low; /* records up to this tick, of 48 bits, were given up */
    int16_t lost_high;
    uint8_t entity;
    uint8_t is_large : 1, is_lost : 1;
};
_Static_assert(sizeof(struct wr_row) == 32, "a row is 32 bytes");

static inline int64_t wr_row_lost(const struct wr_row *row)
{
    return (int64_t)row->lost_high * ((int64_t)1 << 32) + row->lost_low;
}
static inline void wr_row_set_lost(struct wr_row *row, int64_t tick)
{
    WR_ASSERT(tick >= WR_LOST_NONE && tick < -WR_LOST_NONE);
    row->lost_low = (uint32_t)tick;
    row->lost_high = (int16_t)(tick >> 32);
}

struct wr_row_list {
    uint32_t oldest, newest, n;
};

struct wr_entities {
    struct wr_store *store;
    uint64_t *slots;
    uint32_t n_slots; /* a power of two */
    uint64_t *next;   /* of twice the size, being cleared; or NULL */
    uint32_t next_cleared;
    uint64_t *old; /* of half the size, being moved; or NULL */
    uint32_t old_moved;
    uint32_t n_slots_max; /* room for all rows at 5/8 load */
    uint64_t growth;      /* bytes cleared or moved to double the slots, ever */
    struct wr_row **pages;
    uint32_t *page_spans; /* of each page, its span */
    uint32_t n_pages, n_pages_max, n_rows, free_row;
    struct wr_row_list live, lost;
};

WR_NODISCARD bool wr_entities_init(struct wr_entities *entities, struct wr_store *store,
                                   uint32_t rows_max);
void wr_entities_deinit(struct wr_entities *entities);

const struct wr_row *wr_entity_row(const struct wr_entities *entities, uint32_t row);
/* The same to write to: what it held goes to the image first, if one is being made. */
struct wr_row *wr_entity_edit(const struct wr_entities *entities, uint32_t row);
/* WR_ROW_NONE when it is not held. */
uint32_t wr_entity_find(const struct wr_entities *entities, const struct wr_event_key *key);
/* The first row whose slot looks like this key's, without touching a row; for prefetching. */
uint32_t wr_entity_hint(const struct wr_entities *entities, const struct wr_event_key *key);
/* A new live row, newest in use; WR_ROW_NONE when there is no room for it. */
uint32_t wr_entity_add(struct wr_entities *entities, const struct wr_event_key *key,
                       uint32_t entity);
/* Forgets the row; its tape must be free already. */
void wr_entity_drop(struct wr_entities *entities, uint32_t row);
/* Makes it the newest of the live, whichever list it is on. */
void wr_entity_use(struct wr_entities *entities, uint32_t row);
/* Moves a live row to the end of the lost. */
void wr_entity_lose(struct wr_entities *entities, uint32_t row);
void wr_entity_prefetch(const struct wr_entities *entities, const struct wr_event_key *key);
/* Restoring: makes slots for the rows that are there, without any yet, then puts rows into them,
 * one by one. False when there is no memory; when a row is there already, or its key. */
WR_NODISCARD bool wr_entity_restore_begin(struct wr_entities *entities);
WR_NODISCARD bool wr_entity_restore(struct wr_entities *entities, uint32_t row);
uint64_t wr_entities_taken(const struct wr_entities *entities);

#endif
