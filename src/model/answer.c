/* SPDX-License-Identifier: Apache-2.0 */
/* Links of boosted ensembles (answer.h). */
#include "model/answer.h"

static void add_classes(struct wr_graph *g, uint32_t probabilities)
{
    uint32_t label = wr_graph_arg(g, WR_ARG_MAX, probabilities, 1, false, false);
    wr_graph_output(g, WR_STR("label"), label, WR_MODEL_LABEL);
    wr_graph_output(g, WR_STR("probabilities"), probabilities, WR_MODEL_PROBABILITY);
}

void wr_answer_add(struct wr_graph *g, uint32_t margin, enum wr_link link)
{
    uint32_t p, both[2];
    if (margin == WR_NO_TENSOR) {
        return;
    }
    switch (link) {
    case WR_LINK_LOGIT:
        p = wr_graph_map(g, WR_MAP_SIGMOID, margin, WR_F32, 0, 0);
        both[0] = wr_graph_zip(g, WR_ZIP_SUB, wr_graph_scalar(g, WR_F32, 1), p, WR_F32);
        both[1] = p;
        add_classes(g, wr_graph_concat(g, 1, both, 2));
        break;
    case WR_LINK_ONE_VS_ALL:
        add_classes(g, wr_graph_map(g, WR_MAP_SIGMOID, margin, WR_F32, 0, 0));
        break;
    case WR_LINK_SOFTMAX:
        add_classes(g, wr_graph_softmax(g, WR_SOFTMAX, margin, 1));
        break;
    case WR_LINK_LOG:
        wr_graph_output(g, WR_STR("score"), wr_graph_map(g, WR_MAP_EXP, margin, WR_F32, 0, 0),
                        WR_MODEL_SCORE);
        break;
    default:
        wr_graph_output(g, WR_STR("score"), margin, WR_MODEL_SCORE);
    }
}
