/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/schema.h"

#include "base/num.h"
#include "feature/instant.h"
#include "feature/plan.h"

/* Stands until the owner of a state directory sets its own. */
static const struct wr_hash_key default_key = {UINT64_C(0x7765697220666561),
                                               UINT64_C(0x7475726520763121)};

struct reading {
    struct wr_arena *arena;
    struct wr_schema *schema;
    const struct wr_value *declared; /* `fields:` or NULL */
    struct wr_error *error;
};

static wr_err fail(struct reading *r, const char *where, const char *what)
{
    wr_err err = wr_fail(r->error, WR_E_PACK, "%s: %s", where, what);
    wr_error_where(r->error, where, strlen(where));
    return err;
}

static const struct wr_value *member(const struct wr_value *object, const char *name)
{
    return object != NULL && wr_is(*object, WR_OBJECT) ? wr_object_get_str(object, wr_str_z(name))
                                                       : NULL;
}

static bool only_members(const struct wr_value *object, const char *const *names)
{
    for (uint32_t i = 0; i < object->n; i++) {
        const char *const *name = names;
        while (*name != NULL && !wr_str_eq(wr_text(object->pairs[i].key), wr_str_z(*name))) {
            name++;
        }
        if (*name == NULL) {
            return false;
        }
    }
    return true;
}

/* ── paths ──────────────────────────────────────────────────────────────────────────────────── */
wr_err wr_path_parse(struct wr_str text, struct wr_path *out, struct wr_error *error)
{
    *out = (struct wr_path){.text = text};
    for (size_t from = 0; from <= text.n;) {
        size_t dot = from;
        while (dot < text.n && text.p[dot] != '.') {
            dot++;
        }
        if (dot == from) {
            return wr_fail(error, WR_E_PACK, "a path has an empty name: \"%.*s\"", WR_FMT(text));
        }
        if (out->n == WR_LIMIT_PATH_DEPTH) {
            return wr_fail(error, WR_E_LIMIT, "a path has over %d names: \"%.*s\"",
                           WR_LIMIT_PATH_DEPTH, WR_FMT(text));
        }
        out->names[out->n++] = wr_str_of(text.p + from, dot - from);
        from = dot + 1;
    }
    return WR_OK;
}

static wr_err path_of(struct reading *r, const struct wr_value *v, const char *where,
                      struct wr_path *out)
{
    if (v == NULL || !wr_is(*v, WR_STRING)) {
        return fail(r, where, "needs a path, a string like \"transaction.id\"");
    }
    struct wr_str text = wr_str_copy(r->arena, wr_text(*v));
    if (text.p == NULL) {
        return wr_fail(r->error, WR_E_MEMORY, "no room for the schema");
    }
    wr_err err = wr_path_parse(text, out, r->error);
    if (err != WR_OK) {
        wr_error_where(r->error, where, strlen(where));
    }
    return err;
}

const struct wr_value *wr_path_get(const struct wr_path *path, const struct wr_value *document)
{
    const struct wr_value *at = document;
    for (uint32_t i = 0; i < path->n && at != NULL; i++) {
        at = wr_is(*at, WR_OBJECT) ? wr_object_get_str(at, path->names[i]) : NULL;
    }
    return at != NULL && !wr_is(*at, WR_NULL) ? at : NULL;
}

/* ── event: ─────────────────────────────────────────────────────────────────────────────────── */
static wr_err read_unit(struct reading *r, const struct wr_value *time)
{
    static const char *const names[] = {"rfc3339", "s", "ms", "us", "ns"};
    struct wr_schema *s = r->schema;
    const struct wr_value *unit = member(time, "unit");
    s->time_unit = WR_TIME_RFC3339;
    if (unit == NULL) {
        return WR_OK;
    }
    for (size_t i = 0; wr_is(*unit, WR_STRING) && i < WR_COUNTOF(names); i++) {
        if (wr_str_eq(wr_text(*unit), wr_str_z(names[i]))) {
            s->time_unit = (enum wr_time_unit)i;
            return WR_OK;
        }
    }
    return fail(r, "event.time.unit", "needs rfc3339, s, ms, us or ns");
}

