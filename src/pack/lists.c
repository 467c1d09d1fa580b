/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: a path in the request, a class, how values match, and perhaps a file of them
 * (docs/pack.md, "lists"). */
#include "pack/parts.h"

static const struct {
    const char *name;
    enum wr_list_class class;
} classes[] = {
    {"block_hard", WR_LIST_BLOCK_HARD},
    {"override", WR_LIST_OVERRIDE},
    {"block", WR_LIST_BLOCK},
    {"tag", WR_LIST_TAG},
};

const char *wr_list_class_name(enum wr_list_class class)
{
    return classes[class].name;
}

const struct wr_list *wr_pack_find_list(const struct wr_pack *pack, struct wr_str name)
{
    for (uint32_t i = 0; i < pack->n_lists; i++) {
        if (wr_str_eq(pack->lists[i].name, name)) {
            return &pack->lists[i];
        }
    }
    return NULL;
}

static void *take(void *context, size_t size)
{
    return wr_arena_alloc(context, size, 16);
}

static void give(void *context, void *block, size_t size)
{
    (void)context;
    (void)block;
    (void)size; /* it goes with the pack */
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
    return wr_utf8_invalid_at(value->p, value->n) == value->n
               ? WR_OK
               : fail_row(source, row, "the line is not UTF-8");
}

static wr_err put(const struct source *source, struct wr_list *list, uint32_t row,
                  struct wr_str value)
{
    struct wr_list_key key;
    struct wr_list_entry entry = {0}, before;
    const char *wrong = wr_list_key_read(list->match, value, &key);
    if (wrong != NULL) {
        return fail_row(source, row, wrong);
    }
    entry.key = wr_str_of(key.bytes, key.n);
    if (wr_list_table_find(list->file, entry.key, &before)) {
        return WR_OK;
    }
    uint32_t max = list->match == WR_LIST_BIN ? WR_LIMIT_LIST_SPANS : WR_LIMIT_LIST_ENTRIES;
    if (list->file->n == max) {
        return fail_row(source, row, "the list has too many entries");
    }
    if (!wr_list_table_room(list->file, &entry, 1)) {
        return wr_fail(source->keys->error, WR_E_MEMORY, "no room for the list %.*s",
                       WR_FMT(list->name));
    }
    wr_list_table_put(list->file, &entry);
    return WR_OK;
}

static wr_err open_table(struct wr_pack *pack, struct wr_list *list, size_t n_lines,
                         const struct wr_keys *keys)
{
    pack->list_memory = (struct wr_memory){take, give, pack->arena};
    list->file = WR_NEW(pack->arena, struct wr_list_table);
    if (list->file == NULL) {
        return wr_fail(keys->error, WR_E_MEMORY, "no room for the list %.*s", WR_FMT(list->name));
    }
    wr_list_table_open(list->file, &pack->list_memory, list->match);
    return n_lines <= WR_LIMIT_LIST_ENTRIES && !wr_list_table_expect(list->file, (uint32_t)n_lines)
               ? wr_fail(keys->error, WR_E_MEMORY, "no room for the list %.*s", WR_FMT(list->name))
               : WR_OK;
}

static wr_err read_file(struct source *source, struct wr_list *list, struct wr_str column)
{
    struct lines lines = {.text = source->file->bytes};
    struct wr_str line, value;
    size_t n_lines = 0;
    while (next_line(&lines, &line)) {
        n_lines++;
    }
    wr_err err = open_table(source->pack, list, n_lines, source->keys);
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
            err = put(source, list, lines.row, value);
        }
    }
    return err;
}

/* ── weir.json ──────────────────────────────────────────────────────────────────────────────── */
static wr_err read_match(const struct wr_keys *keys, enum wr_list_match *match)
{
    struct wr_str text = WR_STR("exact");
    wr_err err = wr_keys_text(keys, "match", false, &text);
    if (err == WR_OK && !wr_list_match_read(text, match)) {
        err = wr_keys_fail(keys, "match", "wanted exact, prefix, cidr, bin or hash, found \"%.*s\"",
                           WR_FMT(text));
    }
    return err;
}

static wr_err read_class(const struct wr_keys *keys, enum wr_list_class *class)
{
    struct wr_str text = WR_STR("tag");
    wr_err err = wr_keys_text(keys, "class", false, &text);
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

static wr_err find_file(struct wr_pack *pack, const struct wr_keys *keys, struct wr_list *list,
                        struct wr_str path, struct wr_str column)
{
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
    wr_err err = read_file(&source, list, column);
    if (err == WR_OK && list->file->n == 0) {
        wr_pack_warn(pack, "the list %.*s is empty", WR_FMT(list->name));
    }
    return err;
}

static wr_err read_list(struct wr_pack *pack, const struct wr_keys *keys, struct wr_list *list)
{
    static const char *const known[] = {"file", "column", "key", "match", "class", "max", NULL};
    struct wr_str path = {0}, key = {0}, column = {0};
    list->max = 1u << 20;
    wr_err err = wr_keys_check(keys, known);
    err = err != WR_OK ? err : wr_keys_text(keys, "file", false, &path);
    err = err != WR_OK ? err : wr_keys_text(keys, "key", true, &key);
    err = err != WR_OK ? err : wr_keys_text(keys, "column", false, &column);
    err = err != WR_OK ? err : wr_keys_count(keys, "max", 0, WR_LIMIT_LIST_ENTRIES, &list->max);
    err = err != WR_OK ? err : read_match(keys, &list->match);
    err = err != WR_OK ? err : read_class(keys, &list->class);
    if (err != WR_OK) {
        return err;
    }
    if (wr_path_parse(key, &list->key, NULL) != WR_OK) {
        return wr_keys_fail(keys, "key", "\"%.*s\" is not a path", WR_FMT(key));
    }
    if (path.n == 0 && column.n != 0) {
        return wr_keys_fail(keys, "column", "only a .csv file has columns");
    }
    return path.n != 0 ? find_file(pack, keys, list, path, column) : WR_OK;
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
