/* SPDX-License-Identifier: Apache-2.0 */
/* weir journal verify|export|replay: an auditor's view of a state directory.
 *
 * The service must not be running on the directory (or work on a copy of it): it is locked. */
#include "app/commands.h"
#include "app/engine_open.h"
#include "app/file.h"
#include "app/progress.h"
#include "port/port_linux.h"
#include "shell/journal.h"
#include "value/json_write.h"

#include <stdio.h>

static struct {
    const char *pack, *model;
    uint64_t first, last;
} options = {.first = 1, .last = UINT64_MAX};

static const struct wr_option table[] = {
    {"pack", 'p', WR_OPT_TEXT, "DIR|FILE", "replay: the pack to decide with (the starter pack)",
     &options.pack},
    {"model", 'm', WR_OPT_TEXT, "FILE", "replay: model of the starter pack", &options.model},
    {"first", 0, WR_OPT_U64, "N", "verify, export: from this sequence on (1)", &options.first},
    {"last", 0, WR_OPT_U64, "N", "up to this sequence (the last)", &options.last},
};

struct work {
    struct wr_journal *journal;
    struct wr_engine *engine;
    struct wr_arena scratch;
    struct wr_progress progress;
    uint64_t n, n_decisions, n_same, n_outcomes[WR_OUTCOME_COUNT][WR_OUTCOME_COUNT];
    uint64_t n_told;
};

/* ── export ─────────────────────────────────────────────────────────────────────────────────── */
static const char *kind_name(enum wr_record_kind kind)
{
    return kind == WR_RECORD_DECISION ? "decision"
           : kind == WR_RECORD_LABEL  ? "label"
                                      : "activation";
}

static wr_err export_row(void *context, uint64_t sequence, struct wr_str payload,
                         struct wr_error *error)
{
    struct work *work = context;
    struct wr_record record;
    wr_err code = wr_record_decode(payload, &record, error);
    if (code != WR_OK) {
        return code;
    }
    struct wr_buf buf = wr_buf_in(&work->scratch, payload.n * 2 + 512);
    wr_format(&buf, "{\"sequence\":%llu,\"kind\":\"%s\",\"epoch\":%u,\"now_us\":%lld,\"id\":",
              (unsigned long long)sequence, kind_name(record.kind), record.epoch,
              (long long)record.now_us);
    wr_json_write_string(&buf, record.id, WR_JSON_COMPACT);
    const struct {
        const char *name;
        struct wr_str json;
    } parts[] = {
        {"event", record.event}, {"derived", record.derived}, {"document", record.document}};
    for (size_t i = 0; i < WR_COUNTOF(parts); i++) {
        if (parts[i].json.n != 0) {
            wr_format(&buf, ",\"%s\":%.*s", parts[i].name, WR_FMT(parts[i].json));
        }
    }
    wr_buf_str(&buf, WR_STR(",\"pack\":\""));
    wr_buf_hex(&buf, record.pack_digest, sizeof record.pack_digest);
    wr_buf_str(&buf, WR_STR("\"}\n"));
    bool written = !buf.overflow && fwrite(buf.p, 1, buf.n, stdout) == buf.n;
    wr_arena_reset(&work->scratch);
    work->n++;
    return written ? WR_OK : wr_fail(error, WR_E_IO, "cannot write to standard output");
}

/* Is there an entry between --first and --last? What checks or prints nothing must not look well.
 */
static bool has_rows(uint64_t last)
{
    if (options.first >= 1 && options.first <= last) {
        return true;
    }
    wr_complain("there are no entries %llu to %llu", (unsigned long long)options.first,
                (unsigned long long)last);
    return false;
}

static int export_rows(struct work *work)
{
    struct wr_error error = {0};
    uint64_t last = WR_MIN(options.last, wr_journal_last(work->journal));
    if (last != 0 && !has_rows(last)) {
        return WR_EXIT_FAILED;
    }
    if (wr_journal_each(work->journal, options.first, last, export_row, work, &error) != WR_OK) {
        return wr_complain_error("export", &error);
    }
    return fflush(stdout) == 0 ? WR_EXIT_OK : wr_complain("cannot write to standard output");
}

/* ── verify ─────────────────────────────────────────────────────────────────────────────────── */
static int verify(struct work *work)
{
    struct wr_error error = {0};
    uint64_t last = WR_MIN(options.last, wr_journal_last(work->journal));
    if (last == 0) {
        puts("the journal is empty");
        return WR_EXIT_OK;
    }
    if (!has_rows(last)) {
        return WR_EXIT_FAILED;
    }
    if (wr_journal_verify(work->journal, options.first, last, &error) != WR_OK) {
        return wr_complain_error("verify", &error);
    }
    printf("entries %llu to %llu: the chain is whole\n", (unsigned long long)options.first,
           (unsigned long long)last);
    return WR_EXIT_OK;
}

/* ── replay ─────────────────────────────────────────────────────────────────────────────────── */
static void tell_difference(struct work *work, const struct wr_record *record,
                            const struct wr_answer *answer)
{
    work->n_outcomes[record->outcome][answer->outcome]++;
    if (work->n_told++ < 10) {
        printf("sequence %llu, %.*s: was %s, is %s\n", (unsigned long long)record->sequence,
               WR_FMT(record->id), wr_outcome_name(record->outcome),
               wr_outcome_name(answer->outcome));
    }
}

