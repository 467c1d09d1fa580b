/* SPDX-License-Identifier: Apache-2.0 */
/* weir journal verify|export: an auditor's view of a state directory.
 *
 * The service must not be running on the directory (or work on a copy of it): it is locked. */
#include "app/commands.h"
#include "app/file.h"
#include "port/port_linux.h"
#include "shell/journal.h"
#include "value/json_write.h"

#include <stdio.h>

static struct {
    uint64_t first, last;
} options = {.first = 1, .last = UINT64_MAX};

static const struct wr_option table[] = {
    {"first", 0, WR_OPT_U64, "N", "from this sequence on (1)", &options.first},
    {"last", 0, WR_OPT_U64, "N", "up to this sequence (the last)", &options.last},
};

struct work {
    struct wr_journal *journal;
    struct wr_arena scratch;
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
    wr_format(&buf,
              "{\"sequence\":%llu,\"kind\":\"%s\",\"epoch\":%u,\"now_us\":%lld,\"budget\":%d,"
              "\"flags\":%u,\"id\":",
              (unsigned long long)sequence, kind_name(record.kind), record.epoch,
              (long long)record.now_us, (int)record.budget, record.flags);
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
    } verbs[] = {{"verify", verify}, {"export", export_rows}};
    for (size_t i = 0; argc == 2 && i < WR_COUNTOF(verbs); i++) {
        if (strcmp(argv[0], verbs[i].name) == 0) {
            return with_journal(argv[1], verbs[i].run);
        }
    }
    wr_complain("wants verify or export, and a state directory; see weir journal --help");
    return WR_EXIT_USAGE;
}

const struct wr_command wr_command_journal = {
    "journal",
    "Verifies or exports the journal of a state directory",
    "verify STATE | export STATE",
    "`verify` checks the hash chain, `export` prints entries as JSON lines, which weir replay "
    "reads\n"
    "too. The service must not be running on the directory.\n\n"
    "examples:\n"
    "  weir journal verify /var/lib/weir\n"
    "  weir journal export /var/lib/weir --first 1000 --last 1010\n",
    table,
    WR_COUNTOF(table),
    run,
};
