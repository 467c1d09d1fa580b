/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of the program, each in its own file cmd_<name>.c. */
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
extern const struct wr_command wr_command_load;
extern const struct wr_command wr_command_model;
extern const struct wr_command wr_command_pack;
extern const struct wr_command wr_command_serve;
extern const struct wr_command wr_command_simulate;
extern const struct wr_command wr_command_version;
extern const struct wr_command wr_command_completion;

#endif
