/* SPDX-License-Identifier: Apache-2.0 */
/* Between the ONNX importer's files: the model at hand, a node, its attributes, the operator table.
 */
#ifndef WR_ONNX_H
#define WR_ONNX_H

#include "model/graph.h"
#include "model/protobuf.h"

#define WR_LIMIT_ONNX_NODE_PORTS 4096u          /* inputs or outputs of a node */
#define WR_LIMIT_ONNX_SMALL      (1024u * 1024) /* bytes; above, memory is reserved ahead */
#define WR_ONNX_OPSET_MAX        25             /* of ai.onnx */
#define WR_ONNX_ML_MAX           5              /* of ai.onnx.ml */

struct wr_onnx {
    struct wr_graph *g;
    const char *start; /* of the file */
    int64_t opset, ml; /* versions imported; 0: none */
    /* names of values: open addressing */
    struct wr_str *names;
    uint32_t *tensors;
    uint32_t n_names, table_size;
};

struct wr_onnx_node {
    struct wr_str bytes; /* the NodeProto */
    struct wr_str op, domain, name;
    struct wr_str *inputs, *outputs;
    uint32_t n_inputs, n_outputs;
    bool ml;
    int64_t version; /* the opset of its domain */
};

typedef void wr_onnx_build(struct wr_onnx *o, const struct wr_onnx_node *node, unsigned param);

struct wr_onnx_op {
    const char *name;
    uint8_t min_in, max_in; /* 255: any number */
    uint8_t since;          /* lowest opset */
    wr_onnx_build *build;
    uint8_t param;
};
extern const struct wr_onnx_op wr_onnx_math_ops[], wr_onnx_shape_ops[], wr_onnx_ml_ops[];

/* ── a node's values ────────────────────────────────────────────────────────────────────────── */
/* The i-th input, or WR_NO_TENSOR when it is left out. */
uint32_t wr_onnx_in(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t i);
/* Names the i-th output; nothing when the node leaves it unnamed. */
void wr_onnx_out(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t i, uint32_t tensor);
/* A constant list of integers that is input i, perhaps without elements, or the attribute `name`
 * before inputs took its place; false when there is neither. */
bool wr_onnx_list(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t i, const char *name,
                  const int64_t **values, uint32_t *n);
static inline const struct wr_tensor *wr_onnx_tensor(const struct wr_onnx *o, uint32_t t)
{
    return &o->g->tensors[t];
}
/* -rank .. rank-1 to 0 .. rank-1; fails when out of range. */
uint32_t wr_onnx_axis(struct wr_onnx *o, int64_t axis, uint32_t rank);
/* As float or double: integers become floats. */
uint32_t wr_onnx_float_in(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t i);

/* ── attributes ─────────────────────────────────────────────────────────────────────────────── */
bool wr_onnx_has(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name);
int64_t wr_onnx_int(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                    int64_t absent);
double wr_onnx_float(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                     double absent);
struct wr_str wr_onnx_text(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                           const char *absent);
/* Lists; absent: n = 0 and a valid pointer. False when the graph has failed. */
bool wr_onnx_ints(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                  int64_t **values, uint32_t *n);
bool wr_onnx_floats(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                    double **values, uint32_t *n);
/* Texts as their codes. */
bool wr_onnx_texts(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                   int64_t **values, uint32_t *n);
/* A tensor attribute as a constant; WR_NO_TENSOR when absent. */
uint32_t wr_onnx_attr_tensor(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name);
/* Its elements as doubles; absent: n = 0. *wide tells whether it holds doubles. */
bool wr_onnx_attr_doubles(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                          double **values, uint32_t *n, bool *wide);

/* A list read once from front to back, without a copy. `field`: 7 floats, 8 integers, 9 texts;
 * false when the attribute is not there. A broken list ends early. */
struct wr_onnx_cursor {
    struct wr_protobuf attribute, packed;
    uint32_t field;
};
bool wr_onnx_cursor_open(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                         uint32_t field, struct wr_onnx_cursor *c);
bool wr_onnx_cursor_int(struct wr_onnx_cursor *c, int64_t *out);
bool wr_onnx_cursor_float(struct wr_onnx_cursor *c, double *out);
bool wr_onnx_cursor_text(struct wr_onnx_cursor *c, struct wr_str *out);
/* How many elements are left; the cursor is then at the end. */
uint64_t wr_onnx_cursor_count(struct wr_onnx_cursor *c);

/* The element type that stands for an ONNX type; fails when there is none. */
unsigned wr_onnx_element(struct wr_onnx *o, int64_t data_type);

/* TensorProto to constant, with its name (onnx_tensor.c). */
uint32_t wr_onnx_tensor_of(struct wr_onnx *o, struct wr_str bytes, struct wr_str *name,
                           bool finite);

#endif