static bool is_required(const struct wr_value *v)
{
    const struct wr_value *required = member(v, "required");
    return required == NULL || !wr_is_false(*required);
}

/* Seconds unless told otherwise only where the unit itself is seconds. */
static wr_err read_resolution(struct reading *r, const struct wr_value *time)
{
    struct wr_schema *s = r->schema;
    const struct wr_value *v = member(time, "resolution");
    s->tick_ms = s->time_unit == WR_TIME_S ? WR_MS_PER_S : 1;
    if (v == NULL) {
        return WR_OK;
    }
    if (wr_is(*v, WR_STRING) && wr_str_eq(wr_text(*v), WR_STR("s"))) {
        s->tick_ms = WR_MS_PER_S;
    } else if (wr_is(*v, WR_STRING) && wr_str_eq(wr_text(*v), WR_STR("ms"))) {
        s->tick_ms = 1;
    } else {
        return fail(r, "event.time.resolution", "needs s or ms");
    }
    return WR_OK;
}

static wr_err read_time(struct reading *r, const struct wr_value *time)
{
    static const char *const names[] = {"path", "unit", "origin", "resolution", "required", NULL};
    struct wr_schema *s = r->schema;
    s->tick_ms = 1;
    if (time == NULL) {
        return WR_OK;
    }
    s->has_time = s->time_required = true;
    if (wr_is(*time, WR_STRING)) {
        return path_of(r, time, "event.time", &s->time);
    }
    if (!wr_is(*time, WR_OBJECT) || !only_members(time, names)) {
        return fail(r, "event.time", "needs a path, or {path, unit, origin, resolution, required}");
    }
    s->time_required = is_required(time);
    wr_err err = path_of(r, member(time, "path"), "event.time.path", &s->time);
    err = err == WR_OK ? read_unit(r, time) : err;
    err = err == WR_OK ? read_resolution(r, time) : err;
    const struct wr_value *origin = member(time, "origin");
    if (err != WR_OK || origin == NULL) {
        return err;
    }
    bool known = wr_is(*origin, WR_STRING)
                     ? wr_instant_read(wr_text(*origin), true, &s->time_origin_ms)
                     : wr_is(*origin, WR_NUMBER) && wr_number_to_i64(origin, &s->time_origin_ms) &&
                           s->time_origin_ms > WR_INSTANT_MS_MIN / WR_MS_PER_S &&
                           s->time_origin_ms < WR_INSTANT_MS_MAX / WR_MS_PER_S &&
                           wr_mul_i64(s->time_origin_ms, WR_MS_PER_S, &s->time_origin_ms);
    if (!known || s->time_unit == WR_TIME_RFC3339) {
        return fail(r, "event.time.origin",
                    "needs a date, an RFC 3339 text or seconds since 1970, and a numeric unit");
    }
    return WR_OK;
}

static wr_err read_scale(struct reading *r, const struct wr_value *v, uint8_t *scale)
{
    int64_t n = 0;
    if (!wr_is(*v, WR_NUMBER) || !wr_number_to_i64(v, &n) || n < 0 || n > 12) {
        return fail(r, "scale", "needs a whole number of digits, 0 to 12");
    }
    *scale = (uint8_t)n;
    return WR_OK;
}

static wr_err read_type(struct reading *r, const struct wr_value *spec, struct wr_field *field)
{
    static const char *const names[] = {"path", "type", "scale", "required", NULL};
    const struct wr_value *type = member(spec, "type"), *scale = member(spec, "scale");
    if (!only_members(spec, names) || (type != NULL && !wr_is(*type, WR_STRING))) {
        return fail(r, "type", "a field is {path, type, scale, required}");
    }
    struct wr_str name = type != NULL ? wr_text(*type) : WR_STR("number");
    if (wr_str_eq(name, WR_STR("money"))) {
        field->type = WR_FIELD_MONEY;
        field->scale = 2;
    } else if (wr_str_eq(name, WR_STR("number"))) {
        field->type = WR_FIELD_NUMBER;
        field->scale = WR_DEFAULT_NUMBER_SCALE;
    } else {
        return fail(r, "type", "needs money or number");
    }
    return scale != NULL ? read_scale(r, scale, &field->scale) : WR_OK;
}

