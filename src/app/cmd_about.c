/* SPDX-License-Identifier: Apache-2.0 */
/* weir version, errors, completion: what the program tells about itself. */
#include "app/commands.h"

#include <stdio.h>

static int run_version(int argc, char **argv)
{
    (void)argv;
    if (argc != 0) {
        wr_complain("takes no arguments");
        return WR_EXIT_USAGE;
    }
    printf("weir %s\n%s\ncompiler %s\n", WEIR_VERSION, wr_program_libraries(), __VERSION__);
    return WR_EXIT_OK;
}

const struct wr_command wr_command_version = {
    "version", "Tells the version", "", NULL, NULL, 0, run_version,
};

static bool markdown;

static const struct wr_option error_options[] = {
    {"markdown", 0, WR_OPT_FLAG, NULL, "as docs/errors.md has it", &markdown},
};

static int run_errors(int argc, char **argv)
{
    (void)argv;
    (void)argc;
    wr_err code;
    if (markdown) {
        puts("<!-- SPDX-License-Identifier: Apache-2.0 -->\n# Errors\n\n"
             "Generated from the table in `src/base/err.h` by `./dev docs`. Over HTTP an error is "
             "an\n"
             "RFC 9457 problem document whose `code` is the name below; codes never change their\n"
             "number.\n\n| number | name | HTTP | what happened | what to do "
             "|\n|---|---|---|---|---|");
    }
    for (size_t i = 0; wr_err_at(i, &code); i++) {
        const char *form = markdown ? "| %d | `%s` | %d | %s | %s |\n" : "%3d  %-22s %d  %s; %s\n";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        printf(form, code, wr_err_name(code), wr_err_http(code), wr_err_text(code),
               wr_err_remedy(code));
#pragma GCC diagnostic pop
    }
    return WR_EXIT_OK;
}

const struct wr_command wr_command_errors = {
    "errors",       "Lists every error with its HTTP status and remedy",
    "[--markdown]", NULL,
    error_options,  WR_COUNTOF(error_options),
    run_errors,
};

/* The verbs of a command whose usage is "VERB ... | VERB|VERB ...". */
static void print_verbs(const char *usage)
{
    bool first = true;
    for (const char *at = usage; at != NULL && *at >= 'a' && *at <= 'z'; first = false) {
        size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz|");
        const char *rest = strstr(at + n, " | ");
        if (at[n] != ' ' || (first && rest == NULL)) {
            return;
        }
        putchar(' ');
        for (size_t i = 0; i < n; i++) {
            putchar(at[i] == '|' ? ' ' : at[i]);
        }
        at = rest != NULL ? rest + 3 : NULL;
    }
}

static int run_completion(int argc, char **argv)
{
    if (argc != 1 || strcmp(argv[0], "bash") != 0) {
        wr_complain(
            "wants the shell: bash (zsh reads it after `autoload bashcompinit; bashcompinit`)");
        return WR_EXIT_USAGE;
    }
    puts("_weir() {\n  local word=${COMP_WORDS[COMP_CWORD]} words verbs=\n  case ${COMP_WORDS[1]} "
         "in");
    for (size_t i = 0; i < wr_commands_n; i++) {
        printf("  %s) words='--help", wr_commands[i]->name);
        for (size_t o = 0; o < wr_commands[i]->n_options; o++) {
            printf(" --%s", wr_commands[i]->options[o].name);
        }
        fputs("' verbs='", stdout);
        print_verbs(wr_commands[i]->usage);
        puts("' ;;");
    }
    fputs("  *) words='help", stdout);
    for (size_t i = 0; i < wr_commands_n; i++) {
        printf(" %s", wr_commands[i]->name);
    }
    puts("' ;;\n  esac\n  [[ $COMP_CWORD -eq 1 ]] && words=\"help $(compgen -W \"$words\")\"\n"
         "  [[ $COMP_CWORD -eq 2 && $word != -* && -n $verbs ]] &&\n"
         "    COMPREPLY=($(compgen -W \"$verbs\" -- \"$word\")) && [[ ${#COMPREPLY[@]} -gt 0 ]] && "
         "return\n"
         "  case $word in\n  -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
         "  *) [[ $COMP_CWORD -eq 1 ]] && COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ||\n"
         "    COMPREPLY=($(compgen -f -- \"$word\")) ;;\n  esac\n}\ncomplete -o filenames -F _weir "
         "weir");
    return WR_EXIT_OK;
}

const struct wr_command wr_command_completion = {
    "completion",   "Prints a completion script for the shell",
    "bash",         "examples:\n  source <(weir completion bash)\n",
    NULL,           0,
    run_completion,
};
