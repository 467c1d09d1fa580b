/* SPDX-License-Identifier: Apache-2.0 */
/* weir journal verify|export|challengers|backup: an auditor's view of a state directory, and its
 * copies.
 *
 * To verify or export, the service must not be running on the directory: it is locked. */
#include "app/challengers.h"
#include "app/commands.h"
#include "app/file.h"
#include "app/journal_backup.h"
#include "app/journal_export.h"
#include "port/port_linux.h"
#include "shell/journal.h"

#include <stdio.h>

static struct {
    uint64_t first, last;
    const char *format, *output, *label, *report;
} options = {.first = 1, .last = UINT64_MAX, .format = "jsonl", .report = "text"};

static const struct wr_option table[] = {
    {"first", 0, WR_OPT_U64, "N", "from this sequence on (1)", &options.first},
    {"last", 0, WR_OPT_U64, "N", "up to this sequence (the last)", &options.last},
    {"format", 'f', WR_OPT_TEXT, "jsonl|csv|sqlite", "export: as what (jsonl)", &options.format},
    {"output", 'o', WR_OPT_TEXT, "FILE", "export: to a new file (standard output)",
     &options.output},
    {"label", 0, WR_OPT_TEXT, "NAME", "challengers: the label that means fraud (any that is true)",
     &options.label},
    {"report", 0, WR_OPT_TEXT, "text|json", "challengers: form of the result (text)",
     &options.report},
};

struct work {
    struct wr_journal *journal;
    struct wr_arena scratch;
};

/* ── export ─────────────────────────────────────────────────────────────────────────────────── */
struct exporting {
    struct wr_journal_export *export;
    uint64_t last; /* that is written; 0: none */
};

static wr_err export_row(void *context, uint64_t sequence, struct wr_str payload,
                         struct wr_error *error)
{
    struct exporting *exporting = context;
    wr_err err = wr_journal_export_row(exporting->export, sequence, payload, error);
    exporting->last = err == WR_OK ? sequence : exporting->last;
    return err;
}

/* The first that is asked for and that retention has left. */
static uint64_t first_of(const struct work *work)
{
    return WR_MAX(options.first, wr_journal_first(work->journal));
}

/* Is there an entry between --first and --last? What checks or prints nothing must not look well.
 */
static bool has_rows(const struct work *work, uint64_t last)
{
    if (options.first >= 1 && first_of(work) <= last) {
        return true;
    }
    wr_complain("there are no entries %llu to %llu", (unsigned long long)options.first,
                (unsigned long long)last);
    return false;
}

/* Before a row that is damaged all are good, and stay: nobody is to take them for the whole. */
static void complain_ended(const struct work *work, const struct exporting *exporting,
                           const struct wr_error *error)
{
    char what[96] = "export: no entry is written";
    if (exporting->last != 0) {
        snprintf(what, sizeof what, "export: entries %llu to %llu are written, no more",
                 (unsigned long long)first_of(work), (unsigned long long)exporting->last);
    }
    wr_complain_journal(what, error);
}

static int export_rows(struct work *work)
{
    struct wr_error error = {0}, unkept = {0};
    struct exporting exporting = {0};
    uint64_t last = WR_MIN(options.last, wr_journal_last(work->journal));
    if (last != 0 && !has_rows(work, last)) {
        return WR_EXIT_FAILED;
    }
    wr_err opened = wr_journal_export_open(&work->scratch, options.format, options.output,
                                           &exporting.export, &error);
    wr_err err = opened != WR_OK ? opened
                                 : wr_journal_each_verified(work->journal, options.first, last,
                                                            export_row, &exporting, &error);
    wr_err kept = exporting.export != NULL
                      ? wr_journal_export_close(exporting.export, opened == WR_OK, &unkept)
                      : WR_OK;
    if (err == WR_OK && kept == WR_OK) {
        return WR_EXIT_OK;
    }
    if (opened == WR_OK && kept == WR_OK && err != WR_E_IO) {
        complain_ended(work, &exporting, &error);
    } else {
        wr_complain_journal("export", err != WR_OK ? &error : &unkept);
    }
    return err == WR_E_USAGE ? WR_EXIT_USAGE : WR_EXIT_FAILED;
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
    if (!has_rows(work, last)) {
        return WR_EXIT_FAILED;
    }
    if (wr_journal_verify(work->journal, options.first, last, &error) != WR_OK) {
        return wr_complain_journal("verify", &error);
    }
    printf("entries %llu to %llu: the chain is whole\n", (unsigned long long)first_of(work),
           (unsigned long long)last);
    return WR_EXIT_OK;
}

/* ── challengers ────────────────────────────────────────────────────────────────────────────── */
static wr_err compare_row(void *context, uint64_t sequence, struct wr_str payload,
                          struct wr_error *error)
{
    (void)sequence;
    return wr_challengers_take(context, payload, error);
}

