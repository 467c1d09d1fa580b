/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of the program, each in its own file cmd_<name>.c. Which of them a build offers
 * stands in commands.c (native), commands_edge.c (the server as a wasm module) and commands_cli.c
 * (the rest as one); the list itself is declared in app/cli.h. */
#ifndef WR_COMMANDS_H
#define WR_COMMANDS_H

#include "app/cli.h"

extern const struct wr_command wr_command_decide;
extern const struct wr_command wr_command_demo;
extern const struct wr_command wr_command_errors;
extern const struct wr_command wr_command_eval;
extern const struct wr_command wr_command_check;
extern const struct wr_command wr_command_test;
extern const struct wr_command wr_command_fmt;
extern const struct wr_command wr_command_journal;
extern const struct wr_command wr_command_labels;
extern const struct wr_command wr_command_lists;
extern const struct wr_command wr_command_load;
extern const struct wr_command wr_command_model;
extern const struct wr_command wr_command_pack;
extern const struct wr_command wr_command_bench;
extern const struct wr_command wr_command_build;
extern const struct wr_command wr_command_inspect;
extern const struct wr_command wr_command_parse;
extern const struct wr_command wr_command_run_server;
extern const struct wr_command wr_command_reconcile;
extern const struct wr_command wr_command_replay;
extern const struct wr_command wr_command_serve;
extern const struct wr_command wr_command_simulate;
extern const struct wr_command wr_command_state;
extern const struct wr_command wr_command_token;
extern const struct wr_command wr_command_version;
extern const struct wr_command wr_command_completion;

/* Before anything else: what the system wants to be told. */
void wr_program_begin(void);
/* Names and versions of what this build is linked with. */
const char *wr_program_libraries(void);
/* What is run when no command is named; NULL: the help is shown. */
extern const char *const wr_command_default;

#endif
