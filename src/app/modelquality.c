/* SPDX-License-Identifier: Apache-2.0 */
#include "app/modelquality.h"
#include "app/cli.h"
#include "base/num.h"
#include "value/json_read.h"
#include "value/json_write.h"

#include <math.h>
#include <stdlib.h>

static const double points[] = {0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1};

static int by_value(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* {"missing":share,"quantiles":[...]} of n numbers; sorts them. A quantile is the smallest number
 * that at least that share of the numbers does not exceed. */
static void put_quantiles(struct wr_buf *out, double *values, size_t n)
{
    size_t there = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(values[i])) {
            values[there++] = values[i];
        }
    }
    qsort(values, there, sizeof *values, by_value);
    wr_buf_str(out, WR_STR("\"missing\":"));
    wr_num_write_double(out, (double)(n - there) / (double)n);
    wr_buf_str(out, WR_STR(",\"quantiles\":["));
    for (size_t p = 0; p < WR_COUNTOF(points) && there > 0; p++) {
        size_t at = (size_t)ceil(points[p] * (double)there);
        wr_buf_str(out, p == 0 ? WR_STR("") : WR_STR(","));
        wr_num_write_double(out, values[at > 0 ? at - 1 : 0]);
    }
    wr_buf_str(out, WR_STR("]}"));
}

static void put_inputs(struct wr_buf *out, const struct wr_model *model, const double *rows,
                       size_t n, double *values)
{
    size_t width = wr_model_n_inputs(model);
    wr_buf_str(out, WR_STR("\"inputs\":["));
    for (size_t i = 0; i < width; i++) {
        struct wr_model_input input = wr_model_input_at(model, i);
        for (size_t r = 0; r < n; r++) {
            values[r] = rows[r * width + i];
            bool unknown = input.kind == WR_MODEL_CATEGORY && values[r] < 0;
            values[r] = unknown ? (double)NAN : values[r];
        }
        wr_buf_str(out, i == 0 ? WR_STR("{\"name\":") : WR_STR(",{\"name\":"));
        wr_json_write_string(out, input.name, WR_JSON_COMPACT);
        wr_buf_char(out, ',');
        put_quantiles(out, values, n);
    }
    wr_buf_char(out, ']');
}

static int put_score(struct wr_arena *arena, struct wr_buf *out, const struct wr_model *model,
                     const double *rows, size_t n, double *values)
{
    size_t output = wr_model_output_find(model, WR_STR("score"));
    double *outputs = WR_NEW_ARRAY(arena, double, wr_model_n_outputs(model));
    void *scratch = wr_arena_zalloc(arena, wr_model_scratch_size(model) + 64, 64);
    if (output == SIZE_MAX) {
        return WR_EXIT_OK;
    }
    if (outputs == NULL || scratch == NULL) {
        return wr_complain("no memory");
    }
    for (size_t r = 0; r < n; r++) {
        if (wr_model_score(model, rows + r * wr_model_n_inputs(model), outputs, scratch) != WR_OK) {
            return wr_complain("row %zu of the background cannot be scored", r + 1);
        }
        values[r] = outputs[output];
    }
    wr_buf_str(out, WR_STR(",\"score\":{\"output\":"));
    wr_json_write_string(out, wr_model_output_at(model, output).name, WR_JSON_COMPACT);
    wr_buf_char(out, ',');
    put_quantiles(out, values, n);
    return WR_EXIT_OK;
}

static int put_reference(struct wr_arena *arena, struct wr_buf *out, const struct wr_model *model,
                         const double *rows, size_t n)
{
    double *values = WR_NEW_ARRAY(arena, double, n);
    if (values == NULL) {
        return wr_complain("no memory");
    }
    wr_format(out, "\"reference\":{\"rows\":%zu,\"points\":[", n);
    for (size_t p = 0; p < WR_COUNTOF(points); p++) {
        wr_buf_str(out, p == 0 ? WR_STR("") : WR_STR(","));
        wr_num_write_double(out, points[p]);
    }
    wr_buf_str(out, WR_STR("],"));
    put_inputs(out, model, rows, n, values);
    int exit_code = put_score(arena, out, model, rows, n, values);
    wr_buf_char(out, '}');
    return exit_code;
}

int wr_model_quality(struct wr_arena *arena, const struct wr_model *model, struct wr_str metadata,
                     const double *rows, size_t n, struct wr_buf *out)
{
    struct wr_value v;
    struct wr_error error = {0};
    bool own_reference = false;
    int exit_code = WR_EXIT_OK;
    wr_buf_char(out, '{');
    if (metadata.n != 0) {
        if (wr_json_read(arena, metadata, true, NULL, &v, &error) != WR_OK) {
            return wr_complain_error("--metadata", &error);
        }
        if (!wr_is(v, WR_OBJECT)) {
            return wr_complain("--metadata: wanted a JSON object");
        }
        for (uint32_t i = 0; i < v.n; i++) {
            wr_buf_str(out, i == 0 ? WR_STR("") : WR_STR(","));
            wr_json_write(out, &v.pairs[i].key, WR_JSON_COMPACT);
            wr_buf_char(out, ':');
            wr_json_write(out, &v.pairs[i].value, WR_JSON_COMPACT);
        }
        own_reference = wr_object_get_str(&v, WR_STR("reference")) != NULL;
    }
    if (n > 0 && !own_reference) {
        wr_buf_str(out, metadata.n != 0 && v.n > 0 ? WR_STR(",") : WR_STR(""));
        exit_code = put_reference(arena, out, model, rows, n);
    }
    wr_buf_char(out, '}');
    return exit_code == WR_EXIT_OK && out->overflow ? wr_complain("no memory") : exit_code;
}