static wr_err read_amount(struct reading *r, const struct wr_value *amount)
{
    struct wr_schema *s = r->schema;
    if (amount == NULL) {
        return WR_OK;
    }
    s->has_amount = s->amount_required = true;
    s->amount = (struct wr_field){.type = WR_FIELD_MONEY, .scale = 2};
    if (wr_is(*amount, WR_STRING)) {
        return path_of(r, amount, "event.amount", &s->amount.path);
    }
    if (!wr_is(*amount, WR_OBJECT)) {
        return fail(r, "event.amount", "needs a path, or {path, type, scale}");
    }
    s->amount_required = is_required(amount);
    wr_err err = path_of(r, member(amount, "path"), "event.amount.path", &s->amount.path);
    if (err == WR_OK && member(amount, "type") == NULL && member(amount, "scale") == NULL) {
        return WR_OK;
    }
    err = err == WR_OK ? read_type(r, amount, &s->amount) : err;
    if (err == WR_OK && member(amount, "type") == NULL) {
        s->amount.type = WR_FIELD_MONEY;
    }
    return err;
}

static wr_err read_id(struct reading *r, const struct wr_value *id)
{
    static const char *const names[] = {"path", "required", NULL};
    struct wr_schema *s = r->schema;
    if (id == NULL) {
        return WR_OK;
    }
    s->has_id = s->id_required = true;
    if (wr_is(*id, WR_STRING)) {
        return path_of(r, id, "event.id", &s->id);
    }
    if (!wr_is(*id, WR_OBJECT) || !only_members(id, names)) {
        return fail(r, "event.id", "needs a path, or {path, required}");
    }
    s->id_required = is_required(id);
    return path_of(r, member(id, "path"), "event.id.path", &s->id);
}

static wr_err read_event(struct reading *r, const struct wr_value *event)
{
    static const char *const names[] = {"id", "time", "amount", "lateness", NULL};
    struct wr_schema *s = r->schema;
    if (event == NULL) {
        s->tick_ms = 1;
        return WR_OK;
    }
    if (!wr_is(*event, WR_OBJECT) || !only_members(event, names)) {
        return fail(r, "event", "needs {id, time, amount, lateness}");
    }
    wr_err err = read_id(r, member(event, "id"));
    err = err == WR_OK ? read_time(r, member(event, "time")) : err;
    return err == WR_OK ? read_amount(r, member(event, "amount")) : err;
}

/* ── entities: ──────────────────────────────────────────────────────────────────────────────── */
static wr_err read_parts(struct reading *r, const struct wr_value *v, const char *where,
                         struct wr_entity *entity)
{
    if (v == NULL || !wr_is(*v, WR_ARRAY)) {
        entity->n_parts = 1;
        return path_of(r, v, where, &entity->parts[0]);
    }
    if (v->n == 0 || v->n > WR_LIMIT_SCHEMA_PARTS) {
        return fail(r, where, "a composite key has 1 to 4 paths");
    }
    for (; entity->n_parts < v->n; entity->n_parts++) {
        wr_err err = path_of(r, &v->items[entity->n_parts], where, &entity->parts[entity->n_parts]);
        if (err != WR_OK) {
            return err;
        }
    }
    return WR_OK;
}

/* A whole number in [1, most] at a key; 0 when the key is not there. */
static bool read_bits(const struct wr_value *v, int64_t most, int64_t *out)
{
    *out = 0;
    return v == NULL ||
           (wr_is(*v, WR_NUMBER) && wr_number_to_i64(v, out) && *out >= 1 && *out <= most);
}

