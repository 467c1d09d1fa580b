/* SPDX-License-Identifier: Apache-2.0 */
/* The importer of recurrent operators. */
#ifndef WR_ONNX_RNN_H
#define WR_ONNX_RNN_H

#include "model/onnx.h"

/* LSTM, or with `gru` not 0 GRU. */
wr_onnx_build wr_onnx_recurrent;

#endif
