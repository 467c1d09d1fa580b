/* SPDX-License-Identifier: Apache-2.0 */
#include "app/yaml_file.h"
#include "base/num.h"
#include "rego/yaml.h"

#include <yaml.h>

enum { ROOM_FIRST = 8 };

struct level { /* one open sequence or mapping */
    struct wr_value *items;
    size_t n, cap;
    bool mapping;
    yaml_mark_t start;
};

struct reader {
    struct wr_arena *arena;
    struct wr_error *error;
    struct level levels[WR_LIMIT_YAML_DEPTH];
    size_t depth;
    struct wr_value root;
    bool done;
    bool words_are_text; /* yes, no, on, off, y, n */
};

static wr_err fail_mark(struct reader *reader, yaml_mark_t mark, const char *text)
{
    wr_fail(reader->error, WR_E_CONFIG, "%s", text);
    if (reader->error != NULL) {
        reader->error->row = (uint32_t)mark.line + 1;
        reader->error->col = (uint32_t)mark.column + 1;
    }
    return WR_E_CONFIG;
}

/* The text of a number without what JSON does not write: a plus, a bare point at either end. */
static bool decimal_text(struct wr_str text, struct wr_buf *out)
{
    size_t i = text.n != 0 && (text.p[0] == '-' || text.p[0] == '+');
    if (i == 1 && text.p[0] == '-') {
        wr_buf_char(out, '-');
    }
    if (i < text.n && text.p[i] == '.') {
        wr_buf_char(out, '0');
    }
    size_t first = i + (i < text.n && text.p[i] == '.');
    if (first == text.n || text.p[first] < '0' || text.p[first] > '9') {
        return false;
    }
    for (; i < text.n; i++) {
        bool bare = text.p[i] == '.' && (i + 1 == text.n || (text.p[i + 1] | 0x20) == 'e');
        if (!bare) {
            wr_buf_char(out, text.p[i]);
        }
    }
    struct wr_num_text parts;
    return !out->overflow && wr_num_parse(wr_buf_view(out), &parts);
}

/* A whole number is exact as far as 64 bits go; any other is the nearest double, as for OPA. */
static wr_err read_number(struct reader *reader, struct wr_str plain, yaml_mark_t mark,
                          struct wr_value *out)
{
    int64_t whole;
    uint64_t large;
    double d = 0;
    if (wr_num_read_i64(plain, &whole)) {
        *out = wr_int(whole);
        return WR_OK;
    }
    if (wr_num_read_u64(plain, &large)) {
        *out = wr_number_text(plain);
        return WR_OK;
    }
    wr_num_read_double(plain, &d);
    if (!(d - d == 0)) {
        return fail_mark(reader, mark, "a number beyond the largest double");
    }
    *out = wr_number_double(reader->arena, d);
    return WR_OK;
}

static bool is_one_of(struct wr_str text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (wr_str_eq(text, wr_str_z(words[i]))) {
            return true;
        }
    }
    return false;
}

/* Text to one reader, a number or a merge to another. */
static bool is_disputed(struct wr_str text)
{
    static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", "<<"};
    size_t sign = text.p[0] == '-' || text.p[0] == '+';
    struct wr_str body = wr_str_of(text.p + sign, text.n - sign);
    return is_one_of(body, words, WR_COUNTOF(words)) ||
           (body.n > 2 && body.p[0] == '0' && body.p[1] == 'o');
}

/* What all readers of YAML understand alike; where 1.1 (which OPA reads) and 1.2 part, as on `no`
 * and 010, the pack must say what it means. */
static wr_err read_plain(struct reader *reader, struct wr_str text, yaml_mark_t mark,
                         struct wr_value *out)
{
    static const char *const true_words[] = {"true", "True", "TRUE"};
    static const char *const false_words[] = {"false", "False", "FALSE"};
    const struct wr_yaml scalar = {.kind = WR_YAML_SCALAR, .plain = true, .text = text};
    const char *tag = wr_yaml_tag(&scalar);
    struct wr_buf plain = wr_buf_in(reader->arena, text.n + 2);
    bool yes = is_one_of(text, true_words, WR_COUNTOF(true_words));
    if (strcmp(tag, "null") == 0) {
        *out = wr_null();
    } else if (yes || is_one_of(text, false_words, WR_COUNTOF(false_words))) {
        *out = wr_bool(yes);
    } else if (strcmp(tag, "bool") == 0 && reader->words_are_text) {
        *out = wr_string(text);
    } else if (strcmp(tag, "bool") == 0) {
        return fail_mark(reader, mark,
                         "true or false to some readers, text to others: quote it, or write "
                         "true or false");
    } else if (decimal_text(text, &plain)) {
        return read_number(reader, wr_buf_view(&plain), mark, out);
    } else if (strcmp(tag, "str") != 0 || is_disputed(text)) {
        return fail_mark(reader, mark,
                         "a number to some readers, text to others: quote it, or write it in "
                         "decimal");
    } else {
        *out = wr_string(text);
    }
    return WR_OK;
}

static wr_err read_scalar(struct reader *reader, const yaml_event_t *event, struct wr_value *out)
{
    struct wr_str text =
        wr_str_copy(reader->arena,
                    wr_str_of((const char *)event->data.scalar.value, event->data.scalar.length));
    if (text.p == NULL) {
        return wr_fail(reader->error, WR_E_MEMORY, "the YAML document is too large");
    }
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        return read_plain(reader, text, event->start_mark, out);
    }
    *out = wr_string(text);
    return WR_OK;
}