static wr_err read_part_of_value(struct reading *r, const struct wr_value *spec,
                                 struct wr_entity *entity)
{
    int64_t prefix, cidr, cidr6;
    const struct wr_value *v4 = member(spec, "cidr"), *v6 = member(spec, "cidr6");
    if (!read_bits(member(spec, "prefix"), WR_LIMIT_KEY_BYTES, &prefix)) {
        return fail(r, entity->name.p, "prefix needs a number of bytes, 1 to 512");
    }
    if (!read_bits(v4, 32, &cidr) || !read_bits(v6, 128, &cidr6) || (v4 == NULL && v6 != NULL)) {
        return fail(r, entity->name.p, "cidr needs 1 to 32 bits, and cidr6 beside it 1 to 128");
    }
    if (prefix != 0 && cidr != 0) {
        return fail(r, entity->name.p, "has either prefix or cidr");
    }
    entity->prefix = (uint16_t)prefix;
    entity->cidr4 = (uint8_t)cidr;
    entity->cidr6 = cidr == 0 ? 0 : cidr6 == 0 ? WR_DEFAULT_CIDR6 : (uint8_t)cidr6;
    return WR_OK;
}

static wr_err read_entity(struct reading *r, const struct wr_pair *pair)
{
    static const char *const names[] = {"path", "paths", "required", "prefix",
                                        "cidr", "cidr6", NULL};
    struct wr_schema *s = r->schema;
    if (s->n_entities == WR_LIMIT_SCHEMA_ENTITIES) {
        return wr_fail(r->error, WR_E_LIMIT, "over %d kinds of entity", WR_LIMIT_SCHEMA_ENTITIES);
    }
    struct wr_entity *entity = &s->entities[s->n_entities++];
    entity->name = wr_str_copy(r->arena, wr_text(pair->key));
    if (entity->name.p == NULL) {
        return wr_fail(r->error, WR_E_MEMORY, "no room for the schema");
    }
    entity->salt = wr_siphash13(default_key, entity->name.p, entity->name.n);
    const struct wr_value *paths = &pair->value;
    if (wr_is(*paths, WR_OBJECT)) {
        const struct wr_value *required = member(paths, "required");
        if (!only_members(paths, names)) {
            return fail(r, entity->name.p,
                        "an entity is a path, paths, or {path, required, prefix, cidr, cidr6}");
        }
        wr_err err = read_part_of_value(r, paths, entity);
        if (err != WR_OK) {
            return err;
        }
        entity->required = required != NULL && wr_is_true(*required);
        paths = member(paths, "paths") != NULL ? member(paths, "paths") : member(paths, "path");
    }
    return read_parts(r, paths, entity->name.p, entity);
}

static wr_err read_entities(struct reading *r, const struct wr_value *entities)
{
    if (entities != NULL && !wr_is(*entities, WR_OBJECT)) {
        return fail(r, "entities", "needs {name: path, ...}");
    }
    for (uint32_t i = 0; entities != NULL && i < entities->n; i++) {
        wr_err err = read_entity(r, &entities->pairs[i]);
        if (err != WR_OK) {
            return err;
        }
    }
    return WR_OK;
}

/* ── fields that features read ──────────────────────────────────────────────────────────────── */
static wr_err add_field(struct reading *r, const struct wr_value *path, bool key, const char *where)
{
    struct wr_schema *s = r->schema;
    struct wr_field field = {.type = key ? WR_FIELD_KEY : WR_FIELD_NUMBER,
                             .scale = key ? 0 : WR_DEFAULT_NUMBER_SCALE};
    wr_err err = path_of(r, path, where, &field.path);
    if (err != WR_OK) {
        return err;
    }
    if (!key && s->has_amount && wr_str_eq(field.path.text, s->amount.path.text)) {
        field = s->amount;
    } else if (!key && r->declared != NULL) {
        const struct wr_value *spec = wr_object_get_str(r->declared, field.path.text);
        if (spec != NULL && !wr_is(*spec, WR_OBJECT)) {
            return fail(r, "fields", "a field is {type, scale}");
        }
        err = spec != NULL ? read_type(r, spec, &field) : WR_OK;
        if (err != WR_OK) {
            return err;
        }
    }
    if (wr_schema_field(s, field.path.text, field.type) != UINT32_MAX) {
        return WR_OK;
    }
    if (s->n_fields == WR_LIMIT_SCHEMA_FIELDS) {
        return wr_fail(r->error, WR_E_LIMIT, "features read over %d fields",
                       WR_LIMIT_SCHEMA_FIELDS);
    }
    s->fields[s->n_fields++] = field;
    return WR_OK;
}

