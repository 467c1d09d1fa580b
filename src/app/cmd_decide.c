/* SPDX-License-Identifier: Apache-2.0 */
/* weir decide: the engine without a server. Events in on standard input, decisions out, in order.
 */
#include "app/commands.h"
#include "app/decider.h"
#include "app/engine_open.h"
#include "app/file.h"
#include "app/progress.h"
#include "app/rowevent.h"
#include "value/json_read.h"
#include "value/json_write.h"

#include <stdio.h>
#include <time.h>

static struct {
    const char *pack, *input, *model;
    bool features, summary;
} options = {.input = "auto"};

static const struct wr_option table[] = {
    {"pack", 'p', WR_OPT_TEXT, "DIR|FILE", "the pack, a folder or .tar.gz (the starter pack)",
     &options.pack},
    {"input", 'i', WR_OPT_TEXT, "csv|jsonl", "what comes in (by the first byte)", &options.input},
    {"features", 'f', WR_OPT_FLAG, NULL, "print the features of each decision too",
     &options.features},
    {"model", 'm', WR_OPT_TEXT, "FILE", "model of the starter pack (also MODEL_PATH)",
     &options.model},
    {"summary", 0, WR_OPT_FLAG, NULL, "tell counts on standard error at the end", &options.summary},
};

struct counts {
    uint64_t decided, refused, repeated;
    uint64_t outcomes[WR_OUTCOME_COUNT];
};

static void print_refusal(struct counts *counts, uint64_t line, const struct wr_error *error)
{
    char room[WR_LIMIT_ERROR_TEXT * 2 + 256];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_format(&buf, "{\"line\":%llu,\"error\":{\"code\":\"%s\",\"status\":%d",
              (unsigned long long)line, wr_err_name(error->code), wr_err_http(error->code));
    if (error->offset != WR_NO_OFFSET) {
        wr_format(&buf, ",\"offset\":%llu", (unsigned long long)error->offset);
    }
    wr_buf_str(&buf, WR_STR(",\"detail\":"));
    wr_json_write_string(&buf, wr_str_z(error->text), WR_JSON_COMPACT);
    wr_buf_str(&buf, WR_STR("}}\n"));
    fwrite_unlocked(buf.p, 1, buf.n, stdout);
    counts->refused++;
}

static bool print_answer(void *context, uint64_t line, const struct wr_answer *answer)
{
    struct counts *counts = context;
    if (answer->err != WR_OK) {
        print_refusal(counts, line, &answer->error);
    } else if (answer->replayed) {
        counts->repeated++;
        printf("{\"line\":%llu,\"repeats_sequence\":%llu}\n", (unsigned long long)line,
               (unsigned long long)answer->sequence);
    } else {
        counts->decided++;
        counts->outcomes[answer->outcome]++;
        struct wr_str out = options.features ? answer->projected : answer->document;
        fwrite_unlocked(out.p, 1, out.n, stdout);
        putc_unlocked('\n', stdout);
    }
    return !ferror_unlocked(stdout);
}

static wr_err decide_csv(struct wr_decider *decider, const struct wr_csv *map,
                         struct counts *counts, struct wr_error *error)
{
    static struct wr_csv_reader reader;
    static char room[WR_LIMIT_CSV_ROW * 2];
    struct wr_rowevent row;
    struct wr_arena arena;
    struct wr_progress progress;
    if (map == NULL) {
        return wr_fail(error, WR_E_PACK, "weir.yaml has no `csv` part that maps columns");
    }
    wr_progress_open(&progress, "rows");
    wr_arena_init(&arena, &wr_heap, 1 << 24);
    wr_err code = wr_csv_open(&reader, stdin, error);
    code = code == WR_OK ? wr_rowevent_open(&row, &arena, map, &reader, error) : code;
    while (code == WR_OK) {
        bool end = false, fraud = false;
        code = wr_csv_next(&reader, &end, error);
        if (end) {
            break;
        }
        struct wr_buf body = wr_buf_fixed(room, sizeof room);
        code = code == WR_OK ? wr_rowevent_write(&row, &body, error) : code;
        code = code == WR_OK ? wr_rowevent_label(&row, &fraud, error) : code;
        if (code == WR_OK) {
            code = wr_decider_event(decider, reader.line, wr_buf_view(&body), fraud, error);
        } else if (code != WR_E_IO) { /* one bad row: say so in its place and go on */
            struct wr_error row_error = *error;
            code = wr_decider_flush(decider, error);
            print_refusal(counts, reader.line, &row_error);
        }
        wr_progress_step(&progress, reader.bytes_read, reader.line - 1);
    }
    wr_progress_close(&progress);
    wr_csv_close(&reader);
    wr_arena_deinit(&arena);
    return code;
}

