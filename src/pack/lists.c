/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: a file of values, a path in the request, a class (docs/pack.md, "lists"). Values are views
 * into the file; the table of a list holds 32-bit indexes at most half full. */
#include "base/hash.h"
#include "pack/parts.h"

static const struct wr_hash_key list_key = {0x7765697200000001, 0x6c69737400000001};

static const struct {
    const char *name;
    enum wr_list_class class;
} classes[] = {
    {"block_hard", WR_LIST_BLOCK_HARD},
    {"override", WR_LIST_OVERRIDE},
    {"block", WR_LIST_BLOCK},
    {"tag", WR_LIST_TAG},
};

bool wr_list_has(const struct wr_list *list, struct wr_str text)
{
    if (list->n == 0) {
        return false;
    }
    uint32_t i = (uint32_t)wr_siphash13(list_key, text.p, text.n) & list->mask;
    for (; list->slots[i] != 0; i = (i + 1) & list->mask) {
        if (wr_str_eq(list->values[list->slots[i] - 1], text)) {
            return true;
        }
    }
    return false;
}

/* ── the file ───────────────────────────────────────────────────────────────────────────────── */
struct lines {
    struct wr_str text;
    size_t at;
    uint32_t row;
};

static bool next_line(struct lines *lines, struct wr_str *line)
{
    if (lines->at >= lines->text.n) {
        return false;
    }
    const char *start = lines->text.p + lines->at;
    size_t rest = lines->text.n - lines->at;
    const char *end = memchr(start, '\n', rest);
    size_t n = end != NULL ? (size_t)(end - start) : rest;
    lines->at += n + 1;
    lines->row++;
    *line = wr_str_of(start, n > 0 && start[n - 1] == '\r' ? n - 1 : n);
    return true;
}

static struct wr_str trim(struct wr_str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s = wr_str_of(s.p + 1, s.n - 1);
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }
    return s;
}

/* The cell of a CSV line (RFC 4180 without line breaks or doubled quotes within a cell: values of
 * lists need neither, and what needs them is refused). False when there is no such cell. */
static bool csv_cell(struct wr_str line, size_t column, struct wr_str *cell)
{
    size_t at = 0;
    for (size_t k = 0;; k++) {
        bool quoted = at < line.n && line.p[at] == '"';
        size_t start = at + (quoted ? 1 : 0);
        const char *stop =
            start <= line.n ? memchr(line.p + start, quoted ? '"' : ',', line.n - start) : NULL;
        size_t end = stop != NULL ? (size_t)(stop - line.p) : line.n;
        if (quoted && (stop == NULL || (end + 1 < line.n && line.p[end + 1] != ','))) {
            return false;
        }
        if (k == column) {
            *cell = wr_str_of(line.p + start, end - start);
            return true;
        }
        at = end + (quoted ? 1 : 0);
        if (at >= line.n) {
            return false;
        }
        at++;
    }
}

static bool find_column(struct wr_str header, struct wr_str name, size_t *column)
{
    struct wr_str cell;
    for (*column = 0; csv_cell(header, *column, &cell); (*column)++) {
        if (name.n == 0 || wr_str_eq(trim(cell), name)) {
            return true;
        }
    }
    return false;
}

struct source {
    struct wr_pack *pack;
    const struct wr_keys *keys;
    const struct wr_pack_file *file;
    bool csv;
    size_t column;
};

static wr_err fail_row(const struct source *source, uint32_t row, const char *what)
{
    wr_err err = wr_fail(source->keys->error, WR_E_PACK, "%.*s:%u: %s", WR_FMT(source->file->path),
                         row, what);
    if (source->keys->error != NULL) {
        source->keys->error->row = row;
        wr_error_where(source->keys->error, source->file->path.p, source->file->path.n);
    }
    return err;
}

/* The value of a line; empty when the line holds none. */
static wr_err line_value(const struct source *source, struct wr_str line, uint32_t row,
                         struct wr_str *value)
{
    *value = line;
    if (source->csv && trim(line).n != 0 && !csv_cell(line, source->column, value)) {
        return fail_row(source, row, "the line lacks the column, or its quotes are not closed");
    }
    *value = trim(*value);
    if (!source->csv && value->n > 0 && value->p[0] == '#') {
        value->n = 0;
    }
    if (value->n > WR_LIMIT_LIST_VALUE) {
        return fail_row(source, row, "a value is longer than 512 bytes");
    }
    return wr_utf8_invalid_at(value->p, value->n) == value->n
               ? WR_OK
               : fail_row(source, row, "the line is not UTF-8");
}

static void put(struct wr_list *list, struct wr_str value)
{
    if (wr_list_has(list, value)) {
        return;
    }
    list->values[list->n++] = value;
    uint32_t i = (uint32_t)wr_siphash13(list_key, value.p, value.n) & list->mask;
    while (list->slots[i] != 0) {
        i = (i + 1) & list->mask;
    }
    list->slots[i] = list->n;
}

