/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a body of many documents into one text each, without reading them: a JSON array, or JSON
 * lines. What is cut is whole JSON exactly when the body was; each text is read strictly by whoever
 * takes it. */
#ifndef WR_SPLIT_H
#define WR_SPLIT_H

#include "base/bytes.h"
#include "base/err.h"

struct wr_split {
    struct wr_str rest;
    const char *start; /* of the body, for offsets */
    bool is_array;
    bool first, ended;
};

/* An array when the first byte that is not white space is '[', unless `lines` is wanted. */
void wr_split_open(struct wr_split *split, struct wr_str body, bool lines);
/* The next text: WR_OK with *item; *item.p == NULL at the end. WR_E_JSON with the offset when the
 * array is not one. */
WR_NODISCARD wr_err wr_split_next(struct wr_split *split, struct wr_str *item,
                                  struct wr_error *error);

#endif
