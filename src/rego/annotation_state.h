/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the annotation reader share; nobody else includes this. */
#ifndef WR_REGO_ANNOTATION_STATE_H
#define WR_REGO_ANNOTATION_STATE_H

#include "rego/annotation.h"

struct wr_note { /* comments[first] is METADATA, the rest up to `end` its lines */
    struct wr_ast_module *module;
    struct wr_arena *arena;
    struct wr_rego_errors *errors;
    uint32_t first, end;
    struct wr_ast_loc loc; /* for errors */
    bool failed;
};

struct wr_note_fields {
    struct wr_pair pairs[10];
    size_t n;
};

void wr_note_set(struct wr_note_fields *f, const char *name, struct wr_value value);
struct wr_value wr_note_object(struct wr_note *b, const struct wr_note_fields *f);

/* Adds an error at b->loc; the second form only if it is the block's first. */
void wr_note_complain(struct wr_note *b, bool with_source, struct wr_str message);
void wr_note_fail(struct wr_note *b, const char *message);
/* An error of the YAML in a line of the block, 0 for none, with hints at what may have gone wrong.
 */
void wr_note_fail_yaml(struct wr_note *b, uint32_t line, struct wr_buf *message);
/* A node of the wrong kind. */
void wr_note_fail_type(struct wr_note *b, const struct wr_yaml *node, const char *wanted);

struct wr_str wr_note_trim(struct wr_str s);
bool wr_note_is_null(const struct wr_yaml *node);
struct wr_str wr_note_read_text(struct wr_note *b, const struct wr_yaml *node);
/* Each reads the field of its name, if there is one, into both forms. */
void wr_note_read_text_field(struct wr_note *b, const struct wr_yaml *root, const char *name,
                             struct wr_note_fields *value, struct wr_note_fields *json);
void wr_note_read_organizations(struct wr_note *b, const struct wr_yaml *root,
                                struct wr_note_fields *value, struct wr_note_fields *json);
void wr_note_read_resources(struct wr_note *b, const struct wr_yaml *root,
                            struct wr_note_fields *value, struct wr_note_fields *json);
void wr_note_read_authors(struct wr_note *b, const struct wr_yaml *root,
                          struct wr_note_fields *value, struct wr_note_fields *json);
void wr_note_read_schemas(struct wr_note *b, const struct wr_yaml *root,
                          struct wr_note_fields *value, struct wr_note_fields *json);
void wr_note_read_custom(struct wr_note *b, const struct wr_yaml *root,
                         struct wr_note_fields *value, struct wr_note_fields *json);
bool wr_note_read_entrypoint(struct wr_note *b, const struct wr_yaml *root);

#endif
