/* SPDX-License-Identifier: Apache-2.0 */
/* What risk-control.wasm offers: it serves, without being told to. */
#include "app/commands.h"

#include <yaml.h>

const struct wr_command *const wr_commands[] = {&wr_command_serve, &wr_command_version};
const size_t wr_commands_n = WR_COUNTOF(wr_commands);
const char *const wr_command_default = "serve";

void wr_program_begin(void)
{
}

const char *wr_program_libraries(void)
{
    return yaml_get_version_string();
}
