/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and data from the disk, as OPA's command line takes them: -d FILE|DIR, -b BUNDLE.
 *
 * Modules are *.rego. Data are *.json, *.yaml, *.yml; below a folder their place in `data` is the
 * path of the folder they lie in; "a.b:PATH" puts a data file at a.b. A .tar.gz is read as a
 * bundle; in bundles only data.json, data.yaml and data.yml count. Two files that give one place
 * different values are an error. */
#ifndef WR_POLICY_LOAD_H
#define WR_POLICY_LOAD_H

#include "app/bundle.h"
#include "rego/rego.h"

#define WR_LIMIT_POLICY_FILES 4096

/* What to load; lists may be NULL. */
struct wr_policy_paths {
    const char *const *paths; /* files and folders */
    size_t n_paths;
    const char *const *bundles;
    size_t n_bundles;
    const struct wr_option_list *ignore;
    const struct wr_bundle_verifier *verifier;
    bool skip_verify;
    bool v1;
};

/* The arguments of a command, all bundles or all paths. */
void wr_policy_paths_take(struct wr_policy_paths *paths, int argc, char **argv, bool bundles);

struct wr_policy_files {
    struct wr_rego_source *sources;
    size_t n;
    struct wr_value data;
    struct wr_bundle *bundles; /* as many as there were paths of bundles */
    size_t n_bundles;
};

/* Loads everything; messages of all that could not be loaded, without code and place, go into
 * *errors, which the caller has initialised. False when there is one. */
bool wr_policy_load(struct wr_policy_files *files, struct wr_arena *arena,
                    const struct wr_policy_paths *paths, struct wr_rego_errors *errors);
/* JSON, else YAML 1.1, whatever the name: an input document as OPA takes it. */
wr_err wr_policy_read_input(struct wr_arena *arena, const char *path, struct wr_value *out,
                            struct wr_error *error);
/* JSON or YAML by the name's ending. */
wr_err wr_policy_read_document(struct wr_arena *arena, const char *path, struct wr_value *out,
                               struct wr_error *error);

#endif
