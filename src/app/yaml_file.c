/* SPDX-License-Identifier: Apache-2.0 */
#include "app/yaml_file.h"

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
};

static wr_err fail_mark(struct reader *reader, yaml_mark_t mark, const char *text)
{
    wr_fail_at(reader->error, WR_E_CONFIG, mark.index, "%s", text);
    if (reader->error != NULL) {
        reader->error->row = (uint32_t)mark.line + 1;
        reader->error->col = (uint32_t)mark.column + 1;
    }
    return WR_E_CONFIG;
}

static bool is_number(struct wr_str s)
{
    size_t i = s.n != 0 && s.p[0] == '-' ? 1 : 0, start = i;
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') {
        i++;
    }
    if (i == start || (s.p[start] == '0' && i - start > 1)) {
        return false;
    }
    if (i < s.n && s.p[i] == '.') {
        size_t dot = i++;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') {
            i++;
        }
        if (i == dot + 1) {
            return false;
        }
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
        size_t digits = i;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') {
            i++;
        }
        if (i == digits) {
            return false;
        }
    }
    return i == s.n;
}

static struct wr_value scalar(struct reader *reader, const yaml_event_t *event)
{
    struct wr_str text =
        wr_str_copy(reader->arena,
                    wr_str_of((const char *)event->data.scalar.value, event->data.scalar.length));
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return wr_string(text);
    }
    if (text.n == 0 || wr_str_eq(text, WR_STR("null")) || wr_str_eq(text, WR_STR("~"))) {
        return wr_null();
    }
    if (wr_str_eq(text, WR_STR("true")) || wr_str_eq(text, WR_STR("false"))) {
        return wr_bool(text.p[0] == 't');
    }
    return is_number(text) ? wr_number_text(text) : wr_string(text);
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
        return put(reader, scalar(reader, event), event->start_mark);
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

wr_err wr_yaml_file_read(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                         struct wr_error *error)
{
    struct reader reader = {.arena = arena, .error = error, .root = wr_null()};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return wr_fail(error, WR_E_MEMORY, "no memory for the YAML reader");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    wr_err code = WR_OK;
    for (bool end = false; code == WR_OK && !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            code = fail_mark(&reader, parser.problem_mark,
                             parser.problem != NULL ? parser.problem : "not YAML");
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        code = take(&reader, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    *out = reader.root;
    return code == WR_OK && wr_arena_failed(arena) ? wr_fail(error, WR_E_MEMORY, "no room") : code;
}
