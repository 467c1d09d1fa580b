/* SPDX-License-Identifier: Apache-2.0 */
/* One row's explanation, natively and inside the module: the trees' game, or a column at a time put
 * back to its reference. */
#include "model/explain.h"
#include "model/kernel.h"
#include "model/kernel_number.h"

const struct wr_explain_class *wr_explain_find(const struct wr_program *p, size_t output)
{
    const struct wr_explain *e = wr_explain_of(p);
    const struct wr_explain_class *c = (const void *)((const uint8_t *)p + e->classes);
    for (uint32_t i = 0; i < e->n_classes; i++) {
        if (c[i].output == output) {
            return &c[i];
        }
    }
    return NULL;
}

static int margin_of(const uint8_t *program, const double *row, const struct wr_explain_class *c,
                     uint8_t *scratch, double *margin)
{
    int status = wr_kernel_run_steps(program, row, c->n_steps, scratch);
    *margin = c->scale * wr_number_load(scratch + c->ref, c->meta >> 28, c->target) + c->shift;
    return status;
}

static bool same(double a, double b)
{
    return a == b || (a != a && b != b);
}

/* margin(row) - margin(row with column i at its reference), for every column. */
static int by_columns(const uint8_t *program, const struct wr_explain *e, const double *row,
                      const struct wr_explain_class *c, double *out, uint8_t *scratch, double *copy)
{
    const double *reference = (const void *)(program + e->reference);
    uint32_t n = ((const struct wr_program *)(const void *)program)->n_inputs;
    double margin, without;
    int status = margin_of(program, row, c, scratch, &margin);
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = row[i];
    }
    for (uint32_t i = 0; i < n && status == WR_KERNEL_OK; i++) {
        out[i] = 0;
        if (same(row[i], reference[i])) {
            continue;
        }
        copy[i] = reference[i];
        status = margin_of(program, copy, c, scratch, &without);
        out[i] = margin - without;
        copy[i] = row[i];
    }
    out[n] = c->base;
    out[n + 1] = margin;
    return status;
}

int wr_kernel_explain(const uint8_t *program, const double *row, uint32_t output, double *out,
                      uint8_t *scratch, uint8_t *room)
{
    const struct wr_program *p = (const void *)program;
    const struct wr_explain *e = wr_explain_of(p);
    const struct wr_explain_class *c = p->explain != 0 ? wr_explain_find(p, output) : NULL;
    if (c == NULL) {
        return WR_KERNEL_NO_EXPLANATION;
    }
    if (e->method != WR_EXPLAIN_TREES) {
        return by_columns(program, e, row, c, out, scratch, (double *)(void *)room);
    }
    int status = wr_kernel_run_steps(program, row, e->n_steps, scratch);
    if (status != WR_KERNEL_OK) {
        return status;
    }
    wr_kernel_explain_trees(program, e, scratch + e->x_ref, c->target, out, room);
    for (uint32_t i = 0; i < p->n_inputs; i++) {
        out[i] *= c->scale;
    }
    out[p->n_inputs] = c->base;
    out[p->n_inputs + 1] = c->scale * out[p->n_inputs + 1] + c->shift;
    return WR_KERNEL_OK;
}
