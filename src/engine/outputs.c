/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy computes beside its outcome: an amount granted, a limit, a band. */
#include "engine/state.h"
#include "value/json_write.h"

/* "rule":value, or nothing when there is no room for all of it. */
static bool put_output(struct wr_buf *out, struct wr_str rule, const struct wr_value *value)
{
    size_t before = out->n;
    wr_buf_str(out, before > 1 ? WR_STR(",") : WR_STR(""));
    wr_json_write_string(out, rule, WR_JSON_COMPACT);
    wr_buf_char(out, ':');
    wr_json_write(out, value, WR_JSON_COMPACT);
    if (!out->overflow) {
        return true;
    }
    out->n = before;
    out->overflow = false;
    return false;
}

void wr_verdict_outputs(struct wr_engine *engine, struct wr_verdict *verdict,
                        const struct wr_value *values)
{
    const struct wr_pack_policy *policy = &engine->binding->pack->policy;
    char *room =
        policy->n_outputs != 0 ? wr_arena_alloc(&engine->work, WR_LIMIT_OUTPUT_BYTES, 1) : NULL;
    struct wr_buf out = wr_buf_fixed(room, room != NULL ? WR_LIMIT_OUTPUT_BYTES - 1 : 0);
    wr_buf_char(&out, '{');
    for (uint32_t i = 0; i < policy->n_outputs; i++) {
        if (!wr_is(values[i], WR_UNDEFINED) && !put_output(&out, policy->outputs[i], &values[i])) {
            wr_verdict_degrade(verdict, "output", policy->outputs[i], "too_large", WR_STR(""));
        }
    }
    if (room != NULL) {
        out.cap++; /* was kept for this */
        wr_buf_char(&out, '}');
        verdict->outputs = wr_buf_view(&out);
    }
}
