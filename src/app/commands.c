/* SPDX-License-Identifier: Apache-2.0 */
/* What the native program offers. */
#include "app/commands.h"

#include <signal.h>
#include <sqlite3.h>

const struct wr_command *const wr_commands[] = {
    &wr_command_serve,   &wr_command_decide,     &wr_command_simulate, &wr_command_demo,
    &wr_command_load,    &wr_command_lists,      &wr_command_labels,   &wr_command_eval,
    &wr_command_check,   &wr_command_test,       &wr_command_fmt,      &wr_command_parse,
    &wr_command_build,   &wr_command_inspect,    &wr_command_bench,    &wr_command_run_server,
    &wr_command_model,   &wr_command_pack,       &wr_command_journal,  &wr_command_state,
    &wr_command_replay,  &wr_command_reconcile,  &wr_command_token,    &wr_command_errors,
    &wr_command_version, &wr_command_completion,
};
const size_t wr_commands_n = WR_COUNTOF(wr_commands);
const char *const wr_command_default = NULL;

void wr_program_begin(void)
{
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error of the write */
}

const char *wr_program_libraries(void)
{
    return "sqlite " SQLITE_VERSION;
}
