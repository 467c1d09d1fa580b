/* SPDX-License-Identifier: Apache-2.0 */
/* Puts `places` into the request: what the pack's databases know of its addresses. From there on it
 * is a part of the request like any other, for keys, features, lists, models and the policy; but
 * not of the event that is recorded, which is what the caller sent. */
#include "engine/state.h"

#define PLACES WR_STR("places")

static struct wr_value look_up(const struct wr_place *place, const struct wr_value *document,
                               struct wr_arena *scratch)
{
    struct wr_ip ip;
    const struct wr_value *v = wr_path_get(&place->key, document);
    if (v == NULL || !wr_is(*v, WR_STRING) || !wr_ip_read(wr_text(*v), &ip)) {
        return wr_undefined();
    }
    struct wr_value found =
        wr_mmdb_find(place->database, &ip, place->names, place->n_names, scratch);
    bool is_long =
        (wr_is(found, WR_STRING) || (wr_is(found, WR_NUMBER) && found.kind == WR_TEXT)) &&
        found.n > WR_LIMIT_DERIVED_TEXT;
    return is_long ? wr_undefined() : found;
}

/* The document with `places`, in its order among the keys, in the stead of any it had. */
static void put(struct wr_case *c, struct wr_pair *pairs)
{
    uint32_t n = 0, i = 0;
    for (; i < c->document.n && wr_str_cmp(wr_text(c->document.pairs[i].key), PLACES) < 0; i++) {
        pairs[n++] = c->document.pairs[i];
    }
    pairs[n++] = (struct wr_pair){wr_string(PLACES), c->places};
    i += i < c->document.n && wr_str_eq(wr_text(c->document.pairs[i].key), PLACES);
    for (; i < c->document.n; i++) {
        pairs[n++] = c->document.pairs[i];
    }
    c->document = (struct wr_value){.type = WR_OBJECT, .n = n, .pairs = pairs};
}

wr_err wr_case_locate(const struct wr_engine *engine, struct wr_case *c, struct wr_arena *scratch,
                      struct wr_error *error)
{
    const struct wr_pack *pack = engine->binding->pack;
    if (WR_LIKELY(pack->n_places == 0)) {
        return WR_OK;
    }
    struct wr_pair *found = WR_NEW_ARRAY(scratch, struct wr_pair, pack->n_places);
    struct wr_pair *pairs = WR_NEW_ARRAY(scratch, struct wr_pair, (size_t)c->document.n + 1);
    uint32_t n = 0;
    if (found == NULL || pairs == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the request");
    }
    for (uint32_t i = 0; i < pack->n_places; i++) {
        struct wr_value v = look_up(&pack->places[i], &c->document, scratch);
        if (!wr_is(v, WR_UNDEFINED)) {
            found[n++] = (struct wr_pair){wr_string(pack->places[i].name), v};
        }
    }
    c->places = (struct wr_value){.type = WR_OBJECT, .n = n, .pairs = found};
    put(c, pairs);
    return WR_OK;
}
