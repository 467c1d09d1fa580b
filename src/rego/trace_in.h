/* SPDX-License-Identifier: Apache-2.0 */
/* State shared by the files of the tracing evaluator.
 *
 * Evaluation is in continuations: each statement calls the next for every way in which it holds. A
 * function returns T_ON, T_DONE (one answer was enough: unwind to whoever asked for one), or T_CUT
 * (a bound or an error: unwind everything). */
#ifndef WR_REGO_TRACE_IN_H
#define WR_REGO_TRACE_IN_H

#include "rego/rewrite.h"
#include "rego/trace.h"

enum trace_step { T_ON, T_DONE, T_CUT };

enum { TRACE_PATH_MAX = 48 }; /* keys of a reference to documents */

struct trace_rules { /* rules of one path */
    const struct wr_value *path;
    uint32_t n_path;
    const struct wr_ast_rule **rules; /* in order; defaults apart */
    struct wr_str *files;
    uint32_t n, cap;
    const struct wr_ast_rule *fallback;
    struct wr_str fallback_file;
    struct wr_str text; /* "data.a.b" */
    bool function, partial, set;
};

struct trace_memory { /* documents that have been computed */
    const struct trace_rules *rules;
    struct wr_value key; /* arguments of a function; undefined: the whole document */
    struct wr_value value;
    struct trace_memory *next;
};

struct trace_var {
    struct wr_str name;
    struct wr_value value; /* undefined: not bound */
};

struct trace_vars {
    struct trace_var *items;
    uint32_t n, cap;
};

struct tracer {
    struct wr_arena *arena;
    const struct wr_rego_context *how;
    struct wr_trace *out;
    struct wr_rewritten rewritten;
    struct trace_rules *rules;
    uint32_t n_rules;
    struct trace_memory *memory;
    struct wr_value input, data;
    struct wr_builtin_cache *cache;
    struct wr_error error;
    uint64_t fuel;
    uint32_t next_query, depth;
};

struct trace_frame {
    struct tracer *t;
    const struct trace_frame *parent;
    uint32_t id;
    const struct wr_ast_body *body;
    struct trace_vars *vars;
    struct wr_str file;
    bool find_one;
};

struct trace_next { /* what to do with an answer */
    enum trace_step (*run)(struct trace_next *self, struct trace_frame *frame);
};

struct trace_with_value { /* what to do with a value */
    enum trace_step (*run)(struct trace_with_value *self, struct trace_frame *frame,
                           const struct wr_value *v);
};

/* trace.c */
enum trace_step wr_trace_cut(struct tracer *t, const char *why);
/* One level further in, to be followed by t->depth--; false, and cut, at WR_LIMIT_TRACE_DEPTH.
 * Whatever calls itself around an answer takes it, so that the stack is bounded. */
bool wr_trace_dive(struct tracer *t);
struct trace_frame wr_trace_child(struct trace_frame *of, const struct wr_ast_body *body,
                                  struct trace_vars *vars, struct wr_str file);
void wr_trace_expr(struct trace_frame *f, enum wr_trace_op op, const struct wr_ast_expr *e);
void wr_trace_rule(struct trace_frame *f, enum wr_trace_op op, const struct trace_rules *rules,
                   const struct wr_ast_rule *rule, const char *message);
void wr_trace_body(struct trace_frame *f, enum wr_trace_op op, const struct wr_ast_body *body);
void wr_trace_index(struct trace_frame *f, const struct wr_ast_expr *e,
                    const struct trace_rules *rules, uint32_t n, bool early);
void wr_trace_note(struct trace_frame *f, const struct wr_ast_expr *e, struct wr_str text);

/* trace_index.c: rules */
bool wr_trace_collect_rules(struct tracer *t);
struct trace_rules *wr_trace_rules_at(struct tracer *t, const struct wr_value *path, uint32_t n);
struct trace_candidates {
    const struct wr_ast_rule **rules; /* first links of else chains that may hold */
    struct wr_str *files;
    uint32_t n;
    bool early;
};
/* The first of a rule and its elses that may hold, or NULL. */
const struct wr_ast_rule *wr_trace_first_candidate(struct tracer *t, const struct wr_ast_rule *rule,
                                                   const struct wr_value *args);
/* Rules of a path that may hold, `args` those of a function. False without room. */
bool wr_trace_look_up(struct trace_frame *f, const struct trace_rules *rules,
                      const struct wr_value *args, struct trace_candidates *out);

/* trace_term.c: variables and values */
struct trace_var *wr_trace_var(struct trace_frame *f, struct wr_str name);
/* The value of a term without references; undefined when a variable in it is not bound. */
struct wr_value wr_trace_plug(struct trace_frame *f, const struct wr_ast_term *term);
/* Binds what is free in a pattern, if it fits; `trail` is how many were bound before. */
bool wr_trace_match(struct trace_frame *f, const struct wr_ast_term *pattern,
                    const struct wr_value *v, struct wr_str **bound, uint32_t *n_bound);
void wr_trace_unbind(struct trace_frame *f, const struct wr_str *bound, uint32_t n_bound);

/* trace_eval.c: statements */
enum trace_step wr_trace_eval(struct trace_frame *f, uint32_t index, struct trace_next *next);
/* Both sides equal, for each way in which they are. */
enum trace_step wr_trace_unify(struct trace_frame *f, const struct wr_ast_term *a,
                               const struct wr_ast_term *b, struct trace_next *next);
/* All values of a reference, comprehension or plain term. */
enum trace_step wr_trace_values(struct trace_frame *f, const struct wr_ast_term *term,
                                struct trace_with_value *next);

/* trace_rule.c: references, rules and functions */
enum trace_step wr_trace_ref(struct trace_frame *f, const struct wr_ast_term *ref,
                             struct trace_with_value *next);
enum trace_step wr_trace_call(struct trace_frame *f, const struct wr_ast_term *call,
                              struct trace_next *next);

#endif
