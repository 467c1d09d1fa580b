/* SPDX-License-Identifier: Apache-2.0 */
/* From a request's body to an event: parse, refuse what only the engine may set, tokenise card
 * numbers, take labels out, read the schema's fields, check times, hash. Nothing here touches the
 * state: whatever fails, nothing has happened. */
#include <math.h>

#include "engine/card.h"
#include "engine/state.h"
#include "value/json_read.h"
#include "value/json_write.h"

static const struct wr_json_limits limits = {.size_max = WR_LIMIT_REQUEST_SIZE,
                                             .depth_max = WR_LIMIT_REQUEST_DEPTH};

static wr_err no_room(struct wr_error *error)
{
    return wr_fail(error, WR_E_MEMORY, "no room for the request");
}

/* ── the document ───────────────────────────────────────────────────────────────────────────── */
static wr_err refuse_reserved(const struct wr_engine *engine, const struct wr_value *document,
                              struct wr_error *error)
{
    bool fleet = engine->binding->plan->fleet != NULL;
    bool places = engine->binding->pack->n_places != 0;
    static const struct wr_str reserved[] = {{"features", 8}, {"lists", 5}, {"missing", 7},
                                             {"scores", 6},   {"fleet", 5}, {"places", 6}};
    const bool counts[] = {true, true, true, true, fleet, places};
    size_t n = places ? 6 : fleet ? 5 : 4;
    if (!wr_is(*document, WR_OBJECT)) {
        return wr_fail(error, WR_E_FIELD, "the request needs to be an object, and is %s",
                       wr_type_name(*document));
    }
    for (uint32_t k = 0; k < document->n; k++) {
        struct wr_str key = wr_text(document->pairs[k].key);
        for (size_t i = 0; i < n; i++) {
            if (key.n == reserved[i].n && WR_UNLIKELY(wr_str_eq(key, reserved[i])) && counts[i]) {
                wr_fail(error, WR_E_RESERVED, "%s: only the engine may set it", reserved[i].p);
                if (error != NULL) {
                    wr_error_where(error, reserved[i].p, reserved[i].n);
                }
                return WR_E_RESERVED;
            }
        }
    }
    return WR_OK;
}

static struct wr_value without_key(struct wr_arena *arena, const struct wr_value *object,
                                   struct wr_str key)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, object->n);
    uint32_t n = 0;
    for (uint32_t i = 0; pairs != NULL && i < object->n; i++) {
        if (!wr_str_eq(wr_text(object->pairs[i].key), key)) {
            pairs[n++] = object->pairs[i];
        }
    }
    return pairs == NULL ? wr_undefined()
                         : (struct wr_value){.type = WR_OBJECT, .n = n, .pairs = pairs};
}

static struct wr_value with_value(struct wr_arena *arena, const struct wr_value *object,
                                  struct wr_str key, struct wr_value v)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, object->n);
    for (uint32_t i = 0; pairs != NULL && i < object->n; i++) {
        pairs[i] = object->pairs[i];
        if (wr_str_eq(wr_text(pairs[i].key), key)) {
            pairs[i].value = v;
        }
    }
    return pairs == NULL ? wr_undefined()
                         : (struct wr_value){.type = WR_OBJECT, .n = object->n, .pairs = pairs};
}

/* The document without the value at a path: the objects on the way are made anew. */
static wr_err take_out(struct wr_arena *arena, struct wr_value *document,
                       const struct wr_path *path, struct wr_error *error)
{
    struct wr_value levels[WR_LIMIT_PATH_DEPTH];
    levels[0] = *document;
    for (uint32_t i = 0; i + 1 < path->n; i++) {
        const struct wr_value *below = wr_object_get_str(&levels[i], path->names[i]);
        if (below == NULL || !wr_is(*below, WR_OBJECT)) {
            return WR_OK;
        }
        levels[i + 1] = *below;
    }
    uint32_t last = path->n - 1;
    if (wr_object_get_str(&levels[last], path->names[last]) == NULL) {
        return WR_OK;
    }
    struct wr_value made = without_key(arena, &levels[last], path->names[last]);
    for (uint32_t i = last; i-- > 0 && wr_is(made, WR_OBJECT);) {
        made = with_value(arena, &levels[i], path->names[i], made);
    }
    if (!wr_is(made, WR_OBJECT)) {
        return no_room(error);
    }
    *document = made;
    return WR_OK;
}

