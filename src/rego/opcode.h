/* SPDX-License-Identifier: Apache-2.0 */
/* The instructions of the policy machine, one table: name, operands, effect, cost.
 *
 * An instruction is 16 bytes: op, three 16-bit operands a b c, two 32-bit operands d t. Registers
 * hold values (or, during a reference through `data`, nodes of the rule tree; accumulators;
 * contexts). r[x] is register x of the running function, k[d] constant d, and `fail` means: go on
 * at instruction t. WR_NO_REGISTER as a destination drops the result. Cost is fuel.
 *
 * In listings: a b c registers, k constant d, i j constants b and c, p q paths d of input and data,
 * o path b of data, x builtin d, n number d, w entry d of the table of `with`, t instruction.
 *
 * A body is straight-line code; what iterates is a loop whose NEXT is the place where everything
 * inside it fails to, so that falling out of the end of a body and failing are the same jump. */
#ifndef WR_REGO_OPCODE_H
#define WR_REGO_OPCODE_H

#include "base/base.h"

#define WR_NO_REGISTER 0xFFFFu

/* X(name, operands in the listing, jumps, cost, effect) */
#define WR_OPCODE_TABLE(X)                                                                         \
    X(JUMP, "t", 1, 0, "go to t")                                                                  \
    X(MOVE, "ab", 0, 0, "r[a] = r[b]")                                                             \
    X(CONST, "ak", 0, 0, "r[a] = k[d]")                                                            \
    X(UNDEF, "a", 0, 0, "r[a] = undefined")                                                        \
    X(IF_DEFINED, "bt", 1, 0, "to t if r[b] is defined")                                           \
    X(IF_UNDEFINED, "bt", 1, 0, "to t if r[b] is undefined")                                       \
    X(INPUT, "apt", 1, 0, "r[a] = input path d, fail if there is none")                            \
    X(DATA, "aqt", 1, 0, "r[a] = base document at data path d, fail if there is none")             \
    X(GET, "abct", 1, 0, "r[a] = r[b] at key r[c], fail if there is none")                         \
    X(GET_CONST, "abkt", 1, 0, "r[a] = r[b] at key k[d], fail if there is none")                   \
    X(IS_ARRAY, "bnt", 1, 0, "fail unless r[b] is an array of d elements")                         \
    X(IS_OBJECT, "bnt", 1, 0, "fail unless r[b] is an object of d pairs")                          \
    X(TRUE, "bt", 1, 0, "fail if r[b] is false")                                                   \
    X(EQ, "bct", 1, 0, "fail unless r[b] == r[c]")                                                 \
    X(NEQ, "bct", 1, 0, "fail unless r[b] != r[c]")                                                \
    X(LT, "bct", 1, 0, "fail unless r[b] < r[c]")                                                  \
    X(LTE, "bct", 1, 0, "fail unless r[b] <= r[c]")                                                \
    X(EQ_CONST, "bkt", 1, 0, "fail unless r[b] == k[d]")                                           \
    X(NEQ_CONST, "bkt", 1, 0, "fail unless r[b] != k[d]")                                          \
    X(LT_CONST, "bkt", 1, 0, "fail unless r[b] < k[d]")                                            \
    X(LTE_CONST, "bkt", 1, 0, "fail unless r[b] <= k[d]")                                          \
    X(GT_CONST, "bkt", 1, 0, "fail unless r[b] > k[d]")                                            \
    X(GTE_CONST, "bkt", 1, 0, "fail unless r[b] >= k[d]")                                          \
    X(INPUT_EQ, "pit", 1, 0, "fail unless input path d exists and is == k[b]")                     \
    X(INPUT_NEQ, "pit", 1, 0, "fail unless input path d exists and is != k[b]")                    \
    X(INPUT_LT, "pit", 1, 0, "fail unless input path d exists and is < k[b]")                      \
    X(INPUT_LTE, "pit", 1, 0, "fail unless input path d exists and is <= k[b]")                    \
    X(INPUT_GT, "pit", 1, 0, "fail unless input path d exists and is > k[b]")                      \
    X(INPUT_GTE, "pit", 1, 0, "fail unless input path d exists and is >= k[b]")                    \
    X(EQ_DATA, "bqt", 1, 0, "fail unless data path d exists and r[b] is == it")                    \
    X(NEQ_DATA, "bqt", 1, 0, "fail unless data path d exists and r[b] is != it")                   \
    X(LT_DATA, "bqt", 1, 0, "fail unless data path d exists and r[b] is < it")                     \
    X(LTE_DATA, "bqt", 1, 0, "fail unless data path d exists and r[b] is <= it")                   \
    X(GT_DATA, "bqt", 1, 0, "fail unless data path d exists and r[b] is > it")                     \
    X(GTE_DATA, "bqt", 1, 0, "fail unless data path d exists and r[b] is >= it")                   \
    X(INPUT_EQ_DATA, "pot", 1, 0, "fail unless input path d is == data path b, both there")        \
    X(INPUT_NEQ_DATA, "pot", 1, 0, "fail unless input path d is != data path b, both there")       \
    X(INPUT_LT_DATA, "pot", 1, 0, "fail unless input path d is < data path b, both there")         \
    X(INPUT_LTE_DATA, "pot", 1, 0, "fail unless input path d is <= data path b, both there")       \
    X(INPUT_GT_DATA, "pot", 1, 0, "fail unless input path d is > data path b, both there")         \
    X(INPUT_GTE_DATA, "pot", 1, 0, "fail unless input path d is >= data path b, both there")       \
    X(GET_EQ, "bkjt", 1, 0, "fail unless r[b] at key k[d] exists and is == k[c]")                  \
    X(GET_NEQ, "bkjt", 1, 0, "fail unless r[b] at key k[d] exists and is != k[c]")                 \
    X(GET_LT, "bkjt", 1, 0, "fail unless r[b] at key k[d] exists and is < k[c]")                   \
    X(GET_LTE, "bkjt", 1, 0, "fail unless r[b] at key k[d] exists and is <= k[c]")                 \
    X(GET_GT, "bkjt", 1, 0, "fail unless r[b] at key k[d] exists and is > k[c]")                   \
    X(GET_GTE, "bkjt", 1, 0, "fail unless r[b] at key k[d] exists and is >= k[c]")                 \
    X(COMPARE, "abcn", 0, 0, "r[a] = whether r[b] compares to r[c] as operator d says")            \
    X(MEMBER, "bct", 1, 1, "fail unless r[b] is an element or a value of r[c]")                    \
    X(MEMBER_DATA, "bqt", 1, 1, "fail unless r[b] is an element or a value of data path d")        \
    X(PLUS, "abct", 1, 0, "r[a] = r[b] + r[c]; fail as the builtin does")                          \
    X(MINUS, "abct", 1, 0, "r[a] = r[b] - r[c]; fail as the builtin does")                         \
    X(TIMES, "abct", 1, 0, "r[a] = r[b] * r[c]; fail as the builtin does")                         \
    X(ITER, "abt", 1, 1, "r[a], r[a+1] = iteration over r[b]; fail if it is no collection")        \
    X(NEXT, "abct", 1, 1, "next of r[a]: r[b] = key, r[c] = value; to t when there is none")       \
    X(NODE, "an", 0, 0, "r[a] = node d of the rule tree, not evaluated")                           \
    X(KEYS, "abt", 1, 1, "r[a] = array of the keys of node or value r[b]")                         \
    X(STEP, "abct", 1, 1, "r[a] = node or value r[b] at key r[c], a rule evaluated; fail if none") \
    X(FORCE, "abt", 1, 1, "r[a] = document of r[b] if that is a node, else r[b]")                  \
    X(RULE, "ant", 1, 1, "r[a] = document of node d, from memory if known; fail if undefined")     \
    X(CALL, "abcnt", 1, 1, "r[a] = function of node d of c arguments from r[b] on; fail if none")  \
    X(BUILTIN, "abcxt", 1, 1, "r[a] = builtin d of c arguments from r[b] on; fail if none")        \
    X(ARRAY, "abc", 0, 1, "r[a] = array of c elements from r[b] on")                               \
    X(SET, "abc", 0, 1, "r[a] = set of c elements from r[b] on")                                   \
    X(OBJECT, "abc", 0, 1, "r[a] = object of c pairs from r[b] on")                                \
    X(COLLECT, "an", 0, 1, "r[a] = empty accumulator of kind d")                                   \
    X(ADD, "ab", 0, 1, "add r[b] to accumulator r[a]")                                             \
    X(ADD_CONST, "ak", 0, 1, "add k[d] to accumulator r[a]")                                       \
    X(GROUND, "an", 0, 1, "r[a] = empty accumulator of elements of ground set d")                  \
    X(MARK, "an", 0, 1, "add the element of rank d to accumulator r[a] of a ground set")           \
    X(PUT, "abc", 0, 1, "put key r[b] with value r[c] into accumulator r[a]")                      \
    X(PUT_PATH, "abcn", 0, 1, "put r[b+c] under the c keys from r[b] on; d: as a set's element")   \
    X(CLAUSES, "an", 0, 1,                                                                         \
      "r[a] = all clauses of index d, pending; undefined if to be tried in turn")                  \
    X(SELECT, "at", 1, 1,                                                                          \
      "candidates of r[a]: pending ones whose direct tests hold; to t if none")                    \
    X(NEED, "ant", 1, 1, "to t unless a candidate of r[a] has a test in dimension d")              \
    X(NARROW, "abn", 0, 1, "candidates of r[a] whose tests in dimension d hold for r[b]")          \
    X(CANDIDATE, "at", 1, 1,                                                                       \
      "to the next candidate of r[a], behind its tests; to t if none is left")                     \
    X(DONE, "ant", 1, 1, "clause d of r[a] is pending no more; to t if none is")                   \
    X(ZERO, "an", 0, 1, "r[a] and the d - 1 registers behind it = 0")                              \
    X(COUNT, "an", 0, 1,                                                                           \
      "candidates of r[a] that hold if nothing is counted, as dimension d says")                   \
    X(INCREMENT, "abn", 0, 1, "r[a] = r[a] + 1; clause d is a candidate of r[b] again")            \
    X(FINISH, "ab", 0, 1, "r[a] = what accumulator r[b] holds; conflict if keys disagree")         \
    X(MERGE, "ab", 0, 1, "r[a] = r[a] with the base document at node r[b] below it")               \
    X(RESULT, "abn", 0, 0, "r[a] = r[b], a conflict if r[a] is another value; d: in a function")   \
    X(RETURN, "b", 0, 0, "leave the function with r[b]")                                           \
    X(CONTEXT, "a", 0, 0, "r[a] = the current context")                                            \
    X(ENTER, "a", 0, 0, "the current context = r[a]")                                              \
    X(WITH, "a", 0, 8, "r[a] = a copy of the current context, nothing remembered")                 \
    X(WITH_INPUT, "abw", 0, 1, "in context r[a], input at path d is r[b]")                         \
    X(WITH_DATA, "abw", 0, 1, "in context r[a], data at path d is r[b]")                           \
    X(WITH_CALL, "abw", 0, 1,                                                                      \
      "in context r[a], function d is replaced, by r[b] if not a function")                        \
    X(EMIT, "bcn", 0, 1, "a result: c bindings from r[b] on, then d values")

enum wr_opcode {
#define WR_OPCODE_ENUM(name, operands, jumps, cost, effect) WR_OP_##name,
    WR_OPCODE_TABLE(WR_OPCODE_ENUM)
#undef WR_OPCODE_ENUM
        WR_OPCODES
};

enum wr_collect {
    WR_COLLECT_ARRAY,
    WR_COLLECT_SET,
    WR_COLLECT_OBJECT,
    WR_COLLECT_PATHS,
    WR_COLLECT_GROUND,
    WR_COLLECT_SORTED, /* an object whose keys come in order, each once */
};
enum wr_compare { WR_COMPARE_EQ, WR_COMPARE_NEQ, WR_COMPARE_LT, WR_COMPARE_LTE };

struct wr_insn {
    uint16_t op, a, b, c;
    uint32_t d, t;
};

struct wr_opcode_info {
    const char *name, *operands, *effect;
    uint8_t jumps, cost;
};
extern const struct wr_opcode_info wr_opcode_infos[WR_OPCODES];

#endif
