/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the command and hands over. */
#include "app/commands.h"

#include <stdio.h>
#include <stdlib.h>

static void panic(const char *expression, const char *file, int line)
{
    fprintf(stderr, "weir %s: bug: %s:%d: %s\n", WEIR_VERSION, file, line, expression);
    abort();
}

static void help(void)
{
    puts("Weir decides financial transactions at the edge: approve, review, challenge, hold or\n"
         "decline, from features over time, models and Rego policy, with reasons and a journal.\n\n"
         "usage: weir COMMAND [OPTIONS]\n\ncommands:");
    for (size_t i = 0; i < wr_commands_n; i++) {
        printf("  %-11s %s\n", wr_commands[i]->name, wr_commands[i]->summary);
    }
    puts("\nweir COMMAND --help tells more, with examples. Exit codes: 0 done, 1 failed or no,\n"
         "2 wrong usage.\n\nexamples:\n"
         "  weir simulate --days 30 | weir decide --pack packs/cards | tail -1\n"
         "  weir serve --pack packs/cards --state /var/lib/weir\n"
         "  source <(weir completion bash)");
}

/* Output that could not be written is a failure, whatever the command thinks of itself. */
static int finish(int exit_code)
{
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (written || exit_code != WR_EXIT_OK) {
        return exit_code;
    }
    return wr_complain("cannot write to standard output");
}

static int run_named(const char *name, int argc, char **argv)
{
    for (size_t i = 0; i < wr_commands_n; i++) {
        if (strcmp(wr_commands[i]->name, name) == 0) {
            return finish(wr_command_run(wr_commands[i], argc, argv));
        }
    }
    fprintf(stderr, "weir: there is no command %s; weir help lists them\n", name);
    return WR_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    wr_panic_install(panic);
    wr_program_begin();
    if (argc < 2 && wr_command_default != NULL) {
        static char *none[] = {NULL, NULL};
        none[0] = argc > 0 ? argv[0] : none[0];
        return run_named(wr_command_default, 1, none);
    }
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        help();
        return finish(argc < 2 ? WR_EXIT_USAGE : WR_EXIT_OK);
    }
    return run_named(strcmp(argv[1], "--version") == 0 ? "version" : argv[1], argc - 1, argv + 1);
}
