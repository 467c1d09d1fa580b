/* SPDX-License-Identifier: Apache-2.0 */
/* weir lists: what is put on the lists of a running service. */
#include "app/commands.h"
#include "app/list_rows.h"
#include "app/list_state.h"
#include "feature/instant.h"

#include <errno.h>
#include <stdio.h>

enum { PATH_ROOM = 4096, BODY_ROOM = 1024 * 1024, OUT_ROOM = 64 * 1024 };

static struct {
    const char *connect, *token, *state, *output, *column, *format;
    const char *owner, *reason, *ttl, *expires;
    bool all;
} options = {.connect = "127.0.0.1:8181"};

static const struct wr_option table[] = {
    {"connect", 'c', WR_OPT_TEXT, "ADDRESS", "HOST:PORT or unix:PATH (127.0.0.1:8181)",
     &options.connect},
    {"token", 0, WR_OPT_TEXT, "TOKEN", "for a service with an access file", &options.token},
    {"owner", 0, WR_OPT_TEXT, "TEXT", "who answers for the entries", &options.owner},
    {"reason", 0, WR_OPT_TEXT, "TEXT", "why they are put, or taken off", &options.reason},
    {"ttl", 0, WR_OPT_TEXT, "30d", "they hold for events of so long from now on", &options.ttl},
    {"expires", 0, WR_OPT_TEXT, "INSTANT", "or of before then: 2026-12-31T00:00:00Z",
     &options.expires},
    {"column", 0, WR_OPT_TEXT, "TITLE", "import: of the values (value, or the first)",
     &options.column},
    {"format", 'f', WR_OPT_TEXT, "csv|txt", "import: of the file (by the name's end)",
     &options.format},
    {"output", 'o', WR_OPT_TEXT, "FILE", "export: to a new file (standard output)",
     &options.output},
    {"all", 0, WR_OPT_FLAG, NULL, "export: with the entries of the pack's file", &options.all},
    {"state", 's', WR_OPT_TEXT, "DIR", "show, export: from a directory that no service runs on",
     &options.state},
};

static struct wr_str text_at(const struct wr_value *object, const char *key)
{
    const struct wr_value *v =
        wr_is(*object, WR_OBJECT) ? wr_object_get_str(object, wr_str_z(key)) : NULL;
    return v != NULL && wr_is(*v, WR_STRING) ? wr_text(*v) : wr_str_of("", 0);
}

static struct wr_str z(const char *text)
{
    return wr_str_z(text != NULL ? text : "");
}

static void write_path(struct wr_buf *path, const char *list, const char *rest)
{
    wr_buf_str(path, WR_STR("/v1/lists/"));
    wr_remote_escape(path, wr_str_z(list));
    wr_buf_str(path, wr_str_z(rest));
}

/* ── changing ───────────────────────────────────────────────────────────────────────────────── */
static void tell_sums(const struct wr_list_sums *sums, bool adds)
{
    if (adds) {
        printf("%llu added, %llu replaced\n", (unsigned long long)sums->added,
               (unsigned long long)sums->replaced);
    } else {
        printf("%llu removed, %llu absent\n", (unsigned long long)sums->removed,
               (unsigned long long)sums->absent);
    }
}

static int change(struct wr_remote *remote, int argc, char **argv, bool adds)
{
    static char room[BODY_ROOM];
    char path_room[PATH_ROOM];
    struct wr_buf path = wr_buf_fixed(path_room, sizeof path_room);
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_remote_answer answer;
    struct wr_list_sums sums = {0};
    write_path(&path, argv[0], adds ? "/entries" : "/entries:remove");
    for (int i = 1; i < argc; i++) {
        wr_buf_char(&body, i == 1 ? '[' : ',');
        wr_list_entry_write(&body, wr_str_z(argv[i]), z(options.owner), z(options.reason),
                            z(adds ? options.ttl : NULL), z(adds ? options.expires : NULL));
    }
    wr_buf_char(&body, ']');
    if (path.overflow || body.overflow) {
        wr_complain("the values are too long");
        return WR_EXIT_USAGE;
    }
    if (wr_remote_ask(remote, "POST", wr_buf_view(&path), wr_buf_view(&body), &answer, &error) !=
        WR_OK) {
        return wr_complain_error(argv[0], &error);
    }
    wr_list_sums_add(&sums, &answer.document);
    tell_sums(&sums, adds);
    return WR_EXIT_OK;
}

