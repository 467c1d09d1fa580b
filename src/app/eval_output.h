/* SPDX-License-Identifier: Apache-2.0 */
/* Results of `weir eval` in the formats of `opa eval`. */
#ifndef WR_EVAL_OUTPUT_H
#define WR_EVAL_OUTPUT_H

#include "app/figures.h"
#include "rego/rego.h"

enum wr_eval_format {
    WR_EVAL_JSON,
    WR_EVAL_PRETTY,
    WR_EVAL_VALUES,
    WR_EVAL_BINDINGS,
    WR_EVAL_RAW,
    WR_EVAL_DISCARD,
    WR_EVAL_SOURCE,
};

struct wr_eval_output {
    struct wr_arena *arena;
    const struct wr_rego_query *query;     /* NULL when there are errors ahead of it */
    const struct wr_ast_body *body;        /* the query's tree, or NULL */
    struct wr_str text;                    /* of the query */
    const struct wr_rego_results *results; /* NULL: none, but errors */
    const struct wr_rego_errors *errors;   /* NULL: none */
    const struct wr_figures *figures;      /* NULL: not asked for */
    const struct wr_figures *runs;         /* of each of n_runs, when there are several */
    uint64_t n_runs;
    uint64_t pretty_limit;                                    /* bytes of a cell; 0: none */
    void (*explain_json)(struct wr_buf *json, void *context); /* NULL: no explanation */
    void (*explain_text)(struct wr_buf *text, void *context);
    /* NULL: no profile. Sorted: members in the order of a map of Go. */
    void (*profile_json)(struct wr_buf *json, void *context, bool sorted);
    void (*profile_table)(void *context, FILE *out);
    void *context;
};

/* False: there is no such format. */
bool wr_eval_format_read(const char *name, enum wr_eval_format *out);
/* False when it does not fit into memory. */
bool wr_eval_print(const struct wr_eval_output *output, enum wr_eval_format format, FILE *out);

#endif
