/* SPDX-License-Identifier: Apache-2.0 */
/* weir labels: what became known of events, told to a running service. */
#include "app/commands.h"
#include "app/label_rows.h"
#include "value/json_write.h"

#include <stdio.h>

enum { BODY_ROOM = 1024 * 1024 };

static struct {
    const char *connect, *token, *format, *id, *column, *label;
    uint64_t from;
} options = {.connect = "127.0.0.1:8181", .label = NULL};

static const struct wr_option table[] = {
    {"connect", 'c', WR_OPT_TEXT, "ADDRESS", "HOST:PORT or unix:PATH (127.0.0.1:8181)",
     &options.connect},
    {"token", 0, WR_OPT_TEXT, "TOKEN", "for a service with an access file", &options.token},
    {"label", 'l', WR_OPT_TEXT, "NAME", "the label (fraud; import: the columns' titles)",
     &options.label},
    {"id", 0, WR_OPT_TEXT, "TITLE", "import: the column of event ids (id)", &options.id},
    {"column", 0, WR_OPT_TEXT, "TITLE", "import: the column of the label (every other one)",
     &options.column},
    {"format", 'f', WR_OPT_TEXT, "csv|jsonl", "import: of the file (by the name's end)",
     &options.format},
    {"from", 0, WR_OPT_U64, "LINE", "import: go on with this line of the file", &options.from},
};

static int tell(const struct wr_label_sums *sums)
{
    const struct {
        uint64_t n;
        const char *says;
    } parts[] = {
        {sums->changed, "changed"},
        {sums->same, "the same as before"},
        {sums->expired, "older than what windows hold"},
        {sums->unused, "of labels that no feature reads"},
        {sums->unknown, "of events that are not known"},
        {sums->refused, "refused"},
    };
    bool any = false;
    for (size_t i = 0; i < WR_COUNTOF(parts); i++) {
        if (parts[i].n != 0) {
            printf("%s%llu %s", any ? ", " : "", (unsigned long long)parts[i].n, parts[i].says);
            any = true;
        }
    }
    puts(any ? "" : "nothing to tell");
    return sums->refused == 0 ? WR_EXIT_OK : WR_EXIT_FAILED;
}

static int import(struct wr_remote *remote, const char *file)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_label_sums sums = {0};
    const struct wr_label_rows rows = {.file = file,
                                       .format = options.format,
                                       .id = options.id,
                                       .column = options.column,
                                       .label = options.column != NULL ? options.label : NULL,
                                       .from = options.from};
    if (wr_label_rows_send(remote, &rows, &sums, &error) != WR_OK) {
        wr_complain_error("import", &error);
        fprintf(stderr, "what came before is taken: go on by --from %llu\n",
                (unsigned long long)(sums.line + 1));
        return WR_EXIT_FAILED;
    }
    return tell(&sums);
}

static int set(struct wr_remote *remote, const char *value, int argc, char **argv)
{
    static char room[BODY_ROOM];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_remote_answer answer;
    struct wr_label_sums sums = {0};
    for (int i = 0; i < argc; i++) {
        wr_buf_str(&body, i == 0 ? WR_STR("[{\"id\":") : WR_STR(",{\"id\":"));
        wr_json_write_string(&body, wr_str_z(argv[i]), WR_JSON_COMPACT);
        wr_buf_str(&body, WR_STR(",\"label\":{"));
        wr_json_write_string(&body, wr_str_z(options.label != NULL ? options.label : "fraud"),
                             WR_JSON_COMPACT);
        wr_format(&body, ":%s}}", value);
    }
    wr_buf_char(&body, ']');
    if (body.overflow) {
        wr_complain("too many ids at once: import them from a file");
        return WR_EXIT_USAGE;
    }
    if (wr_remote_ask(remote, "POST", WR_STR("/v1/labels"), wr_buf_view(&body), &answer, &error) !=
        WR_OK) {
        return wr_complain_error("labels", &error);
    }
    wr_label_sums_add(&sums, &answer.document, NULL, "argument");
    return tell(&sums);
}

static int with_service(struct wr_remote *remote, int argc, char **argv)
{
    static const struct {
        const char *verb, *value;
    } verbs[] = {{"set", "true"}, {"clear", "false"}, {"withdraw", "null"}};
    if (argc == 2 && strcmp(argv[0], "import") == 0) {
        return import(remote, argv[1]);
    }
    for (size_t i = 0; argc >= 2 && i < WR_COUNTOF(verbs); i++) {
        if (strcmp(argv[0], verbs[i].verb) == 0) {
            return set(remote, verbs[i].value, argc - 1, argv + 1);
        }
    }
    wr_complain("wants import, set, clear or withdraw; see weir labels --help");
    return WR_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_remote remote;
    int code = wr_remote_open(&remote, options.connect, options.token, &error) == WR_OK
                   ? with_service(&remote, argc, argv)
                   : wr_complain_error("connect", &error);
    wr_remote_close(&remote);
    return code;
}

const struct wr_command wr_command_labels = {
    "labels",
    "Tells a running service what became known of events",
    "import FILE | set ID... | clear ID... | withdraw ID...",
    "A label is known by the event's id, and acts from then on: it reaches the windows that count\n"
    "it and is an entry of the journal. A later one replaces it; `withdraw` takes it back, as "
    "when\n"
    "a chargeback is withdrawn or lost. `import` reads CSV with a header row: the ids in the\n"
    "column id, and each other column a label of its title's name, with 1, true, 0, false, and\n"
    "null or withdrawn; an empty cell says nothing. Or JSON lines: {\"id\": \"e1\", \"label\":\n"
    "{\"fraud\": true}}. Rows that the service refuses are named by line, the others count.\n"
    "Importing again does no harm; after a broken connection, go on by --from. The service wants\n"
    "the scope label.\n\n"
    "examples:\n"
    "  weir labels import chargebacks.csv\n"
    "  weir labels import frauds.csv --id TRANSACTION_ID --column TX_FRAUD --label fraud\n"
    "  weir labels set e-1841 e-1842 --label fraud\n"
    "  weir labels withdraw e-1841\n",
    table,
    WR_COUNTOF(table),
    run,
};
