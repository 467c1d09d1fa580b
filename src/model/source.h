/* SPDX-License-Identifier: Apache-2.0 */
/* The importers: each reads one kind of file into the workbench. */
#ifndef WR_SOURCE_H
#define WR_SOURCE_H

#include "model/graph.h"

/* ONNX (protobuf). `bytes` must outlive the graph. Errors stick in the graph. */
void wr_source_onnx(struct wr_graph *g, struct wr_str bytes);
/* XGBoost's model.json, or model.ubj when `binary`. */
void wr_source_xgboost(struct wr_graph *g, struct wr_str bytes, bool binary);
/* LightGBM's text model. `text` must outlive the graph. */
void wr_source_lightgbm(struct wr_graph *g, struct wr_str text);

#endif