static wr_err replay_row(void *context, uint64_t sequence, struct wr_str payload,
                         struct wr_error *error)
{
    struct work *work = context;
    struct wr_record record;
    struct wr_answer answer = {0};
    wr_err code = wr_record_decode(payload, &record, error);
    if (code == WR_OK) {
        code = wr_engine_replay(work->engine, payload, &work->scratch, &answer, error);
    }
    if (code == WR_OK && record.kind == WR_RECORD_DECISION) {
        bool same = wr_str_eq(answer.record, payload);
        work->n_decisions++;
        work->n_same += same;
        if (!same) {
            tell_difference(work, &record, &answer);
        }
    }
    wr_arena_reset(&work->scratch);
    wr_progress_step(&work->progress, 0, sequence);
    return code;
}

static int tell_replay(const struct work *work)
{
    uint8_t digest[32];
    char hex[65];
    struct wr_buf text = wr_buf_fixed(hex, sizeof hex - 1);
    if (wr_engine_digest(work->engine, digest) != WR_OK) {
        return wr_complain("no memory for the digest");
    }
    wr_buf_hex(&text, digest, sizeof digest);
    hex[text.n] = '\0';
    printf("%llu decisions replayed, %llu of them the same bytes, %llu differ\n",
           (unsigned long long)work->n_decisions, (unsigned long long)work->n_same,
           (unsigned long long)(work->n_decisions - work->n_same));
    for (int was = WR_OUTCOME_APPROVE; was < WR_OUTCOME_COUNT; was++) {
        for (int is = WR_OUTCOME_APPROVE; is < WR_OUTCOME_COUNT; is++) {
            if (was != is && work->n_outcomes[was][is] != 0) {
                printf("  %s -> %s: %llu\n", wr_outcome_name((enum wr_outcome)was),
                       wr_outcome_name((enum wr_outcome)is),
                       (unsigned long long)work->n_outcomes[was][is]);
            }
        }
    }
    printf("state at sequence %llu: %s\n", (unsigned long long)wr_engine_sequence(work->engine),
           hex);
    return work->n_same == work->n_decisions ? WR_EXIT_OK : WR_EXIT_FAILED;
}

static int replay(struct work *work)
{
    struct wr_error error = {0};
    struct wr_arena arena;
    struct wr_pack *pack;
    if (!wr_open_pack(&arena, options.pack, options.model, &pack)) {
        return WR_EXIT_FAILED;
    }
    struct wr_journal_identity identity = wr_journal_identity(work->journal);
    struct wr_engine_config config = {.node = identity.node,
                                      .epoch = identity.epoch,
                                      .keys = {identity.keys[0], identity.keys[1]}};
    wr_err code = wr_engine_open(&wr_heap, pack, &config, &work->engine, &error);
    if (code == WR_OK) {
        uint64_t last = WR_MIN(options.last, wr_journal_last(work->journal));
        wr_progress_open(&work->progress, "entries");
        code = wr_journal_each(work->journal, 1, last, replay_row, work, &error);
        wr_progress_close(&work->progress);
    }
    int exit_code = code == WR_OK ? tell_replay(work) : wr_complain_error("replay", &error);
    if (work->engine != NULL) {
        wr_engine_close(work->engine);
    }
    wr_arena_deinit(&arena);
    return exit_code;
}

static int with_journal(const char *directory, int (*verb)(struct work *work))
{
    struct wr_error error = {0};
    struct wr_port port;
    struct wr_port_linux *native;
    struct work work = {0};
    if (!wr_file_is_directory(directory)) {
        return wr_complain("%s is not a state directory", directory);
    }
    enum wr_io io = wr_port_linux_open(&port, &native);
    if (io != WR_IO_OK) {
        return wr_complain("cannot start: %s", wr_io_text(io));
    }
    wr_arena_init(&work.scratch, &wr_heap, WR_GIB(1));
    int exit_code = WR_EXIT_FAILED;
    if (wr_journal_open(&port, directory, NULL, &work.journal, &error) == WR_OK) {
        exit_code = verb(&work);
        wr_journal_close(work.journal, true);
    } else {
        wr_complain_error(directory, &error);
    }
    wr_arena_deinit(&work.scratch);
    wr_port_linux_close(native);
    return exit_code;
}

static int run(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct work *work);
    } verbs[] = {{"verify", verify}, {"export", export_rows}, {"replay", replay}};
    for (size_t i = 0; argc == 2 && i < WR_COUNTOF(verbs); i++) {
        if (strcmp(argv[0], verbs[i].name) == 0) {
            return with_journal(argv[1], verbs[i].run);
        }
    }
    wr_complain("wants verify, export or replay, and a state directory; see weir journal --help");
    return WR_EXIT_USAGE;
}

const struct wr_command wr_command_journal = {
    "journal",
    "Verifies, exports or replays the journal of a state directory",
    "verify STATE | export STATE | replay STATE --pack PACK",
    "`verify` checks the hash chain, `export` prints entries as JSON lines, `replay` decides "
    "every\n"
    "recorded event again, with its own time and state: with the same pack all bytes are the "
    "same,\n"
    "with another every changed outcome is told (exit code 1). The service must not be running on\n"
    "the directory.\n\n"
    "examples:\n"
    "  weir journal verify /var/lib/weir\n"
    "  weir journal export /var/lib/weir --first 1000 --last 1010\n"
    "  weir journal replay /var/lib/weir --pack packs/cards\n",
    table,
    WR_COUNTOF(table),
    run,
};
