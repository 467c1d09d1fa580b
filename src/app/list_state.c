/* SPDX-License-Identifier: Apache-2.0 */
#include "app/list_state.h"

#include "app/file.h"
#include "app/progress.h"
#include "port/port_linux.h"
#include "shell/journal.h"

struct reading {
    struct wr_lists *lists;
    struct wr_arena scratch;
    struct wr_progress progress;
    uint64_t n;
};

static wr_err take_row(void *context, uint64_t sequence, struct wr_str payload,
                       struct wr_error *error)
{
    struct reading *reading = context;
    struct wr_record record;
    struct wr_list_change change;
    struct wr_list_counts counts;
    wr_err code = wr_record_decode(payload, &record, error);
    if (code == WR_OK && record.kind == WR_RECORD_LIST) {
        code = wr_list_change_of_record(&record, &reading->scratch, &change, error);
        code = code != WR_OK ? code
                             : wr_lists_apply(reading->lists, &change, sequence, record.now_us,
                                              &counts, error);
        wr_arena_reset(&reading->scratch);
    }
    wr_progress_step(&reading->progress, 0, ++reading->n);
    return code;
}

wr_err wr_list_state_read(const char *directory, struct wr_lists *lists, struct wr_error *error)
{
    const struct wr_journal_options look = {.read_only = true};
    struct reading reading = {.lists = lists};
    struct wr_journal *journal;
    struct wr_port port;
    struct wr_port_linux *native;
    wr_lists_open(lists, &wr_heap);
    if (!wr_file_is_directory(directory)) {
        return wr_fail(error, WR_E_STATE, "%s is not a state directory", directory);
    }
    enum wr_io io = wr_port_linux_open(&port, &native);
    if (io != WR_IO_OK) {
        return wr_fail(error, WR_E_IO, "cannot start: %s", wr_io_text(io));
    }
    wr_arena_init(&reading.scratch, &wr_heap, WR_GIB(1));
    wr_progress_open(&reading.progress, "entries");
    wr_err code = wr_journal_open(&port, directory, &look, &journal, error);
    if (code == WR_OK) {
        code = wr_journal_each(journal, 1, UINT64_MAX, take_row, &reading, error);
        wr_journal_close(journal, true);
    }
    wr_progress_close(&reading.progress);
    wr_arena_deinit(&reading.scratch);
    wr_port_linux_close(native);
    return code;
}