static wr_err make_room(struct wr_pack *pack, struct wr_list *list, size_t n_lines,
                        const struct wr_keys *keys)
{
    size_t size = 16;
    while (size < n_lines * 2) {
        size *= 2;
    }
    list->mask = (uint32_t)size - 1;
    list->slots = WR_NEW_ARRAY(pack->arena, uint32_t, size);
    list->values = WR_NEW_ARRAY(pack->arena, struct wr_str, n_lines + 1);
    if (list->slots == NULL || list->values == NULL) {
        return wr_fail(keys->error, WR_E_MEMORY, "no room for the list %.*s", WR_FMT(list->name));
    }
    return WR_OK;
}

static wr_err read_file(struct source *source, struct wr_list *list, struct wr_str column)
{
    struct lines lines = {.text = source->file->bytes};
    struct wr_str line, value;
    size_t n_lines = 0;
    while (next_line(&lines, &line)) {
        n_lines++;
    }
    if (n_lines > WR_LIMIT_LIST_ENTRIES) {
        return wr_keys_fail(source->keys, "file", "the list has more than %u lines",
                            WR_LIMIT_LIST_ENTRIES);
    }
    wr_err err = make_room(source->pack, list, n_lines, source->keys);
    lines = (struct lines){.text = source->file->bytes};
    if (err == WR_OK && source->csv) {
        if (!next_line(&lines, &line) || !find_column(line, column, &source->column)) {
            return wr_keys_fail(source->keys, "column", "%.*s has no such column",
                                WR_FMT(source->file->path));
        }
    }
    while (err == WR_OK && next_line(&lines, &line)) {
        err = line_value(source, line, lines.row, &value);
        if (err == WR_OK && value.n != 0) {
            put(list, value);
        }
    }
    return err;
}

/* ── weir.json ──────────────────────────────────────────────────────────────────────────────── */
static wr_err read_class(const struct wr_keys *keys, enum wr_list_class *class)
{
    struct wr_str text = WR_STR("tag"), match = WR_STR("exact");
    wr_err err = wr_keys_text(keys, "class", false, &text);
    if (err == WR_OK) {
        err = wr_keys_text(keys, "match", false, &match);
    }
    if (err == WR_OK && !wr_str_eq(match, WR_STR("exact"))) {
        err = wr_keys_fail(keys, "match", "wanted \"exact\", found \"%.*s\"", WR_FMT(match));
    }
    if (err != WR_OK) {
        return err;
    }
    for (size_t i = 0; i < WR_COUNTOF(classes); i++) {
        if (wr_str_eq(text, wr_str_z(classes[i].name))) {
            *class = classes[i].class;
            return WR_OK;
        }
    }
    return wr_keys_fail(keys, "class", "wanted block_hard, override, block or tag, found \"%.*s\"",
                        WR_FMT(text));
}

static wr_err read_list(struct wr_pack *pack, const struct wr_keys *keys, struct wr_list *list)
{
    static const char *const known[] = {"file", "column", "key", "match", "class", NULL};
    struct wr_str path = {0}, key = {0}, column = {0};
    wr_err err = wr_keys_check(keys, known);
    err = err != WR_OK ? err : wr_keys_text(keys, "file", true, &path);
    err = err != WR_OK ? err : wr_keys_text(keys, "key", true, &key);
    err = err != WR_OK ? err : wr_keys_text(keys, "column", false, &column);
    err = err != WR_OK ? err : read_class(keys, &list->class);
    if (err != WR_OK) {
        return err;
    }
    if (wr_path_parse(key, &list->key, NULL) != WR_OK) {
        return wr_keys_fail(keys, "key", "\"%.*s\" is not a path", WR_FMT(key));
    }
    struct source source = {.pack = pack, .keys = keys, .file = wr_pack_find_file(pack, path)};
    if (source.file == NULL) {
        return wr_keys_fail(keys, "file", "the pack has no file %.*s", WR_FMT(path));
    }
    source.csv = wr_str_ends(path, WR_STR(".csv"));
    if (!source.csv && !wr_str_ends(path, WR_STR(".txt"))) {
        return wr_keys_fail(keys, "file", "wanted a .txt or .csv file");
    }
    if (!source.csv && column.n != 0) {
        return wr_keys_fail(keys, "column", "only a .csv file has columns");
    }
    err = read_file(&source, list, column);
    if (err == WR_OK && list->n == 0) {
        wr_pack_warn(pack, "the list %.*s is empty", WR_FMT(list->name));
    }
    return err;
}

wr_err wr_pack_read_lists(struct wr_pack *pack, const struct wr_keys *top)
{
    struct wr_keys lists;
    bool found;
    wr_err err = wr_keys_enter(top, "lists", &lists, &found);
    if (err != WR_OK || !found) {
        return err;
    }
    if (lists.at->n > WR_LIMIT_PACK_LISTS) {
        return wr_keys_fail(&lists, NULL, "more than %d lists", WR_LIMIT_PACK_LISTS);
    }
    for (uint32_t i = 0; i < lists.at->n && err == WR_OK; i++) {
        struct wr_list *list = &pack->lists[pack->n_lists++];
        struct wr_keys keys = lists;
        keys.name = list->name = wr_text(lists.at->pairs[i].key);
        keys.at = &lists.at->pairs[i].value;
        err = wr_pack_name_is_plain(list->name)
                  ? read_list(pack, &keys, list)
                  : wr_keys_fail(&keys, NULL, "a name has letters, digits, _ and - only");
    }
    return err;
}
