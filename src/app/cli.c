/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli.h"
#include "base/num.h"
#include "feature/instant.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const char *running = "weir";

int wr_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", running);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return WR_EXIT_FAILED;
}

static int complain(const char *what, const struct wr_error *error, const char *remedy)
{
    fprintf(stderr, "%s: %s", running, what);
    if (error->where[0] != '\0' && strcmp(error->where, what) != 0) {
        fprintf(stderr, ": %s", error->where);
    }
    if (error->row != 0) {
        fprintf(stderr, ":%u:%u", error->row, error->col);
    }
    if (error->offset != WR_NO_OFFSET) {
        fprintf(stderr, ": byte %llu", (unsigned long long)error->offset);
    }
    fprintf(stderr, ": %s: %s\n  remedy: %s\n", wr_err_name(error->code), error->text, remedy);
    return WR_EXIT_FAILED;
}

int wr_complain_error(const char *what, const struct wr_error *error)
{
    return complain(what, error, wr_err_remedy(error->code));
}

int wr_complain_journal(const char *what, const struct wr_error *error)
{
    const char *remedy = error->code == WR_E_JOURNAL
                             ? "leave the directory as it is, and take what lacks from a copy that "
                               "`weir journal backup` has made before"
                             : wr_err_remedy(error->code);
    return complain(what, error, remedy);
}

FILE *wr_report_open(const char *path)
{
    FILE *report = path != NULL ? fopen(path, "wb") : stdout;
    if (report == NULL) {
        wr_complain("cannot write %s", path);
    }
    return report;
}

bool wr_report_close(FILE *report)
{
    bool written = fflush(report) == 0 && !ferror(report);
    if (report != stdout) {
        written = fclose(report) == 0 && written;
    }
    if (!written) {
        wr_complain("cannot write the report");
    }
    return written;
}

static bool store(const struct wr_option *option, const char *text)
{
    struct wr_str view = wr_str_z(text);
    struct wr_option_list *list = option->target;
    switch (option->kind) {
    case WR_OPT_FLAG:
        *(bool *)option->target = strcmp(text, "0") != 0 && strcmp(text, "false") != 0;
        return true;
    case WR_OPT_TEXT:
        *(const char **)option->target = text;
        return true;
    case WR_OPT_U64:
        return wr_num_read_u64(view, option->target);
    case WR_OPT_DOUBLE:
        return wr_num_read_double(view, option->target);
    case WR_OPT_DURATION:
        return wr_duration_read(view, option->target);
    case WR_OPT_LIST:
        if (list->n == WR_LIMIT_OPTION_LIST) {
            return false;
        }
        list->items[list->n++] = text;
        return true;
    }
    return false;
}

/* A list in the environment is one text: items are split at commas. */
static bool store_list(const struct wr_option *option, char *text)
{
    for (char *item = text; item != NULL;) {
        char *comma = strchr(item, ',');
        if (comma != NULL) {
            *comma = '\0';
        }
        if (*item != '\0' && !store(option, item)) {
            return false;
        }
        item = comma != NULL ? comma + 1 : NULL;
    }
    return true;
}

char *wr_environment(const char *name)
{
    char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool from_environment(const struct wr_option *option)
{
    char name[64] = "WEIR_";
    size_t n = 5;
    for (const char *p = option->name; *p != '\0' && n < sizeof name - 1; p++) {
        name[n++] = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
    }
    name[n] = '\0';
    char *text = wr_environment(name);
    if (text == NULL ||
        (option->kind == WR_OPT_LIST ? store_list(option, text) : store(option, text))) {
        return true;
    }
    wr_complain("%s=%s is not a %s", name, text, option->argument ? option->argument : "flag");
    return false;
}

static const struct wr_option *find_long(const struct wr_command *command, const char *name,
                                         size_t n)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const struct wr_option *option = &command->options[i];
        if (strlen(option->name) == n && memcmp(option->name, name, n) == 0) {
            return option;
        }
    }
    return NULL;
}