static wr_err clean(struct wr_engine *engine, struct wr_case *c, struct wr_arena *scratch,
                    struct wr_error *error)
{
    const struct wr_schema *schema = engine->binding->schema;
    const struct wr_pack *pack = engine->binding->pack;
    const struct wr_value *exempt[2] = {
        schema->has_id ? wr_path_get(&schema->id, &c->document) : NULL,
        schema->has_time ? wr_path_get(&schema->time, &c->document) : NULL,
    };
    wr_err err = wr_card_tokenise(scratch, &c->document, exempt, engine->config.card_key, error);
    for (uint32_t i = 0; i < pack->n_labels && err == WR_OK; i++) {
        if (pack->labels[i].has_path) {
            err = take_out(scratch, &c->document, &pack->labels[i].path, error);
        }
    }
    return err;
}

/* ── what models read ───────────────────────────────────────────────────────────────────────── */
static wr_err refuse_type(const struct wr_pack_input *input, struct wr_error *error)
{
    wr_fail(error, WR_E_FIELD, "%.*s: needs %s", WR_FMT(input->path.text),
            input->category ? "a string" : "a number or a boolean");
    if (error != NULL) {
        wr_error_where(error, input->path.text.p, input->path.text.n);
    }
    return WR_E_FIELD;
}

/* The number of an input at its path, NaN when there is none; false when it is of another type. */
static bool read_path(const struct wr_pack_input *input, const struct wr_value *document,
                      double *out)
{
    const struct wr_value *v = wr_path_get(&input->path, document);
    *out = (double)NAN;
    if (v == NULL || wr_is(*v, WR_NULL)) {
        return true;
    }
    if (input->category && wr_is(*v, WR_STRING)) {
        *out = wr_model_category(input->model, input->index, wr_text(*v));
    } else if (!input->category && wr_is(*v, WR_NUMBER)) {
        *out = wr_number_to_double(v);
    } else if (!input->category && wr_is(*v, WR_BOOL)) {
        *out = (double)v->i;
    } else {
        return false;
    }
    return true;
}

static wr_err read_paths(const struct wr_engine *engine, struct wr_case *c, struct wr_error *error)
{
    const struct wr_binding *binding = engine->binding;
    for (uint32_t i = 0; i < binding->n_paths_live; i++) {
        if (!read_path(binding->paths[i], &c->document, &c->paths[i])) {
            return refuse_type(binding->paths[i], error);
        }
    }
    return WR_OK;
}

void wr_case_read_shadow_paths(const struct wr_engine *engine, struct wr_case *c)
{
    const struct wr_binding *binding = engine->binding;
    for (uint32_t i = binding->n_paths_live; i < binding->n_paths; i++) {
        (void)read_path(binding->paths[i], &c->document, &c->paths[i]);
    }
}

/* ── time ───────────────────────────────────────────────────────────────────────────────────── */
static wr_err check_time(const struct wr_engine *engine, struct wr_case *c, struct wr_error *error)
{
    struct wr_event *event = c->event;
    if (c->now_us == WR_NOW_IS_EVENT_TIME) {
        if (!event->has_time) {
            return wr_fail(error, WR_E_FIELD, "the pack maps no event time to run on");
        }
        c->now_us = event->time_ms * 1000;
    }
    if (!event->has_time) {
        event->time_ms = c->now_us / 1000 - (c->now_us % 1000 < 0 ? 1 : 0);
    }
    int64_t latest;
    if (wr_add_i64(c->now_us, WR_LIMIT_FUTURE_US, &latest) && event->time_ms * 1000 > latest) {
        const struct wr_str path = engine->binding->schema->time.text;
        wr_fail(error, WR_E_FUTURE, "%.*s: lies more than %d s after now", WR_FMT(path),
                WR_LIMIT_FUTURE_US / 1000000);
        if (error != NULL) {
            wr_error_where(error, path.p, path.n);
        }
        return WR_E_FUTURE;
    }
    return WR_OK;
}

/* ── identity ───────────────────────────────────────────────────────────────────────────────── */
uint64_t wr_engine_id_hash(const struct wr_engine *engine, struct wr_str id)
{
    return wr_siphash13(engine->config.keys[0], id.p, id.n);
}

