/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled model as bytes: header, inputs, outputs, steps, constants, metadata, test vectors.
 *
 * The program is position-independent and little-endian; every reference is an offset from its
 * first byte, which is aligned to 64. docs/formats.md ("model module") has the layout in full. The
 * kernel runs it as it lies in a mapped file or in wasm memory; wr_program_check follows every
 * offset first, so that the kernel itself checks only what depends on the row.
 *
 *   step     word 0: kind | op << 8 | n_out << 16 | n_in << 24; word 1: words of the step in all;
 *            then operands, outputs first, two words each; then parameters by kind (below)
 *   operand  word 0: byte offset, into the constants (bit 31 set: from the program's first byte)
 *            or into the scratch memory; word 1: count of elements | type << 28
 *
 * All elements of a tensor lie without gaps, last dimension fastest. A boolean is an integer 0 or
 * 1. */
#ifndef WR_PROGRAM_H
#define WR_PROGRAM_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define WR_PROGRAM_MAGIC   0x314d5257u /* "WRM1" */
#define WR_PROGRAM_VERSION 1u
#define WR_PROGRAM_ALIGN   64u
#define WR_PROGRAM_CONST   0x80000000u
#define WR_PROGRAM_COUNT   0x0fffffffu /* mask of an operand's count */

#define WR_LIMIT_PROGRAM_SIZE       (1024u * 1024 * 1024)
#define WR_LIMIT_PROGRAM_STEPS      200000u
#define WR_LIMIT_PROGRAM_TESTS      64u
#define WR_LIMIT_PROGRAM_WORK       (1ull << 34) /* innermost rounds for one row */
#define WR_LIMIT_PROGRAM_WORK_SMALL (1ull << 28) /* the same, up to 4 MiB of program; beyond, */
#define WR_LIMIT_PROGRAM_WORK_BYTE  64u          /* so many for each byte */
#define WR_LIMIT_WALK_SETS          (1u << 20)   /* members of all sets of an ensemble */
#define WR_LIMIT_PROGRAM_RANK       8u

enum wr_element { WR_F32 = 0, WR_F64 = 1, WR_I64 = 2 };

struct wr_program {
    uint32_t magic, version;
    uint32_t size; /* bytes in all, a multiple of 64 */
    uint32_t n_inputs, n_outputs;
    uint32_t inputs, n_input_groups;   /* offset of struct wr_program_group[] */
    uint32_t outputs, n_output_groups; /* the same */
    uint32_t steps, steps_size, n_steps;
    uint32_t scratch; /* bytes of scratch memory for one row */
    uint32_t meta, meta_size;
    uint32_t tests, n_tests; /* rows of n_inputs doubles, each followed by its n_outputs */
    uint32_t flags;          /* 0 */
    uint32_t explain;        /* struct wr_explain (explain.h), or 0 */
    uint32_t explain_room;   /* bytes of working memory for it: wr_explain_room, or 0 */
};

/* Consecutive columns of the row (or of the answer) and the tensor they fill (or come from). */
struct wr_program_group {
    uint32_t ref, meta; /* an operand */
};

enum wr_step_kind {
    WR_STEP_MAP = 1,   /* out = op(in); parameters: two doubles */
    WR_STEP_ZIP,       /* out = a op b; rank, dims[], strides of a[], of b[] */
    WR_STEP_WHERE,     /* out = c ? a : b; rank, dims[], strides of c[], of a[], of b[] */
    WR_STEP_MOVE,      /* out = in[offset + strides]; offset, rank, dims[], strides[] (signed) */
    WR_STEP_CONCAT,    /* outer, then elements of each input in one outer position */
    WR_STEP_GATHER,    /* out = data[outer, index, inner]; outer, n, inner, n_index */
    WR_STEP_REDUCE,    /* rank, dims[], strides[] kept; rank, dims[], strides[] reduced */
    WR_STEP_ARG,       /* outer, n, inner, 1 for the last of equals */
    WR_STEP_SOFTMAX,   /* outer, n, inner */
    WR_STEP_MATMUL,    /* m, k, n, strides of a, b, c by row and column, alpha, beta, batch */
    WR_STEP_TREES,     /* x, nodes, trees, table, base -> out, keys; see kernel_tree.c */
    WR_STEP_WALK,      /* x, nodes, trees, votes, sets, base -> out */
    WR_STEP_NORMALIZE, /* rows, n */
    WR_STEP_LOOKUP,    /* in, keys, values (one more: the default) -> out */
    WR_STEP_ONE_HOT,   /* in, categories -> out; 1: an unknown one is all zeros, else an error */
    WR_STEP_TOP,       /* in -> values, indices; outer, n, inner, k */
    WR_STEP_KERNEL, /* x, support vectors -> out: rows, n, n_vectors, kind; gamma, coef0, degree */
    WR_STEP_COUPLE, /* pairs' probabilities -> classes', room; rows, classes */
    WR_STEP_KINDS,
};

enum wr_map_op {
    WR_MAP_COPY = 0, /* also casts: floats to integers are cut off toward zero */
    WR_MAP_BOOL,
    WR_MAP_HALF, /* rounded to a 16-bit float */
    WR_MAP_I32,  /* wrapped to 32 bits, sign kept; 8: unsigned 8 */
    WR_MAP_U8,
    WR_MAP_NEG,
    WR_MAP_ABS,
    WR_MAP_SQRT,
    WR_MAP_EXP,
    WR_MAP_LOG,
    WR_MAP_RECIPROCAL,
    WR_MAP_ERF,
    WR_MAP_RELU,
    WR_MAP_LEAKY, /* a = slope */
    WR_MAP_ELU,   /* a = alpha */
    WR_MAP_TANH,
    WR_MAP_SIGMOID,
    WR_MAP_SOFTPLUS,
    WR_MAP_SOFTSIGN,
    WR_MAP_HARD_SIGMOID, /* a x + b, cut to 0..1 */
    WR_MAP_FLOOR,
    WR_MAP_CEIL,
    WR_MAP_ROUND, /* half to even */
    WR_MAP_SIGN,
    WR_MAP_ISNAN,
    WR_MAP_NOT,
    WR_MAP_PROBIT,  /* Winitzki's approximation, as the ONNX operators have it */
    WR_MAP_GREATER, /* 1 if x > a */
    WR_MAP_OPS,
};

enum wr_zip_op {
    WR_ZIP_ADD = 0,
    WR_ZIP_SUB,
    WR_ZIP_MUL,
    WR_ZIP_DIV,
    WR_ZIP_POW,
    WR_ZIP_MAX,
    WR_ZIP_MIN,
    WR_ZIP_EQ,
    WR_ZIP_LT,
    WR_ZIP_LE,
    WR_ZIP_GT,
    WR_ZIP_GE,
    WR_ZIP_AND,
    WR_ZIP_OR,
    WR_ZIP_XOR,
    WR_ZIP_OPS,
};

enum wr_reduce_op {
    WR_REDUCE_SUM = 0,
    WR_REDUCE_MEAN,
    WR_REDUCE_MAX,
    WR_REDUCE_MIN,
    WR_REDUCE_PROD,
    WR_REDUCE_L1,
    WR_REDUCE_L2,
    WR_REDUCE_SUM_SQUARE,
    WR_REDUCE_OPS,
};

enum wr_arg_op { WR_ARG_MAX = 0, WR_ARG_MIN, WR_ARG_OPS };
enum wr_softmax_op {
    WR_SOFTMAX = 0,
    WR_SOFTMAX_LOG,
    WR_SOFTMAX_ZERO, /* elements near 0 stay out of the exponent (ai.onnx.ml SOFTMAX_ZERO) */
    WR_SOFTMAX_OPS,
};
enum wr_normalize_op { WR_NORMALIZE_MAX = 0, WR_NORMALIZE_L1, WR_NORMALIZE_L2, WR_NORMALIZE_OPS };
enum wr_top_op { WR_TOP_LARGEST = 0, WR_TOP_SMALLEST, WR_TOP_OPS };
enum wr_kernel_op {
    WR_KERNEL_LINEAR = 0,
    WR_KERNEL_POLY,
    WR_KERNEL_RBF,
    WR_KERNEL_SIGMOID,
    WR_KERNEL_OPS,
};
enum wr_aggregate { WR_SUM = 0, WR_AVERAGE, WR_MIN_OF, WR_MAX_OF, WR_AGGREGATES };

/* ── trees ──────────────────────────────────────────────────────────────────────────────────── */
/* TREES: 8-byte nodes. The key of a float is its bits as an integer that sorts as the float does.
 * At an inner node the walk goes on to self + delta, or one further if x[feature] >= key. A leaf
 * has delta 0 and the feature 2 n, whose key is below all: the walk stays; `key` is then the bits
 * of its value, or the row of the table of votes. Features n .. 2 n - 1 are the same numbers again
 * with NaN above all (below: NaN under all), so that a node says where a missing value goes.     */
struct wr_tree_node {
    int32_t key;
    uint16_t feature, delta;
};
#define WR_KEY_LOWEST    INT32_MIN
#define WR_KEY_NAN_ABOVE (INT32_MAX - 1)
struct wr_tree_root {
    uint32_t node;
    uint32_t depth_target; /* steps to walk | target << 8; depths are equal within sixteen trees */
};
#define WR_TREE_LANES       16
#define WR_LIMIT_TREE_DEPTH 255
/* Parameters: rows, n, targets, n_trees, aggregate, 1 if leaves are rows of the table, 1 if the
 * sums start from the base (else it is added at the end). */

/* WALK: parameters: rows, n, targets, n_trees, aggregate, 1 if the sums start from the base. Any
 * mode in any node, in double or float; 24-byte nodes in breadth order. */
enum wr_walk_mode {
    WR_WALK_LEQ = 0,
    WR_WALK_LT,
    WR_WALK_GTE,
    WR_WALK_GT,
    WR_WALK_EQ,
    WR_WALK_NEQ,
    WR_WALK_MEMBER,
    WR_WALK_LEAF, /* yes: first vote; no: number of votes */
    WR_WALK_MODES,
};
struct wr_walk_node {
    double threshold; /* MEMBER: first element of the set + 2^-32 * its size, exactly */
    uint32_t feature;
    uint32_t mode; /* | 0x100: a missing value goes the yes way */
    uint32_t yes, no;
};
#define WR_WALK_MISSING_YES 0x100u
struct wr_walk_vote {
    double weight;
    uint32_t target, zero;
};

/* ── checking ───────────────────────────────────────────────────────────────────────────────── */
/* Follows every offset of an untrusted program of `size` bytes (aligned to 64). `arena` gives
 * passing memory; *work (may be NULL) gets the innermost rounds for one row. Errors: WR_E_WASM with
 * the offset within the program. */
WR_NODISCARD wr_err wr_program_check(struct wr_arena *arena, const uint8_t *program, size_t size,
                                     uint64_t *work, struct wr_error *error);
/* The most innermost rounds for one row of a program of so many bytes; the test vectors of a module
 * are run until they have taken as many. So a hostile file cannot make opening take minutes. */
uint64_t wr_program_work_limit(uint64_t size);

/* ── in wasm memory ─────────────────────────────────────────────────────────────────────────── */
/* The module places the program here; the kernel's own stack and data lie below. Behind the program
 * follow scratch memory, room for a batch of rows, and room for its answers. */
#define WR_MODULE_BASE  65536u
#define WR_MODULE_BATCH 64u    /* rows at most */
#define WR_MODULE_ROOM  65536u /* numbers in a batch, beyond one row */

static inline uint32_t wr_program_batch(const struct wr_program *p)
{
    uint32_t numbers = p->n_inputs + p->n_outputs; /* 0: tensors of no elements */
    uint32_t rows = WR_MODULE_ROOM / (numbers == 0 ? 1 : numbers);
    return rows < 1 ? 1 : rows > WR_MODULE_BATCH ? WR_MODULE_BATCH : rows;
}
static inline uint64_t wr_program_input(const struct wr_program *p)
{
    return WR_MODULE_BASE + (((uint64_t)p->size + p->scratch + 63) & ~(uint64_t)63);
}
static inline uint64_t wr_program_output(const struct wr_program *p)
{
    return wr_program_input(p) + (uint64_t)wr_program_batch(p) * p->n_inputs * 8;
}

/* The bytes of an element. */
static inline uint32_t wr_element_size(unsigned element)
{
    return element == WR_F32 ? 4 : 8;
}

#endif
