/* SPDX-License-Identifier: Apache-2.0 */
/* The parts `labels`, `csv` and `limits` of weir.json (docs/pack.md). */
#include "pack/parts.h"

static bool is_reserved(const struct wr_path *path)
{
    static const char *const reserved[] = {"features", "lists", "missing", "scores"};
    for (size_t i = 0; i < WR_COUNTOF(reserved); i++) {
        if (wr_str_eq(path->names[0], wr_str_z(reserved[i]))) {
            return true;
        }
    }
    return false;
}

/* ── labels ─────────────────────────────────────────────────────────────────────────────────── */
static wr_err read_label(struct wr_pack *pack, const struct wr_keys *keys,
                         struct wr_pack_label *label)
{
    static const char *const known[] = {"path", NULL};
    struct wr_str path = {0};
    wr_err err = wr_keys_check(keys, known);
    err = err != WR_OK ? err : wr_keys_text(keys, "path", false, &path);
    if (err != WR_OK) {
        return err;
    }
    label->has_path = path.n != 0;
    if (label->has_path &&
        (wr_path_parse(path, &label->path, NULL) != WR_OK || is_reserved(&label->path))) {
        return wr_keys_fail(keys, "path", "\"%.*s\" is not a path of a request", WR_FMT(path));
    }
    label->index = wr_feature_label_find(pack->plan, label->name);
    return WR_OK;
}

/* A label that features read but `labels` does not name is one without a path. */
static wr_err add_unnamed(struct wr_pack *pack, const struct wr_keys *top)
{
    for (uint32_t i = 0; i < pack->plan->n_labels; i++) {
        bool named = false;
        for (uint32_t k = 0; k < pack->n_labels; k++) {
            named = named || pack->labels[k].index == i;
        }
        if (!named && pack->n_labels == WR_LIMIT_PACK_LABELS) {
            return wr_keys_fail(top, "labels", "more than %d labels", WR_LIMIT_PACK_LABELS);
        }
        if (!named) {
            pack->labels[pack->n_labels++] =
                (struct wr_pack_label){.name = pack->plan->labels[i], .index = i};
        }
    }
    return WR_OK;
}

wr_err wr_pack_read_labels(struct wr_pack *pack, const struct wr_keys *top)
{
    struct wr_keys labels;
    bool found;
    wr_err err = wr_keys_enter(top, "labels", &labels, &found);
    if (err == WR_OK && found && labels.at->n > WR_LIMIT_PACK_LABELS) {
        err = wr_keys_fail(top, "labels", "more than %d labels", WR_LIMIT_PACK_LABELS);
    }
    for (uint32_t i = 0; err == WR_OK && found && i < labels.at->n; i++) {
        struct wr_pack_label *label = &pack->labels[pack->n_labels++];
        struct wr_keys keys = labels;
        keys.name = label->name = wr_text(labels.at->pairs[i].key);
        keys.at = &labels.at->pairs[i].value;
        err = wr_pack_name_is_plain(label->name)
                  ? read_label(pack, &keys, label)
                  : wr_keys_fail(&keys, NULL, "a name has letters, digits, _ and - only");
    }
    return err != WR_OK ? err : add_unnamed(pack, top);
}

/* ── csv ────────────────────────────────────────────────────────────────────────────────────── */
/* Numbers are what the schema or a model reads as numbers; all else is text. */
static enum wr_csv_type type_by_schema(const struct wr_pack *pack, struct wr_str path)
{
    const struct wr_schema *schema = pack->schema;
    if (schema->has_time && wr_str_eq(path, schema->time.text)) {
        return schema->time_unit == WR_TIME_RFC3339 ? WR_CSV_STRING : WR_CSV_NUMBER;
    }
    if (schema->has_amount && wr_str_eq(path, schema->amount.path.text)) {
        return WR_CSV_NUMBER;
    }
    for (uint32_t i = 0; i < schema->n_fields; i++) {
        if (schema->fields[i].type != WR_FIELD_KEY &&
            wr_str_eq(path, schema->fields[i].path.text)) {
            return WR_CSV_NUMBER;
        }
    }
    for (uint32_t m = 0; m < pack->n_models; m++) {
        for (size_t i = 0; i < pack->models[m].n_inputs; i++) {
            const struct wr_pack_input *input = &pack->models[m].inputs[i];
            if (input->feature == UINT32_MAX && !input->category && wr_str_eq(path, input->name)) {
                return WR_CSV_NUMBER;
            }
        }
    }
    return WR_CSV_STRING;
}

