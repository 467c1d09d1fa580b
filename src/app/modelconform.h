/* SPDX-License-Identifier: Apache-2.0 */
/* Every case below some folders: operator cases of ONNX and models with golden scores. */
#ifndef WR_MODELCONFORM_H
#define WR_MODELCONFORM_H

#include <stddef.h>

/* A folder that holds model.onnx is a case: a model with golden scores when it holds rows.csv and
 * golden.csv too, else an operator case (app/onnxcase.h). Complains about each that fails, prints
 * "N passed, N failed" at the end, and gives an exit code of cli.h: not done when one fails or
 * there is none. */
int wr_model_conform(const char *const *folders, size_t n);

#endif
