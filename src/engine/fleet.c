/* SPDX-License-Identifier: Apache-2.0 */
/* Features of scope fleet: what the other nodes add is an input of the decision, so it is asked for
 * once, stands in the record, and a replay takes it from there. */
#include "engine/state.h"

enum { ENTRY_MAX = 64 }; /* {"count_max":...,"stale_ms":...} */

struct wr_fleet *wr_engine_fleet(const struct wr_engine *engine)
{
    return engine->config.fleet;
}

void wr_engine_set_fleet(struct wr_engine *engine, struct wr_fleet *fleet)
{
    engine->config.fleet = fleet;
}

void wr_engine_set_fleet_now(struct wr_engine *engine, int64_t now_us)
{
    engine->fleet_now_us = now_us;
}

bool wr_engine_has_fleet(const struct wr_engine *engine)
{
    return engine->binding->plan->fleet != NULL;
}

uint32_t wr_engine_fleet_keys(struct wr_engine *engine, struct wr_arena *scratch,
                              struct wr_str body, int64_t now_us, struct wr_fleet_key *out)
{
    struct wr_case c = {.body = body, .now_us = now_us};
    struct wr_error ignored; /* it will be refused again, and told */
    if (engine->config.fleet == NULL || !wr_case_prepare(engine, &c, scratch) ||
        wr_case_read(engine, &c, scratch, &ignored) != WR_OK) {
        return 0;
    }
    return wr_fleet_keys_of(engine->config.fleet, c.event, out);
}

void wr_case_ask_fleet(struct wr_engine *engine, struct wr_case *c)
{
    const struct wr_feature_plan *plan = engine->binding->plan;
    c->vector.others = c->others;
    if (engine->config.fleet_is_here) {
        for (uint32_t i = 0; i < plan->fleet->n_features; i++) {
            c->others[i] = (struct wr_fleet_share){.known = true};
        }
    } else if (c->recorded || engine->config.fleet == NULL) {
        wr_fleet_shares_read(plan, c->fleet, c->others);
    } else {
        wr_fleet_read(engine->config.fleet, c->event, engine->fleet_now_us, c->others);
    }
}

void wr_case_tell_fleet(struct wr_engine *engine, const struct wr_case *c)
{
    if (engine->config.fleet != NULL && !c->vector.late) {
        wr_fleet_add(engine->config.fleet, c->event, c->conditions, c->sequence);
    }
}

/* The share of the k-th feature by name, if its bound is known. */
static const struct wr_fleet_share *share_of(const struct wr_binding *binding,
                                             const struct wr_case *c, uint32_t k)
{
    uint32_t i = binding->pack->by_name[k];
    const struct wr_feature *feature = &binding->plan->features[i];
    if (!feature->fleet || !c->others[feature->fleet_at].counted ||
        wr_is(c->features[i], WR_UNDEFINED)) {
        return NULL;
    }
    return &c->others[feature->fleet_at];
}

struct wr_value wr_case_fleet_object(struct wr_engine *engine, const struct wr_case *c)
{
    const struct wr_binding *binding = engine->binding;
    uint32_t n = 0, n_max = binding->plan->fleet != NULL ? binding->plan->fleet->n_features : 0;
    struct wr_pair *pairs = wr_arena_alloc(&engine->work, (3 * (size_t)n_max + 1) * sizeof *pairs,
                                           alignof(struct wr_pair));
    for (uint32_t k = 0; pairs != NULL && n_max != 0 && k < binding->plan->n_features; k++) {
        const struct wr_fleet_share *share = share_of(binding, c, k);
        if (share == NULL) {
            continue;
        }
        struct wr_pair *inner = pairs + n_max + 2 * (size_t)n;
        inner[0] =
            (struct wr_pair){wr_string(WR_STR("count_max")), wr_int((int64_t)share->count_max)};
        inner[1] = (struct wr_pair){wr_string(WR_STR("stale_ms")), wr_int(share->stale_ms)};
        pairs[n].key = binding->feature_keys[k];
        pairs[n++].value = (struct wr_value){.type = WR_OBJECT, .n = 2, .pairs = inner};
    }
    return (struct wr_value){.type = WR_OBJECT, .n = n, .pairs = pairs};
}

void wr_case_fleet_write(struct wr_buf *out, const struct wr_binding *binding,
                         const struct wr_case *c)
{
    bool first = true;
    wr_buf_char(out, '{');
    for (uint32_t k = 0; k < binding->plan->n_features; k++) {
        const struct wr_fleet_share *share = share_of(binding, c, k);
        if (share == NULL) {
            continue;
        }
        struct wr_str label = binding->book.labels[k].text;
        wr_buf_add(out, label.p + (first ? 1 : 0), label.n - (first ? 1 : 0));
        wr_format(out, "{\"count_max\":%llu,\"stale_ms\":%u}", (unsigned long long)share->count_max,
                  share->stale_ms);
        first = false;
    }
    wr_buf_char(out, '}');
}

size_t wr_binding_fleet_size(const struct wr_binding *binding)
{
    const struct wr_feature_plan *plan = binding->plan;
    size_t size = 16;
    for (uint32_t k = 0; plan->fleet != NULL && k < plan->n_features; k++) {
        if (plan->features[binding->pack->by_name[k]].fleet) {
            size += binding->book.labels[k].text.n + ENTRY_MAX + WR_FLEET_SHARE_SIZE;
        }
    }
    return size;
}
