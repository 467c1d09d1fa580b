/* SPDX-License-Identifier: Apache-2.0 */
/* From the margins of a boosted ensemble to its answer: the last step of the native importers. */
#ifndef WR_ANSWER_H
#define WR_ANSWER_H

#include "model/graph.h"

enum wr_link {
    WR_LINK_IDENTITY,
    WR_LINK_LOGIT,      /* probability of one class: label and [1-p, p] */
    WR_LINK_LOG,        /* exp(margin) */
    WR_LINK_SOFTMAX,    /* label and a probability a class */
    WR_LINK_ONE_VS_ALL, /* the same with a sigmoid each */
};

/* Adds the outputs for margins [1, targets]: "label" and "probabilities", or "score". */
void wr_answer_add(struct wr_graph *g, uint32_t margin, enum wr_link link);

#endif