static wr_err put(struct reader *reader, struct wr_value v, yaml_mark_t mark)
{
    if (reader->depth == 0) {
        reader->root = v;
        return WR_OK;
    }
    struct level *level = &reader->levels[reader->depth - 1];
    if (level->mapping && level->n % 2 == 0 && v.type != WR_STRING) {
        return fail_mark(reader, mark, "a key must be text; quote it");
    }
    if (level->n == level->cap) {
        size_t cap = WR_MAX(level->cap * 2, (size_t)ROOM_FIRST);
        struct wr_value *items = WR_NEW_ARRAY(reader->arena, struct wr_value, cap);
        if (items == NULL) {
            return wr_fail(reader->error, WR_E_MEMORY, "the YAML document is too large");
        }
        if (level->n != 0) {
            memcpy(items, level->items, level->n * sizeof *items);
        }
        level->items = items;
        level->cap = cap;
    }
    level->items[level->n++] = v;
    return WR_OK;
}

static wr_err open_level(struct reader *reader, bool mapping, yaml_mark_t mark)
{
    if (reader->depth == WR_LIMIT_YAML_DEPTH) {
        return fail_mark(reader, mark, "nested too deeply");
    }
    reader->levels[reader->depth++] = (struct level){.mapping = mapping, .start = mark};
    return WR_OK;
}

static wr_err close_level(struct reader *reader)
{
    struct level level = reader->levels[--reader->depth];
    if (!level.mapping) {
        return put(reader, wr_array(level.items, level.n), level.start);
    }
    size_t n = level.n / 2;
    struct wr_pair *pairs = WR_NEW_ARRAY(reader->arena, struct wr_pair, n);
    if (pairs == NULL) {
        return wr_fail(reader->error, WR_E_MEMORY, "the YAML document is too large");
    }
    for (size_t i = 0; i < n; i++) {
        pairs[i] = (struct wr_pair){level.items[2 * i], level.items[2 * i + 1]};
    }
    struct wr_value object = wr_object_from(pairs, n);
    if (object.n != n) {
        return fail_mark(reader, level.start, "a key stands twice in this mapping");
    }
    return put(reader, object, level.start);
}

static wr_err take_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct wr_value v;
    wr_err code = read_scalar(reader, event, &v);
    return code == WR_OK ? put(reader, v, event->start_mark) : code;
}

static wr_err take(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->done) {
            return fail_mark(reader, event->start_mark, "only one document is allowed");
        }
        return WR_OK;
    case YAML_DOCUMENT_END_EVENT:
        reader->done = true;
        return WR_OK;
    case YAML_ALIAS_EVENT:
        return fail_mark(reader, event->start_mark, "aliases are not allowed");
    case YAML_SCALAR_EVENT:
        if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL) {
            return fail_mark(reader, event->start_mark, "anchors and tags are not allowed");
        }
        return take_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT: {
        bool mapping = event->type == YAML_MAPPING_START_EVENT;
        const yaml_char_t *anchor =
            mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
        const yaml_char_t *tag =
            mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
        if (anchor != NULL || tag != NULL) {
            return fail_mark(reader, event->start_mark, "anchors and tags are not allowed");
        }
        return open_level(reader, mapping, event->start_mark);
    }
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_level(reader);
    default:
        return WR_OK;
    }
}

/* Bytes that are no characters have an offset and no line yet. */
static wr_err fail_parser(struct reader *reader, const yaml_parser_t *parser)
{
    const char *why = parser->problem != NULL ? parser->problem : "not YAML";
    if (parser->error == YAML_MEMORY_ERROR) {
        return wr_fail(reader->error, WR_E_MEMORY, "the YAML document is too large");
    }
    if (parser->error == YAML_READER_ERROR) {
        return wr_fail_at(reader->error, WR_E_CONFIG, parser->problem_offset, "%s", why);
    }
    return fail_mark(reader, parser->problem_mark, why);
}

static wr_err read_document(struct reader *reader, struct wr_str text, struct wr_value *out)
{
    struct wr_arena *arena = reader->arena;
    struct wr_error *error = reader->error;
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return wr_fail(error, WR_E_MEMORY, "no memory for the YAML reader");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    wr_err code = WR_OK;
    for (bool end = false; code == WR_OK && !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            code = fail_parser(reader, &parser);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        code = take(reader, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    *out = reader->root;
    return code == WR_OK && wr_arena_failed(arena) ? wr_fail(error, WR_E_MEMORY, "no room") : code;
}

wr_err wr_yaml_file_read(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                         struct wr_error *error)
{
    struct reader reader = {.arena = arena, .error = error, .root = wr_null()};
    return read_document(&reader, text, out);
}

wr_err wr_yaml_manifest_read(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                             struct wr_error *error)
{
    struct reader reader = {
        .arena = arena, .error = error, .root = wr_null(), .words_are_text = true};
    return read_document(&reader, text, out);
}

wr_err wr_yaml_read_either(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                           struct wr_error *error)
{
    struct wr_yaml *node = NULL;
    struct wr_yaml_error why = {0};
    wr_err code = wr_yaml_file_read(arena, text, out, error);
    if (code != WR_E_CONFIG || wr_yaml_read(arena, text, &node, &why) != WR_OK) {
        return code;
    }
    struct wr_value v = wr_yaml_value(arena, node);
    *out = v.type != WR_UNDEFINED ? v : *out;
    return v.type != WR_UNDEFINED ? WR_OK : code;
}