/* Is the line {"id": ..., "label": {...}} and nothing else? */
static bool is_label(struct wr_arena *arena, struct wr_str line)
{
    struct wr_value v;
    if (wr_str_find(line, WR_STR("\"label\""), 0) == SIZE_MAX) {
        return false;
    }
    bool label = wr_json_read(arena, line, true, NULL, &v, NULL) == WR_OK && v.type == WR_OBJECT &&
                 v.n == 2 && wr_object_get_str(&v, WR_STR("id")) != NULL &&
                 wr_object_get_str(&v, WR_STR("label")) != NULL;
    wr_arena_reset(arena);
    return label;
}

static wr_err decide_line(struct wr_decider *decider, struct wr_arena *arena, uint64_t line,
                          struct wr_str text, struct counts *counts, struct wr_error *error)
{
    if (!is_label(arena, text)) {
        return wr_decider_event(decider, line, text, false, error);
    }
    wr_err code = wr_decider_flush(decider, error);
    if (code != WR_OK) { /* that is no fault of the label */
        return code;
    }
    code = wr_decider_label(decider, text, error);
    if (code == WR_E_MEMORY || code == WR_E_IO || code == WR_OK) {
        return code;
    }
    print_refusal(counts, line, error);
    return WR_OK;
}

/* A line of standard input without its end, false at the end of all. What is longer than any
 * request may be keeps its first bytes only: the engine refuses it for its size. */
static bool read_line(char *room, size_t cap, size_t *n, uint64_t *bytes)
{
    int c;
    *n = 0;
    while ((c = getc_unlocked(stdin)) != EOF && c != '\n') {
        room[*n] = (char)c;
        *n += *n < cap - 1;
        (*bytes)++;
    }
    (*bytes)++;
    bool any = c != EOF || *n != 0;
    while (*n > 0 && *n < cap - 1 && room[*n - 1] == '\r') {
        (*n)--;
    }
    return any;
}

static wr_err decide_jsonl(struct wr_decider *decider, struct counts *counts,
                           struct wr_error *error)
{
    static char room[WR_LIMIT_REQUEST_SIZE + 2];
    struct wr_arena arena;
    struct wr_progress progress;
    uint64_t line = 0, bytes = 0;
    wr_err code = WR_OK;
    wr_progress_open(&progress, "lines");
    wr_arena_init(&arena, &wr_heap, 1 << 26);
    for (size_t n; code == WR_OK && read_line(room, sizeof room, &n, &bytes);) {
        line++;
        if (n > 0) {
            code = decide_line(decider, &arena, line, wr_str_of(room, n), counts, error);
        }
        wr_progress_step(&progress, bytes, line);
    }
    wr_progress_close(&progress);
    wr_arena_deinit(&arena);
    if (code == WR_OK && ferror(stdin)) {
        return wr_fail(error, WR_E_IO, "line %llu: cannot read", (unsigned long long)line + 1);
    }
    return code;
}

static bool wants_csv(void)
{
    if (strcmp(options.input, "auto") != 0) {
        return strcmp(options.input, "csv") == 0;
    }
    int first = getc(stdin);
    ungetc(first, stdin);
    return first != '{' && first != EOF;
}

