/* SPDX-License-Identifier: Apache-2.0 */
/* What a pack's features cost, in words, and warnings about those that cost much. */
#include "feature/cost.h"
#include "feature/fleet_plan.h"
#include "feature/instant.h"
#include "pack/parts.h"

static void add_z(struct wr_buf *out, const char *text)
{
    wr_buf_str(out, wr_str_z(text));
}

static void add_span(struct wr_buf *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        char unit;
    } units[] = {{WR_MS_PER_D, 'd'}, {3600000, 'h'}, {60000, 'm'}, {1000, 's'}};
    for (size_t i = 0; i < WR_COUNTOF(units); i++) {
        if (ms % units[i].ms == 0) {
            wr_buf_i64(out, ms / units[i].ms);
            wr_buf_char(out, units[i].unit);
            return;
        }
    }
    wr_buf_i64(out, ms);
    add_z(out, "ms");
}

static void add_kind(struct wr_buf *out, const struct wr_feature_cost *cost)
{
    switch (cost->kind) {
    case WR_KEEP_CONSTANT:
        add_z(out, "constant time, ");
        wr_buf_u64(out, cost->large_bytes);
        add_z(out, " bytes for each busy entity, shared by its window");
        break;
    case WR_KEEP_TALLY:
        add_z(out, "constant time, ");
        wr_buf_u64(out, cost->large_bytes);
        add_z(out, " bytes for each busy entity and 12 to 38 for each value in its window");
        break;
    case WR_KEEP_WALK:
        add_z(out, "time by the logarithm of the window's events, no memory of its own");
        break;
    case WR_KEEP_RECORDS:
        add_z(out, "looks at each of the window's newest ");
        wr_buf_u64(out, cost->records_max);
        add_z(out, " events, no memory of its own");
        break;
    default:
        add_z(out, "nothing kept");
        break;
    }
}

void wr_pack_feature_cost(const struct wr_pack *pack, size_t i, struct wr_buf *out)
{
    const struct wr_feature_plan *plan = pack->plan;
    const struct wr_feature *f = &plan->features[i];
    struct wr_feature_cost cost = wr_feature_cost(plan, (uint32_t)i);
    wr_buf_str(out, f->name);
    add_z(out, ": ");
    add_z(out, wr_feature_kind_name(f->kind));
    if (cost.kind != WR_KEEP_NONE) {
        add_z(out, " of ");
        wr_buf_str(out, plan->schema->entities[f->entity].name);
        if (f->window_kind == WR_WINDOW_ALL) {
            add_z(out, ", all time");
        } else {
            add_z(out, ", looks back ");
            add_span(out, cost.reach_ms);
        }
        add_z(out, ", at least ");
        wr_buf_u64(out, cost.record_bytes);
        add_z(out, " bytes an event");
    }
    add_z(out, "; ");
    add_kind(out, &cost);
    if (f->fleet) {
        const struct wr_fleet_plan *fleet = plan->fleet;
        add_z(out, "; other nodes' events in slots of ");
        add_span(out, fleet->series[fleet->features[f->fleet_at].series].slot_ms);
        add_z(out, ", at most ");
        add_span(out, f->stale_ms);
        add_z(out, " old");
    }
}

void wr_pack_entity_cost(const struct wr_pack *pack, size_t i, struct wr_buf *out)
{
    const struct wr_feature_plan *plan = pack->plan;
    uint32_t bytes = wr_entity_record_bytes(plan, (uint32_t)i);
    wr_buf_str(out, plan->schema->entities[i].name);
    if (bytes == 0) {
        add_z(out, ": no feature reads it");
        return;
    }
    int64_t days = wr_entity_reach_ms(plan, (uint32_t)i) / WR_MS_PER_D;
    add_z(out, ": about ");
    wr_buf_u64(out, bytes);
    add_z(out, " bytes an event, all its features together, and ");
    wr_buf_u64(out, WR_ENTITY_BYTES);
    if (days <= WR_LIMIT_FEATURE_SPAN_DAYS) {
        add_z(out, "; held ");
        add_span(out, wr_entity_reach_ms(plan, (uint32_t)i));
    } else {
        add_z(out, "; held for ever");
    }
}

/* ── warnings ───────────────────────────────────────────────────────────────────────────────── */
static void warn_feature(struct wr_pack *pack, uint32_t i)
{
    const struct wr_feature *f = &pack->plan->features[i];
    struct wr_feature_cost cost = wr_feature_cost(pack->plan, i);
    if (cost.kind == WR_KEEP_TALLY && cost.reach_ms > WR_MS_PER_D) {
        wr_pack_warn(
            pack,
            "the feature %.*s counts different values of an unbounded key over more than a "
            "day: each busy entity keeps a table of its window's values",
            WR_FMT(f->name));
    } else if (cost.kind == WR_KEEP_RECORDS) {
        wr_pack_warn(pack,
                     "the feature %.*s looks at each event of its window, up to %u: slow for busy "
                     "entities",
                     WR_FMT(f->name), cost.records_max);
    }
    if (f->window_kind == WR_WINDOW_ALL && cost.kind != WR_KEEP_NONE) {
        wr_pack_warn(pack, "the feature %.*s has no end: the tapes of %.*s grow until limits.bytes",
                     WR_FMT(f->name), WR_FMT(pack->schema->entities[f->entity].name));
    }
}

/* At one event a day, does what the windows reach back to fit below the caps? */
static void warn_retention(struct wr_pack *pack)
{
    uint64_t entities = pack->entities_max != 0 ? pack->entities_max : UINT64_C(1) << 21;
    uint64_t bytes_max = pack->bytes_max != 0 ? pack->bytes_max : UINT64_C(512) << 20, most = 0;
    for (uint32_t i = 0; i < pack->schema->n_entities; i++) {
        uint64_t days = (uint64_t)(wr_entity_reach_ms(pack->plan, i) / WR_MS_PER_D);
        days = WR_MIN(days, (uint64_t)WR_LIMIT_FEATURE_SPAN_DAYS);
        most = WR_MAX(most, days * wr_entity_record_bytes(pack->plan, i) + WR_ENTITY_BYTES);
    }
    if (entities * most > bytes_max && pack->plan->n_features != 0) {
        wr_pack_warn(
            pack,
            "windows may reach further back than memory does: limits.entities (%llu) at one "
            "event a day need %llu MiB and limits.bytes is %llu MiB; the least recently "
            "used give way",
            (unsigned long long)entities, (unsigned long long)(entities * most >> 20),
            (unsigned long long)(bytes_max >> 20));
    }
}

void wr_pack_warn_costs(struct wr_pack *pack)
{
    for (uint32_t i = 0; i < pack->plan->n_features; i++) {
        warn_feature(pack, i);
    }
    warn_retention(pack);
}
