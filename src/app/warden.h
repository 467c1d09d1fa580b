/* SPDX-License-Identifier: Apache-2.0 */
/* A warden of a cluster: a Gatekeeper ConstraintTemplate with one of its constraints, asked about
 * objects as the admission webhook of Gatekeeper 3.15 asks it.
 *
 * What is understood: templates of templates.gatekeeper.sh (v1, v1beta1, v1alpha1) with Rego code
 * and libraries, the schema of their parameters, spec.match of constraints, objects and
 * AdmissionReviews, data.inventory. What is not: CEL, external data, defaults in a template's
 * schema, the check that a template reads no other data than inventory and lib. */
#ifndef WR_WARDEN_H
#define WR_WARDEN_H

#include "app/kube.h"
#include "rego/rego.h"

struct wr_warden;

struct wr_warden_violation {
    struct wr_str message;
};

struct wr_warden_answer {
    const struct wr_warden_violation *items;
    size_t n;
};

/* Reads and compiles. `invalid` is set, with the answer WR_E_CONFIG, when the template is well and
 * the constraint's parameters do not follow its schema. Errors name the file. */
wr_err wr_warden_open(struct wr_arena *arena, const char *template_path,
                      const char *constraint_path, struct wr_warden **out, bool *invalid,
                      struct wr_error *error);

/* The violations of an object beside other objects of the cluster. Errors: WR_E_CONFIG, those of
 * evaluation. */
wr_err wr_warden_review(struct wr_warden *warden, struct wr_arena *arena,
                        const struct wr_kube_object *object, const struct wr_kube_object *inventory,
                        size_t n_inventory, struct wr_warden_answer *out, struct wr_error *error);

#endif
