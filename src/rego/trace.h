/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations: an evaluation step by step, as OPA tells it.
 *
 *   query:1          Enter data.risk.allow = _
 *   query:1          | Eval data.risk.allow = _
 *   query:1          | Index data.risk.allow (matched 1 rule, early exit)
 *   risk.rego:3      | Enter data.risk.allow
 *   risk.rego:4      | | Eval __local0__ = input.amount
 *
 * The compiled program does not work in such steps, so an evaluator of its own walks the rewritten
 * modules (rewrite.h), top down, statement by statement, and writes down what it does. It is slow
 * and for people only: results are those of wr_rego_eval. Nesting of calls and statements is
 * bounded by WR_LIMIT_TRACE_DEPTH, the record by WR_LIMIT_TRACE_EVENTS, the work by fuel; a trace
 * that comes to a bound, or to an error of the policy, ends there and says so in `cut`.
 * context->fuel lowers the bound of work where it is less.
 *
 * Not traced: replaced functions (`with f as g`). */
#ifndef WR_REGO_TRACE_H
#define WR_REGO_TRACE_H

#include "rego/rego.h"

#define WR_LIMIT_TRACE_EVENTS 200000u
#ifdef __wasm__ /* a level takes up to 2.5 KB of a stack of 1 MiB */
#define WR_LIMIT_TRACE_DEPTH 250u
#else
#define WR_LIMIT_TRACE_DEPTH 1000u /* statements and levels of documents, one in the other */
#endif
#define WR_LIMIT_TRACE_FUEL 2000000u

enum wr_trace_op {
    WR_TRACE_ENTER,
    WR_TRACE_EVAL,
    WR_TRACE_INDEX,
    WR_TRACE_EXIT,
    WR_TRACE_REDO,
    WR_TRACE_FAIL,
    WR_TRACE_NOTE,
    WR_TRACE_DUPLICATE,
};

enum wr_trace_filter { WR_TRACE_FULL, WR_TRACE_NOTES, WR_TRACE_FAILS, WR_TRACE_NOTES_AND_FAILS };

struct wr_trace_event {
    uint8_t op;
    const struct wr_ast_expr *expr; /* one of these three */
    const struct wr_ast_rule *rule;
    const struct wr_ast_body *body;
    uint32_t query, parent;
    struct wr_str file; /* "" in the query */
    uint32_t row, col;
    struct wr_str path;         /* of a rule; of INDEX: the reference */
    const struct wr_value *ref; /* INDEX: what was looked up, below data */
    uint32_t n_ref;
    int64_t ns;            /* when, by context->clock */
    struct wr_str message; /* "(matched 1 rule)", "early", the text of a note */
};

struct wr_trace {
    struct wr_arena *arena;
    struct wr_trace_event *events;
    uint32_t n, cap;
    const struct wr_rewritten *names; /* locals to what they were called */
    int64_t end_ns;                   /* when it was done */
    const char *cut;                  /* why it ends early; NULL: it does not */
};

/* Traces a query, as `opa eval` and the REST API capture it. `names` orders the program's modules
 * (n of them), as in rewrite.h; `data` are the base documents. False without room. */
bool wr_rego_trace(struct wr_arena *arena, const struct wr_rego_program *program,
                   const struct wr_str *names, struct wr_str query, const struct wr_value *data,
                   const struct wr_rego_context *context, struct wr_trace *out);

/* What is kept of a trace: all, or notes, failures or both with what leads to them. In place. */
void wr_trace_filter(struct wr_trace *trace, enum wr_trace_filter filter);
/* Appends one line an event, places in a column in front. */
void wr_trace_write(struct wr_buf *out, const struct wr_trace *trace);
/* These lines as an array of strings. */
void wr_trace_lines_json(struct wr_buf *json, const struct wr_trace *trace);

/* Appends an array, an object an event in OPA's shape; what locals are bound to is not told. */
void wr_trace_json(struct wr_buf *json, const struct wr_trace *trace);

#endif
