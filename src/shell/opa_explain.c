/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations of an evaluation over OPA's API. */
#include "shell/opa.h"

void wr_opa_write_explanation(struct wr_buf *json, struct wr_opa_call *call,
                              const struct wr_str *segments, size_t n, const struct wr_value *input)
{
    (void)call;
    (void)segments;
    (void)n;
    (void)input;
    wr_buf_str(json, WR_STR("\"explanation\":[]"));
}