static int import(struct wr_remote *remote, const char *list, const char *file)
{
    char path_room[PATH_ROOM];
    struct wr_buf path = wr_buf_fixed(path_room, sizeof path_room - 1);
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_list_sums sums = {0};
    write_path(&path, list, "/entries");
    path_room[path.n] = '\0';
    const struct wr_list_rows rows = {.file = file,
                                      .column = options.column,
                                      .format = options.format,
                                      .owner = options.owner,
                                      .reason = options.reason,
                                      .ttl = options.ttl,
                                      .expires = options.expires,
                                      .path = path_room};
    wr_err code = wr_list_rows_put(remote, &rows, &sums, &error);
    if (code != WR_OK) {
        wr_complain_error("import", &error);
        fprintf(stderr, "%llu entries before it are on the list; mend the row and import again\n",
                (unsigned long long)(sums.added + sums.replaced));
        return WR_EXIT_FAILED;
    }
    tell_sums(&sums, true);
    return WR_EXIT_OK;
}

/* ── writing CSV (RFC 4180) ─────────────────────────────────────────────────────────────────── */
static void cell(FILE *out, struct wr_str text, char end)
{
    fputc('"', out);
    for (size_t i = 0; i < text.n; i++) {
        fputc(text.p[i], out);
        if (text.p[i] == '"') {
            fputc('"', out);
        }
    }
    fputc('"', out);
    fputc(end, out);
}

static void row(FILE *out, const struct wr_value *entry)
{
    static const char *const keys[] = {"value", "owner", "reason", "created", "expires", "source"};
    for (size_t i = 0; i < WR_COUNTOF(keys); i++) {
        cell(out, text_at(entry, keys[i]), i + 1 == WR_COUNTOF(keys) ? '\n' : ',');
    }
}

static bool is_true(const struct wr_value *object, const char *key)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(key));
    return v != NULL && wr_is_true(*v);
}

static wr_err export_remote(struct wr_remote *remote, const char *list, FILE *out,
                            struct wr_error *error)
{
    char path_room[PATH_ROOM], after[128] = "";
    wr_err code = WR_OK;
    do {
        struct wr_remote_answer answer;
        struct wr_buf path = wr_buf_fixed(path_room, sizeof path_room);
        write_path(&path, list, "/entries?limit=1000&after=");
        wr_buf_str(&path, wr_str_z(after));
        code = wr_remote_ask(remote, "GET", wr_buf_view(&path), wr_str_of("", 0), &answer, error);
        if (code != WR_OK) {
            return code;
        }
        const struct wr_value *entries = wr_object_get_str(&answer.document, WR_STR("entries"));
        for (uint32_t i = 0; entries != NULL && i < entries->n; i++) {
            const struct wr_value *entry = &entries->items[i];
            bool of_pack = wr_str_eq(text_at(entry, "source"), WR_STR("pack"));
            if (!is_true(entry, "hides") && (!of_pack || options.all)) {
                row(out, entry);
            }
        }
        struct wr_str next = text_at(&answer.document, "next");
        snprintf(after, sizeof after, "%.*s", WR_FMT(next));
    } while (after[0] != '\0');
    return code;
}

static void row_of_state(FILE *out, enum wr_list_match match, const struct wr_list_entry *entry)
{
    char room[WR_LIMIT_LIST_VALUE], dates[2][32];
    struct wr_buf value = wr_buf_fixed(room, sizeof room);
    struct wr_buf created = wr_buf_fixed(dates[0], 32), expires = wr_buf_fixed(dates[1], 32);
    wr_list_key_write(match, entry->key, &value);
    wr_instant_write(&created, entry->created_s);
    if (entry->expires_s != 0) {
        wr_instant_write(&expires, entry->expires_s);
    }
    cell(out, wr_buf_view(&value), ',');
    cell(out, entry->owner, ',');
    cell(out, entry->reason, ',');
    cell(out, wr_buf_view(&created), ',');
    cell(out, wr_buf_view(&expires), ',');
    cell(out, WR_STR("node"), '\n');
}

