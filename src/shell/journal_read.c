/* SPDX-License-Identifier: Apache-2.0 */
/* See journal.h: rows by sequence, all rows in order, the chain. A row lives in the last segment
 * whose first sequence is not greater; of the closed segments one at most is open. */
#include "shell/journal_in.h"

static size_t segment_of(const struct wr_journal *journal, uint64_t sequence)
{
    size_t low = 0, high = journal->n_segments; /* the last with first <= sequence */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (journal->segments[middle].first <= sequence) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void wr_journal_close_old(struct wr_journal *journal)
{
    if (journal->old_index != SIZE_MAX) {
        wr_journal_keep_marks(&journal->segments[journal->old_index], &journal->old);
        wr_log_keep_room(&journal->old, &journal->old_room);
        wr_log_close(&journal->old);
        journal->old_index = SIZE_MAX;
    }
}

/* Makes a closed segment the one that is open to read. */
static wr_err open_old(struct wr_journal *journal, size_t index, struct wr_error *error)
{
    char path[WR_SEGMENT_PATH_MAX];
    struct wr_segment_ref ref = journal->segments[index];
    if (journal->old_index == index) {
        return WR_OK;
    }
    wr_journal_close_old(journal);
    wr_journal_segment_path(journal, ref, path);
    if (wr_log_open(journal->port, path, &journal->old, &journal->old_meta) != WR_IO_OK) {
        wr_log_close(&journal->old);
        return wr_fail(error, WR_E_STATE, "%s: not a journal, or damaged", path);
    }
    wr_log_use_room(&journal->old, &journal->old_room);
    journal->old.next = journal->segments[index + 1].first;
    wr_journal_bring_marks(&journal->segments[index], &journal->old);
    journal->old_index = index;
    return WR_OK;
}

static bool is_live(const struct wr_journal *journal, size_t index)
{
    return index + 1 == journal->n_segments;
}

static wr_err bad_row(uint64_t sequence, const char *what, struct wr_error *error)
{
    return wr_fail(error, WR_E_JOURNAL, "row %llu: %s", (unsigned long long)sequence, what);
}

/* The row as it is stored; `in` gets its log. */
static wr_err find_row(struct wr_journal *journal, uint64_t sequence, struct wr_log **in,
                       struct wr_log_row *row, struct wr_error *error)
{
    *row = (struct wr_log_row){0};
    if (sequence == 0 || sequence < journal->segments[0].first || sequence > journal->last) {
        return wr_fail(error, WR_E_NOT_FOUND, "there is no entry %llu",
                       (unsigned long long)sequence);
    }
    size_t index = segment_of(journal, sequence);
    wr_err err = is_live(journal, index) ? WR_OK : open_old(journal, index, error);
    if (err != WR_OK) {
        return err;
    }
    struct wr_log *log = is_live(journal, index) ? &journal->live : &journal->old;
    if (log->port == NULL) {
        return wr_journal_not_open(error);
    }
    *in = log;
    return wr_log_find(log, sequence, row) ? WR_OK : bad_row(sequence, "missing", error);
}

static wr_err fetch_row(struct wr_journal *journal, uint64_t sequence, struct wr_log_row *row,
                        struct wr_str *plain, struct wr_error *error)
{
    struct wr_log *log = NULL;
    *plain = (struct wr_str){NULL, 0};
    wr_err err = find_row(journal, sequence, &log, row, error);
    return err != WR_OK ? err : wr_log_plain(log, row, plain, error);
}

wr_err wr_journal_fetch(struct wr_journal *journal, uint64_t sequence, struct wr_str *payload,
                        struct wr_error *error)
{
    struct wr_log_row row;
    return fetch_row(journal, sequence, &row, payload, error);
}

wr_err wr_journal_fetch_placed(struct wr_journal *journal, uint64_t sequence,
                               struct wr_str *payload, struct wr_row_place *place,
                               struct wr_error *error)
{
    struct wr_log_row row;
    wr_err err = fetch_row(journal, sequence, &row, payload, error);
    if (err == WR_OK) {
        place->segment = journal->segments[segment_of(journal, sequence)].first;
        place->sequence = sequence;
        place->offset = row.offset;
        memcpy(place->link, row.link.p, 32);
    }
    return err;
}

wr_err wr_journal_link(struct wr_journal *journal, uint64_t sequence, uint8_t link[32],
                       struct wr_error *error)
{
    struct wr_log *log = NULL;
    struct wr_log_row row;
    if (sequence + 1 == journal->segments[0].first) {
        wr_err err = is_live(journal, 0) ? WR_OK : open_old(journal, 0, error);
        const struct wr_segment_meta *meta =
            is_live(journal, 0) ? &journal->meta : &journal->old_meta;
        memcpy(link, meta->link, 32);
        return err;
    }
    wr_err err = find_row(journal, sequence, &log, &row, error);
    if (err == WR_OK) {
        memcpy(link, row.link.p, 32);
    }
    return err;
}

struct row_visitor { /* each: NULL, the rows are verified only */
    wr_err (*each)(void *context, uint64_t sequence, struct wr_str payload, struct wr_error *error);
    void *context;
    bool verify;
    uint8_t link[32];
};

static bool is_linked(struct row_visitor *visitor, const struct wr_log_row *row)
{
    uint8_t digest[32];
    wr_sha256_of(row->payload.p, row->payload.n, digest);
    wr_record_link(visitor->link, digest, row->sequence);
    return memcmp(row->link.p, visitor->link, 32) == 0;
}

/* The chain says nothing of the table: by another one no row expands. */
static wr_err visit(struct row_visitor *visitor, struct wr_log *log, const struct wr_log_row *row,
                    struct wr_error *error)
{
    if (visitor->verify && !is_linked(visitor, row)) {
        return bad_row(row->sequence, "its payload does not match the chain", error);
    }
    struct wr_str plain;
    wr_err err = wr_log_plain(log, row, &plain, error);
    return err != WR_OK || visitor->each == NULL
               ? err
               : visitor->each(visitor->context, row->sequence, plain, error);
}

static wr_err visit_log(struct wr_log *log, uint64_t *next, uint64_t last,
                        struct row_visitor *visitor, struct wr_error *error)
{
    struct wr_log_row row;
    wr_err err = WR_OK;
    if (log->port == NULL) {
        return wr_journal_not_open(error);
    }
    bool found = wr_log_find(log, *next, &row);
    while (found && err == WR_OK && row.sequence == *next) {
        uint64_t offset = row.next;
        err = visit(visitor, log, &row, error);
        found = err == WR_OK && ++*next <= last && wr_log_next(log, offset, &row);
    }
    return err != WR_OK || *next > last ? err : bad_row(*next, "missing", error);
}

static wr_err visit_segment(struct wr_journal *journal, size_t index, uint64_t *next, uint64_t last,
                            struct row_visitor *visitor, struct wr_error *error)
{
    if (is_live(journal, index)) {
        return visit_log(&journal->live, next, last, visitor, error);
    }
    wr_err err = open_old(journal, index, error);
    if (err != WR_OK) {
        return err;
    }
    last = WR_MIN(last, journal->segments[index + 1].first - 1);
    return visit_log(&journal->old, next, last, visitor, error);
}

static wr_err visit_all(struct wr_journal *journal, uint64_t first, uint64_t last,
                        struct row_visitor *visitor, struct wr_error *error)
{
    last = WR_MIN(last, journal->last_committed);
    first = WR_MAX(first, journal->segments[0].first);
    wr_err err = WR_OK;
    while (err == WR_OK && first <= last) {
        err = visit_segment(journal, segment_of(journal, first), &first, last, visitor, error);
    }
    return err;
}

wr_err wr_journal_each(struct wr_journal *journal, uint64_t first, uint64_t last,
                       wr_err (*each)(void *context, uint64_t sequence, struct wr_str payload,
                                      struct wr_error *error),
                       void *context, struct wr_error *error)
{
    struct row_visitor visitor = {.each = each, .context = context};
    return visit_all(journal, first, last, &visitor, error);
}

/* The link before the first row: of the row before, or what the segment's head says. */
static wr_err link_before(struct wr_journal *journal, uint64_t first, uint8_t link[32],
                          struct wr_error *error)
{
    size_t index = segment_of(journal, first);
    if (journal->segments[index].first == first && is_live(journal, index)) {
        memcpy(link, journal->meta.link, 32);
        return WR_OK;
    }
    return wr_journal_link(journal, first - 1, link, error);
}

wr_err wr_journal_each_verified(struct wr_journal *journal, uint64_t first, uint64_t last,
                                wr_err (*each)(void *context, uint64_t sequence,
                                               struct wr_str payload, struct wr_error *error),
                                void *context, struct wr_error *error)
{
    struct row_visitor visitor = {.each = each, .context = context, .verify = true};
    first = WR_MAX(first, journal->segments[0].first);
    wr_err err = first > 1 ? link_before(journal, first, visitor.link, error) : WR_OK;
    return err != WR_OK ? err : visit_all(journal, first, last, &visitor, error);
}

wr_err wr_journal_verify(struct wr_journal *journal, uint64_t first, uint64_t last,
                         struct wr_error *error)
{
    return wr_journal_each_verified(journal, first, last, NULL, NULL, error);
}
