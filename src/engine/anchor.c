/* SPDX-License-Identifier: Apache-2.0 */
/* Anchors: what a label, and a fold, need of a decision without reading its event again.
 *
 *   offset  size
 *        0     8  event time, milliseconds since 1970
 *        8     8  place among events of equal time (wr_feature_vector)
 *       16     4  conditions that held, one bit each
 *       20     2  first bytes of the state digest of the pack that made it
 *       22     2  number of keys
 *       24    20  each key: the entity's salt (8), hash (8), check (4)
 *
 * A salt tells an entity by its name, so that an anchor is understood under another pack. */
#include "engine/state.h"

enum {
    AT_PLACE = 8,
    AT_CONDITIONS = 16,
    AT_STATE = 20,
    AT_COUNT = 22,
    AT_KEYS = WR_ANCHOR_KEYS,
    KEY_SIZE = WR_ANCHOR_KEY
};

size_t wr_anchor_write(const struct wr_engine *engine, const struct wr_case *c,
                       char out[WR_ANCHOR_MAX])
{
    const struct wr_schema *schema = engine->binding->schema;
    uint16_t n = 0;
    wr_put64(out, (uint64_t)c->event->time_ms);
    wr_put64(out + AT_PLACE, c->vector.place);
    wr_put32(out + AT_CONDITIONS, c->conditions);
    memcpy(out + AT_STATE, engine->binding->state_pack->state_digest, 2);
    for (uint32_t i = 0; i < schema->n_entities; i++) {
        const struct wr_event_key *key = &c->event->keys[i];
        if (key->present) {
            char *at = out + AT_KEYS + (size_t)KEY_SIZE * n++;
            wr_put64(at, schema->entities[i].salt);
            wr_put64(at + 8, key->hash);
            wr_put32(at + 16, key->check);
        }
    }
    wr_put16(out + AT_COUNT, n);
    return AT_KEYS + (size_t)KEY_SIZE * n;
}

static void read_key(const struct wr_schema *schema, const char *at, struct wr_event *event)
{
    for (uint32_t i = 0; i < schema->n_entities; i++) {
        if (schema->entities[i].salt == wr_get64(at)) {
            event->keys[i] = (struct wr_event_key){
                .hash = wr_get64(at + 8), .check = wr_get32(at + 16), .present = true};
        }
    }
}

bool wr_anchor_is_alike(const struct wr_engine *engine, struct wr_str anchor)
{
    return anchor.n >= AT_KEYS &&
           memcmp(anchor.p + AT_STATE, engine->binding->state_pack->state_digest, 2) == 0;
}

bool wr_anchor_read(const struct wr_engine *engine, struct wr_str anchor, struct wr_event *event,
                    uint64_t *place, uint32_t *conditions)
{
    const struct wr_binding *binding = engine->binding;
    if (anchor.n < AT_KEYS ||
        anchor.n != AT_KEYS + (size_t)KEY_SIZE * wr_get16(anchor.p + AT_COUNT)) {
        return false;
    }
    int64_t time_ms = (int64_t)wr_get64(anchor.p);
    if (time_ms < WR_ANCHOR_MS_MIN || time_ms > WR_ANCHOR_MS_MAX) {
        return false;
    }
    memset(event, 0, sizeof *event);
    event->time_ms = time_ms;
    event->has_time = true;
    *place = wr_get64(anchor.p + AT_PLACE);
    *conditions = wr_get32(anchor.p + AT_CONDITIONS);
    bool same_state = memcmp(anchor.p + AT_STATE, binding->state_pack->state_digest, 2) == 0;
    if (!same_state && *place != WR_PLACE_NONE) {
        *place = 0; /* places belong to a plan: the first event of that time will do */
    }
    for (size_t at = AT_KEYS; at < anchor.n; at += KEY_SIZE) {
        read_key(binding->schema, anchor.p + at, event);
    }
    return true;
}
