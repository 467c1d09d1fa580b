/* SPDX-License-Identifier: Apache-2.0 */
/* OPA bundles from the disk: a folder or a .tar.gz with modules, data, .manifest, .signatures.json.
 *
 * Data counts only in files named data.json, data.yaml or data.yml, at the path of their folder;
 * packages and data must lie under the manifest's roots (default: everything). Whether a signature
 * is wanted is said by the caller, never by the bundle: see bundle_sign.h. */
#ifndef WR_BUNDLE_H
#define WR_BUNDLE_H

#include "app/cli.h"
#include "pack/pack.h"
#include "rego/rego.h"
#include "shell/server.h"

struct wr_bundle_verifier;

struct wr_bundle_options {
    const struct wr_option_list *ignore; /* names of files and folders to leave out; or NULL */
    const struct wr_bundle_verifier *verifier; /* NULL: no key was given */
    bool skip_verify; /* read signed bundles without looking at the signature */
    bool v1;
};

struct wr_bundle {
    const char *path;
    bool archive;
    struct wr_pack_file *files; /* as they are; paths relative, without a leading slash */
    size_t n_files;
    struct wr_value manifest; /* an object, or undefined when there is none */
    struct wr_str revision;
    struct wr_str *roots; /* one empty root when the manifest names none */
    size_t n_roots;
    struct wr_rego_source *modules; /* file: as messages name it */
    size_t n_modules;
    struct wr_value data;
};

/* Reads and checks a bundle. Errors in OPA's words where it has some: "bundle PATH: manifest roots
 * [..] do not permit ...". */
wr_err wr_bundle_read(struct wr_arena *arena, const char *path,
                      const struct wr_bundle_options *options, struct wr_bundle *out,
                      struct wr_error *error);

/* A file or folder name that a pattern of --ignore covers ('*' stands for any run of characters);
 * every part of the path is looked at. */
bool wr_is_ignored(const struct wr_option_list *ignore, struct wr_str path);

/* "data.json", "data.yaml" or "data.yml", whatever the folder. */
bool wr_bundle_is_data(struct wr_str path);
/* The part behind the last slash. */
struct wr_str wr_base_name(struct wr_str path);

/* b over a: objects merged key by key, anything else must be equal or stand alone. False: they
 * disagree, or no room. */
bool wr_data_merge(struct wr_arena *arena, const struct wr_value *a, const struct wr_value *b,
                   struct wr_value *out);
/* A document wrapped in objects for every folder of a file's relative path. */
struct wr_value wr_data_at(struct wr_arena *arena, struct wr_str path, struct wr_value v);

#endif
