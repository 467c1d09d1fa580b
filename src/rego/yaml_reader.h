/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the YAML reader share; nobody else includes this. */
#ifndef WR_YAML_READER_H
#define WR_YAML_READER_H

#include "rego/yaml.h"

struct yaml_reader {
    struct wr_arena *arena;
    const char *p;
    size_t n, at;
    uint32_t line;
    uint32_t depth;
    uint32_t n_anchors, n_aliased;
    const struct yaml_anchor *anchors; /* the last one first */
    struct wr_yaml_error *error;
    wr_err err;
};

struct yaml_anchor {
    struct wr_str name;
    const struct wr_yaml *node;
    const struct yaml_anchor *next;
};

/* The byte at hand, or at i behind it; at the end of the text a line end. */
static inline char wr_yaml_peek(const struct yaml_reader *r)
{
    return r->at < r->n ? r->p[r->at] : '\n';
}

static inline char wr_yaml_peek_at(const struct yaml_reader *r, size_t i)
{
    return r->at + i < r->n ? r->p[r->at + i] : '\n';
}

static inline bool wr_yaml_at_end(const struct yaml_reader *r)
{
    return r->at >= r->n;
}

static inline bool wr_yaml_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool wr_yaml_ends_word(char c)
{
    return wr_yaml_is_blank(c) || c == '\n';
}

static inline void wr_yaml_skip_spaces(struct yaml_reader *r)
{
    while (!wr_yaml_at_end(r) && wr_yaml_is_blank(r->p[r->at])) {
        r->at++;
    }
}

/* yaml_reader.c; where there is no room, NULL or false after a failure. */
/* Notes the first error, with its line, and goes to the end of the text. Always NULL. */
struct wr_yaml *wr_yaml_fail(struct yaml_reader *r, const char *message);
/* Behind the next line end. */
void wr_yaml_skip_line(struct yaml_reader *r);
/* Bytes from the start of the line. */
size_t wr_yaml_column(const struct yaml_reader *r);
/* From anywhere behind a token: to the next content, over comments and line ends. False at the
 * end. */
bool wr_yaml_next_content(struct yaml_reader *r);
/* --- or ... at the start of a line. */
bool wr_yaml_at_mark(const struct yaml_reader *r);
struct wr_yaml *wr_yaml_new_node(struct yaml_reader *r, enum wr_yaml_kind kind);
struct wr_yaml *wr_yaml_new_scalar(struct yaml_reader *r, struct wr_str text, bool plain);
/* What stands where nothing is written: a plain scalar without text. */
struct wr_yaml *wr_yaml_new_empty(struct yaml_reader *r);
/* Appends to a map (two items) or list; doubles the room. */
bool wr_yaml_append(struct yaml_reader *r, struct wr_yaml *node, struct wr_yaml *item,
                    size_t n_items);

/* yaml_scalar.c: from its first byte; NULL after a failure. */
struct wr_yaml *wr_yaml_quoted(struct yaml_reader *r);
/* A plain scalar; in blocks it goes on over lines from column `least` on. */
struct wr_yaml *wr_yaml_plain(struct yaml_reader *r, size_t least, bool in_flow);
/* Behind `|` or `>`: keeps or folds lines; `-` drops the last line end, `+` keeps all. */
struct wr_yaml *wr_yaml_block_scalar(struct yaml_reader *r, size_t least);

#endif
