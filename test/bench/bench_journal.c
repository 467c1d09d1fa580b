/* SPDX-License-Identifier: Apache-2.0 */
/* What a full journal row costs: rows in groups through the journal's thread, CPU of all threads.
 *
 *   bench_journal [DIRECTORY] [ROWS] [BYTES] [GROUP]
 *
 * Prints one JSON line for each mode. The directory is made and left empty of journals. */
#include "port/port_linux.h"
#include "shell/journal_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct wr_port port;
static struct wr_port_linux *native;

static double run(const char *directory, bool durable, uint64_t n, size_t size, uint64_t group)
{
    struct wr_error error;
    struct wr_journal *journal;
    struct wr_journal_thread *thread;
    if (wr_journal_open(&port, directory, NULL, &journal, &error) != WR_OK ||
        wr_journal_thread_open(&port, journal, durable, &thread, &error) != WR_OK) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    char *row = malloc(size);
    for (size_t i = 0; i < size; i++) {
        row[i] = (char)(32 + (i * 7919 + i / 13) % 90);
    }
    memcpy(row, "WR\1\1", 4);
    uint64_t first = wr_journal_last(journal), sequence = first;
    int64_t cpu = port.process.cpu_ns(NULL), start = port.clock.mono_ns(NULL);
    while (sequence < first + n) {
        for (uint64_t i = 0; i < group; i++) {
            memcpy(row + 8, &sequence, sizeof sequence);
            while (!wr_journal_thread_append(thread, sequence + 1, wr_str_of(row, size))) {
                wr_journal_thread_submit(thread);
                nanosleep(&(struct timespec){0, 100000}, NULL);
            }
            sequence++;
        }
        wr_journal_thread_submit(thread);
    }
    while (wr_journal_thread_kept(thread) < sequence &&
           wr_journal_thread_state(thread) == WR_JOURNAL_OK) {
        nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    int64_t wall = port.clock.mono_ns(NULL) - start;
    cpu = port.process.cpu_ns(NULL) - cpu;
    struct wr_journal_stats stats;
    wr_journal_thread_stats(thread, &stats);
    printf(
        "{\"mode\":\"%s\",\"rows\":%llu,\"bytes\":%zu,\"rows_per_s\":%.0f,\"cpu_us_per_row\":%.2f,"
        "\"rows_per_commit\":%.0f,\"sync_ms_mean\":%.2f,\"sync_ms_max\":%.2f,"
        "\"segments\":%llu}\n",
        durable ? "durable" : "fast", (unsigned long long)n, size, (double)n * 1e9 / (double)wall,
        (double)cpu / 1e3 / (double)n, (double)n / (double)stats.n_commits,
        (double)stats.sync_ns / 1e6 / (double)(stats.n_syncs ? stats.n_syncs : 1),
        (double)stats.sync_ns_max / 1e6, (unsigned long long)stats.n_segments);
    wr_journal_thread_close(thread);
    wr_journal_close(journal, true);
    free(row);
    return 0;
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "bench-journal";
    uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000;
    size_t size = argc > 3 ? strtoull(argv[3], NULL, 10) : 1100;
    uint64_t group = argc > 4 ? strtoull(argv[4], NULL, 10) : 64;
    if (size < 64 || group == 0 || wr_port_linux_open(&port, &native) != WR_IO_OK) {
        return 2;
    }
    run(directory, false, n, size, group);
    run(directory, true, n, size, group);
    wr_port_linux_close(native);
    return 0;
}
