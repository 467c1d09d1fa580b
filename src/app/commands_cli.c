/* SPDX-License-Identifier: Apache-2.0 */
/* What weir-cli.wasm offers: all that needs no socket. */
#include "app/commands.h"

#include <yaml.h>

const struct wr_command *const wr_commands[] = {
    &wr_command_decide, &wr_command_simulate, &wr_command_eval,  &wr_command_check,
    &wr_command_test,   &wr_command_fmt,      &wr_command_model, &wr_command_pack,
    &wr_command_errors, &wr_command_version,
};
const size_t wr_commands_n = WR_COUNTOF(wr_commands);
const char *const wr_command_default = NULL;

void wr_program_begin(void)
{
}

const char *wr_program_libraries(void)
{
    return yaml_get_version_string();
}