static const struct wr_option *find_letter(const struct wr_command *command, char letter)
{
    for (size_t i = 0; i < command->n_options; i++) {
        if (command->options[i].letter == letter) {
            return &command->options[i];
        }
    }
    return NULL;
}

static bool complain_value(const struct wr_option *option, const char *text)
{
    wr_complain("--%s wants %s%s%s", option->name, option->argument ? option->argument : "0 or 1",
                text != NULL ? ", not " : "", text != NULL ? text : "");
    return false;
}

static bool no_option(const struct wr_command *command, const char *word)
{
    wr_complain("there is no option %s; see weir %s --help", word, command->name);
    return false;
}

/* --name, --name=value, --name value. */
static bool take_long(const struct wr_command *command, int argc, char **argv, int *at)
{
    char *word = argv[*at];
    const char *equals = strchr(word, '=');
    size_t n = equals != NULL ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    const struct wr_option *option = find_long(command, word + 2, n);
    if (option == NULL) {
        return no_option(command, word);
    }
    const char *text = equals != NULL ? equals + 1 : NULL;
    if (text == NULL && option->kind == WR_OPT_FLAG) {
        text = "1";
    } else if (text == NULL && *at + 1 < argc) {
        text = argv[++*at];
    }
    return (text != NULL && store(option, text)) || complain_value(option, text);
}

/* -v, -vz (flags together), -f json, -fjson, -f=json. */
static bool take_letters(const struct wr_command *command, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    for (const char *p = word + 1; *p != '\0'; p++) {
        const struct wr_option *option = find_letter(command, *p);
        if (option == NULL) {
            return no_option(command, word);
        }
        if (option->kind == WR_OPT_FLAG && p[1] != '=') {
            if (!store(option, "1")) {
                return complain_value(option, NULL);
            }
            continue;
        }
        const char *text = p[1] == '=' ? p + 2 : p[1] != '\0' ? p + 1 : NULL;
        if (text == NULL && *at + 1 < argc) {
            text = argv[++*at];
        }
        return (text != NULL && store(option, text)) || complain_value(option, text);
    }
    return true;
}

/* Takes argv[*at] (and perhaps the next) as an option; false after a complaint. */
static bool take_option(const struct wr_command *command, int argc, char **argv, int *at)
{
    return argv[*at][1] == '-' ? take_long(command, argc, argv, at)
                               : take_letters(command, argc, argv, at);
}

static void help_option(const struct wr_option *option)
{
    char left[64];
    int n = option->letter != 0
                ? snprintf(left, sizeof left, "  -%c, --%s", option->letter, option->name)
                : snprintf(left, sizeof left, "      --%s", option->name);
    if (option->argument != NULL) {
        snprintf(left + n, sizeof left - (size_t)n, " %s", option->argument);
    }
    printf("%-30s %s\n", left, option->help);
}

void wr_command_help(const struct wr_command *command)
{
    printf("usage: weir %s%s%s\n\n%s.\n", command->name, command->usage[0] != '\0' ? " " : "",
           command->usage, command->summary);
    if (command->n_options != 0) {
        printf("\noptions (each also from the environment, --some-name as WEIR_SOME_NAME):\n");
    }
    for (size_t i = 0; i < command->n_options; i++) {
        help_option(&command->options[i]);
    }
    if (command->about != NULL) {
        printf("\n%s", command->about);
    }
}

int wr_command_run(const struct wr_command *command, int argc, char **argv)
{
    static char name[64];
    snprintf(name, sizeof name, "weir %s", command->name);
    running = name;
    for (size_t i = 0; i < command->n_options; i++) {
        if (!from_environment(&command->options[i])) {
            return WR_EXIT_USAGE;
        }
    }
    int n_left = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            wr_command_help(command);
            return WR_EXIT_OK;
        }
        if (strcmp(argv[i], "--") == 0) {
            for (i++; i < argc; i++) {
                argv[n_left++] = argv[i];
            }
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            if (!take_option(command, argc, argv, &i)) {
                return WR_EXIT_USAGE;
            }
        } else {
            argv[n_left++] = argv[i];
        }
    }
    argv[n_left] = NULL;
    return command->run(n_left, argv);
}
