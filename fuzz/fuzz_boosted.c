/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as XGBoost JSON, XGBoost UBJSON or LightGBM text, by the first byte; fuzz_model.h has
 * the properties. */
#include "fuzz_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const enum wr_model_format formats[] = {WR_MODEL_XGBOOST_JSON, WR_MODEL_XGBOOST_UBJSON,
                                                   WR_MODEL_LIGHTGBM_TEXT};
    return n == 0 ? 0 : fuzz_source(data + 1, n - 1, formats[data[0] % 3]);
}
