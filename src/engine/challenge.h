/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions whose challengers are still to be scored: a bounded queue of their records.
 *
 *   head                                              tail
 *   [gap: 12 lost][record][record] ... [record][gap: 3 over the bound]
 *
 * A slot holds one record, or stands for decisions of which nothing was kept: those that a restart
 * found without scores, and those that came while the queue was full. What is in the queue depends
 * on the entries alone, in their order: a replay has the same records in it. One that begins midway
 * has fewer, so that others fit: its gaps may end elsewhere. */
#ifndef WR_ENGINE_CHALLENGE_H
#define WR_ENGINE_CHALLENGE_H

#include "engine/engine.h"
#include "pack/parts.h"

struct wr_challenge_slot {
    uint64_t upto;     /* sequence of the (last) decision */
    uint32_t n;        /* decisions; 1 of a record */
    uint32_t at, size; /* of the record in `room`; size 0: none was kept */
    enum wr_challenge_why why;
};

struct wr_challenge {
    struct wr_challenge_slot *slots; /* a ring */
    struct wr_challenge_slot one;    /* while there is no room: all of it is a gap */
    uint32_t cap, first, n_slots, n_records;
    char *room; /* WR_LIMIT_SHADOW_BYTES, a ring */
    uint32_t tail;
    uint64_t n_decisions; /* in all slots */
    bool has_folded;      /* there were decisions without their records in it */
    uint64_t covered;     /* sequence up to which entries have covered all */
    uint64_t dropped[WR_CHALLENGE_WHYS];
    struct wr_challenger_stats stats[WR_LIMIT_PACK_MODELS];
};

void wr_challenge_init(struct wr_challenge *shadow);
/* Makes room for the challengers of a pack, if it has any. False: there is no memory. */
bool wr_challenge_make_room(struct wr_challenge *shadow, const struct wr_memory *memory,
                            const struct wr_pack *pack);
void wr_challenge_deinit(struct wr_challenge *shadow, const struct wr_memory *memory);
/* Adds a decision; without a record, or without room, it is part of a gap. */
void wr_challenge_push(struct wr_challenge *shadow, uint64_t sequence, struct wr_str record);
/* The i-th slot; its record, empty of a gap. */
const struct wr_challenge_slot *wr_challenge_slot(const struct wr_challenge *shadow, uint32_t i);
struct wr_str wr_challenge_record(const struct wr_challenge *shadow,
                                  const struct wr_challenge_slot *slot);
/* Takes out all slots up to a sequence: an entry has covered them. */
void wr_challenge_cover(struct wr_challenge *shadow, uint64_t upto);
/* An entry covers n decisions, the oldest ones, whose scores cannot be told again: so many are
 * taken out, also of a gap that goes on behind them. */
void wr_challenge_fold(struct wr_challenge *shadow, uint64_t upto, uint64_t n);
/* The records' models are gone: what waits is a gap. */
void wr_challenge_lose(struct wr_challenge *shadow, enum wr_challenge_why why);
/* What a fold of the same entries knows of it, in 24 bytes, and that again. */
void wr_challenge_save(const struct wr_challenge *shadow, uint8_t out[24]);
void wr_challenge_restore(struct wr_challenge *shadow, const char in[24]);

#endif
