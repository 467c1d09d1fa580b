/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the lists' tables share: records and notes. Nobody else includes it. */
#ifndef WR_LIST_IN_H
#define WR_LIST_IN_H

#include "feature/list_table.h"

enum {
    WR_LIST_HEAD = 6,
    WR_LIST_RECORD_MAX = WR_LIST_HEAD + WR_LIMIT_LIST_VALUE + 8,
    WR_LIST_KEY_MASK = 1023, /* of a record's first 16 bits */
    WR_LIST_EXPIRES = 1024,
    WR_LIST_NOTED = 2048,
    WR_LIST_HIDES = 4096,
    WR_LIST_DEAD = 8192,
    WR_LIST_END = 0, /* nothing follows in this chunk: no key is empty */
    WR_LIST_PLACE_BITS = 26,
    WR_LIST_PLACE_MASK = (1 << WR_LIST_PLACE_BITS) - 1
};

/* Keys come from operators, lookups from strangers: a secret is not needed. */
static inline uint64_t wr_list_hash(struct wr_str key)
{
    static const struct wr_hash_key list_key = {0x7765697200000001, 0x6c69737400000001};
    return wr_siphash13(list_key, key.p, key.n);
}

static inline uint32_t wr_list_home(const struct wr_list_part *part, uint64_t hash)
{
    return (uint32_t)((hash & UINT32_MAX) * part->size >> 32);
}

/* 1 to 63: a slot in use is not 0. */
static inline uint32_t wr_list_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32) % 63 + 1;
}

static inline uint8_t *wr_list_record(const struct wr_list_table *table, uint32_t slot)
{
    uint32_t place = slot & WR_LIST_PLACE_MASK;
    return table->chunks[place >> 15 & (table->n_chunks - 1)] + (size_t)(place & 32767) * 2;
}

static inline struct wr_str wr_list_record_key(const uint8_t *record)
{
    return wr_str_of((const char *)record + WR_LIST_HEAD, wr_get16(record) & WR_LIST_KEY_MASK);
}

static inline uint32_t wr_list_record_size(uint16_t head)
{
    uint32_t n = (head & WR_LIST_KEY_MASK) + ((head & WR_LIST_EXPIRES) != 0 ? 4u : 0u) +
                 ((head & WR_LIST_NOTED) != 0 ? 3u : 0u);
    return (WR_LIST_HEAD + n + 1) & ~1u;
}

static inline uint32_t wr_list_record_expires(const uint8_t *record)
{
    uint16_t head = wr_get16(record);
    return (head & WR_LIST_EXPIRES) != 0
               ? wr_get32(record + WR_LIST_HEAD + (head & WR_LIST_KEY_MASK))
               : 0;
}

static inline uint32_t wr_list_record_note(const uint8_t *record)
{
    uint16_t head = wr_get16(record);
    const uint8_t *at =
        record + WR_LIST_HEAD + (head & WR_LIST_KEY_MASK) + ((head & WR_LIST_EXPIRES) != 0 ? 4 : 0);
    return (head & WR_LIST_NOTED) != 0
               ? (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16
               : 0;
}

/* PREFIX: bytes of the key; CIDR: bits, IPv6 behind IPv4. */
static inline uint32_t wr_list_length(enum wr_list_match match, struct wr_str key)
{
    return match == WR_LIST_PREFIX ? (uint32_t)key.n
           : key.p[0] == 4         ? (uint8_t)key.p[1]
                                   : 33 + (uint32_t)(uint8_t)key.p[1];
}

/* The record with this key, or NULL. */
const uint8_t *wr_list_look(const struct wr_list_table *table, uint64_t hash, struct wr_str key);
/* The record at the cursor, which is set to where it is, or NULL behind the last one. */
uint8_t *wr_list_record_at(const struct wr_list_table *table, uint64_t *chunk, uint32_t *at);

/* list_image.c: before a record is buried or moved away. */
void wr_list_image_save(struct wr_list_table *table, struct wr_list_cursor at);

/* list_find.c; without effect on lists of other kinds. */
void wr_list_spans_add(struct wr_list_table *table, struct wr_str key, uint32_t place);
void wr_list_spans_drop(struct wr_list_table *table, struct wr_str key);
void wr_list_spans_move(struct wr_list_table *table, struct wr_str key, uint32_t from, uint32_t to);

/* list_note.c. Number 0 is the empty note, which takes nothing. */
/* Refers to a note once more, which is made when it is not there; false without memory. */
WR_NODISCARD bool wr_list_notes_keep(struct wr_list_notes *notes, struct wr_str owner,
                                     struct wr_str reason);
/* The number of a note that is kept. */
uint32_t wr_list_notes_find(struct wr_list_notes *notes, struct wr_str owner, struct wr_str reason);
void wr_list_notes_drop(struct wr_list_notes *notes, uint32_t number);
void wr_list_notes_text(const struct wr_list_notes *notes, uint32_t number, struct wr_str *owner,
                        struct wr_str *reason);
uint64_t wr_list_notes_close(struct wr_list_notes *notes); /* bytes given back */

#endif
