/* SPDX-License-Identifier: Apache-2.0 */
/* From comments to blocks of YAML, and to values. */
#include "rego/annotation_state.h"

void wr_note_set(struct wr_note_fields *f, const char *name, struct wr_value value)
{
    WR_ASSERT(f->n < WR_COUNTOF(f->pairs));
    f->pairs[f->n++] = (struct wr_pair){wr_string(wr_str_z(name)), value};
}

struct wr_value wr_note_object(struct wr_note *b, const struct wr_note_fields *f)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(b->arena, struct wr_pair, f->n);
    if (pairs == NULL) {
        return wr_undefined();
    }
    if (f->n > 0) {
        memcpy(pairs, f->pairs, f->n * sizeof *pairs);
    }
    return wr_object_from(pairs, f->n);
}

void wr_note_complain(struct wr_note *b, bool with_source, struct wr_str message)
{
    struct wr_rego_error *error = wr_rego_error_add(b->errors, WR_E_REGO_PARSE, b->module->file,
                                                    &b->loc, "%.*s", WR_FMT(message));
    b->failed = true;
    if (with_source) {
        wr_rego_error_source(b->errors, error, b->module->text, b->loc.offset);
    }
}

void wr_note_fail(struct wr_note *b, const char *message)
{
    if (!b->failed) {
        wr_note_complain(b, true, wr_str_z(message));
    }
}

/* ── errors of the YAML ─────────────────────────────────────────────────────────────────────── */

/* The first character of `part` as a quoted rune, in ASCII. */
static void quote_first(struct wr_buf *out, struct wr_str part)
{
    uint32_t code_point = 0;
    unsigned n = wr_utf8_decode(part.p, part.n, &code_point);
    if (n == 1) {
        wr_format(out, "'%c'", (int)code_point);
    } else {
        wr_format(out, code_point > 0xFFFF ? "'\\U%08x'" : "'\\u%04x'",
                  n > 0 ? code_point : 0xFFFDu);
    }
}

/* The characters that stand right behind colons where a space is missing; nothing when any colon of
 * the line is in order. */
static bool list_bad_separators(struct wr_buf *out, struct wr_str text)
{
    size_t at = wr_str_find(text, WR_STR(":"), 0);
    bool any = false;
    while (at != SIZE_MAX) {
        size_t next = wr_str_find(text, WR_STR(":"), at + 1);
        struct wr_str part =
            wr_str_of(text.p + at + 1, (next == SIZE_MAX ? text.n : next) - at - 1);
        if (part.n == 0 ? next == SIZE_MAX : part.p[0] == ' ' || part.p[0] == '\t') {
            return false;
        }
        wr_buf_str(out, any ? WR_STR(" ") : WR_STR(""));
        quote_first(out, part);
        any = true;
        at = next;
    }
    return any;
}

void wr_note_fail_yaml(struct wr_note *b, uint32_t line, struct wr_buf *message)
{
    if (line > 0 && b->end > b->first + 1) {
        uint32_t index = WR_MIN(b->first + line, b->end - 1);
        b->loc = b->module->comments[index].loc;
    }
    for (uint32_t i = b->first + 1; i < b->end; i++) {
        const struct wr_ast_comment *comment = &b->module->comments[i];
        struct wr_buf list = wr_buf_in(b->arena, 32);
        if (list_bad_separators(&list, comment->text)) {
            struct wr_str signs = wr_buf_view(&list);
            wr_format(message,
                      "\n  Hint: on line %u, symbol(s) [%.*s] immediately following a key/value "
                      "separator ':' is not a legal yaml space character",
                      comment->loc.row, WR_FMT(signs));
        }
    }
    if (!b->failed) {
        wr_note_complain(b, true, wr_buf_view(message));
    }
}

/* A node of the wrong kind. */
void wr_note_fail_type(struct wr_note *b, const struct wr_yaml *node, const char *wanted)
{
    struct wr_buf message = wr_buf_in(b->arena, 64);
    wr_format(&message, "yaml: unmarshal errors:\n  line %u: cannot unmarshal ", node->line);
    if (node->kind == WR_YAML_SCALAR) {
        bool cut = node->text.n > 10;
        struct wr_str text = wr_str_of(node->text.p, cut ? 7 : node->text.n);
        wr_format(&message, "!!%s `%.*s%s` into %s", wr_yaml_tag(node), WR_FMT(text),
                  cut ? "..." : "", wanted);
    } else {
        wr_format(&message, "!!%s into %s", node->kind == WR_YAML_LIST ? "seq" : "map", wanted);
    }
    wr_note_fail_yaml(b, node->line, &message);
}

/* ── blocks ─────────────────────────────────────────────────────────────────────────────────── */