static wr_err read_type(const struct wr_keys *keys, enum wr_csv_type *type)
{
    struct wr_str text = {0};
    wr_err err = wr_keys_text(keys, "type", false, &text);
    if (err != WR_OK || text.n == 0) {
        return err;
    }
    if (wr_str_eq(text, WR_STR("string"))) {
        *type = WR_CSV_STRING;
    } else if (wr_str_eq(text, WR_STR("number"))) {
        *type = WR_CSV_NUMBER;
    } else if (wr_str_eq(text, WR_STR("bool"))) {
        *type = WR_CSV_BOOL;
    } else {
        return wr_keys_fail(keys, "type", "wanted string, number or bool, found \"%.*s\"",
                            WR_FMT(text));
    }
    return WR_OK;
}

/* `times` and `plus` turn a whole number into another: seconds since a day into milliseconds. */
static wr_err read_line(const struct wr_keys *keys, struct wr_csv_column *column)
{
    const struct wr_value *times = wr_object_get_str(keys->at, WR_STR("times"));
    const struct wr_value *plus = wr_object_get_str(keys->at, WR_STR("plus"));
    if (times == NULL && plus == NULL) {
        return WR_OK;
    }
    column->times = 1;
    if (column->type != WR_CSV_NUMBER) {
        return wr_keys_fail(keys, times != NULL ? "times" : "plus", "only for type number");
    }
    if (times != NULL && (!wr_is(*times, WR_NUMBER) || !wr_number_to_i64(times, &column->times) ||
                          column->times == 0)) {
        return wr_keys_fail(keys, "times", "wanted a whole number other than 0");
    }
    if (plus != NULL && (!wr_is(*plus, WR_NUMBER) || !wr_number_to_i64(plus, &column->plus))) {
        return wr_keys_fail(keys, "plus", "wanted a whole number");
    }
    return WR_OK;
}

static wr_err read_column(struct wr_pack *pack, const struct wr_keys *keys,
                          struct wr_csv_column *column)
{
    static const char *const known[] = {"path", "type", "times", "plus", NULL};
    struct wr_path path;
    wr_err err = WR_OK;
    column->column = keys->name;
    column->times = column->plus = 0;
    if (wr_is(*keys->at, WR_STRING)) {
        column->path = wr_text(*keys->at);
    } else {
        err = wr_keys_check(keys, known);
        err = err != WR_OK ? err : wr_keys_text(keys, "path", true, &column->path);
    }
    if (err != WR_OK) {
        return err;
    }
    if (wr_path_parse(column->path, &path, NULL) != WR_OK || is_reserved(&path)) {
        return wr_keys_fail(keys, "path", "\"%.*s\" is not a path of a request",
                            WR_FMT(column->path));
    }
    column->type = type_by_schema(pack, column->path);
    if (wr_is(*keys->at, WR_STRING)) {
        return WR_OK;
    }
    err = read_type(keys, &column->type);
    return err != WR_OK ? err : read_line(keys, column);
}

/* By names, not by bytes: "a.b" must stand beside "a.c" and not behind "a-b". */
static int path_order(struct wr_str a, struct wr_str b)
{
    struct wr_path pa, pb;
    if (wr_path_parse(a, &pa, NULL) != WR_OK || wr_path_parse(b, &pb, NULL) != WR_OK) {
        return wr_str_cmp(a, b);
    }
    for (uint32_t i = 0; i < pa.n && i < pb.n; i++) {
        int order = wr_str_cmp(pa.names[i], pb.names[i]);
        if (order != 0) {
            return order;
        }
    }
    return pa.n < pb.n ? -1 : pa.n > pb.n;
}

/* In path order a path stands right before those that lie below it. */
static wr_err check_nesting(const struct wr_keys *csv, const struct wr_csv *map)
{
    for (size_t i = 1; i < map->n_columns; i++) {
        struct wr_str outer = map->columns[i - 1].path, inner = map->columns[i].path;
        if (wr_str_starts(inner, outer) && inner.n > outer.n && inner.p[outer.n] == '.') {
            return wr_keys_fail(csv, "columns", "%.*s lies below %.*s, which is a value itself",
                                WR_FMT(inner), WR_FMT(outer));
        }
    }
    return WR_OK;
}

