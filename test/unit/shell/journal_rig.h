/* SPDX-License-Identifier: Apache-2.0 */
/* A journal on the simulated disk, rows that their number decides, and a look whether they are all
 * there. */
#ifndef JOURNAL_RIG_H
#define JOURNAL_RIG_H

#include "check.h"
#include "shell/journal.h"
#include "sim/sim.h"

static char rows[64][2048];

/* A row like the engine's: "WR", version, kind, then text that its number decides. */
static inline struct wr_str row(uint64_t sequence)
{
    char *text = rows[sequence % 64];
    int n = snprintf(text, sizeof rows[0], "WR\1\1 row %llu ", (unsigned long long)sequence);
    size_t size = 100 + (size_t)(sequence * 7919 % 1500);
    for (size_t i = (size_t)n; i < size; i++) {
        text[i] = (char)('a' + (sequence + i) % 26);
    }
    return wr_str_of(text, size);
}

static inline struct wr_journal *open_at(struct sim *sim, uint64_t segment_max)
{
    struct wr_journal *journal = NULL;
    struct wr_error error = {0};
    struct wr_journal_options options = {.segment_max = segment_max};
    wr_err err = wr_journal_open(sim_port(sim), "/state", &options, &journal, &error);
    if (err != WR_OK && !sim_crashed(sim)) {
        fprintf(stderr, "%s\n", error.text);
    }
    return journal;
}

static inline wr_err add(struct wr_journal *journal, uint64_t n, struct wr_error *error)
{
    wr_err err = WR_OK;
    for (uint64_t i = 0; i < n && err == WR_OK; i++) {
        uint64_t sequence = wr_journal_last(journal) + 1;
        err = wr_journal_append(journal, sequence, row(sequence), error);
    }
    return err != WR_OK ? err : wr_journal_commit(journal, error);
}

static inline wr_err same_row(void *context, uint64_t sequence, struct wr_str payload,
                              struct wr_error *error)
{
    (void)error;
    uint64_t *next = context;
    CHECK_INT(sequence, *next);
    CHECK(wr_str_eq(payload, row(sequence)));
    *next = sequence + 1;
    return WR_OK;
}

static inline void check_rows(struct wr_journal *journal, uint64_t last)
{
    struct wr_error error = {0};
    uint64_t next = 1;
    CHECK_INT(wr_journal_last(journal), last);
    CHECK_INT(wr_journal_each(journal, 1, UINT64_MAX, same_row, &next, &error), WR_OK);
    CHECK_INT(next, last + 1);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
}

#endif
