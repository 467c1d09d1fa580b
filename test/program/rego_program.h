/* SPDX-License-Identifier: Apache-2.0 */
/* Policies out of choices: small vocabularies, so that conditions often hold, clauses begin alike
 * and values meet their constants. What is written parses and is safe; whatever it means, all ways
 * to evaluate it must agree. Choices come from bytes (fuzzing) or from a seed (tests). */
#ifndef WR_TEST_REGO_PROGRAM_H
#define WR_TEST_REGO_PROGRAM_H

#include "base/bytes.h"
#include "base/rng.h"

struct choices {
    const uint8_t *bytes; /* NULL: from the generator */
    size_t n, at;
    struct wr_rng rng;
};

uint32_t choose(struct choices *c, uint32_t n);

/* A module `package test`; a JSON object for input, and one for data. */
void write_program(struct choices *c, struct wr_buf *out);
void write_input(struct choices *c, struct wr_buf *out);
void write_data(struct choices *c, struct wr_buf *out);

#endif
