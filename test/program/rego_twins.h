/* SPDX-License-Identifier: Apache-2.0 */
/* One policy evaluated in every way there is: rules indexed or clause by clause, the machine's jump
 * table or its switch, the whole input or what wr_rego_input_paths says is read of it. For programs
 * that link both machines, vm_goto.c and vm_switch.c. */
#ifndef WR_TEST_REGO_TWINS_H
#define WR_TEST_REGO_TWINS_H

#include "rego/rego.h"

/* Evaluates data.test; appends the result as Rego text, "undefined", or the error. Returns the
 * error's code. With `machine` 1 the switch runs. */
wr_err twin_run(const struct wr_rego_query *query, const struct wr_value *input, bool strict,
                bool unindexed, int machine, struct wr_arena *scratch, struct wr_buf *out);

/* True unless two ways disagree: then `why` gets both answers. Answers that a limit cut short are
 * not compared. `answer` gets the first. */
bool twins_agree(const struct wr_rego_query *query, const struct wr_value *input, bool strict,
                 struct wr_arena *arena, struct wr_buf *answer, struct wr_buf *why);

#endif
