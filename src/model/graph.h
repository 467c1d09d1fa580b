/* SPDX-License-Identifier: Apache-2.0 */
/* The importers' workbench: tensors of known shape and the steps that make them.
 *
 * Every tensor has its shape while the graph is built (the batch dimension is 1: a program scores
 * one row). A step whose inputs are all constant is run at once by the kernel itself, so that
 * folding gives the bits that scoring would give. Errors stick: after the first one every call
 * returns WR_NO_TENSOR and changes nothing, and the importer looks at `code` once per operator.
 * A tensor without elements is constant, for there is nothing to compute; no step has one.
 * Texts are numbers too: each distinct one has its index in the model's list of texts. */
#ifndef WR_GRAPH_H
#define WR_GRAPH_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "model/model.h"
#include "model/program.h"

#define WR_NO_TENSOR            UINT32_MAX
#define WR_NO_COUNT             UINT32_MAX
#define WR_LIMIT_TENSOR_COUNT   (WR_LIMIT_MODEL_SCRATCH / 4) /* elements */
#define WR_LIMIT_GRAPH_TEXTS    1000000u
#define WR_LIMIT_STEP_OPERANDS  240u
#define WR_GRAPH_SAMPLES        8
#define WR_LIMIT_GRAPH_WARNINGS 4096u
#define WR_LIMIT_GRAPH_TENSORS  400000u

struct wr_shape {
    uint32_t rank;
    uint32_t dims[WR_LIMIT_PROGRAM_RANK];
};

struct wr_tensor {
    struct wr_shape shape;
    uint32_t count;
    uint8_t type; /* enum wr_element */
    bool constant, text;
    bool once;     /* a constant that one operator reads; the importer says so */
    bool spare;    /* nothing will read it behind the step to come: its place may be taken */
    uint32_t at;   /* of a constant: offset in graph->constants */
    uint32_t root; /* the tensor whose memory this one shares (itself, or what it reshapes) */
};

struct wr_graph_step {
    uint8_t kind, op, n_out, n_in;
    uint32_t n_params;
    const uint32_t *tensors; /* outputs, then inputs */
    const uint32_t *params;
};

struct wr_graph_port {
    struct wr_str name;
    uint32_t tensor;
    uint8_t kind_role; /* enum wr_model_kind, or wr_model_role */
};

struct wr_graph {
    struct wr_arena *arena;
    struct wr_error *error;
    wr_err code;
    struct wr_str place; /* operator and node, for messages */
    uint64_t offset;     /* of the node in the source */

    struct wr_tensor *tensors;
    uint32_t n_tensors, tensor_cap;
    struct wr_graph_step *steps;
    uint32_t n_steps, step_cap;
    uint8_t *constants;
    uint32_t n_constants, constant_cap;
    struct wr_graph_port *inputs, *outputs; /* those with elements */
    uint32_t n_inputs, input_cap, n_outputs, output_cap;
    bool empty_input, empty_output; /* one without elements: no column of the row or the answer */

    struct wr_str *texts;
    uint32_t n_texts, text_cap;
    uint32_t *text_table; /* open addressing; index + 1 */
    uint32_t text_table_size;

    bool plain;      /* no optimisation: every operator becomes steps of its own */
    bool missing;    /* some step gives NaN a meaning of its own */
    double *samples; /* WR_GRAPH_SAMPLES thresholds a column, for the test vectors; may be NULL */
    uint8_t *n_samples;
    const struct wr_str *columns; /* names of the row's columns by the source, or NULL */
    uint32_t n_columns;
    struct wr_str source, producer; /* "onnx", "xgboost"; free text */
    uint32_t n_trees, n_tree_nodes;
    struct wr_buf warnings; /* lines */
    wr_model_external *external;
    void *external_context;
    wr_model_release *release;

    bool keep_forests;           /* also those without covers: they will be counted */
    struct wr_forest_kept *kept; /* forest.h */
    uint32_t n_kept, kept_cap;
};

void wr_graph_init(struct wr_graph *g, struct wr_arena *arena, struct wr_error *error);
/* Records the first error, with the place; returns WR_NO_TENSOR. */
uint32_t wr_graph_fail(struct wr_graph *g, wr_err code, const char *format, ...) WR_PRINTF(3, 4);

/* Notes, with the place, that the model scores otherwise than ONNX Runtime; the reader of the
 * report is told. At most WR_LIMIT_GRAPH_WARNINGS bytes are kept. */
void wr_graph_warn(struct wr_graph *g, const char *text);

/* Makes room for one more in a growing array; the old array stays in the arena. NULL (and an error)
 * without memory. */
void *wr_graph_grown(struct wr_graph *g, void *array, uint32_t n, uint32_t *cap, size_t size);

