/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, from text to answers: compile once, prepare the questions, evaluate many times.
 *
 *   sources ─ wr_rego_compile ─▶ program ─ wr_rego_prepare_* ─▶ query ─ wr_rego_eval ─▶ results
 *
 * A program and its queries are read-only once made and may serve any number of evaluations at
 * once. All memory of an evaluation comes from the scratch arena that it is handed, results
 * included: they live until that arena is reset, borrow from program, input and data, and must not
 * outlive any of these. Evaluation is a pure function of program, query, input, now_ns and seed.
 *
 * Not here: files, bundles, formats of results (the callers'), partial evaluation.              */
#ifndef WR_REGO_H
#define WR_REGO_H

#include "rego/builtin.h"
#include "rego/rego_error.h"
#include "value/json_write.h"

#define WR_LIMIT_REGO_CALLS      512       /* rules and functions active at once (call depth) */
#define WR_LIMIT_REGO_REGISTERS  60000     /* registers of one rule, clauses together */
#define WR_LIMIT_REGO_HEAD       64        /* items of the reference in a rule's head */
#define WR_LIMIT_REGO_CODE       (1 << 24) /* instructions of one program */
#define WR_LIMIT_REGO_DIMENSIONS 64 /* things that the index of a rule's clauses asks about */
#define WR_LIMIT_REGO_INDEX      (128u << 20) /* bytes of rows in the indexes of one program */
#define WR_LIMIT_REGO_FUEL       50000000u    /* default fuel of one evaluation */

struct wr_rego_source {
    struct wr_str file, text;
};

struct wr_rego_options {
    bool v1;       /* v1 syntax; false: v0, as OPA 0.60 */
    bool strict;   /* OPA's strict mode: unused variables and imports and the like are errors */
    bool decision; /* refuse rand.*, uuid.*, opa.runtime, http.send: results must be replayable */
    bool allow_network; /* let network builtins compile (they stay undefined without a provider) */
    bool all_keywords;  /* queries: as if `import future.keywords` stood above */
    uint32_t steps;     /* that checking may take, and finding orders; 0: WR_LIMIT_REGO_CHECK */
    const struct wr_builtin *extra; /* functions of the host, known to policies like builtins */
    size_t n_extra;
};

struct wr_rego_program;
struct wr_rego_query;

/* Compiles modules together with the base documents `data` (an object, or undefined for {}).
 * Program, errors and everything reachable live in `arena`, and borrow texts and data. On failure
 * *errors has at least one entry: WR_E_REGO_*, WR_E_LIMIT, WR_E_MEMORY. */
wr_err wr_rego_compile(struct wr_arena *arena, const struct wr_rego_source *sources, size_t n,
                       const struct wr_value *data, const struct wr_rego_options *options,
                       struct wr_rego_program **program, struct wr_rego_errors *errors);

/* Other base documents for the same modules, checked for conflicts with rules. The new program
 * shares code with the old one, which must outlive it; queries prepared on the old one stay with
 * the old data. O(instructions, and lists that rules test membership in). */
wr_err wr_rego_with_data(struct wr_arena *arena, const struct wr_rego_program *program,
                         const struct wr_value *data, struct wr_rego_program **changed,
                         struct wr_rego_errors *errors);

/* ── preparing ──────────────────────────────────────────────────────────────────────────────── */

/* A query in Rego text. Results: one for each set of bindings, see wr_rego_result. With
 * `capture`, expressions are captured as `opa eval` and the REST API do it: values[] holds the
 * value of each expression, and one lone comparison or call may then be false. */
struct wr_rego_query_options {
    bool capture;
    bool all_vars; /* keep wildcards and generated names in bindings (no use but tests) */
    const struct wr_rego_source *as; /* file name to put into errors; NULL: none */
    struct wr_str package; /* package whose names the query may use, "" for none: "data.risk" */
    const struct wr_str *imports; /* such as "data.lists as l" */
    size_t n_imports;
};
wr_err wr_rego_prepare(const struct wr_rego_program *program, struct wr_arena *arena,
                       struct wr_str text, const struct wr_rego_query_options *options,
                       struct wr_rego_query **query, struct wr_rego_errors *errors);

/* The document at data.<segments...>: no result when undefined, else one, with the document in
 * `value`. Segments are keys as they come in a URL; digits also address array elements. */
wr_err wr_rego_prepare_path(const struct wr_rego_program *program, struct wr_arena *arena,
                            const struct wr_str *segments, size_t n, struct wr_rego_query **query,
                            struct wr_rego_errors *errors);

/* Several rules in one evaluation: names are paths below `package` ("deny", "a.b"), the package as
 * written behind the word package ("risk", "acme.risk"). Always one result; its values[i] is that
 * of names[i], undefined where there is none or no such rule. Rules are evaluated at most once,
 * whatever the number of names that need them. */
wr_err wr_rego_prepare_entries(const struct wr_rego_program *program, struct wr_arena *arena,
                               struct wr_str package, const struct wr_str *names, size_t n,
                               struct wr_rego_query **query, struct wr_rego_errors *errors);

/* True if the program defines any rule at or below data.<segments...>. */
bool wr_rego_has_rule(const struct wr_rego_program *program, const struct wr_str *segments,
                      size_t n);

/* ── evaluating ─────────────────────────────────────────────────────────────────────────────── */

struct wr_rego_context {
    const struct wr_value *input; /* NULL or undefined: no input */
    struct wr_builtin_env env;    /* now_ns, seed, print, zones, crypto */
    uint64_t fuel;                /* 0: WR_LIMIT_REGO_FUEL; about one per instruction that loops,
                                     calls or builds */
    bool strict_builtin_errors;   /* a failing builtin ends the evaluation */
    bool unindexed; /* try the clauses of rules in turn, as if there were no indexes: for tests */
    const volatile int *interrupt; /* polled; not zero ends with WR_E_EVAL_CANCEL; may be NULL */
    /* Every rule and function as it is entered and left, for traces and profiles; NULL: none. */
    void (*trace)(void *context, bool enter, struct wr_str rule, struct wr_str file, uint32_t row);
    void *trace_context;
    int64_t (*clock)(void); /* monotonic nanoseconds, for the steps of wr_rego_trace; NULL: none */
    /* Puts what the caller has at hand into slots of the input (wr_rego_input_slot): these paths
     * are then not looked up in `input`. WR_UNDEFINED: there is nothing. NULL: none. */
    void (*fill)(const void *context, struct wr_value *slots);
    const void *fill_context;
};

struct wr_rego_result {
    struct wr_value bindings;      /* an object: names of the query's variables to values */
    struct wr_value value;         /* of a path */
    const struct wr_value *values; /* captured expressions, or entries; undefined ones included */
    uint32_t n_values;
};

struct wr_rego_results {
    const struct wr_rego_result *items;
    uint32_t n; /* 0: undefined */
    uint64_t fuel_used;
};

/* Errors: WR_E_EVAL_CONFLICT, WR_E_EVAL_TYPE and WR_E_EVAL_BUILTIN (strict), WR_E_EVAL_MERGE,
 * WR_E_EVAL_CANCEL, WR_E_LIMIT, WR_E_MEMORY; error->where is the file, row and col the place,
 * text OPA's message. `error` may be NULL. */
wr_err wr_rego_eval(const struct wr_rego_query *query, const struct wr_rego_context *context,
                    struct wr_arena *scratch, struct wr_rego_results *results,
                    struct wr_error *error);

/* A value as OPA hands it to JSON: sets become arrays, keys that are no strings become their JSON
 * text, and keys are sorted by that text. Errors: WR_E_LIMIT (nesting), WR_E_MEMORY. */
wr_err wr_rego_to_json(struct wr_arena *arena, const struct wr_value *v, struct wr_value *out,
                       struct wr_error *error);
/* Appends that as text, styled as wr_json_write does; the buffer must be in an arena. What does not
 * fit sets buf->overflow. */
void wr_rego_write_json(struct wr_buf *buf, const struct wr_value *v, enum wr_json_style style);

/* "FILE:ROW: code: message", as OPA prints an error of an evaluation. */
void wr_rego_eval_error_write(struct wr_buf *buf, const struct wr_error *error);

/* ── asking about programs ──────────────────────────────────────────────────────────────────── */

/* A path that may be read below `input`: items are strings; `open` means that anything below may
 * be read too (the value is used whole, or with a key that is not known ahead). */
struct wr_rego_input_path {
    const struct wr_str *items;
    uint32_t n;
    bool open;
};
/* A conservative, sorted set of what an evaluation of the query may read; with query NULL, of all
 * that the program may read. One entry with n = 0 means the whole input. */
wr_err wr_rego_input_paths(const struct wr_rego_program *program, const struct wr_rego_query *query,
                           struct wr_arena *arena, const struct wr_rego_input_path **paths,
                           uint32_t *n);

/* The slot of input.<items...>, UINT32_MAX when no instruction asks for it or for what lies below.
 */
uint32_t wr_rego_input_slot(const struct wr_rego_query *query, const struct wr_str *items,
                            uint32_t n);
/* True when some rule, reached or not, puts another input in place (`with input`): slots that were
 * filled do not reach there. */
bool wr_rego_replaces_input(const struct wr_rego_query *query);

/* Names of the query's expressions as written, for "text" in results; i < wr_rego_query_exprs. */
uint32_t wr_rego_query_exprs(const struct wr_rego_query *query);
struct wr_str wr_rego_query_expr(const struct wr_rego_query *query, uint32_t i,
                                 struct wr_ast_loc *loc);

/* Rules in order of modules: for test runners (test_ names) and listings. */
struct wr_rego_rule_info {
    struct wr_str path; /* "data.risk.allow" */
    struct wr_str name; /* "allow" */
    struct wr_str file;
    uint32_t row, col;
    bool function;
};
uint32_t wr_rego_rule_count(const struct wr_rego_program *program);
struct wr_rego_rule_info wr_rego_rule_at(const struct wr_rego_program *program, uint32_t i);

/* Module as parsed (i in order of sources), for formatters and ast output. */
uint32_t wr_rego_module_count(const struct wr_rego_program *program);
const struct wr_ast_module *wr_rego_module(const struct wr_rego_program *program, uint32_t i);

/* Appends a listing of all functions' instructions, one a line. */
void wr_rego_dump(const struct wr_rego_program *program, const struct wr_rego_query *query,
                  struct wr_buf *buf);

#endif
