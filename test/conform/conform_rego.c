/* SPDX-License-Identifier: Apache-2.0 */
/* OPA's conformance cases against this engine: conform-rego DIR... (see usage below).
 *
 * Files are {"cases": [...]} as .json or .json.gz (native builds), found below the directories. A
 * case is named FOLDER/FILE/INDEX by the last folder and file of its path. What counts: cases that
 * OPA 0.60 passes (`opa060`), those of Rego v1 that OPA 1.9 passes (`opa190`), and cases without
 * either flag. v1 is the syntax of cases that bear `opa190` or lie in a folder v1.
 *
 * Network look-ups, GraphQL and AWS signing are skipped, each with its reason; a build without
 * public-key cryptography must refuse by name what needs it, and such cases are skipped too.
 *
 * A list (--list) pins the outcome: a line for each counted case, its name alone when it passes,
 * "NAME public-key" when it passes and needs public-key cryptography, "NAME skipped: REASON". */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#ifndef __wasi__
#include <zlib.h>
#endif

#include "check.h"
#include "conform_case.h"
#include "value/json_read.h"
#include "value/json_write.h"

#define MAX_LISTED 16384
#define MAX_DEPTH  16 /* of folders in folders */
#define PUBLIC_KEY "public-key"

static const char usage[] =
    "usage: conform-rego [OPTIONS] DIR|FILE...\n"
    "Runs OPA's conformance cases (.json, .json.gz; folders are searched) and ends with the line\n"
    "'N passed, N failed'. Exit code: 0 all pass, 1 some fail, 2 usage, 77 no DIR is there.\n"
    "\n"
    "  --list FILE   the outcome must be what FILE lists: a case that is listed and fails, is not\n"
    "                listed, or is listed and gone, is a failure\n"
    "  --update      add to the list what passes or is skipped; nothing is taken away\n"
    "  --all         count all cases, also those that neither OPA 0.60 nor OPA 1.9 passes\n"
    "  --v0, --v1    syntax of all cases (default: v1 for cases with `opa190` or in a folder v1)\n"
    "  --show TEXT   print the failures whose name contains TEXT in full\n"
    "\n"
    "examples:\n"
    "  conform-rego ../shared/opa-cases\n"
    "  conform-rego --list test/conform/opa.passing ../shared/opa-cases\n"
    "  conform-rego --all --show v1/units ../shared/opa-cases/v1\n";

static struct {
    const char *list, *show;
    bool update, all, v0, v1;
} options;

struct listed {
    char *name;
    const char *note; /* behind the name: "", "public-key", "skipped: ..." */
    bool seen;
};

static struct listed *listed;
static unsigned n_listed;
static FILE *adding;
static unsigned passed, failed, skipped, files;

static const struct wr_memory memory = CHECK_MEMORY;

/* ── the list ───────────────────────────────────────────────────────────────────────────────── */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

static struct listed *find_listed(const char *name)
{
    struct listed key = {.name = (char *)(uintptr_t)name};
    return n_listed == 0 ? NULL : bsearch(&key, listed, n_listed, sizeof(key), by_name);
}

static bool read_list(void)
{
    char line[512];
    FILE *f = fopen(options.list, "r");
    if (f == NULL) {
        fprintf(stderr, "conform-rego: cannot read the list %s: %s\n", options.list,
                strerror(errno));
        return false;
    }
    listed = calloc(MAX_LISTED, sizeof(*listed));
    while (listed != NULL && fgets(line, sizeof(line), f) != NULL && n_listed < MAX_LISTED) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == 0 || line[0] == '#') {
            continue;
        }
        char *name = strdup(line), *space = strchr(name, ' ');
        if (space != NULL) {
            *space = 0;
        }
        listed[n_listed++] = (struct listed){.name = name, .note = space != NULL ? space + 1 : ""};
    }
    fclose(f);
    if (n_listed > 0) {
        qsort(listed, n_listed, sizeof(*listed), by_name);
    }
    return listed != NULL;
}

/* Listed cases that no file had. */
static void check_unseen(void)
{
    for (unsigned i = 0; i < n_listed; i++) {
        if (!listed[i].seen) {
            printf("FAILED %s: listed, but no such case was found\n", listed[i].name);
            failed++;
        }
        free(listed[i].name);
    }
    free(listed);
}

/* ── one case ───────────────────────────────────────────────────────────────────────────────── */

