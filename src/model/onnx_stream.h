/* SPDX-License-Identifier: Apache-2.0 */
/* Tree ensembles of versions 1 and 3 read tree by tree, in one pass over each attribute's bytes: a
 * file of hundreds of megabytes is imported with the memory of its largest tree. */
#ifndef WR_ONNX_STREAM_H
#define WR_ONNX_STREAM_H

#include "model/forest.h"
#include "model/onnx.h"

/* What classifiers ask of all votes. */
struct wr_onnx_votes {
    uint32_t n;
    int64_t first_target;
    bool same_target, positive; /* no weight is negative */
};

/* Makes *f give the node's trees one by one. `names` are the attributes of the votes: tree ids,
 * node ids, targets, weights. False when the trees do not follow one another in ascending order, or
 * when numbers are doubles: then (without an error) the whole has to be read at once. */
bool wr_onnx_stream(struct wr_onnx *o, const struct wr_onnx_node *node, const char *const names[4],
                    struct wr_forest *f, struct wr_onnx_votes *votes);

#endif
