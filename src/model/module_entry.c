/* SPDX-License-Identifier: Apache-2.0 */
/* The exports of a model module. This file and the kernel are compiled to wasm32 by
 * tools/make-kernel-wasm.sh; the writer (module.c) puts a program behind them.
 *
 *   memory
 *   model_init() -> 0 when the program is one this kernel runs
 *   n_inputs() n_outputs() rows_max()
 *   input() -> address of rows_max rows of n_inputs doubles; output() -> of the answers
 *   score() -> 0, scores the first row; score_batch(n) -> 0, the first n rows
 *   explain(output) -> 0, explains this output of the first row
 *   explanation() -> address of n_inputs contributions, then base and margin
 *   info() info_size() -> metadata as JSON
 *
 * There is no state: everything is computed from the program's header. A packed program is unpacked
 * by model_init. A status that is not 0 is one of enum wr_kernel_status. */
#include "model/explain.h"
#include "model/kernel.h"
#include "model/packed.h"

#define EXPORT(name) __attribute__((export_name(#name))) name(void)

extern const uint8_t __heap_base; /* the linker's end of stack and data */

uint32_t model_init(void);
uint32_t n_inputs(void);
uint32_t n_outputs(void);
uint32_t rows_max(void);
double *input(void);
double *output(void);
uint32_t score_batch(uint32_t n);
uint32_t score(void);
uint32_t explain(uint32_t of);
double *explanation(void);
const uint8_t *info(void);
uint32_t info_size(void);

static const void *held(void)
{
    uintptr_t address = WR_MODULE_BASE;
    return (const void *)address;
}

/* How far behind its usual place all lies: a packed program is unpacked behind itself. */
static uint32_t shift(void)
{
    return wr_is_packed(held()) ? ((const struct wr_packed *)held())->size : 0;
}

static const struct wr_program *program(void)
{
    return (const struct wr_program *)(uintptr_t)(WR_MODULE_BASE + shift());
}

static uint8_t *behind(uint64_t address)
{
    return (uint8_t *)(uintptr_t)(address + shift());
}

uint32_t EXPORT(model_init)
{
    const struct wr_packed *packed = held();
    if ((uintptr_t)&__heap_base > WR_MODULE_BASE ||
        (wr_is_packed(packed) &&
         wr_unpack((const uint8_t *)packed, packed->size, behind(WR_MODULE_BASE)) != NULL)) {
        return 1;
    }
    return program()->magic != WR_PROGRAM_MAGIC || program()->version != WR_PROGRAM_VERSION;
}

uint32_t EXPORT(n_inputs)
{
    return program()->n_inputs;
}

uint32_t EXPORT(n_outputs)
{
    return program()->n_outputs;
}

uint32_t EXPORT(rows_max)
{
    return wr_program_batch(program());
}

double *EXPORT(input)
{
    return (double *)(void *)behind(wr_program_input(program()));
}

double *EXPORT(output)
{
    return (double *)(void *)behind(wr_program_output(program()));
}

__attribute__((export_name("score_batch"))) uint32_t score_batch(uint32_t n)
{
    const struct wr_program *p = program();
    uint8_t *scratch = behind(WR_MODULE_BASE + (uint64_t)p->size);
    if (n > wr_program_batch(p)) {
        return WR_KERNEL_TOO_MANY;
    }
    for (uint32_t i = 0; i < n; i++) {
        int status = wr_kernel_run((const uint8_t *)p, input() + (size_t)i * p->n_inputs,
                                   output() + (size_t)i * p->n_outputs, scratch);
        if (status != WR_KERNEL_OK) {
            return (uint32_t)status;
        }
    }
    return 0;
}

uint32_t EXPORT(score)
{
    return score_batch(1);
}

double *EXPORT(explanation)
{
    return (double *)(void *)behind(wr_explain_out(program()));
}

__attribute__((export_name("explain"))) uint32_t explain(uint32_t of)
{
    const struct wr_program *p = program();
    return (uint32_t)wr_kernel_explain((const uint8_t *)p, input(), of, explanation(),
                                       behind(WR_MODULE_BASE + (uint64_t)p->size),
                                       behind(wr_explain_work(p)));
}

const uint8_t *EXPORT(info)
{
    return (const uint8_t *)program() + program()->meta;
}

uint32_t EXPORT(info_size)
{
    return program()->meta_size;
}
