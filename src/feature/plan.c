/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/plan.h"

#include "base/num.h"
#include "feature/class.h"
#include "feature/fleet_plan.h"
#include "feature/instant.h"

enum argument {
    ARG_PATH,
    ARG_TEXT,
    ARG_TRUE,
    ARG_NUMBER,
    ARG_CONDITION,
    ARG_KEY,
    ARG_ENTITY,
    ARG_PLACE,
};

static const struct {
    const char *key;
    enum argument argument;
} kinds[WR_FEATURE_KIND_COUNT] = {
#define WR_KIND_ROW(symbol, key, argument) {key, ARG_##argument},
    WR_FEATURE_KINDS(WR_KIND_ROW)
#undef WR_KIND_ROW
};

#define DEFAULT_SPAN_MS (30 * WR_MS_PER_D) /* of kinds that need no window */

struct planning {
    struct wr_arena *arena;
    struct wr_feature_plan *plan;
    struct wr_feature *feature; /* the one at hand */
    struct wr_error *error;
};

const char *wr_feature_kind_name(enum wr_feature_kind kind)
{
    WR_ASSERT((unsigned)kind < WR_FEATURE_KIND_COUNT);
    return kinds[kind].key;
}

uint32_t wr_feature_find(const struct wr_feature_plan *plan, struct wr_str name)
{
    for (uint32_t i = 0; i < plan->n_features; i++) {
        if (wr_str_eq(plan->features[i].name, name)) {
            return i;
        }
    }
    return UINT32_MAX;
}