static wr_err export_state(const char *name, FILE *out, struct wr_error *error)
{
    struct wr_lists lists;
    bool found = false;
    wr_err code = wr_list_state_read(options.state, &lists, error);
    for (uint32_t i = 0; code == WR_OK && i < lists.n; i++) {
        const struct wr_named_list *list = lists.all[i];
        struct wr_list_cursor cursor = {0};
        struct wr_list_entry entry;
        if (!wr_str_eq(wr_str_of(list->name, list->name_n), wr_str_z(name))) {
            continue;
        }
        found = true;
        while (wr_list_table_next(&list->table, &cursor, &entry)) {
            if (!entry.hides) {
                row_of_state(out, list->table.match, &entry);
            }
        }
    }
    wr_lists_close(&lists);
    return code != WR_OK || found
               ? code
               : wr_fail(error, WR_E_NOT_FOUND, "nothing was ever put on a list of that name");
}

static int export(struct wr_remote *remote, const char *list)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    FILE *out = options.output != NULL ? fopen(options.output, "wxe") : stdout;
    if (out == NULL) {
        return wr_complain("%s: %s", options.output, strerror(errno));
    }
    fputs("value,owner,reason,created,expires,source\n", out);
    wr_err code = options.state != NULL ? export_state(list, out, &error)
                                        : export_remote(remote, list, out, &error);
    bool written = fflush(out) == 0 && !ferror(out);
    written = (options.output == NULL || fclose(out) == 0) && written;
    if (code != WR_OK) {
        return (options.state != NULL ? wr_complain_journal : wr_complain_error)(list, &error);
    }
    return written ? WR_EXIT_OK : wr_complain("cannot write: %s", strerror(errno));
}

/* ── showing ────────────────────────────────────────────────────────────────────────────────── */
static long long number_at(const struct wr_value *object, const char *key)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(key));
    int64_t n = 0;
    return v != NULL && wr_is(*v, WR_NUMBER) && wr_number_to_i64(v, &n) ? n : 0;
}

static void show_list(const struct wr_value *list)
{
    printf("%-24.*s %-7.*s %-10.*s %10lld %10lld %12lld%s\n", WR_FMT(text_at(list, "name")),
           WR_FMT(text_at(list, "match")), WR_FMT(text_at(list, "class")),
           number_at(list, "entries"), number_at(list, "pack_entries"), number_at(list, "bytes"),
           is_true(list, "declared") ? "" : "  the pack does not declare it");
}

static int show_all(struct wr_remote *remote)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_remote_answer answer;
    if (wr_remote_ask(remote, "GET", WR_STR("/v1/lists"), wr_str_of("", 0), &answer, &error) !=
        WR_OK) {
        return wr_complain_error("show", &error);
    }
    const struct wr_value *lists = wr_object_get_str(&answer.document, WR_STR("lists"));
    printf("%-24s %-7s %-10s %10s %10s %12s\n", "list", "match", "class", "entries", "of pack",
           "bytes");
    for (uint32_t i = 0; lists != NULL && i < lists->n; i++) {
        show_list(&lists->items[i]);
    }
    return WR_EXIT_OK;
}

static int show_state(void)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_lists lists;
    wr_err code = wr_list_state_read(options.state, &lists, &error);
    for (uint32_t i = 0; code == WR_OK && i < lists.n; i++) {
        const struct wr_named_list *list = lists.all[i];
        printf("%-24.*s %-7s %10u entries, version %llu\n",
               WR_FMT(wr_str_of(list->name, list->name_n)), wr_list_match_name(list->table.match),
               list->table.n - list->table.n_hiding, (unsigned long long)list->version);
    }
    wr_lists_close(&lists);
    return code == WR_OK ? WR_EXIT_OK : wr_complain_journal("show", &error);
}

static int show_one(struct wr_remote *remote, const char *list, const char *value)
{
    static const char *const keys[] = {"name",    "match",   "class", "key",
                                       "version", "changed", "value", "source",
                                       "created", "expires", "owner", "reason"};
    char path_room[PATH_ROOM];
    struct wr_buf path = wr_buf_fixed(path_room, sizeof path_room);
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_remote_answer answer;
    write_path(&path, list, value != NULL ? "/entries/" : "");
    wr_remote_escape(&path, z(value));
    if (path.overflow) {
        return wr_complain("the value is too long");
    }
    if (wr_remote_ask(remote, "GET", wr_buf_view(&path), wr_str_of("", 0), &answer, &error) !=
        WR_OK) {
        return wr_complain_error(value != NULL ? value : list, &error);
    }
    for (size_t i = 0; i < WR_COUNTOF(keys); i++) {
        struct wr_str text = text_at(&answer.document, keys[i]);
        if (text.n != 0) {
            printf("%-8s %.*s\n", keys[i], WR_FMT(text));
        }
    }
    if (value == NULL) {
        printf("entries  %lld put, %lld of the pack, %lld of those hidden\n",
               number_at(&answer.document, "entries"), number_at(&answer.document, "pack_entries"),
               number_at(&answer.document, "hidden"));
    }
    return WR_EXIT_OK;
}