static void hash(const struct wr_engine *engine, struct wr_case *c)
{
    if (c->event->id.n != 0) {
        c->id_hash = wr_engine_id_hash(engine, c->event->id);
        c->body_hash = wr_siphash24_128(engine->config.keys[1], c->event_text.p, c->event_text.n);
    }
}

static wr_err write_canonical(struct wr_case *c, const struct wr_value *document,
                              struct wr_arena *scratch, struct wr_error *error)
{
    struct wr_buf text = wr_buf_in(scratch, c->body.n + 16);
    wr_json_write(&text, document, WR_JSON_COMPACT);
    c->event_text = wr_buf_view(&text);
    return text.overflow ? no_room(error) : WR_OK;
}

static wr_err parse(struct wr_case *c, struct wr_arena *scratch, struct wr_error *error)
{
    if (c->body.n > WR_LIMIT_REQUEST_SIZE) {
        return wr_fail(error, WR_E_TOO_LARGE, "the request has more than %d bytes",
                       WR_LIMIT_REQUEST_SIZE);
    }
    return wr_json_read(scratch, c->body, true, &limits, &c->document, error);
}

wr_err wr_case_read(struct wr_engine *engine, struct wr_case *c, struct wr_arena *scratch,
                    struct wr_error *error)
{
    wr_err err = parse(c, scratch, error);
    err = err != WR_OK ? err : refuse_reserved(engine, &c->document, error);
    err = err != WR_OK ? err : clean(engine, c, scratch, error);
    const struct wr_value plain = c->document;
    err = err != WR_OK ? err : wr_case_locate(engine, c, scratch, error);
    err =
        err != WR_OK ? err : wr_event_read(engine->binding->schema, &c->document, c->event, error);
    err = err != WR_OK ? err : read_paths(engine, c, error);
    err = err != WR_OK ? err : check_time(engine, c, error);
    err = err != WR_OK ? err : write_canonical(c, &plain, scratch, error);
    if (err == WR_OK) {
        hash(engine, c);
    }
    return err;
}

wr_err wr_case_read_event(struct wr_engine *engine, struct wr_case *c,
                          const struct wr_record *record, struct wr_arena *scratch,
                          struct wr_error *error)
{
    const struct wr_json_limits wide = {.size_max = WR_LIMIT_RECORD_SIZE,
                                        .depth_max = WR_LIMIT_REQUEST_DEPTH};
    wr_err err = wr_json_read(scratch, record->event, true, &wide, &c->document, error);
    if (err == WR_OK && !wr_is(c->document, WR_OBJECT)) {
        err = wr_fail(error, WR_E_JOURNAL, "the event of a record is not an object");
    }
    err = err != WR_OK ? err : wr_case_locate(engine, c, scratch, error);
    err =
        err != WR_OK ? err : wr_event_read(engine->binding->schema, &c->document, c->event, error);
    if (err == WR_OK && !c->event->has_time) {
        c->event->time_ms = c->now_us / 1000 - (c->now_us % 1000 < 0 ? 1 : 0);
    }
    c->event_text = record->event;
    return err;
}

wr_err wr_case_read_record(struct wr_engine *engine, struct wr_case *c,
                           const struct wr_record *record, struct wr_arena *scratch,
                           struct wr_error *error)
{
    wr_err err = wr_case_read_event(engine, c, record, scratch, error);
    err = err != WR_OK ? err : read_paths(engine, c, error);
    if (err == WR_OK) {
        hash(engine, c);
    }
    return err;
}

wr_err wr_engine_event_us(const struct wr_engine *engine, struct wr_arena *scratch,
                          struct wr_str body, int64_t *event_us, struct wr_error *error)
{
    struct wr_case c = {.body = body};
    c.event = wr_arena_alloc(scratch, sizeof *c.event, alignof(struct wr_event));
    if (c.event == NULL) {
        return no_room(error);
    }
    wr_err err = parse(&c, scratch, error);
    err = err != WR_OK ? err : wr_event_read(engine->binding->schema, &c.document, c.event, error);
    if (err == WR_OK && !c.event->has_time) {
        err = wr_fail(error, WR_E_FIELD, "the pack maps no event time");
    }
    if (err == WR_OK) {
        *event_us = c.event->time_ms * 1000;
    }
    return err;
}
