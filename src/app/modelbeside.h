/* SPDX-License-Identifier: Apache-2.0 */
/* Files beside a model's source that hold tensors of it, mapped once each and until the program
 * ends. */
#ifndef WR_MODELBESIDE_H
#define WR_MODELBESIDE_H

#include "base/bytes.h"

#define WR_LIMIT_EXTERNAL_FILES 16

struct wr_model_beside {
    const char *source; /* the model's path */
    struct {
        char path[1024];
        struct wr_str bytes;
    } files[WR_LIMIT_EXTERNAL_FILES];
    size_t n;
};

/* wr_model_options.external, with a struct wr_model_beside as context: a file of the source's
 * folder or below it. False for any other, for one that cannot be read, and over the limit. */
bool wr_model_take_beside(void *beside, struct wr_str location, struct wr_str *bytes);
/* Gives all of them back. */
void wr_model_drop_beside(struct wr_model_beside *beside);

#endif