/* ── the command ────────────────────────────────────────────────────────────────────────────── */
static int misused(void)
{
    wr_complain("wants show, add, remove, import or export; see weir lists --help");
    return WR_EXIT_USAGE;
}

/* Each change is an entry of the journal, read by the pack's lists and its card key: whoever writes
 * one has to hold the state of the node. */
static int needs_service(void)
{
    wr_complain(
        "with --state a list is only read: what changes it is an entry of the journal, which "
        "the service alone writes, under its pack. Start it on that directory where nobody "
        "else asks (weir serve --pack PACK --state DIR --listen unix:/tmp/weir.sock), give "
        "this command --connect unix:/tmp/weir.sock instead of --state, and stop it again");
    return WR_EXIT_USAGE;
}

static int with_service(struct wr_remote *remote, int argc, char **argv)
{
    const char *verb = argv[0];
    if (strcmp(verb, "show") == 0 && argc == 1) {
        return show_all(remote);
    }
    if (strcmp(verb, "show") == 0 && argc <= 3) {
        return show_one(remote, argv[1], argc == 3 ? argv[2] : NULL);
    }
    if (strcmp(verb, "export") == 0 && argc == 2) {
        return export(remote, argv[1]);
    }
    if (strcmp(verb, "import") == 0 && argc == 3) {
        return import(remote, argv[1], argv[2]);
    }
    if (strcmp(verb, "add") == 0 && argc >= 3) {
        return change(remote, argc - 1, argv + 1, true);
    }
    if (strcmp(verb, "remove") == 0 && argc >= 3) {
        return change(remote, argc - 1, argv + 1, false);
    }
    return misused();
}

static int run(int argc, char **argv)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_remote remote;
    if (argc == 0) {
        return misused();
    }
    if (options.state != NULL) {
        bool shows = strcmp(argv[0], "show") == 0 && argc == 1;
        bool exports = strcmp(argv[0], "export") == 0 && argc == 2;
        bool writes = strcmp(argv[0], "import") == 0 || strcmp(argv[0], "add") == 0 ||
                      strcmp(argv[0], "remove") == 0;
        if (writes) {
            return needs_service();
        }
        return shows ? show_state() : exports ? export(NULL, argv[1]) : misused();
    }
    int code = wr_remote_open(&remote, options.connect, options.token, &error) == WR_OK
                   ? with_service(&remote, argc, argv)
                   : wr_complain_error("connect", &error);
    wr_remote_close(&remote);
    return code;
}

const struct wr_command wr_command_lists = {
    "lists",
    "Shows and changes the lists of a running service",
    "show [LIST [VALUE]] | add LIST VALUE... | remove LIST VALUE... |\n"
    "                  import LIST FILE | export LIST",
    "A list is declared in the pack (docs/lists.md); what is put on it while the service runs is "
    "an\n"
    "entry of the journal, and the next decision sees it. `import` reads a CSV file with a header\n"
    "row: the column value, or the first, and owner, reason, ttl and expires where there are such\n"
    "columns; or a .txt file, a value a line. It goes in batches of 500, each whole or not at "
    "all;\n"
    "an error names file and row. Importing again does no harm. `export` writes CSV that import\n"
    "reads. Card numbers are put as tokens. The service wants the scope list, or read to look.\n\n"
    "examples:\n"
    "  weir lists show\n"
    "  weir lists add devices d-77 d-78 --owner ann --reason \"case 7\" --ttl 30d\n"
    "  weir lists import devices devices.csv --owner \"fraud desk\"\n"
    "  weir lists export devices --output devices.csv\n"
    "  weir lists export devices --state /var/lib/weir\n",
    table,
    WR_COUNTOF(table),
    run,
};
