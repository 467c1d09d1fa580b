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
 * column 1. Scope defaults to package above `package`, else to rule. */
#ifndef WR_REGO_ANNOTATION_H
#define WR_REGO_ANNOTATION_H

#include "rego/ast.h"
#include "rego/rego_error.h"

struct wr_annotation {
    struct wr_str scope;      /* as it applies, default included */
    struct wr_value value;    /* the annotation as OPA shows it: an object with scope, title,
                                 description, organizations, related_resources, authors, schemas,
                                 custom, entrypoint, those given only */
    struct wr_ast_rule *rule; /* what it stands above: a rule, or NULL for the package */
    bool entrypoint;
    struct wr_ast_loc loc; /* of the line with METADATA */
    uint32_t last_row;     /* the last line of the block */
};

/* Reads all blocks of the module's comments and fills module->annotations, in order of position.
 * On failure *errors says why, in OPA's words. Errors: WR_E_REGO_PARSE, WR_E_MEMORY. */
wr_err wr_rego_annotate(struct wr_arena *arena, struct wr_ast_module *module,
                        struct wr_rego_errors *errors);

#endif
