/* SPDX-License-Identifier: Apache-2.0 */
#include "app/modelbeside.h"
#include "app/filemap.h"
#include "model/model.h"

#include <stdio.h>
#include <string.h>

/* A name of the same folder or below it: relative, without "..". */
static bool is_beside(struct wr_str location)
{
    for (size_t i = 0; i < location.n; i++) {
        bool begins = i == 0 || location.p[i - 1] == '/';
        if (location.p[i] == '\0' ||
            (begins && (location.p[i] == '/' ||
                        wr_str_starts(wr_str_of(location.p + i, location.n - i), WR_STR(".."))))) {
            return false;
        }
    }
    return location.n > 0;
}

bool wr_model_take_beside(void *beside, struct wr_str location, struct wr_str *bytes)
{
    struct wr_model_beside *b = beside;
    struct wr_error error = {0};
    char path[1024];
    const char *slash = strrchr(b->source, '/');
    int folder = slash != NULL ? (int)(slash - b->source) + 1 : 0;
    int n = snprintf(path, sizeof path, "%.*s%.*s", folder, b->source, WR_FMT(location));
    if (!is_beside(location) || n < 0 || (size_t)n >= sizeof path) {
        return false;
    }
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->files[i].path, path) == 0) {
            *bytes = b->files[i].bytes;
            return true;
        }
    }
    if (b->n == WR_LIMIT_EXTERNAL_FILES ||
        wr_file_map(path, WR_LIMIT_MODEL_SOURCE, bytes, &error) != WR_OK) {
        return false;
    }
    memcpy(b->files[b->n].path, path, sizeof path);
    b->files[b->n++].bytes = *bytes;
    return true;
}

void wr_model_drop_beside(struct wr_model_beside *beside)
{
    while (beside->n > 0) {
        wr_file_unmap(beside->files[--beside->n].bytes);
    }
}
