/* SPDX-License-Identifier: Apache-2.0 */
/* A random stream over the small pack: late events, ids again, labels of what came before, changes
 * of lists. What is decided is kept by the rig. */
#ifndef STREAM_H
#define STREAM_H

#include "base/rng.h"
#include "engine/lists.h"

#include "unit/engine/rig.h"

static inline void body_of(char *body, size_t size, struct wr_rng *rng, int i)
{
    int64_t at = RIG_START + (int64_t)i * 40 - (int64_t)wr_rng_below(rng, 120) +
                 (wr_rng_below(rng, 100) == 0 ? -100000 : 0);
    int id = wr_rng_below(rng, 20) == 0 && i > 5 ? i - 3 : i;
    snprintf(body, size,
             "{\"transaction\":{\"id\":\"e%d\",\"time\":%lld,\"amount\":%d.%02d,"
             "\"terminal\":\"t%d\",\"online\":%s},\"user\":{\"id\":%d}}",
             id, (long long)(id == i ? at : RIG_START), (int)wr_rng_below(rng, 1000),
             (int)wr_rng_below(rng, 100), (int)wr_rng_below(rng, 4),
             wr_rng_below(rng, 2) == 0 ? "true" : "false", (int)wr_rng_below(rng, 40));
}

static inline void label_one(struct rig *rig, struct wr_rng *rng)
{
    struct wr_record record;
    struct wr_str payload = rig_record(rig, wr_rng_below(rng, rig->n_records));
    CHECK_INT(wr_record_decode(payload, &record, NULL), WR_OK);
    if (record.kind != WR_RECORD_DECISION) {
        return;
    }
    struct wr_label label = {.id = record.id, .n = 1, .names = {WR_STR("fraud")}};
    label.values[0] = (enum wr_label_value)wr_rng_below(rng, 3);
    wr_arena_reset(&rig->scratch);
    CHECK_INT(
        wr_engine_label(rig->engine, &label, record.anchor, RIG_NOW, &rig->scratch, &rig->answer),
        WR_OK);
    rig_keep(rig, rig->answer.record);
}

/* Puts some, takes off some, of a list of the pack and of one that it does not declare. */
static inline void change_list(struct rig *rig, struct wr_rng *rng, int i)
{
    struct wr_list_key keys[40];
    struct wr_str values[40];
    struct wr_list_entry entries[40] = {0};
    struct wr_list_change change = {.values = values, .entries = entries, .n = 40};
    char texts[40][32], reason[16];
    bool cidr = wr_rng_below(rng, 3) == 0;
    change.list = cidr ? WR_STR("nets") : WR_STR("devices");
    change.match = cidr ? WR_LIST_CIDR : WR_LIST_EXACT;
    change.op = wr_rng_below(rng, 3) == 0 ? WR_LIST_OP_REMOVE : WR_LIST_OP_ADD;
    snprintf(reason, sizeof reason, "r%d", i % 9);
    for (size_t k = 0; k < change.n; k++) {
        int d = (int)wr_rng_below(rng, 3000);
        snprintf(texts[k], sizeof texts[k], cidr ? "10.0.%d.%d" : "d-%d%d", d % 40, d % 200);
        values[k] = wr_str_z(texts[k]);
        CHECK(wr_list_key_read(change.match, values[k], &keys[k]) == NULL);
        entries[k].key = wr_str_of(keys[k].bytes, keys[k].n);
        entries[k].expires_s = d % 4 == 0 ? (uint32_t)(RIG_START + i * 40 + d * 30) : 0;
        entries[k].reason = d % 2 == 0 ? wr_str_z(reason) : WR_STR("");
        entries[k].hides = change.op == WR_LIST_OP_REMOVE && d % 7 == 0;
        entries[k].drops = change.op == WR_LIST_OP_REMOVE && !entries[k].hides;
        entries[k].expires_s = change.op == WR_LIST_OP_REMOVE ? 0 : entries[k].expires_s;
    }
    wr_arena_reset(&rig->scratch);
    CHECK_INT(wr_engine_list(rig->engine, &change, (RIG_START + (int64_t)i * 400) * 1000000,
                             &rig->scratch, &rig->answer),
              WR_OK);
    rig_keep(rig, rig->answer.record);
}

#endif