uint32_t wr_feature_label_find(const struct wr_feature_plan *plan, struct wr_str name)
{
    for (uint32_t i = 0; i < plan->n_labels; i++) {
        if (wr_str_eq(plan->labels[i], name)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static wr_err refuse(struct planning *p, const char *key, const char *what)
{
    struct wr_str name = p->feature->name;
    wr_err err = wr_fail(p->error, WR_E_PACK, "feature %.*s: %s: %s", WR_FMT(name), key, what);
    wr_error_where(p->error, name.p, name.n);
    return err;
}

static wr_err too_many(struct planning *p, const char *what, int limit)
{
    return wr_fail(p->error, WR_E_LIMIT, "feature %.*s: over %d %s", WR_FMT(p->feature->name),
                   limit, what);
}

static wr_err keep(struct planning *p, struct wr_str text, struct wr_str *out)
{
    *out = wr_str_copy(p->arena, text);
    return out->p != NULL ? WR_OK : wr_fail(p->error, WR_E_MEMORY, "no room for the features");
}

/* ── bits ───────────────────────────────────────────────────────────────────────────────────── */
static wr_err label_bit(struct planning *p, struct wr_str name, int8_t *bit)
{
    struct wr_feature_plan *plan = p->plan;
    uint32_t i = wr_feature_label_find(plan, name);
    if (i == UINT32_MAX) {
        if (plan->n_labels == WR_LIMIT_FEATURE_LABELS) {
            return too_many(p, "labels", WR_LIMIT_FEATURE_LABELS);
        }
        i = plan->n_labels++;
        wr_err err = keep(p, name, &plan->labels[i]);
        if (err != WR_OK) {
            return err;
        }
    }
    *bit = (int8_t)i;
    return WR_OK;
}

static wr_err condition_bit(struct planning *p, const struct wr_value *v, const char *key,
                            int8_t *bit)
{
    struct wr_feature_plan *plan = p->plan;
    struct wr_str prefix = WR_STR("label.");
    if (!wr_is(*v, WR_STRING) || v->n == 0) {
        return refuse(p, key, "needs label.NAME or a Rego condition, as a string");
    }
    struct wr_str text = wr_text(*v);
    if (wr_str_starts(text, prefix)) {
        struct wr_str name = wr_str_of(text.p + prefix.n, text.n - prefix.n);
        return name.n != 0 ? label_bit(p, name, bit) : refuse(p, key, "needs label.NAME");
    }
    uint32_t i = 0;
    while (i < plan->n_conditions && !wr_str_eq(plan->conditions[i], text)) {
        i++;
    }
    if (i == WR_LIMIT_FEATURE_CONDITIONS) {
        return too_many(p, "conditions", WR_LIMIT_FEATURE_CONDITIONS);
    }
    *bit = (int8_t)(WR_LIMIT_FEATURE_LABELS + i);
    if (i < plan->n_conditions) {
        return WR_OK;
    }
    plan->n_conditions++;
    return keep(p, text, &plan->conditions[i]);
}

/* ── members of one definition ──────────────────────────────────────────────────────────────── */
static wr_err read_span(struct planning *p, const struct wr_value *v, const char *key, int64_t *ms)
{
    if (!wr_is(*v, WR_STRING) || !wr_duration_read(wr_text(*v), ms)) {
        return refuse(p, key, "needs a duration such as 90s, 10m, 1h, 7d");
    }
    if (*ms % p->plan->schema->tick_ms != 0) {
        return refuse(p, key, "is finer than the resolution of event.time");
    }
    return WR_OK;
}

/* A length, or where it starts: day, week, all. */
static wr_err read_window(struct planning *p, const struct wr_value *v)
{
    static const struct {
        const char *name;
        enum wr_window_kind kind;
        int64_t ms;
    } kinds_of_window[] = {{"day", WR_WINDOW_DAY, WR_MS_PER_D},
                           {"week", WR_WINDOW_WEEK, 7 * WR_MS_PER_D},
                           {"all", WR_WINDOW_ALL, WR_WINDOW_ALL_MS}};
    for (size_t i = 0; wr_is(*v, WR_STRING) && i < WR_COUNTOF(kinds_of_window); i++) {
        if (wr_str_eq(wr_text(*v), wr_str_z(kinds_of_window[i].name))) {
            p->feature->window_kind = (uint8_t)kinds_of_window[i].kind;
            p->feature->window_ms = kinds_of_window[i].ms;
            return WR_OK;
        }
    }
    int64_t ms;
    if (!wr_is(*v, WR_STRING) || !wr_duration_read(wr_text(*v), &ms)) {
        return refuse(p, "window", "needs a duration such as 10m, 1h, 7d, or day, week, all");
    }
    return read_span(p, v, "window", &p->feature->window_ms);
}

/* "+08:00", "-03:30", "Z". */
static wr_err read_offset(struct planning *p, const struct wr_value *v)
{
    struct wr_str text = wr_is(*v, WR_STRING) ? wr_text(*v) : wr_str_of("", 0);
    int64_t hours = 0, minutes = 0;
    if (wr_str_eq(text, WR_STR("Z"))) {
        return WR_OK;
    }
    bool shaped = text.n == 6 && (text.p[0] == '+' || text.p[0] == '-') && text.p[3] == ':' &&
                  text.p[1] >= '0' && text.p[1] <= '9' && text.p[4] >= '0' && text.p[4] <= '9' &&
                  wr_num_read_i64(wr_str_of(text.p + 1, 2), &hours) &&
                  wr_num_read_i64(wr_str_of(text.p + 4, 2), &minutes);
    if (!shaped || hours > 14 || minutes > 59) {
        return refuse(p, "offset", "needs an offset from UTC such as \"+08:00\", at most 14 hours");
    }
    int64_t ms = (hours * 60 + minutes) * 60 * WR_MS_PER_S;
    p->feature->offset_ms = text.p[0] == '-' ? -ms : ms;
    return WR_OK;
}

static wr_err read_n(struct planning *p, const struct wr_value *v)
{
    int64_t n = 0;
    bool whole = wr_is(*v, WR_NUMBER) && wr_number_to_i64(v, &n);
    if (!whole || n < 1 || n > WR_LIMIT_FEATURE_LIST) {
        return refuse(p, "n", "needs a whole number, 1 to 16");
    }
    p->feature->n = (uint8_t)n;
    return WR_OK;
}

static wr_err read_percentage(struct planning *p, const struct wr_value *v)
{
    int64_t permille = 0;
    bool exact = wr_is(*v, WR_NUMBER) && wr_number_to_scaled(v, 3, &permille);
    if (!exact || permille <= 0 || permille > 100000) {
        return refuse(p, "p", "needs a percentage above 0 and up to 100, of at most 3 decimals");
    }
    p->feature->permille = (uint32_t)permille;
    return WR_OK;
}

static wr_err read_bool(struct planning *p, const struct wr_value *v, const char *key, bool *out)
{
    *out = wr_is_true(*v);
    return wr_is(*v, WR_BOOL) ? WR_OK : refuse(p, key, "needs true or false");
}

static wr_err read_entity(struct planning *p, const struct wr_value *v)
{
    p->feature->entity =
        wr_is(*v, WR_STRING) ? wr_schema_entity(p->plan->schema, wr_text(*v)) : UINT32_MAX;
    return p->feature->entity != UINT32_MAX ? WR_OK
                                            : refuse(p, "entity", "is not one of `entities:`");
}

static wr_err read_fallback(struct planning *p, const struct wr_value *v)
{
    if (wr_is(*v, WR_STRING) && wr_str_eq(wr_text(*v), WR_STR("undefined"))) {
        return WR_OK;
    }
    if (wr_is(*v, WR_STRING) && wr_str_eq(wr_text(*v), WR_STR("node"))) {
        p->feature->own_when_stale = true;
        return WR_OK;
    }
    p->feature->has_fallback = true;
    p->feature->fallback = wr_value_copy(p->arena, *v);
    return wr_is(*v, WR_NUMBER) ? WR_OK
                                : refuse(p, "missing", "needs a number, \"undefined\" or \"node\"");
}

static wr_err read_scope(struct planning *p, const struct wr_value *v)
{
    p->feature->fleet = wr_is(*v, WR_STRING) && wr_str_eq(wr_text(*v), WR_STR("fleet"));
    bool node = wr_is(*v, WR_STRING) && wr_str_eq(wr_text(*v), WR_STR("node"));
    return node || p->feature->fleet ? WR_OK : refuse(p, "scope", "needs node or fleet");
}

static wr_err read_stale(struct planning *p, const struct wr_value *v)
{
    int64_t *ms = &p->feature->stale_ms;
    if (!wr_is(*v, WR_STRING) || !wr_duration_read(wr_text(*v), ms) || *ms <= 0 ||
        *ms > WR_MS_PER_D) {
        return refuse(p, "stale", "needs a duration above 0 and up to 1d, such as 10s");
    }
    return WR_OK;
}

/* Everything but the kind. `known` is false for a key that no feature has. */
static wr_err read_common(struct planning *p, struct wr_str key, const struct wr_value *v,
                          bool *known)
{
    struct wr_feature *f = p->feature;
    *known = true;
    if (wr_str_eq(key, WR_STR("entity"))) {
        return read_entity(p, v);
    } else if (wr_str_eq(key, WR_STR("window"))) {
        return read_window(p, v);
    } else if (wr_str_eq(key, WR_STR("delay"))) {
        return read_span(p, v, "delay", &f->delay_ms);
    } else if (wr_str_eq(key, WR_STR("include_self"))) {
        return read_bool(p, v, "include_self", &f->include_self);
    } else if (wr_str_eq(key, WR_STR("where"))) {
        return condition_bit(p, v, "where", &f->where_bit);
    } else if (wr_str_eq(key, WR_STR("since"))) {
        return condition_bit(p, v, "since", &f->since_bit);
    } else if (wr_str_eq(key, WR_STR("baseline"))) {
        return read_span(p, v, "baseline", &f->baseline_ms);
    } else if (wr_str_eq(key, WR_STR("offset"))) {
        return read_offset(p, v);
    } else if (wr_str_eq(key, WR_STR("n"))) {
        return read_n(p, v);
    } else if (wr_str_eq(key, WR_STR("p"))) {
        return read_percentage(p, v);
    } else if (wr_str_eq(key, WR_STR("missing"))) {
        return read_fallback(p, v);
    } else if (wr_str_eq(key, WR_STR("scope"))) {
        return read_scope(p, v);
    } else if (wr_str_eq(key, WR_STR("stale"))) {
        return read_stale(p, v);
    } else if (wr_str_eq(key, WR_STR("description"))) {
        return wr_is(*v, WR_STRING) ? WR_OK : refuse(p, "description", "needs a string");
    }
    *known = false;
    return WR_OK;
}

static wr_err read_field(struct planning *p, const struct wr_value *v, const char *key, bool hashed)
{
    const struct wr_schema *schema = p->plan->schema;
    struct wr_feature *f = p->feature;
    if (!wr_is(*v, WR_STRING)) {
        return refuse(p, key, "needs a path, a string like \"transaction.amount\"");
    }
    for (int type = hashed ? WR_FIELD_KEY : WR_FIELD_MONEY;
         f->field == UINT32_MAX && type <= (hashed ? WR_FIELD_KEY : WR_FIELD_NUMBER); type++) {
        f->field = wr_schema_field(schema, wr_text(*v), (enum wr_field_type)type);
    }
    if (f->field == UINT32_MAX) {
        return refuse(p, key, "names a field that the schema does not have");
    }
    f->scale = schema->fields[f->field].scale;
    f->money = schema->fields[f->field].type == WR_FIELD_MONEY;
    return WR_OK;
}

/* [latitude, longitude]: the longitude first, so that `field` ends as the latitude. */
static wr_err read_place(struct planning *p, const struct wr_value *v, const char *key)
{
    struct wr_feature *f = p->feature;
    if (!wr_is(*v, WR_ARRAY) || v->n != 2) {
        return refuse(p, key, "needs two paths, [latitude, longitude]");
    }
    wr_err err = read_field(p, &v->items[1], key, false);
    f->field2 = f->field;
    f->field = UINT32_MAX;
    err = err == WR_OK ? read_field(p, &v->items[0], key, false) : err;
    bool same = err == WR_OK && p->plan->schema->fields[f->field2].scale == f->scale;
    return err != WR_OK || same ? err : refuse(p, key, "needs two fields of one scale");
}

/* The keys of another entity, as a column of this one's tapes. */
static wr_err read_link(struct planning *p, const struct wr_value *v, const char *key)
{
    uint32_t entity =
        wr_is(*v, WR_STRING) ? wr_schema_entity(p->plan->schema, wr_text(*v)) : UINT32_MAX;
    p->feature->field = WR_LIMIT_SCHEMA_FIELDS + entity;
    return entity != UINT32_MAX ? WR_OK : refuse(p, key, "is not one of `entities:`");
}

static wr_err read_argument(struct planning *p, enum wr_feature_kind kind, const struct wr_value *v)
{
    struct wr_feature *f = p->feature;
    const char *key = kinds[kind].key;
    f->kind = kind;
    switch (kinds[kind].argument) {
    case ARG_TRUE:
        return wr_is_true(*v) ? WR_OK : refuse(p, key, "needs true");
    case ARG_CONDITION:
        return condition_bit(p, v, key, &f->share_bit);
    case ARG_NUMBER:
    case ARG_KEY:
        return read_field(p, v, key, kinds[kind].argument == ARG_KEY);
    case ARG_ENTITY:
        return read_link(p, v, key);
    case ARG_PLACE:
        return read_place(p, v, key);
    case ARG_PATH:
    case ARG_TEXT:
        break;
    }
    struct wr_str text;
    if (!wr_is(*v, WR_STRING) || v->n == 0) {
        return refuse(p, key, "needs a string");
    }
    wr_err err = keep(p, wr_text(*v), &text);
    f->source = kind == WR_FEATURE_REGO ? text : wr_str_of("", 0);
    if (err == WR_OK && kind == WR_FEATURE_VALUE &&
        wr_path_parse(text, &f->path, p->error) != WR_OK) {
        return refuse(p, key, "needs a path of 1 to 8 names, none of them empty");
    }
    return err;
}

static wr_err read_member(struct planning *p, const struct wr_pair *pair, int *n_kinds)
{
    struct wr_str key = wr_text(pair->key);
    bool known;
    wr_err err = read_common(p, key, &pair->value, &known);
    for (int i = 0; !known && i < WR_FEATURE_KIND_COUNT; i++) {
        if (wr_str_eq(key, wr_str_z(kinds[i].key))) {
            known = true;
            ++*n_kinds;
            err = read_argument(p, (enum wr_feature_kind)i, &pair->value);
        }
    }
    if (known) {
        return err;
    }
    struct wr_str name = p->feature->name;
    err = wr_fail(p->error, WR_E_PACK, "feature %.*s: unknown key \"%.*s\"", WR_FMT(name),
                  WR_FMT(key));
    wr_error_where(p->error, name.p, name.n);
    return err;
}

/* ── one definition as a whole ──────────────────────────────────────────────────────────────── */
static wr_err check_engine_kind(struct planning *p, const struct wr_value *definition)
{
    struct wr_feature *f = p->feature;
    const char *key = kinds[f->kind].key;
    for (uint32_t i = 0; i < definition->n; i++) {
        struct wr_str name = wr_text(definition->pairs[i].key);
        bool may = wr_str_eq(name, wr_str_z(key)) || wr_str_eq(name, WR_STR("description")) ||
                   (f->kind == WR_FEATURE_VALUE && !f->own_when_stale &&
                    wr_str_eq(name, WR_STR("missing")));
        if (!may) {
            return refuse(p, key, "stands alone, without entity or window");
        }
    }
    return WR_OK;
}

/* Keys that some kinds need and all others may not have. */
static wr_err check_parameters(struct planning *p)
{
    const struct wr_feature *f = p->feature;
    bool lists = f->kind == WR_FEATURE_LAST_N || f->kind == WR_FEATURE_TOP_N;
    bool calendar = f->window_kind == WR_WINDOW_DAY || f->window_kind == WR_WINDOW_WEEK;
    if (lists != (f->n != 0)) {
        return refuse(p, "n", "goes with last_n and top_n, and they with it");
    }
    if ((f->kind == WR_FEATURE_PERCENTILE) != (f->permille != 0)) {
        return refuse(p, "p", "goes with percentile, and it with p");
    }
    if ((f->kind == WR_FEATURE_RATE_CHANGE) != (f->baseline_ms != 0)) {
        return refuse(p, "baseline", "goes with rate_change, and it with a baseline");
    }
    if (f->kind == WR_FEATURE_RATE_CHANGE &&
        (f->window_kind != WR_WINDOW_SLIDING || f->since_bit >= 0)) {
        return refuse(p, "window", "of rate_change needs a duration");
    }
    if (lists && f->has_fallback) {
        return refuse(p, "missing", "means nothing for lists");
    }
    return calendar || f->offset_ms == 0 ? WR_OK
                                         : refuse(p, "offset", "goes with window: day and week");
}

/* What can be put together from the tiles of several nodes. */
static wr_err check_fleet(struct planning *p)
{
    struct wr_feature *f = p->feature;
    bool merges = f->kind == WR_FEATURE_COUNT || f->kind == WR_FEATURE_SUM ||
                  f->kind == WR_FEATURE_AVG || f->kind == WR_FEATURE_MIN ||
                  f->kind == WR_FEATURE_MAX || f->kind == WR_FEATURE_SHARE;
    bool by_label = (f->where_bit >= 0 && f->where_bit < WR_LIMIT_FEATURE_LABELS) ||
                    (f->share_bit >= 0 && f->share_bit < WR_LIMIT_FEATURE_LABELS);
    if (!f->fleet) {
        return f->stale_ms == 0 && !f->own_when_stale
                   ? WR_OK
                   : refuse(p, f->stale_ms != 0 ? "stale" : "missing", "goes with scope: fleet");
    }
    f->stale_ms = f->stale_ms != 0 ? f->stale_ms : WR_DEFAULT_FLEET_STALE_MS;
    if (!merges) {
        return refuse(p, kinds[f->kind].key,
                      "cannot be put together from several nodes; scope: fleet goes with count, "
                      "sum, avg, min, max and share");
    }
    if (by_label) {
        return refuse(p, "scope", "fleet knows no labels: they come to one node only");
    }
    if (f->window_kind != WR_WINDOW_SLIDING || f->since_bit >= 0) {
        return refuse(p, "window", "of scope fleet needs a duration");
    }
    return WR_OK;
}

bool wr_feature_is_probe(const struct wr_feature *f)
{
    return f->kind >= WR_FEATURE_MEDIAN || f->window_kind == WR_WINDOW_DAY ||
           f->window_kind == WR_WINDOW_WEEK || f->since_bit >= 0 || f->fleet;
}

static bool is_pairwise(enum wr_feature_kind kind)
{
    return kind == WR_FEATURE_SECONDS_SINCE_LAST || kind == WR_FEATURE_DELTA_TO_LAST ||
           kind == WR_FEATURE_DISTANCE || kind == WR_FEATURE_SPEED ||
           kind == WR_FEATURE_HOME_DISTANCE;
}

static wr_err check_window_kind(struct planning *p)
{
    struct wr_feature *f = p->feature;
    bool pairwise = is_pairwise(f->kind);
    if (f->entity == UINT32_MAX) {
        return refuse(p, "entity", "is missing");
    }
    if (pairwise && f->delay_ms != 0) {
        return refuse(p, "delay", "means nothing for this kind");
    }
    if (pairwise && f->window_ms == 0) {
        f->window_ms = DEFAULT_SPAN_MS;
    }
    if (f->window_ms <= 0) {
        return refuse(p, "window", "is missing, or 0");
    }
    wr_err err = check_fleet(p);
    if (err != WR_OK) {
        return err;
    }
    if (f->window_kind == WR_WINDOW_ALL) {
        return f->delay_ms <= WR_LIMIT_FEATURE_SPAN_DAYS * WR_MS_PER_D
                   ? check_parameters(p)
                   : refuse(p, "delay", "is over 366 days");
    }
    if (f->window_ms + f->delay_ms + f->baseline_ms > WR_LIMIT_FEATURE_SPAN_DAYS * WR_MS_PER_D) {
        return refuse(p, "window", "and delay together are over 366 days");
    }
    return check_parameters(p);
}

static wr_err read_definition(struct planning *p, const struct wr_pair *pair)
{
    struct wr_feature *f = p->feature;
    const struct wr_value *definition = &pair->value;
    int n_kinds = 0;
    *f = (struct wr_feature){.entity = UINT32_MAX,
                             .field = UINT32_MAX,
                             .include_self = true,
                             .where_bit = -1,
                             .share_bit = -1,
                             .since_bit = -1};
    wr_err err = keep(p, wr_text(pair->key), &f->name);
    if (err != WR_OK) {
        return err;
    }
    if (!wr_is(*definition, WR_OBJECT)) {
        return refuse(p, "definition", "needs {entity, KIND, window, ...}");
    }
    for (uint32_t i = 0; i < definition->n; i++) {
        err = read_member(p, &definition->pairs[i], &n_kinds);
        if (err != WR_OK) {
            return err;
        }
    }
    if (n_kinds != 1) {
        return refuse(p, "kind", n_kinds == 0 ? "is missing" : "is given more than once");
    }
    bool engine_kind = f->kind == WR_FEATURE_VALUE || f->kind == WR_FEATURE_REGO;
    return engine_kind ? check_engine_kind(p, definition) : check_window_kind(p);
}

static wr_err read_lateness(struct planning *p, const struct wr_value *weir_json)
{
    const struct wr_value *event = wr_object_get_str(weir_json, WR_STR("event"));
    const struct wr_value *v = event != NULL && wr_is(*event, WR_OBJECT)
                                   ? wr_object_get_str(event, WR_STR("lateness"))
                                   : NULL;
    p->plan->lateness_ms = 60 * WR_MS_PER_S;
    if (v == NULL) {
        return WR_OK;
    }
    bool known = wr_is(*v, WR_STRING) && wr_duration_read(wr_text(*v), &p->plan->lateness_ms);
    if (!known || p->plan->lateness_ms > WR_LIMIT_FEATURE_LATENESS_MS ||
        p->plan->lateness_ms % p->plan->schema->tick_ms != 0) {
        wr_err err = wr_fail(p->error, WR_E_PACK,
                             "event.lateness: needs a duration of at most 1d, in whole ticks");
        wr_error_where(p->error, "event.lateness", sizeof "event.lateness" - 1);
        return err;
    }
    return WR_OK;
}

wr_err wr_feature_plan_open(struct wr_arena *arena, const struct wr_schema *schema,
                            const struct wr_value *weir_json, struct wr_feature_plan **out,
                            struct wr_error *error)
{
    struct planning p = {.arena = arena, .error = error};
    const struct wr_value *features = wr_object_get_str(weir_json, WR_STR("features"));
    uint32_t n = features != NULL ? features->n : 0;
    *out = NULL;
    if (n > WR_LIMIT_FEATURES) {
        return wr_fail(error, WR_E_LIMIT, "over %d features", WR_LIMIT_FEATURES);
    }
    p.plan = WR_NEW(arena, struct wr_feature_plan);
    struct wr_feature *room = WR_NEW_ARRAY(arena, struct wr_feature, n);
    if (p.plan == NULL || room == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the features");
    }
    p.plan->schema = schema;
    p.plan->features = room;
    wr_err err = read_lateness(&p, weir_json);
    for (uint32_t i = 0; err == WR_OK && i < n; i++) {
        p.feature = &room[p.plan->n_features++];
        err = read_definition(&p, &features->pairs[i]);
    }
    err = err == WR_OK ? wr_fleet_layout(arena, p.plan, error) : err;
    err = err == WR_OK ? wr_class_layout(arena, p.plan, error) : err;
    *out = err == WR_OK ? p.plan : NULL;
    return err;
}
