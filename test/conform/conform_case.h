/* SPDX-License-Identifier: Apache-2.0 */
/* One conformance case of OPA: run it, judge what came out. */
#ifndef CONFORM_CASE_H
#define CONFORM_CASE_H

#include "value/value.h"

struct outcome {
    bool is_error;
    char error[4096];
    const char *code;
    struct wr_value results; /* array of binding objects, as JSON */
};

/* A member of an object, undefined when there is none. */
struct wr_value conform_field(const struct wr_value *object, const char *name);
/* Compiles and evaluates the case; errors end up in *o too. With `strict`, errors of builtins end
 * the evaluation even where the case does not ask for that. */
void conform_run(struct wr_arena *arena, const struct wr_value *c, bool v1, bool strict,
                 struct outcome *o);
bool conform_judge(struct wr_arena *arena, const struct wr_value *c, const struct outcome *o);
/* True if public-key cryptography is what this build lacks for that outcome. */
bool conform_lacks_crypto(const struct outcome *o);
bool conform_has_crypto(void); /* does this build have it? */
/* How often cases have used public-key cryptography so far. */
unsigned conform_crypto_calls(void);

#endif
