/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations: `# METADATA` blocks of a module, read and attached to what they describe.
 *
 *   # METADATA
 *   # title: Large amounts
 *   # scope: rule                  rule, document, package or subpackages
 *   # custom:
 *   #   severity: high
 *
 * The block is YAML (yaml.h says how much of it); it ends at the first line that is no comment in
 * column 1. It describes the statement that follows. Scope defaults to package above `package`,
 * else to rule. Texts of errors are OPA's, but for those of the YAML reader. */
#ifndef WR_REGO_ANNOTATION_H
#define WR_REGO_ANNOTATION_H

#include "rego/ast.h"
#include "rego/rego_error.h"
#include "rego/yaml.h"

struct wr_annotation {
    struct wr_str scope;      /* as it applies, the default included */
    struct wr_value value;    /* what rego.metadata.rule() tells: an object with scope, title,
                                 description, organizations, related_resources, authors, schemas,
                                 custom, entrypoint; those given only */
    struct wr_value json;     /* the same as the JSON form of trees has it: paths are terms */
    struct wr_ast_rule *rule; /* what it stands above; NULL: the package */
    bool entrypoint;
    struct wr_ast_loc loc; /* of the comment METADATA */
    uint32_t last_row;     /* of the block */
};

/* Reads the blocks among the module's comments into module->annotations, in order of position, not
 * attached yet. On failure *errors says why. Errors: WR_E_REGO_PARSE, WR_E_MEMORY. */
wr_err wr_rego_annotations_read(struct wr_arena *arena, struct wr_ast_module *module,
                                struct wr_rego_errors *errors);

/* Attaches what was read, once the module's package, imports and rules are known. Same errors. */
wr_err wr_rego_annotations_attach(struct wr_arena *arena, struct wr_ast_module *module,
                                  struct wr_rego_errors *errors);

#endif