static struct wr_str block_text(struct wr_note *b)
{
    struct wr_buf text = wr_buf_in(b->arena, 128);
    for (uint32_t i = b->first + 1; i < b->end; i++) {
        struct wr_str line = b->module->comments[i].text;
        bool space = line.n > 0 && line.p[0] == ' ';
        wr_buf_add(&text, line.p + space, line.n - space);
        wr_buf_char(&text, '\n');
    }
    return wr_buf_view(&text);
}

static struct wr_yaml *read_yaml(struct wr_note *b)
{
    struct wr_str text = block_text(b);
    struct wr_yaml *root = NULL;
    struct wr_yaml_error why;
    if (wr_note_trim(text).n == 0) {
        wr_note_fail(b, "expected METADATA block, found whitespace");
        return NULL;
    }
    wr_err err = wr_yaml_read(b->arena, text, &root, &why);
    if (err == WR_E_CONFIG) {
        struct wr_buf message = wr_buf_in(b->arena, 64);
        bool with_line = why.line > 1; /* OPA's reader names no line for troubles in the first */
        wr_buf_str(&message, WR_STR("yaml: "));
        if (with_line) {
            wr_format(&message, "line %u: ", why.line);
        }
        wr_buf_str(&message, wr_str_z(why.message));
        wr_note_fail_yaml(b, with_line ? why.line : 0, &message);
        return NULL;
    }
    if (err != WR_OK) {
        wr_note_fail(b, "out of memory");
        return NULL;
    }
    if (root->kind != WR_YAML_MAP && !wr_note_is_null(root)) {
        wr_note_fail_type(b, root, "ast.rawAnnotation");
        return NULL;
    }
    return root;
}

static struct wr_annotation *read_block(struct wr_note *b)
{
    struct wr_annotation *a = WR_NEW(b->arena, struct wr_annotation);
    struct wr_note_fields value = {.n = 0}, json = {.n = 0};
    b->loc = b->module->comments[b->first].loc;
    struct wr_yaml *root = read_yaml(b);
    if (root == NULL || a == NULL) {
        return NULL;
    }
    a->loc = b->loc;
    a->last_row = b->module->comments[b->end - 1].loc.row;
    a->scope = wr_note_read_text(b, wr_yaml_get(root, WR_STR("scope")));
    wr_note_read_text_field(b, root, "title", &value, &json);
    a->entrypoint = wr_note_read_entrypoint(b, root);
    if (a->entrypoint) {
        wr_note_set(&value, "entrypoint", wr_bool(true));
        wr_note_set(&json, "entrypoint", wr_bool(true));
    }
    wr_note_read_text_field(b, root, "description", &value, &json);
    wr_note_read_organizations(b, root, &value, &json);
    wr_note_read_resources(b, root, &value, &json);
    wr_note_read_authors(b, root, &value, &json);
    wr_note_read_schemas(b, root, &value, &json);
    wr_note_read_custom(b, root, &value, &json);
    a->value = wr_note_object(b, &value);
    a->json = wr_note_object(b, &json);
    return b->failed ? NULL : a;
}

static bool is_metadata(struct wr_str comment)
{
    return wr_str_starts(wr_note_trim(comment), WR_STR("METADATA"));
}

/* The end of the block that begins with the comment `first`. */
static uint32_t block_end(const struct wr_ast_module *module, uint32_t first)
{
    const struct wr_ast_comment *comments = module->comments;
    uint32_t i = first + 1;
    while (i < module->n_comments && comments[i].loc.row == comments[i - 1].loc.row + 1 &&
           comments[i].loc.col == 1) {
        i++;
    }
    return i;
}

wr_err wr_rego_annotations_read(struct wr_arena *arena, struct wr_ast_module *module,
                                struct wr_rego_errors *errors)
{
    uint32_t n = 0;
    bool failed = false;
    for (uint32_t i = 0; i < module->n_comments; i++) {
        n += is_metadata(module->comments[i].text);
    }
    module->annotations = WR_NEW_ARRAY(arena, struct wr_annotation *, n);
    errors->limit = WR_MAX(errors->limit, errors->n + WR_MIN(n, WR_LIMIT_REGO_PARSE_ERRORS));
    for (uint32_t i = 0; n > 0 && module->annotations != NULL && i < module->n_comments;) {
        if (!is_metadata(module->comments[i].text)) {
            i++;
            continue;
        }
        struct wr_note b = {.module = module,
                            .arena = arena,
                            .errors = errors,
                            .first = i,
                            .end = block_end(module, i)};
        struct wr_annotation *a = read_block(&b);
        if (a != NULL) {
            module->annotations[module->n_annotations++] = a;
        }
        failed |= b.failed;
        i = b.end;
    }
    if (wr_arena_failed(arena)) {
        wr_rego_error_add(errors, WR_E_MEMORY, module->file, NULL, "out of memory");
        return WR_E_MEMORY;
    }
    return failed ? WR_E_REGO_PARSE : WR_OK;
}