/* Why a case cannot count, or NULL. */
static const char *skip_reason(const struct wr_value *c)
{
    static const struct {
        const char *text, *reason;
    } rules[] = {
        {"graphql.", "skipped: the GraphQL builtins are left to a later round"},
        {"providers.aws.", "skipped: AWS request signing is left to a later round"},
    };
    struct wr_value modules = conform_field(c, "modules"), query = conform_field(c, "query");
    for (size_t k = 0; k < WR_COUNTOF(rules); k++) {
        struct wr_str text = wr_str_z(rules[k].text);
        bool has = query.type == WR_STRING && wr_str_find(wr_text(query), text, 0) != SIZE_MAX;
        for (uint32_t i = 0; modules.type == WR_ARRAY && i < modules.n && !has; i++) {
            has = wr_str_find(wr_text(modules.items[i]), text, 0) != SIZE_MAX;
        }
        if (has) {
            return rules[k].reason;
        }
    }
    return NULL;
}

static void show(struct wr_arena *arena, const struct wr_value *c, const struct outcome *o)
{
    struct wr_value want = conform_field(c, "want_result"), modules = conform_field(c, "modules");
    struct wr_value note = conform_field(c, "note"), query = conform_field(c, "query");
    struct wr_value error = conform_field(c, "want_error");
    struct wr_buf buf = wr_buf_in(arena, 1024);
    wr_json_write(&buf, error.type == WR_STRING ? &error : &want, WR_JSON_COMPACT);
    wr_buf_str(&buf, WR_STR("\n   got "));
    if (o->is_error) {
        wr_buf_str(&buf, wr_str_z(o->error));
    } else {
        wr_json_write(&buf, &o->results, WR_JSON_COMPACT);
    }
    printf("  note %.*s\n query %.*s\n  want %.*s\n", WR_FMT(wr_text(note)), WR_FMT(wr_text(query)),
           (int)WR_MIN(buf.n, 1200), buf.p);
    for (uint32_t i = 0; modules.type == WR_ARRAY && i < modules.n; i++) {
        printf("%.*s\n", (int)WR_MIN(modules.items[i].n, 900), modules.items[i].text);
    }
}

enum verdict { PASS, FAIL, SKIP };

/* Books the outcome of a case; `note` is what a list has behind its name, `why` goes to the reader
 * of a skip. */
static void book(const char *name, enum verdict verdict, const char *note, const char *why)
{
    struct listed *known = find_listed(name);
    if (verdict == FAIL) {
        printf("FAILED %s\n", name);
    } else if (known != NULL && strcmp(known->note, note) != 0) {
        printf("FAILED %s: listed with the note '%s', now '%s'\n", name, known->note, note);
        verdict = FAIL;
    } else if (known == NULL && adding != NULL) {
        fprintf(adding, "%s%s%s\n", name, note[0] != 0 ? " " : "", note);
    } else if (known == NULL && options.list != NULL) {
        printf("FAILED %s: is not listed (--update lists what passes)\n", name);
        verdict = FAIL;
    }
    if (verdict == SKIP) {
        printf("skipped %s: %s\n", name, why);
    }
    if (known != NULL) {
        known->seen = true;
    }
    passed += verdict == PASS;
    failed += verdict == FAIL;
    skipped += verdict == SKIP;
}

/* In a build without public-key cryptography: does the engine refuse the case by name? The refusal
 * is an error of a builtin, which only strict evaluation shows. */
static bool refuses(struct wr_arena *arena, const struct wr_value *c, bool v1)
{
    struct outcome strict = {0};
    conform_run(arena, c, v1, true, &strict);
    return conform_lacks_crypto(&strict);
}

static void run_case(const char *name, const struct wr_value *c, bool v1)
{
    struct wr_arena arena;
    struct outcome o = {0};
    unsigned before = conform_crypto_calls();
    wr_arena_init(&arena, &memory, 512u << 20);
    conform_run(&arena, c, v1, false, &o);
    bool pass = conform_judge(&arena, c, &o);
    if (conform_has_crypto()) {
        bool used = conform_crypto_calls() > before;
        book(name, pass ? PASS : FAIL, used ? PUBLIC_KEY : "", "");
    } else if (refuses(&arena, c, v1)) {
        book(name, SKIP, PUBLIC_KEY,
             "needs public-key cryptography, which this build refuses by name");
    } else {
        book(name, pass ? PASS : FAIL, "", "");
    }
    if (!pass && options.show != NULL && strstr(name, options.show) != NULL) {
        show(&arena, c, &o);
    }
    wr_arena_deinit(&arena);
}

static void one_case(const char *name, const struct wr_value *c, bool in_v1)
{
    struct wr_value opa060 = conform_field(c, "opa060"), opa190 = conform_field(c, "opa190");
    bool flagged = opa060.type == WR_BOOL || opa190.type == WR_BOOL;
    if (!options.all && flagged && !wr_is_true(opa060) && !wr_is_true(opa190)) {
        return;
    }
    const char *reason = skip_reason(c);
    if (reason != NULL) {
        book(name, SKIP, reason, reason + strlen("skipped: "));
        return;
    }
    run_case(name, c, options.v1 || (!options.v0 && (in_v1 || opa190.type == WR_BOOL)));
}

