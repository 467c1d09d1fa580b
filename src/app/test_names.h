/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of a set of modules: rules named test_... and todo_test_..., in order.
 *
 * Rules of one name in one package are several tests. To run each alone, the second and later ones
 * get names of their own in the text that is compiled (behind the name, on the same line). */
#ifndef WR_TEST_NAMES_H
#define WR_TEST_NAMES_H

#include "app/policy_load.h"

struct wr_test_name {
    struct wr_str path;    /* "data.a.test_x#01", as it is told */
    struct wr_str package; /* "data.a" */
    struct wr_str name;    /* "test_x#01" */
    struct wr_str rule;    /* the reference to ask for */
    struct wr_str file;
    uint32_t row, col;
    bool todo;
};

struct wr_test_names {
    struct wr_test_name *items;
    size_t n, cap;
};

/* Changes texts in `files` where names come again, and sorts modules by file. False, with *errors
 * filled, when a module does not parse. */
bool wr_test_names_collect(struct wr_test_names *names, struct wr_arena *arena,
                           struct wr_policy_files *files, bool v1, struct wr_rego_errors *errors);

#endif
