/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and data from the disk, as OPA's command line takes them: -d FILE|DIR, -b BUNDLE.
 *
 * Modules are *.rego. Data are *.json, *.yaml, *.yml; below a folder their place in `data` is the
 * path of the folder they lie in; in a bundle only data.json and data.yaml count. Two files that
 * give one place different values are an error. */
#ifndef WR_POLICY_LOAD_H
#define WR_POLICY_LOAD_H

#include "rego/rego.h"

#define WR_LIMIT_POLICY_FILES 4096

struct wr_policy_files {
    struct wr_rego_source *sources;
    size_t n;
    struct wr_value data;
};

wr_err wr_policy_init(struct wr_policy_files *files, struct wr_arena *arena,
                      struct wr_error *error);
/* Adds a file or a folder; `bundle` narrows data files as bundles do. Errors name the path; a file
 * that is asked for by name and is of no kind that is read here is one. */
wr_err wr_policy_add(struct wr_policy_files *files, struct wr_arena *arena, const char *path,
                     bool bundle, struct wr_error *error);
/* JSON or YAML by the name's ending. */
wr_err wr_policy_read_document(struct wr_arena *arena, const char *path, struct wr_value *out,
                               struct wr_error *error);

#endif