enum { ARG_PATH, ARG_TEXT, ARG_TRUE, ARG_NUMBER, ARG_CONDITION, ARG_KEY, ARG_ENTITY, ARG_PLACE };

static wr_err add_fields_of(struct reading *r, const struct wr_pair *feature)
{
    static const struct {
        const char *key;
        int argument;
    } kinds[] = {
#define WR_KIND_ROW(symbol, key, argument) {key, ARG_##argument},
        WR_FEATURE_KINDS(WR_KIND_ROW)
#undef WR_KIND_ROW
    };
    struct wr_str name = wr_str_copy(r->arena, wr_text(feature->key));
    if (name.p == NULL) {
        return wr_fail(r->error, WR_E_MEMORY, "no room for the schema");
    }
    for (size_t i = 0; i < WR_COUNTOF(kinds); i++) {
        const struct wr_value *argument = member(&feature->value, kinds[i].key);
        bool key = kinds[i].argument == ARG_KEY;
        if (argument != NULL && (key || kinds[i].argument == ARG_NUMBER)) {
            wr_err err = add_field(r, argument, key, name.p);
            if (err != WR_OK) {
                return err;
            }
        }
        bool place = kinds[i].argument == ARG_PLACE && argument != NULL;
        for (uint32_t part = 0; place && wr_is(*argument, WR_ARRAY) && part < argument->n; part++) {
            wr_err err = add_field(r, &argument->items[part], false, name.p);
            if (err != WR_OK) {
                return err;
            }
        }
    }
    return WR_OK;
}

static wr_err read_fields(struct reading *r, const struct wr_value *weir_json)
{
    const struct wr_value *features = member(weir_json, "features");
    r->declared = member(weir_json, "fields");
    if (r->declared != NULL && !wr_is(*r->declared, WR_OBJECT)) {
        return fail(r, "fields", "needs {path: {type, scale}, ...}");
    }
    if (features != NULL && !wr_is(*features, WR_OBJECT)) {
        return fail(r, "features", "needs {name: {...}, ...}");
    }
    for (uint32_t i = 0; features != NULL && i < features->n; i++) {
        wr_err err = add_fields_of(r, &features->pairs[i]);
        if (err != WR_OK) {
            return err;
        }
    }
    return WR_OK;
}

uint32_t wr_schema_field(const struct wr_schema *schema, struct wr_str path,
                         enum wr_field_type type)
{
    for (uint32_t i = 0; i < schema->n_fields; i++) {
        if (schema->fields[i].type == type && wr_str_eq(schema->fields[i].path.text, path)) {
            return i;
        }
    }
    return UINT32_MAX;
}

uint32_t wr_schema_entity(const struct wr_schema *schema, struct wr_str name)
{
    for (uint32_t i = 0; i < schema->n_entities; i++) {
        if (wr_str_eq(schema->entities[i].name, name)) {
            return i;
        }
    }
    return UINT32_MAX;
}

wr_err wr_schema_open(struct wr_arena *arena, const struct wr_value *weir_json,
                      struct wr_schema **out, struct wr_error *error)
{
    struct reading r = {.arena = arena, .schema = WR_NEW(arena, struct wr_schema), .error = error};
    if (r.schema == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the schema");
    }
    if (weir_json == NULL || !wr_is(*weir_json, WR_OBJECT)) {
        return fail(&r, "weir.json", "needs an object");
    }
    r.schema->key = default_key;
    wr_err err = read_event(&r, member(weir_json, "event"));
    err = err == WR_OK ? read_entities(&r, member(weir_json, "entities")) : err;
    err = err == WR_OK ? read_fields(&r, weir_json) : err;
    *out = err == WR_OK ? r.schema : NULL;
    return err;
}
