/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a plan of cli_cases.py: each line of it a folder and the words of a command, which an
 * instance of the module of its own runs there, into the files stdout, stderr and code.
 *
 *   runner MODULE PLAN      in the real WasmEdge; the module is loaded and validated once
 *
 * Built against libwasmedge-dev by cli_cases.py, started through the prefix's own loader. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wasmedge/wasmedge.h>

enum { WORDS_MAX = 256, PATH_MAX_HERE = 1024 };

static char *unescape(char *word)
{
    char *to = word;
    for (const char *from = word; *from != 0; from++) {
        if (*from == '\\') {
            from++;
            *to++ = (char)(*from == 'n' ? '\n' : *from == 't' ? '\t' : *from);
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
    return word;
}

/* Splits a line at its tabs; returns the number of words. */
static uint32_t split(char *line, char *words[WORDS_MAX])
{
    uint32_t n = 0;
    char *rest = line;
    for (char *word; n < WORDS_MAX && (word = strsep(&rest, "\t")) != NULL;) {
        words[n++] = unescape(word);
    }
    return n;
}

static void redirect(int fd, const char *folder, const char *name)
{
    char path[PATH_MAX_HERE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, fd) < 0) {
        _exit(3);
    }
    close(file);
}

/* The exit code, or -1 for a trap. */
static int run(const WasmEdge_ConfigureContext *config, const WasmEdge_ASTModuleContext *module,
               const char *folder, char **words, uint32_t n_words)
{
    char here[PATH_MAX_HERE + 8];
    const char *arguments[WORDS_MAX + 1] = {"weir"};
    for (uint32_t i = 0; i < n_words; i++) {
        arguments[i + 1] = words[i];
    }
    snprintf(here, sizeof here, ".:%s", folder);
    const char *open_here[] = {here, "/usr/share/zoneinfo:/usr/share/zoneinfo"};
    WasmEdge_VMContext *vm = WasmEdge_VMCreate(config, NULL);
    WasmEdge_ModuleInstanceContext *wasi =
        WasmEdge_VMGetImportModuleContext(vm, WasmEdge_HostRegistration_Wasi);
    WasmEdge_ModuleInstanceInitWASI(wasi, arguments, n_words + 1, NULL, 0, open_here, 2);
    WasmEdge_Result result = WasmEdge_VMLoadWasmFromASTModule(vm, module);
    result = WasmEdge_ResultOK(result) ? WasmEdge_VMValidate(vm) : result;
    result = WasmEdge_ResultOK(result) ? WasmEdge_VMInstantiate(vm) : result;
    WasmEdge_String start = WasmEdge_StringCreateByCString("_start");
    result = WasmEdge_ResultOK(result) ? WasmEdge_VMExecute(vm, start, NULL, 0, NULL, 0) : result;
    int code = WasmEdge_ResultOK(result) ? (int)WasmEdge_ModuleInstanceWASIGetExitCode(wasi) : -1;
    WasmEdge_StringDelete(start);
    WasmEdge_VMDelete(vm);
    return code;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: runner MODULE PLAN\n", stderr);
        return 2;
    }
    WasmEdge_LogSetErrorLevel();
    WasmEdge_ConfigureContext *config = WasmEdge_ConfigureCreate();
    WasmEdge_ConfigureAddHostRegistration(config, WasmEdge_HostRegistration_Wasi);
    WasmEdge_LoaderContext *loader = WasmEdge_LoaderCreate(config);
    WasmEdge_ASTModuleContext *module = NULL;
    WasmEdge_Result loaded = WasmEdge_LoaderParseFromFile(loader, &module, argv[1]);
    FILE *plan = fopen(argv[2], "r");
    if (!WasmEdge_ResultOK(loaded) || plan == NULL) {
        fprintf(stderr, "runner: %s, %s: cannot be read\n", argv[1], argv[2]);
        return 1;
    }
    char *line = NULL, *words[WORDS_MAX];
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, plan)) > 1;) {
        line[n - 1] = 0;
        uint32_t n_words = split(line, words);
        redirect(1, words[0], "stdout");
        redirect(2, words[0], "stderr");
        int code = run(config, module, words[0], words + 1, n_words - 1);
        redirect(1, words[0], "code");
        dprintf(1, "%d", code);
    }
    free(line);
    fclose(plan);
    WasmEdge_ASTModuleDelete(module);
    WasmEdge_LoaderDelete(loader);
    WasmEdge_ConfigureDelete(config);
    return 0;
}
