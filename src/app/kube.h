/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a Kubernetes API as files hold them, and the match criteria of a Gatekeeper
 * constraint.
 *
 * Values live in the arena they were read into. Nothing here knows a kind's schema: that is the
 * cluster's, and the manifests' own test (deploy/k3s). */
#ifndef WR_KUBE_H
#define WR_KUBE_H

#include "value/value.h"

#define WR_LIMIT_KUBE_OBJECTS 256        /* of one file */
#define WR_LIMIT_KUBE_FILE    (4u << 20) /* bytes */

struct wr_kube_object {
    struct wr_value value;              /* an object */
    struct wr_str group, version, kind; /* group: empty for the core's */
    struct wr_str name, space;          /* space: the namespace; empty when there is none */
};

struct wr_kube_objects {
    const struct wr_kube_object *items;
    size_t n;
};

/* All documents of a YAML file, or the one of a JSON file; empty documents are passed over. Errors:
 * WR_E_IO, WR_E_CONFIG and the readers' own with the file's name; WR_E_CONFIG when an object has no
 * apiVersion or kind; WR_E_LIMIT. */
wr_err wr_kube_read(struct wr_arena *arena, const char *path, struct wr_kube_objects *out,
                    struct wr_error *error);
/* The object that a value is. Errors as above. */
wr_err wr_kube_object_of(struct wr_value value, struct wr_kube_object *out, struct wr_error *error);

/* The member of an object along a path of names ("spec", "match"), or undefined. */
struct wr_value wr_kube_at(struct wr_value value, const char *const *path, size_t n);
#define WR_KUBE_AT(value, ...)                                                                     \
    wr_kube_at((value), (const char *const[]){__VA_ARGS__},                                        \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
/* Its text; empty when it is none. */
struct wr_str wr_kube_text(struct wr_value value);
/* An object of pairs that were given in any order; undefined values are left out. */
struct wr_value wr_kube_new(struct wr_arena *arena, const struct wr_pair *pairs, size_t n);

/* Whether spec.match of a constraint takes the object, as Gatekeeper 3.15 does: kinds, scope,
 * namespaces, excludedNamespaces, labelSelector, namespaceSelector, name, source. `space` is the
 * object of the object's namespace, NULL when it is not known. Errors: WR_E_CONFIG with
 * Gatekeeper's words where a selector cannot be answered (Gatekeeper then rejects the object). */
wr_err wr_kube_match(struct wr_value match, const struct wr_kube_object *object,
                     const struct wr_kube_object *space, bool *matches, struct wr_error *error);

#endif
