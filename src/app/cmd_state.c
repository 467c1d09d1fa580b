/* SPDX-License-Identifier: Apache-2.0 */
/* weir state info|verify: the snapshots of a state directory. The service must not be running on
 * it: it is locked. Nothing is written. */
#include "app/commands.h"
#include "app/file.h"
#include "port/port_linux.h"
#include "shell/journal.h"
#include "shell/snapshot_file.h"

#include <stdio.h>
#include <time.h>

struct work {
    struct wr_journal *journal;
    struct wr_snapshot_place place;
    uint64_t sequences[WR_LIMIT_SNAPSHOTS];
    size_t n;
};

/* Does the journal hold the row that it stands at? */
static wr_err check_row(struct work *work, const struct wr_snapshot_info *info,
                        struct wr_error *error)
{
    uint8_t link[32];
    wr_err err = wr_journal_link(work->journal, info->sequence, link, error);
    return err == WR_OK && memcmp(link, info->place.link, sizeof link) != 0
               ? wr_fail(error, WR_E_STATE, "its row is another one in this journal")
               : err;
}

static void print_one(const struct wr_snapshot_info *info)
{
    char when[32], digest[17];
    struct wr_buf hex = wr_buf_fixed(digest, sizeof digest);
    time_t seconds = (time_t)(info->begun_us / 1000000);
    struct tm tm;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
    wr_buf_hex(&hex, info->pack_digest, 8);
    printf("entry %llu, begun %s, %llu bytes in %llu blocks, pack %.16s...",
           (unsigned long long)info->sequence, when, (unsigned long long)info->n_bytes,
           (unsigned long long)info->n_blocks, digest);
}

/* Goes over all; `whole`: reads every block too. How many are no good. */
static int each(struct work *work, bool whole)
{
    int n_bad = 0;
    for (size_t i = 0; i < work->n; i++) {
        struct wr_snapshot_info info;
        struct wr_error error = {.offset = WR_NO_OFFSET};
        wr_err err = wr_snapshot_look(&work->place, work->sequences[i], &info, &error);
        if (err == WR_OK) {
            print_one(&info);
            err = check_row(work, &info, &error);
        } else {
            printf("entry %llu", (unsigned long long)work->sequences[i]);
        }
        err = err != WR_OK || !whole ? err : wr_snapshot_load(&work->place, &info, NULL, &error);
        n_bad += err != WR_OK;
        printf("%s%s\n", err == WR_OK ? (whole ? ": whole" : "") : ": no good: ",
               err == WR_OK ? "" : error.text);
    }
    return n_bad;
}

static int info(struct work *work)
{
    printf("journal: entries %llu to %llu; snapshots: %zu\n",
           (unsigned long long)wr_journal_first(work->journal),
           (unsigned long long)wr_journal_last(work->journal), work->n);
    return each(work, false) == 0 ? WR_EXIT_OK : WR_EXIT_FAILED;
}

static int verify(struct work *work)
{
    if (work->n == 0) {
        puts("there is no snapshot: a start folds the whole journal");
        return WR_EXIT_OK;
    }
    return each(work, true) == 0 ? WR_EXIT_OK : WR_EXIT_FAILED;
}

static int with_state(const char *directory, int (*verb)(struct work *work))
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_port port;
    struct wr_port_linux *native;
    struct work work = {0};
    const struct wr_journal_options look = {.read_only = true};
    if (!wr_file_is_directory(directory)) {
        return wr_complain("%s is not a state directory", directory);
    }
    enum wr_io io = wr_port_linux_open(&port, &native);
    if (io != WR_IO_OK) {
        return wr_complain("cannot start: %s", wr_io_text(io));
    }
    int exit_code = WR_EXIT_FAILED;
    if (wr_journal_open(&port, directory, &look, &work.journal, &error) == WR_OK) {
        struct wr_journal_identity identity = wr_journal_identity(work.journal);
        work.place = (struct wr_snapshot_place){
            .port = &port, .directory = directory, .keys = {identity.keys[0], identity.keys[1]}};
        work.n = wr_snapshot_list(&work.place, work.sequences);
        exit_code = verb(&work);
        wr_journal_close(work.journal, true);
    } else {
        wr_complain_journal(directory, &error);
    }
    wr_port_linux_close(native);
    return exit_code;
}

static int run(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[0], "info") == 0) {
        return with_state(argv[1], info);
    }
    if (argc == 2 && strcmp(argv[0], "verify") == 0) {
        return with_state(argv[1], verify);
    }
    wr_complain("wants info or verify, and a state directory; see weir state --help");
    return WR_EXIT_USAGE;
}

const struct wr_command wr_command_state = {
    "state",
    "Shows or verifies the snapshots of a state directory",
    "info STATE | verify STATE",
    "`info` lists the snapshots that a start could begin from. `verify` reads all of them: sums "
    "of\n"
    "blocks, the seal under the directory's keys, and whether the journal holds the row that\n"
    "each stands at. The service must not be running on the directory. Exit code 1: one is no\n"
    "good; a start passes over it and uses an older one or the whole journal.\n\n"
    "examples:\n"
    "  weir state info /var/lib/weir\n"
    "  weir state verify /var/lib/weir\n",
    NULL,
    0,
    run,
};
