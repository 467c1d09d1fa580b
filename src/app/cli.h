/* SPDX-License-Identifier: Apache-2.0 */
/* Subcommands and their options: one table each, from which parsing, --help and shell completion
 * are made. A value comes from the flag, else from the environment (WEIR_<NAME>, lists with
 * commas), else it stays at the default that the command set before parsing.
 *
 * Exit codes of every command: 0 done, 1 the answer is no or the work failed, 2 wrong usage. */
#ifndef WR_CLI_H
#define WR_CLI_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdio.h>

enum wr_option_kind {
    WR_OPT_FLAG,     /* bool * */
    WR_OPT_TEXT,     /* const char ** */
    WR_OPT_U64,      /* uint64_t * */
    WR_OPT_DOUBLE,   /* double * */
    WR_OPT_DURATION, /* int64_t *, milliseconds: 500ms, 10s, 5m, 2h, 7d */
    WR_OPT_LIST,     /* struct wr_option_list *, repeatable */
};

#define WR_LIMIT_OPTION_LIST 64
struct wr_option_list {
    const char *items[WR_LIMIT_OPTION_LIST];
    size_t n;
};

struct wr_option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum wr_option_kind kind;
    const char *argument; /* how --help names the value; NULL for flags */
    const char *help;
    void *target;
};

struct wr_command {
    const char *name, *summary;
    const char *usage; /* what stands behind the command's name */
    const char *about; /* paragraphs and examples for --help */
    const struct wr_option *options;
    size_t n_options;
    int (*run)(int argc, char **argv); /* arguments left after the options */
};

enum { WR_EXIT_OK = 0, WR_EXIT_FAILED = 1, WR_EXIT_USAGE = 2 };

/* Parses, prints help when asked, runs. argv[0] is the command's name. */
int wr_command_run(const struct wr_command *command, int argc, char **argv);
void wr_command_help(const struct wr_command *command);

/* One line on standard error: "weir COMMAND: message". Returns WR_EXIT_FAILED. */
int wr_complain(const char *format, ...) WR_PRINTF(1, 2);
/* The same for a struct wr_error: place, cause, remedy. */
int wr_complain_error(const char *what, const struct wr_error *error);
/* The same about a journal that is read: where the remedy of the code is a caller's of the service,
 * its own. */
int wr_complain_journal(const char *what, const struct wr_error *error);

/* A variable of the environment; NULL when it is not set, or empty. */
char *wr_environment(const char *name);

/* Where a report goes: the file, or standard output for NULL. NULL after a complaint. */
FILE *wr_report_open(const char *path);
/* False after a complaint: not all of it could be written. */
bool wr_report_close(FILE *report);

/* Every command of the program, in the order of `weir help`. Defined in main.c. */
extern const struct wr_command *const wr_commands[];
extern const size_t wr_commands_n;

#endif