static wr_err read_columns(struct wr_pack *pack, const struct wr_keys *csv)
{
    struct wr_keys columns;
    bool found;
    wr_err err = wr_keys_enter(csv, "columns", &columns, &found);
    if (err != WR_OK || !found || columns.at->n == 0 || columns.at->n > 1024) {
        return err != WR_OK ? err : wr_keys_fail(csv, "columns", "wanted 1 to 1024 columns");
    }
    struct wr_csv_column *list = WR_NEW_ARRAY(pack->arena, struct wr_csv_column, columns.at->n);
    if (list == NULL) {
        return wr_fail(csv->error, WR_E_MEMORY, "no room for the columns of csv");
    }
    pack->csv.columns = list;
    columns.place = "csv.columns";
    for (uint32_t i = 0; i < columns.at->n && err == WR_OK; i++) {
        struct wr_keys keys = columns;
        struct wr_csv_column column;
        keys.name = wr_text(columns.at->pairs[i].key);
        keys.at = &columns.at->pairs[i].value;
        err = read_column(pack, &keys, &column);
        size_t at = pack->csv.n_columns;
        while (err == WR_OK && at > 0 && path_order(list[at - 1].path, column.path) > 0) {
            list[at] = list[at - 1];
            at--;
        }
        if (err == WR_OK) {
            list[at] = column;
            pack->csv.n_columns++;
        }
        if (err == WR_OK && at > 0 && wr_str_eq(list[at - 1].path, column.path)) {
            err = wr_keys_fail(&keys, "path", "two columns for %.*s", WR_FMT(column.path));
        }
    }
    return err != WR_OK ? err : check_nesting(csv, &pack->csv);
}

static wr_err read_csv_label(struct wr_pack *pack, const struct wr_keys *csv)
{
    static const char *const known[] = {"column", "name", "delay", NULL};
    struct wr_keys label;
    wr_err err = wr_keys_enter(csv, "label", &label, &pack->csv.has_label);
    if (err != WR_OK || !pack->csv.has_label) {
        return err;
    }
    label.place = "csv.label";
    err = wr_keys_check(&label, known);
    err = err != WR_OK ? err : wr_keys_text(&label, "column", true, &pack->csv.label_column);
    err = err != WR_OK ? err : wr_keys_text(&label, "name", true, &pack->csv.label_name);
    err = err != WR_OK ? err : wr_keys_duration(&label, "delay", &pack->csv.label_delay_us);
    for (uint32_t i = 0; i < pack->n_labels && err == WR_OK; i++) {
        if (wr_str_eq(pack->labels[i].name, pack->csv.label_name)) {
            return WR_OK;
        }
    }
    return err != WR_OK ? err
                        : wr_keys_fail(&label, "name", "the pack has no label %.*s",
                                       WR_FMT(pack->csv.label_name));
}

static wr_err read_csv(struct wr_pack *pack, const struct wr_keys *top)
{
    static const char *const known[] = {"columns", "label", NULL};
    struct wr_keys csv;
    wr_err err = wr_keys_enter(top, "csv", &csv, &pack->has_csv);
    if (err != WR_OK || !pack->has_csv) {
        return err;
    }
    err = wr_keys_check(&csv, known);
    err = err != WR_OK ? err : read_columns(pack, &csv);
    return err != WR_OK ? err : read_csv_label(pack, &csv);
}

/* ── limits ─────────────────────────────────────────────────────────────────────────────────── */
static wr_err read_limits(struct wr_pack *pack, const struct wr_keys *top)
{
    static const char *const known[] = {"ids", "ids_age", "entities", "bytes", NULL};
    struct wr_keys limits;
    bool found;
    pack->ids = 8u << 20;
    pack->ids_age_us = INT64_C(86400000000);
    wr_err err = wr_keys_enter(top, "limits", &limits, &found);
    if (err != WR_OK || !found) {
        return err;
    }
    err = wr_keys_check(&limits, known);
    err = err != WR_OK ? err : wr_keys_count(&limits, "ids", 1, 1u << 28, &pack->ids);
    err = err != WR_OK ? err : wr_keys_duration(&limits, "ids_age", &pack->ids_age_us);
    err =
        err != WR_OK ? err : wr_keys_count(&limits, "entities", 16, 1u << 28, &pack->entities_max);
    err = err != WR_OK
              ? err
              : wr_keys_count(&limits, "bytes", 4u << 20, UINT64_C(1) << 40, &pack->bytes_max);
    if (err == WR_OK && pack->ids_age_us == 0) {
        err = wr_keys_fail(&limits, "ids_age", "wanted more than nothing");
    }
    return err;
}

wr_err wr_pack_read_mapping(struct wr_pack *pack, const struct wr_keys *top)
{
    wr_err err = read_limits(pack, top);
    return err != WR_OK ? err : read_csv(pack, top);
}
