/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/cost.h"

#include "feature/class.h"
#include "feature/large.h"
#include "feature/tally.h"

enum { AMOUNT_BYTES = 3, NUMBER_BYTES = 4, KEY_BYTES = 2, LINK_BYTES = 8 };

static uint32_t bytes_of_bits(uint64_t span, unsigned n_bits)
{
    unsigned bits = n_bits;
    for (; span != 0; span >>= 1) {
        bits++;
    }
    return (bits + 7) / 8;
}

static uint32_t column_bytes(const struct wr_schema *schema, uint32_t field)
{
    if (field >= WR_LIMIT_SCHEMA_FIELDS) {
        return LINK_BYTES;
    }
    switch (schema->fields[field].type) {
    case WR_FIELD_KEY:
        return KEY_BYTES;
    case WR_FIELD_MONEY:
        return AMOUNT_BYTES;
    default:
        return NUMBER_BYTES;
    }
}

uint32_t wr_entity_record_bytes(const struct wr_feature_plan *plan, uint32_t entity)
{
    const struct wr_feature_class *class = &plan->classes[entity];
    if (!class->used) {
        return 0;
    }
    /* A chunk spans what its records do: a month at most for all but the quietest. */
    int64_t span = WR_MIN(class->retention, (int64_t)31 * 86400 * 1000 / plan->schema->tick_ms);
    uint32_t bytes = bytes_of_bits((uint64_t)span, class->n_bits);
    for (uint32_t c = 0; c < class->n_columns; c++) {
        bytes += column_bytes(plan->schema, class->columns[c].field);
    }
    return bytes;
}

int64_t wr_entity_reach_ms(const struct wr_feature_plan *plan, uint32_t entity)
{
    return plan->classes[entity].retention * plan->schema->tick_ms;
}

static enum wr_keep_kind kind_of(const struct wr_feature *f)
{
    switch (f->kind) {
    case WR_FEATURE_VALUE:
    case WR_FEATURE_REGO:
        return WR_KEEP_NONE;
    case WR_FEATURE_DISTINCT:
    case WR_FEATURE_LINKS:
    case WR_FEATURE_SAME_AS_NOW:
    case WR_FEATURE_SEEN_BEFORE:
    case WR_FEATURE_FIRST_SEEN:
        return wr_feature_is_probe(f) ? WR_KEEP_RECORDS : WR_KEEP_TALLY;
    case WR_FEATURE_MEDIAN:
    case WR_FEATURE_PERCENTILE:
    case WR_FEATURE_MODE:
    case WR_FEATURE_TOP_N:
    case WR_FEATURE_HOME_DISTANCE:
        return WR_KEEP_RECORDS;
    default:
        return wr_feature_is_probe(f) ? WR_KEEP_WALK : WR_KEEP_CONSTANT;
    }
}

struct wr_feature_cost wr_feature_cost(const struct wr_feature_plan *plan, uint32_t feature)
{
    const struct wr_feature *f = &plan->features[feature];
    struct wr_feature_cost cost = {.kind = kind_of(f),
                                   .reach_ms = f->window_ms + f->delay_ms + f->baseline_ms};
    if (cost.kind == WR_KEEP_NONE) {
        return cost;
    }
    const struct wr_feature_class *class = &plan->classes[f->entity];
    int64_t span = WR_MIN(class->retention, (int64_t)31 * 86400 * 1000 / plan->schema->tick_ms);
    cost.record_bytes = bytes_of_bits((uint64_t)span, 0);
    cost.record_bytes += f->field != UINT32_MAX ? column_bytes(plan->schema, f->field) : 0;
    cost.record_bytes += f->field2 != 0 ? column_bytes(plan->schema, f->field2) : 0;
    if (cost.kind == WR_KEEP_CONSTANT) {
        cost.large_bytes = class->mark_size;
    } else if (cost.kind == WR_KEEP_TALLY) {
        cost.large_bytes = class->mark_size + (uint32_t)sizeof(struct wr_tally);
    } else if (cost.kind == WR_KEEP_RECORDS) {
        bool set = f->kind < WR_FEATURE_MEDIAN;
        cost.records_max = set ? WR_LIMIT_SET_RECORDS : WR_LIMIT_FEATURE_SAMPLE;
    }
    return cost;
}