/* ── files and folders ──────────────────────────────────────────────────────────────────────── */

#ifdef __wasi__
#define gzFile          FILE *
#define gzopen          fopen
#define gzread(f, p, n) (int)fread(p, 1, n, f)
#define gzclose         fclose
#endif

static char *read_all(const char *path, size_t *n)
{
    gzFile f = gzopen(path, "rb");
    size_t cap = 1 << 20;
    char *text = malloc(cap);
    int got;
    *n = 0;
    while (f != NULL && text != NULL && (got = gzread(f, text + *n, (unsigned)(cap - *n))) > 0) {
        *n += (size_t)got;
        if (*n == cap) {
            cap *= 2;
            text = realloc(text, cap);
        }
    }
    if (f != NULL) {
        gzclose(f);
    }
    return text;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Reads the cases of one file; its folder is the part of the path before its name. */
static void one_file(const char *path)
{
    struct wr_arena arena;
    struct wr_value doc;
    struct wr_error error = {0};
    size_t n_text;
    const char *file = strrchr(path, '/'), *folder = file;
    file = file != NULL ? file + 1 : path;
    while (folder != NULL && folder > path && folder[-1] != '/') {
        folder--;
    }
    folder = folder != NULL ? folder : "./";
    int n_folder = (int)strcspn(folder, "/"), n_file = (int)strcspn(file, ".");
    bool v1 = strncmp(path, "v1/", 3) == 0 || strstr(path, "/v1/") != NULL;
    char *text = read_all(path, &n_text);
    wr_arena_init(&arena, &memory, (size_t)1 << 30);
    files++;
    if (wr_json_read(&arena, wr_str_of(text, n_text), false, NULL, &doc, &error) != WR_OK) {
        printf("FAILED %s: cannot be read: %s\n", path, error.text);
        failed++;
        doc = wr_undefined();
    }
    struct wr_value cases = conform_field(&doc, "cases");
    for (uint32_t i = 0; cases.type == WR_ARRAY && i < cases.n; i++) {
        char name[512];
        snprintf(name, sizeof(name), "%.*s/%.*s/%u", n_folder, folder, n_file, file, i);
        one_case(name, &cases.items[i], v1);
    }
    wr_arena_deinit(&arena);
    free(text);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A file, or all case files below a folder in order of names. False: there is no such path. */
static bool walk(const char *path, int depth)
{
    struct stat st;
    struct dirent **entries;
    if (stat(path, &st) != 0) {
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        if (depth == 0 || ends_with(path, ".json") || ends_with(path, ".json.gz")) {
            one_file(path);
        }
        return true;
    }
    int n = depth < MAX_DEPTH ? scandir(path, &entries, visible, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        char below[4096];
        snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name);
        walk(below, depth + 1);
        free(entries[i]);
    }
    if (n > 0) {
        free(entries);
    }
    return true;
}

/* ── the program ────────────────────────────────────────────────────────────────────────────── */

/* Index of the first path, or 0 when the arguments make no sense. */
static int read_options(int argc, char **argv)
{
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--list") == 0 && i + 1 < argc) {
            options.list = argv[++i];
        } else if (strcmp(argv[i], "--show") == 0 && i + 1 < argc) {
            options.show = argv[++i];
        } else if (strcmp(argv[i], "--update") == 0) {
            options.update = true;
        } else if (strcmp(argv[i], "--all") == 0) {
            options.all = true;
        } else if (strcmp(argv[i], "--v0") == 0) {
            options.v0 = true;
        } else if (strcmp(argv[i], "--v1") == 0) {
            options.v1 = true;
        } else {
            return 0;
        }
    }
    bool contradict = (options.v0 && options.v1) || (options.update && options.list == NULL);
    return i < argc && !contradict ? i : 0;
}

int main(int argc, char **argv)
{
    int first = argc > 1 && strcmp(argv[1], "--help") == 0 ? -1 : read_options(argc, argv);
    if (first <= 0) {
        fputs(usage, first < 0 ? stdout : stderr);
        return first < 0 ? 0 : 2;
    }
    if (options.list != NULL && !read_list()) {
        return 2;
    }
    if (options.update && (adding = fopen(options.list, "a")) == NULL) {
        fprintf(stderr, "conform-rego: cannot write the list %s\n", options.list);
        return 2;
    }
    bool any = false;
    for (int i = first; i < argc; i++) {
        bool there = walk(argv[i], 0);
        any |= there;
        if (!there) {
            fprintf(stderr, "conform-rego: there is nothing at %s\n", argv[i]);
        }
    }
    if (!any) {
        return 77;
    }
    check_unseen();
    if (adding != NULL) {
        fclose(adding);
    }
    printf("%u skipped, %u files\n%u passed, %u failed\n", skipped, files, passed, failed);
    return failed > 0 ? 1 : 0;
}
