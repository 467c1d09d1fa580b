/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel that runs a program (program.h): the same C source natively and inside the module.
 *
 * It trusts the program, which wr_program_check has followed; it checks what depends on the row.
 * No allocation, no libc but memory functions; every sum has one order, so that all builds give the
 * same bits. Floats: + - * / and square roots are single precision (IEEE 754), elementary functions
 * are computed in double and rounded once. */
#ifndef WR_KERNEL_H
#define WR_KERNEL_H

#include "model/program.h"

enum wr_kernel_status {
    WR_KERNEL_OK = 0,
    WR_KERNEL_INDEX = 1,    /* an index lies outside its tensor */
    WR_KERNEL_CATEGORY = 2, /* a category that the model does not know and does not allow */
    WR_KERNEL_TOO_MANY = 3, /* more rows than the module has room for */
    WR_KERNEL_NO_EXPLANATION = 4,
};

/* Which twins of the hot loops run. All give the same bits; the best one is chosen when a model is
 * opened. */
enum wr_kernel_level {
    WR_KERNEL_SCALAR = 0, /* the reference, and the only one but on x86-64 */
    WR_KERNEL_AVX2,
    WR_KERNEL_AVX512, /* F, DQ, BW, VL */
    WR_KERNEL_LEVELS,
};

/* The best level of this processor (asks it: some hundred nanoseconds). */
enum wr_kernel_level wr_kernel_best(void);

/* A checked program ready to score. */
struct wr_kernel {
    const uint8_t *program;
    enum wr_kernel_level level;
    uint32_t batch;                        /* rows that go through the steps together */
    size_t scratch;                        /* bytes of scratch memory that wr_kernel_score wants */
    const struct wr_blocks *const *blocks; /* by step (kernel_block.h); NULL: none */
};

void wr_kernel_open(struct wr_kernel *k, const uint8_t *program, enum wr_kernel_level level);

/* Scores n rows lying one behind the other. `scratch` holds k->scratch bytes aligned to 64. Stops
 * at the first batch with a row that cannot be scored. */
int wr_kernel_score(const struct wr_kernel *k, const double *rows, size_t n, double *outputs,
                    uint8_t *scratch);

/* Scores one row at the scalar level. `scratch` holds program->scratch bytes aligned to 64. */
int wr_kernel_run(const uint8_t *program, const double *row, double *outputs, uint8_t *scratch);
/* Takes a row and runs its first n steps; what they made lies in `scratch`. */
int wr_kernel_run_steps(const uint8_t *program, const double *row, uint32_t n, uint8_t *scratch);

/* Runs one step. The compiler folds constants with it. */
int wr_kernel_step(const uint8_t *program, uint8_t *scratch, const uint32_t *step);

/* Between the kernel's files: what a step works on. */
struct wr_step {
    const uint8_t *program;
    uint8_t *scratch;
    const uint32_t *operands; /* outputs, then inputs */
    const uint32_t *params;
    unsigned op;
    uint32_t n_out, n_in;
    enum wr_kernel_level level;
    uint32_t rows;                  /* of a batch; a step runs for one unless it says otherwise */
    size_t stride;                  /* bytes from one row's scratch memory to the next one's */
    uint8_t *room;                  /* a batch's keys (kernel_wide.h) */
    const struct wr_blocks *blocks; /* of its forest; NULL: none */
};

/* The step that lies there, for one row. */
struct wr_step wr_kernel_step_of(const uint8_t *program, uint8_t *scratch, const uint32_t *step);

static inline uint32_t wr_step_count(const struct wr_step *s, uint32_t operand)
{
    return s->operands[2 * operand + 1] & WR_PROGRAM_COUNT;
}
static inline unsigned wr_step_type(const struct wr_step *s, uint32_t operand)
{
    return s->operands[2 * operand + 1] >> 28;
}
static inline void *wr_step_out(const struct wr_step *s, uint32_t operand)
{
    return s->scratch + s->operands[2 * operand];
}
static inline const void *wr_step_in(const struct wr_step *s, uint32_t input)
{
    uint32_t ref = s->operands[2 * (s->n_out + input)];
    return (ref & WR_PROGRAM_CONST) != 0 ? s->program + (ref & ~WR_PROGRAM_CONST)
                                         : s->scratch + ref;
}

void wr_kernel_trees(const struct wr_step *s);
void wr_kernel_walk(const struct wr_step *s);
void wr_kernel_matmul(const struct wr_step *s);
void wr_kernel_support(const struct wr_step *s);
void wr_kernel_couple(const struct wr_step *s);
void wr_kernel_map(const struct wr_step *s);
void wr_kernel_zip(const struct wr_step *s);
void wr_kernel_where(const struct wr_step *s);

#endif
