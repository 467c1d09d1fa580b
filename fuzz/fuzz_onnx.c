/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an ONNX model (protobuf); fuzz_model.h has the properties. */
#include "fuzz_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    return fuzz_source(data, n, WR_MODEL_ONNX);
}
