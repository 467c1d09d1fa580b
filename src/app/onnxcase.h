/* SPDX-License-Identifier: Apache-2.0 */
/* One operator case in the layout of ONNX's backend tests: FOLDER/model.onnx and
 * FOLDER/test_data_set_0/{in,out}put_K.pb, each a TensorProto.
 *
 * A program scores one row, so a case with N rows is scored row by row. Integer inputs that an
 * operator needs while its shapes are worked out (axes, shapes, repeats), and second operands whose
 * first dimension is no batch, are put into the model as constants. Integers, labels and texts must
 * be equal, floats within 1e-5 relative. */
#ifndef WR_ONNXCASE_H
#define WR_ONNXCASE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "model/model.h"

#define WR_LIMIT_CASE_VALUES 100000    /* of one tensor */
#define WR_LIMIT_CASE_PORTS  8         /* inputs, and outputs */
#define WR_LIMIT_CASE_BYTES  (4 << 20) /* of a tensor's file */
#define WR_CASE_ABSOLUTE     1e-7
#define WR_CASE_RELATIVE     1e-5

struct wr_onnx_case {
    bool passed;
    bool warned, refused; /* by the import */
    char why[256];        /* when it did not pass */
};

/* What a case that passed was scored with: the compiled module, opened, and all its rows. */
struct wr_onnx_scored {
    struct wr_str module;
    const struct wr_model *model;
    const double *rows;
    uint32_t n_rows;
};
typedef void wr_onnx_case_seen(void *context, const struct wr_onnx_scored *scored);

/* Runs the case and tells how it went. `seen` may be NULL. Memory comes from wr_heap and is given
 * back. */
void wr_onnx_case_run(const char *folder, wr_onnx_case_seen *seen, void *context,
                      struct wr_onnx_case *out);

#endif
