/* SPDX-License-Identifier: Apache-2.0 */
/* What replay.c (the entries), replay_pack.c (packs by digest), replay_file.c (exported rows) and
 * replay_count.c (comparing and counting) share. */
#ifndef WR_REPLAY_IN_H
#define WR_REPLAY_IN_H

#include "app/anchors.h"
#include "app/progress.h"
#include "app/replay.h"

enum { WR_REPLAY_BATCH = 64 };

struct wr_replay_row { /* a decision that a label may still reach */
    int64_t amount;
    uint8_t was, is; /* outcomes; was 0: not compared */
    uint8_t label;   /* 0 none, 1 true, 2 false */
};

struct wr_replay_pack {
    struct wr_arena arena;
    struct wr_pack *pack;
    uint64_t used;
};

struct wr_replay {
    const struct wr_replay_config *config;
    struct wr_replay_result *result;
    struct wr_arena *arena;  /* of the result */
    struct wr_arena scratch; /* of a batch */
    struct wr_arena texts;   /* copies of the payloads of a batch */
    struct wr_engine *engine;
    struct wr_engine_config engine_config;
    struct wr_progress progress;
    /* the batch */
    struct wr_record records[WR_REPLAY_BATCH];
    struct wr_str payloads[WR_REPLAY_BATCH];
    size_t n;
    /* packs */
    struct wr_replay_pack packs[WR_LIMIT_REPLAY_PACKS];
    size_t n_packs;
    uint64_t clock; /* of pack use */
    char amount_path[256];
    /* decisions by sequence */
    struct wr_replay_row *rows;
    uint64_t rows_first, rows_cap;
    struct wr_anchors anchors; /* where the recorded ones are not of this engine */
    bool own_anchors;
    bool is_file;
    uint64_t refold_at; /* the activation that wants the entries before it folded anew; 0 none */
    uint64_t begins;    /* sequence of the first entry */
    int64_t begins_us;  /* its time */
};

/* replay_pack.c: the pack of a digest, from the configured one, the state directory or the known
 * ones. Errors: WR_E_PACK, those of loading. */
WR_NODISCARD wr_err wr_replay_find_pack(struct wr_replay *replay, const uint8_t digest[32],
                                        const struct wr_pack **pack, struct wr_error *error);
/* Where the pack's events have their amount, and with how many digits. */
void wr_replay_read_mapping(struct wr_replay *replay, const struct wr_pack *pack);
void wr_replay_close_packs(struct wr_replay *replay);

/* replay_count.c */
void wr_replay_compare(struct wr_replay *replay, const struct wr_record *record,
                       struct wr_str payload, const struct wr_answer *answer);
void wr_replay_count_label(struct wr_replay *replay, const struct wr_record *record);
bool wr_replay_is_wanted(const struct wr_replay *replay, const struct wr_record *record);
void wr_replay_sum_up(struct wr_replay *replay);

/* replay_file.c: calls `each` with every row of an exported file, as a record without anchor. */
WR_NODISCARD wr_err wr_replay_file_each(struct wr_replay *replay,
                                        wr_err (*each)(struct wr_replay *replay,
                                                       const struct wr_record *record,
                                                       struct wr_str payload,
                                                       struct wr_error *error),
                                        struct wr_error *error);

#endif
