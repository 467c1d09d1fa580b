/* SPDX-License-Identifier: Apache-2.0 */
/* Suites of Gatekeeper's command line gator (test.gatekeeper.sh/v1alpha1, kind Suite), as
 * `gator verify` of 3.15 runs them: a test is a template with a constraint, its cases are objects
 * with assertions about violations.
 *
 * Understood: tests[].template, constraint, invalid, skip, cases[].object (a manifest or an
 * AdmissionReview), inventory, skip, assertions[].violations (yes, no, a number) and message (a
 * regular expression). Paths are relative to the suite. What a template may hold: warden.h. */
#ifndef WR_WARDEN_SUITE_H
#define WR_WARDEN_SUITE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct wr_warden_suites {
    struct wr_str *paths;
    size_t n;
};

/* The suites that a path holds: the file itself, or the files below a folder, sorted; none is no
 * error. Files that do not read as YAML are no suites. */
wr_err wr_warden_suites_find(struct wr_arena *arena, const char *path, struct wr_warden_suites *out,
                             struct wr_error *error);

struct wr_warden_counts {
    size_t passed, failed, skipped; /* cases, and tests of invalid constraints */
};

struct wr_warden_options {
    const char *run; /* a regular expression over "TEST//CASE"; NULL: all */
    bool verbose;
};

/* Runs one suite and prints as gator does. Errors: WR_E_CONFIG when the suite itself is broken; a
 * template that does not compile fails its test. */
wr_err wr_warden_suite_run(struct wr_str path, const struct wr_warden_options *options,
                           struct wr_warden_counts *counts, struct wr_error *error);

#endif
