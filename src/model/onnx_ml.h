/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the importers of ai.onnx.ml's classifiers and regressors. */
#ifndef WR_ONNX_ML_H
#define WR_ONNX_ML_H

#include "model/onnx.h"

enum wr_post { /* in the order of TreeEnsemble's numbers */
               WR_POST_NONE = 0,
               WR_POST_SOFTMAX,
               WR_POST_LOGISTIC,
               WR_POST_SOFTMAX_ZERO,
               WR_POST_PROBIT,
};

/* The attribute post_transform. */
enum wr_post wr_onnx_post(struct wr_onnx *o, const struct wr_onnx_node *node);
/* Applies it to [rows, n]. */
uint32_t wr_onnx_transform(struct wr_graph *g, uint32_t scores, enum wr_post post);
/* Class labels, integers under the name given or texts, as a constant. */
uint32_t wr_onnx_classes(struct wr_onnx *o, const struct wr_onnx_node *node, const char *integers);
/* Input 0 as a matrix of floats or doubles. */
uint32_t wr_onnx_matrix_in(struct wr_onnx *o, const struct wr_onnx_node *node);
/* Doubles rounded to floats. */
uint32_t wr_onnx_single(struct wr_graph *g, uint32_t x);
/* [rows, 1] to [-s, s], or with LOGISTIC [1 - p, p]. */
uint32_t wr_onnx_two_sided(struct wr_graph *g, uint32_t s, enum wr_post post);
/* [rows, 1] to [rows]: 1 where s > cut. */
uint32_t wr_onnx_above(struct wr_graph *g, uint32_t s, double cut);

/* Values as a constant of floats. */
uint32_t wr_onnx_floats_constant(struct wr_graph *g, const double *values,
                                 const struct wr_shape *shape);

/* onnx_svm.c */
wr_onnx_build wr_onnx_svm_classifier, wr_onnx_svm_regressor;
/* onnx_tree.c */
wr_onnx_build wr_onnx_tree_ensemble, wr_onnx_tree_classifier, wr_onnx_tree_regressor;

#endif