static void tell(const struct counts *counts, const struct wr_decider *decider)
{
    fprintf(stderr, "%llu decided (", (unsigned long long)counts->decided);
    for (int i = WR_OUTCOME_APPROVE; i < WR_OUTCOME_COUNT; i++) {
        fprintf(stderr, "%s%s %llu", i > WR_OUTCOME_APPROVE ? ", " : "",
                wr_outcome_name((enum wr_outcome)i), (unsigned long long)counts->outcomes[i]);
    }
    fprintf(stderr, "), %llu labels, %llu repeated, %llu refused\n",
            (unsigned long long)wr_decider_labels(decider), (unsigned long long)counts->repeated,
            (unsigned long long)counts->refused);
}

/* Event time where every event has one, else the wall clock at the start. */
static int64_t decision_time(const struct wr_pack *pack)
{
    if (wr_pack_events_have_time(pack)) {
        return WR_NOW_IS_EVENT_TIME;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int decide_all(struct wr_opened *opened)
{
    struct counts counts = {0};
    struct wr_error error = {0};
    const struct wr_csv *map = wr_pack_csv(opened->pack);
    bool csv = wants_csv();
    struct wr_decider_config config = {.engine = opened->engine,
                                       .sink = {print_answer, &counts},
                                       .now_us = decision_time(opened->pack),
                                       .want_features = options.features,
                                       .labels_by_id = !csv};
    if (map != NULL && map->has_label) {
        config.label_name = map->label_name;
        config.label_delay_us = map->label_delay_us;
    }
    struct wr_decider *decider = wr_decider_open(&config);
    if (decider == NULL) {
        return wr_complain("no memory");
    }
    wr_err code =
        csv ? decide_csv(decider, map, &counts, &error) : decide_jsonl(decider, &counts, &error);
    code = code == WR_OK ? wr_decider_flush(decider, &error) : code;
    bool written = fflush(stdout) == 0;
    if (options.summary || counts.refused != 0) {
        tell(&counts, decider);
    }
    wr_decider_close(decider);
    if (code != WR_OK) {
        return wr_complain_error("standard input", &error);
    }
    if (!written) {
        return wr_complain("cannot write to standard output");
    }
    return counts.refused == 0 ? WR_EXIT_OK : WR_EXIT_FAILED;
}

static int run(int argc, char **argv)
{
    (void)argv;
    if (argc != 0) {
        wr_complain("reads standard input and takes no arguments; see weir decide --help");
        return WR_EXIT_USAGE;
    }
    if (strcmp(options.input, "auto") != 0 && strcmp(options.input, "csv") != 0 &&
        strcmp(options.input, "jsonl") != 0) {
        wr_complain("--input wants csv or jsonl, not %s", options.input);
        return WR_EXIT_USAGE;
    }
    struct wr_opened opened;
    if (!wr_opened_open(&opened, options.pack, options.model)) {
        return WR_EXIT_FAILED;
    }
    int exit_code = decide_all(&opened);
    wr_opened_close(&opened);
    return exit_code;
}

const struct wr_command wr_command_decide = {
    "decide",
    "Decides the events on standard input, one JSON line each on standard output",
    "[OPTIONS] < EVENTS",
    "CSV has a header row that the pack maps to fields; JSON lines are request documents, and a "
    "line\n"
    "{\"id\": ..., \"label\": {...}} tells what became known about an earlier event. Time is "
    "event\n"
    "time. A line that is refused gives {\"line\", \"error\"} in its place, and exit code 1 at the "
    "end.\n\n"
    "examples:\n"
    "  weir simulate --days 30 | weir decide --pack packs/cards --features | tail -1\n"
    "  weir decide --pack packs/starter < events.jsonl\n"
    "  gunzip -c history.csv.gz | weir decide --pack packs/cards --input csv --summary > "
    "out.jsonl\n",
    table,
    WR_COUNTOF(table),
    run,
};