static int compare(struct work *work)
{
    struct wr_error error = {0};
    struct wr_challengers_report report;
    bool json = strcmp(options.report, "json") == 0;
    uint64_t last = WR_MIN(options.last, wr_journal_last(work->journal));
    if (!json && strcmp(options.report, "text") != 0) {
        wr_complain("--report wants text or json; see weir journal --help");
        return WR_EXIT_USAGE;
    }
    if (last != 0 && !has_rows(work, last)) {
        return WR_EXIT_FAILED;
    }
    struct wr_challengers *all = wr_challengers_open(options.label);
    if (all == NULL) {
        return wr_complain("no memory");
    }
    wr_err err =
        wr_journal_each_verified(work->journal, options.first, last, compare_row, all, &error);
    err = err != WR_OK ? err : wr_challengers_sum(all, &report, &error);
    int exit_code = err == WR_OK ? WR_EXIT_OK : wr_complain_journal("challengers", &error);
    if (err == WR_OK && report.n_decisions == 0) {
        exit_code = wr_complain("no decision here was made under a pack with challengers");
    } else if (err == WR_OK) {
        (json ? wr_challengers_json : wr_challengers_text)(stdout, &report);
    }
    wr_challengers_close(all);
    return exit_code;
}

static int with_journal(const char *directory, int (*verb)(struct work *work))
{
    struct wr_error error = {0};
    struct wr_port port;
    struct wr_port_linux *native;
    struct work work = {0};
    const struct wr_journal_options look = {.read_only = true, .checks_all = true};
    if (!wr_file_is_directory(directory)) {
        return wr_complain("%s is not a state directory", directory);
    }
    enum wr_io io = wr_port_linux_open(&port, &native);
    if (io != WR_IO_OK) {
        return wr_complain("cannot start: %s", wr_io_text(io));
    }
    wr_arena_init(&work.scratch, &wr_heap, WR_GIB(1));
    int exit_code = WR_EXIT_FAILED;
    if (wr_journal_open(&port, directory, &look, &work.journal, &error) == WR_OK) {
        exit_code = verb(&work);
        wr_journal_close(work.journal, true);
    } else {
        wr_complain_journal(directory, &error);
    }
    wr_arena_deinit(&work.scratch);
    wr_port_linux_close(native);
    return exit_code;
}

static int backup(const char *from, const char *to)
{
    struct wr_error error = {0};
    struct wr_port port;
    struct wr_port_linux *native;
    struct wr_backup_result result;
    if (!wr_file_is_directory(from)) {
        return wr_complain("%s is not a state directory", from);
    }
    enum wr_io io = wr_port_linux_open(&port, &native);
    if (io != WR_IO_OK) {
        return wr_complain("cannot start: %s", wr_io_text(io));
    }
    wr_err err = wr_journal_backup(&port, from, to, &result, &error);
    wr_port_linux_close(native);
    if (err != WR_OK) {
        return wr_complain_journal("backup", &error);
    }
    printf("%llu files, %llu bytes: entries %llu to %llu, the chain is whole\n",
           (unsigned long long)result.n_files, (unsigned long long)result.n_bytes,
           (unsigned long long)result.first, (unsigned long long)result.last);
    return WR_EXIT_OK;
}

static int run(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[0], "backup") == 0) {
        return backup(argv[1], argv[2]);
    }
    static const struct {
        const char *name;
        int (*run)(struct work *work);
    } verbs[] = {{"verify", verify}, {"export", export_rows}, {"challengers", compare}};
    for (size_t i = 0; argc == 2 && i < WR_COUNTOF(verbs); i++) {
        if (strcmp(argv[0], verbs[i].name) == 0) {
            return with_journal(argv[1], verbs[i].run);
        }
    }
    wr_complain("wants verify, export, challengers or backup, and a state directory; see weir "
                "journal --help");
    return WR_EXIT_USAGE;
}

const struct wr_command wr_command_journal = {
    "journal",
    "Verifies, exports, evaluates or copies the journal of a state directory",
    "verify STATE | export STATE | challengers STATE | backup STATE FOLDER",
    "`verify` checks the hash chain. `export` writes entries as JSON lines (weir replay reads\n"
    "these too), as CSV, or into an SQLite database with indexes on id and time. `challengers`\n"
    "compares the scores of challengers with their champions', counts the outcomes that would be\n"
    "others, and tells precision, recall and AUC of both where the journal holds labels. Both "
    "check\n"
    "the chain as they go, and end at a row that does not match it: `export` says which entries "
    "are\n"
    "written before, `challengers` reports nothing. The service must not be running on the\n"
    "directory. `backup` copies a directory, also one that a service writes to, and verifies the\n"
    "copy; a service started on the copy gives decision ids of its own.\n\n"
    "examples:\n"
    "  weir journal verify /var/lib/weir\n"
    "  weir journal export /var/lib/weir --first 1000 --last 1010\n"
    "  weir journal export /var/lib/weir --format sqlite --output entries.db\n"
    "  weir journal challengers /var/lib/weir --label fraud --report json\n"
    "  weir journal backup /var/lib/weir /backup/weir-2026-11-28\n",
    table,
    WR_COUNTOF(table),
    run,
};