/* ── tensors ────────────────────────────────────────────────────────────────────────────────── */
/* Number of elements, or WR_NO_COUNT when that is over the limit, any dimension of 0 left out. */
uint32_t wr_shape_count(const struct wr_shape *shape);
static inline const struct wr_tensor *wr_graph_at(const struct wr_graph *g, uint32_t t)
{
    return &g->tensors[t];
}
/* These bytes of the source, or of constants, were read for the last time. */
void wr_graph_release(const struct wr_graph *g, const void *bytes, size_t n);
/* Makes room for `size` bytes of constants ahead, so that they need not move as they grow. */
void wr_graph_reserve(struct wr_graph *g, uint64_t size);
/* Room for a constant; *data gets the bytes to fill (valid until the next call). */
uint32_t wr_graph_constant(struct wr_graph *g, unsigned type, const struct wr_shape *shape,
                           void **data);
uint32_t wr_graph_constant_1d(struct wr_graph *g, unsigned type, uint32_t n, const void *data);
uint32_t wr_graph_scalar(struct wr_graph *g, unsigned type, double value);
/* The bytes of a constant, or NULL. */
const void *wr_graph_data(const struct wr_graph *g, uint32_t t);
uint32_t wr_graph_input(struct wr_graph *g, struct wr_str name, unsigned type,
                        enum wr_model_kind kind, const struct wr_shape *shape);
void wr_graph_output(struct wr_graph *g, struct wr_str name, uint32_t tensor,
                     enum wr_model_role role);
/* Remembers a threshold that element `at` of an input is compared with. */
void wr_graph_sample(struct wr_graph *g, uint32_t tensor, uint32_t at, double threshold);
/* The index of a text, made if new. */
int64_t wr_graph_text(struct wr_graph *g, struct wr_str text);

/* ── steps ──────────────────────────────────────────────────────────────────────────────────── */
struct wr_graph_out {
    unsigned type;
    struct wr_shape shape;
};
/* The general form: appends (or folds) a step and returns its first output; the others follow. */
uint32_t wr_graph_step(struct wr_graph *g, unsigned kind, unsigned op,
                       const struct wr_graph_out *outs, uint32_t n_out, const uint32_t *ins,
                       uint32_t n_in, const uint32_t *params, uint32_t n_params);

uint32_t wr_graph_map(struct wr_graph *g, unsigned op, uint32_t x, unsigned type, double a,
                      double b);
/* Broadcasts as numpy does. */
uint32_t wr_graph_zip(struct wr_graph *g, unsigned op, uint32_t a, uint32_t b, unsigned type);
uint32_t wr_graph_where(struct wr_graph *g, uint32_t condition, uint32_t a, uint32_t b);
uint32_t wr_graph_reshape(struct wr_graph *g, uint32_t x, const struct wr_shape *shape);
/* shape[i] elements, strides[i] apart in x, from `offset` on; bounds are checked. */
uint32_t wr_graph_move(struct wr_graph *g, uint32_t x, const struct wr_shape *shape, int64_t offset,
                       const int64_t *strides);
uint32_t wr_graph_transpose(struct wr_graph *g, uint32_t x, const uint32_t *axes);
uint32_t wr_graph_expand(struct wr_graph *g, uint32_t x, const struct wr_shape *shape);
uint32_t wr_graph_slice(struct wr_graph *g, uint32_t x, uint32_t axis, int64_t start, int64_t step,
                        uint32_t n);
uint32_t wr_graph_concat(struct wr_graph *g, uint32_t axis, const uint32_t *parts, uint32_t n);
uint32_t wr_graph_gather(struct wr_graph *g, uint32_t data, uint32_t axis, uint32_t index);
/* Bit i of `axes`: axis i is reduced (and stays with size 1 when `keep`). */
uint32_t wr_graph_reduce(struct wr_graph *g, unsigned op, uint32_t x, uint32_t axes, bool keep);
uint32_t wr_graph_arg(struct wr_graph *g, unsigned op, uint32_t x, uint32_t axis, bool keep,
                      bool last);
uint32_t wr_graph_softmax(struct wr_graph *g, unsigned op, uint32_t x, uint32_t axis);

struct wr_graph_gemm {
    bool transpose_a, transpose_b;
    double alpha, beta;
};
/* a [m,k] times b [k,n], plus beta c broadcast to [m,n] (c may be WR_NO_TENSOR). */
uint32_t wr_graph_gemm(struct wr_graph *g, uint32_t a, uint32_t b, uint32_t c,
                       const struct wr_graph_gemm *how);
/* numpy.matmul: leading dimensions are a broadcast batch. */
uint32_t wr_graph_matmul(struct wr_graph *g, uint32_t a, uint32_t b);
/* Sorts keys with their values; `values` has one more element than keys: the default. */
uint32_t wr_graph_lookup(struct wr_graph *g, uint32_t x, uint32_t keys, uint32_t values);

/* Doubles as two parameter words. */
void wr_graph_put_double(uint32_t words[2], double x);

/* ── the end ────────────────────────────────────────────────────────────────────────────────── */
/* Drops what no output needs, gives scratch memory, and writes the program (a multiple of 64 bytes,
 * aligned to 64, in the arena behind WR_MODULE_HEAD bytes of room) with metadata and test vectors.
 */
WR_NODISCARD wr_err wr_graph_write(struct wr_graph *g, const struct wr_model_options *options,
                                   struct wr_str *program);

#endif
