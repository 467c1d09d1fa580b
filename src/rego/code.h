/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled policies: functions of instructions, and the tables these refer to.
 *
 * A program has one function for each node of its rule tree, with the node's number: rules yield
 * their document, inner nodes the merge of what lies below. A query has one function more, and
 * copies of the program's tables to which it may have added. Nothing is written after compilation.
 */
#ifndef WR_REGO_CODE_H
#define WR_REGO_CODE_H

#include "rego/index.h"
#include "rego/name_map.h"
#include "rego/opcode.h"
#include "rego/plan.h"

struct wr_place {
    uint32_t row, col;
};

struct wr_function {
    const struct wr_insn *code;
    const struct wr_place *places;
    uint32_t n_code;
    uint32_t n_registers; /* arguments first */
    uint32_t n_args;
    struct wr_rule_node *node; /* NULL: a query */
    struct wr_str name, file;
    uint32_t row;
    bool entered; /* rules and functions: counted as calls in traces */
};

/* A path of constant keys below input or data; 0 is the root itself. */
struct wr_key_path {
    uint32_t parent; /* its number is less */
    uint32_t key;    /* constant */
    uint32_t depth;
};

struct wr_path_table {
    struct wr_key_path *items;
    uint32_t n, cap;
    struct wr_name_map index;
};

struct wr_with_entry {
    const struct wr_value *path;
    uint32_t n_path;
    struct wr_rule_node *node; /* shadowed, or the function replaced */
    const struct wr_builtin *builtin;
    struct wr_rule_node *by_function;
    const struct wr_builtin *by_builtin;
};

struct wr_unit {
    struct wr_arena *arena;
    struct wr_value *consts;
    uint32_t n_consts, cap_consts;
    struct wr_name_map const_index;
    struct wr_path_table input, data;
    const struct wr_builtin **builtins;
    uint32_t n_builtins, cap_builtins;
    struct wr_with_entry *withs;
    uint32_t n_withs, cap_withs;
    struct wr_value *grounds; /* sets of constants, sorted once */
    uint32_t n_grounds, cap_grounds;
    struct wr_index **indexes; /* over the clauses of rules */
    uint32_t n_indexes, cap_indexes;
    uint64_t index_bytes;          /* of their rows: WR_LIMIT_REGO_INDEX at most */
    struct wr_function *functions; /* by node */
    uint32_t n_functions;
    bool no_room;
};

bool wr_unit_init(struct wr_unit *unit, struct wr_arena *arena, uint32_t n_functions);
/* A copy in another arena that may grow without touching the first. */
bool wr_unit_copy(struct wr_unit *unit, struct wr_arena *arena, const struct wr_unit *from);
/* Numbers; 0 with no_room set when there is none. Scalars of equal text share a number. */
uint32_t wr_unit_const(struct wr_unit *unit, struct wr_value v);
uint32_t wr_unit_path(struct wr_unit *unit, struct wr_path_table *table, uint32_t parent,
                      struct wr_value key);
uint32_t wr_unit_builtin(struct wr_unit *unit, const struct wr_builtin *builtin);
/* The set of n constants, which it sorts in place and keeps. UINT32_MAX: no room, or two of them
 * are equal and written differently, so that which one is an element is known only later. */
uint32_t wr_unit_ground(struct wr_unit *unit, struct wr_value *items, uint32_t n);
/* Position of an element. */
uint32_t wr_set_rank(const struct wr_value *set, const struct wr_value *element);
/* A new index, empty; NULL without room. */
struct wr_index *wr_unit_index(struct wr_unit *unit, uint32_t *number);
uint32_t wr_unit_with(struct wr_unit *unit, struct wr_with_entry entry);

struct wr_rego_program {
    struct wr_arena *arena;
    struct wr_rego_options options;
    struct wr_ast_module **asts;
    uint32_t n_modules;
    struct wr_resolve_result resolved;
    struct wr_unit unit;
    struct wr_value data;
    struct wr_builtin_cache *prepared;
    struct wr_check *check;
    struct wr_value
        *members; /* by data path: a long list as a set, for MEMBER_DATA, or undefined */
    uint32_t n_members;
};

struct wr_rego_query {
    const struct wr_rego_program *program;
    struct wr_unit unit;
    struct wr_function function;
    /* The base documents' slots, all looked up ahead: evaluations read them as long as no `with`
     * changes data, and never write them. */
    struct wr_value *data_slots;
    const struct wr_value **bases; /* by node: the base document there, or NULL */
    struct wr_value *names;        /* of bindings, sorted */
    uint32_t n_names;
    uint32_t n_values;
    bool is_path; /* the first value is the result's `value` */
    const struct wr_ast_body *ast;
    struct wr_plan_clause clause;
    struct wr_str text;
};

/* ── compiling (compile*.c) ─────────────────────────────────────────────────────────────────── */
/* All functions of the program's tree. Errors: unsafe variables, limits, memory. */
wr_err wr_compile_program(struct wr_rego_program *program, struct wr_rego_errors *errors);
struct wr_compile_query_options {
    bool capture, all_vars;
};
/* query->clause to query->function, names and values. */
wr_err wr_compile_query(struct wr_rego_query *query, struct wr_arena *arena,
                        const struct wr_compile_query_options *options,
                        struct wr_rego_errors *errors);
/* A query of `n` documents: refs[i] (NULL: undefined) becomes value i. */
wr_err wr_compile_documents(struct wr_rego_query *query, struct wr_arena *arena,
                            struct wr_plan_term *const *refs, uint32_t n,
                            struct wr_rego_errors *errors);

#endif
