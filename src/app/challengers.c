/* SPDX-License-Identifier: Apache-2.0 */
/* See challengers.h. */
#include "app/challengers.h"

#include "app/file.h"
#include "app/json_find.h"
#include "base/hash.h"
#include "base/num.h"
#include "value/json_read.h"

#include <math.h>
#include <stdlib.h>

const double wr_challenger_points[WR_CHALLENGER_POINTS] = {0,    0.01, 0.05, 0.25, 0.5,
                                                           0.75, 0.95, 0.99, 1};

struct row {                     /* one score of a challenger */
    double challenger, champion; /* champion NaN: it had none */
    uint64_t sequence;
    uint8_t was, is;
};

struct rows {
    struct wr_challenger_report report;
    struct row *items;
    size_t n, cap;
};

struct waiting { /* a decision that no entry has covered yet */
    uint64_t sequence;
    char *scores; /* JSON */
    uint32_t scores_n;
    uint8_t outcome;
};

struct known { /* an event's decision and label */
    uint64_t id_hash, sequence;
    uint8_t label; /* 0 none, 1 true, 2 false */
};

struct wr_challengers {
    const char *label;
    struct wr_arena names, scratch;
    struct rows rows[WR_LIMIT_CHALLENGERS];
    size_t n_rows;
    struct wr_challenger_report *reports;
    struct waiting *waiting; /* oldest first */
    size_t n_waiting, waiting_cap;
    struct known *known; /* open addressing by id_hash; sequence 0 is free */
    size_t n_known, known_cap;
    uint64_t n_decisions, n_covered[WR_CHALLENGE_WHYS];
};

struct wr_challengers *wr_challengers_open(const char *label)
{
    struct wr_challengers *all = calloc(1, sizeof *all);
    if (all != NULL) {
        all->label = label;
        wr_arena_init(&all->names, &wr_heap, WR_GIB(1));
        wr_arena_init(&all->scratch, &wr_heap, WR_GIB(1));
    }
    return all;
}

void wr_challengers_close(struct wr_challengers *all)
{
    for (size_t i = 0; i < all->n_rows; i++) {
        free(all->rows[i].items);
    }
    for (size_t i = 0; i < all->n_waiting; i++) {
        free(all->waiting[i].scores);
    }
    free(all->waiting);
    free(all->known);
    free(all->reports);
    wr_arena_deinit(&all->names);
    wr_arena_deinit(&all->scratch);
    free(all);
}

static wr_err no_room(struct wr_error *error)
{
    return wr_fail(error, WR_E_MEMORY, "no memory for the scores of the journal");
}

/* Doubles what `items` has room for when it is full; false without memory. */
static bool grow(void *items, size_t n, size_t *cap, size_t size)
{
    void *old;
    if (n < *cap) {
        return true;
    }
    size_t more = *cap == 0 ? 1024 : *cap * 2;
    memcpy(&old, items, sizeof old);
    void *grown = realloc(old, more * size);
    if (grown == NULL) {
        return false;
    }
    memcpy(items, &grown, sizeof grown);
    *cap = more;
    return true;
}

/* ── events ─────────────────────────────────────────────────────────────────────────────────── */
static uint64_t hash_of(struct wr_str id)
{
    static const struct wr_hash_key key = {0x7765697263686c67, 1};
    return wr_siphash13(key, id.p, id.n) | 1;
}

static struct known *slot_of(const struct wr_challengers *all, uint64_t id_hash)
{
    size_t at = (size_t)(id_hash & (all->known_cap - 1));
    while (all->known[at].sequence != 0 && all->known[at].id_hash != id_hash) {
        at = (at + 1) & (all->known_cap - 1);
    }
    return &all->known[at];
}

static bool make_room(struct wr_challengers *all)
{
    if (all->n_known * 2 < all->known_cap) {
        return true;
    }
    struct known *old = all->known;
    size_t old_cap = all->known_cap, cap = old_cap == 0 ? 1024 : old_cap * 2;
    struct known *grown = calloc(cap, sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    all->known = grown;
    all->known_cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].sequence != 0) {
            *slot_of(all, old[i].id_hash) = old[i];
        }
    }
    free(old);
    return true;
}

/* An event's newest decision is the one that labels are for. */
static bool remember(struct wr_challengers *all, struct wr_str id, uint64_t sequence)
{
    if (!make_room(all)) {
        return false;
    }
    struct known *slot = slot_of(all, hash_of(id));
    all->n_known += slot->sequence == 0;
    *slot = (struct known){.id_hash = hash_of(id), .sequence = sequence};
    return true;
}

static uint8_t label_value(const struct wr_challengers *all, const struct wr_value *labels)
{
    uint8_t value = 0;
    for (uint32_t i = 0; labels != NULL && wr_is(*labels, WR_OBJECT) && i < labels->n; i++) {
        const struct wr_value *v = &labels->pairs[i].value;
        bool wanted =
            all->label == NULL || wr_str_eq(wr_text(labels->pairs[i].key), wr_str_z(all->label));
        uint8_t one = !wanted || !wr_is(*v, WR_BOOL) ? 0 : wr_is_true(*v) ? 1 : 2;
        value = value == 1 || one == 0 ? value : one;
    }
    return value;
}

static wr_err take_label(struct wr_challengers *all, const struct wr_record *record,
                         struct wr_error *error)
{
    struct wr_value document;
    wr_err err = wr_json_read(&all->scratch, record->event, true, NULL, &document, error);
    if (err != WR_OK || all->known_cap == 0) {
        return err;
    }
    struct known *slot = slot_of(all, hash_of(record->id));
    if (slot->sequence != 0 && wr_is(document, WR_OBJECT)) {
        slot->label = label_value(all, wr_object_get_str(&document, WR_STR("label")));
    }
    return WR_OK;
}

/* ── decisions ──────────────────────────────────────────────────────────────────────────────── */
static wr_err take_decision(struct wr_challengers *all, const struct wr_record *record,
                            struct wr_error *error)
{
    size_t at = 0, n = 0;
    if ((record->flags & WR_RECORD_CHALLENGED) == 0) {
        return WR_OK;
    }
    all->n_decisions++;
    if (!wr_json_find(record->derived, "scores", &at, &n)) {
        return wr_fail(error, WR_E_JOURNAL, "entry %llu has no scores",
                       (unsigned long long)record->sequence);
    }
    char *scores = malloc(n + 1);
    if (scores == NULL ||
        !grow(&all->waiting, all->n_waiting, &all->waiting_cap, sizeof *all->waiting)) {
        free(scores);
        return no_room(error);
    }
    memcpy(scores, record->derived.p + at, n);
    all->waiting[all->n_waiting++] = (struct waiting){.sequence = record->sequence,
                                                      .scores = scores,
                                                      .scores_n = (uint32_t)n,
                                                      .outcome = (uint8_t)record->outcome};
    return record->id.n == 0 || remember(all, record->id, record->sequence) ? WR_OK
                                                                            : no_room(error);
}

/* ── scores ─────────────────────────────────────────────────────────────────────────────────── */
static struct rows *rows_of(struct wr_challengers *all, struct wr_str name, struct wr_str champion)
{
    for (size_t i = 0; i < all->n_rows; i++) {
        if (wr_str_eq(all->rows[i].report.name, name) &&
            wr_str_eq(all->rows[i].report.champion, champion)) {
            return &all->rows[i];
        }
    }
    if (all->n_rows == WR_LIMIT_CHALLENGERS) {
        return NULL;
    }
    struct rows *rows = &all->rows[all->n_rows];
    rows->report.name = wr_str_copy(&all->names, name);
    rows->report.champion = wr_str_copy(&all->names, champion);
    all->n_rows += rows->report.name.p != NULL && rows->report.champion.p != NULL;
    return rows;
}

static const struct waiting *decision_of(const struct wr_challengers *all, uint64_t sequence)
{
    size_t low = 0, high = all->n_waiting;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (all->waiting[middle].sequence < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < all->n_waiting && all->waiting[low].sequence == sequence ? &all->waiting[low]
                                                                          : NULL;
}

static struct wr_str text_of(const struct wr_value *object, const char *key)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(key));
    return v != NULL && wr_is(*v, WR_STRING) ? wr_text(*v) : WR_STR("");
}

static double champion_score(const struct waiting *decision, struct wr_str champion)
{
    char path[128];
    size_t at, n;
    double score = (double)NAN;
    if (champion.n >= sizeof path) {
        return score;
    }
    memcpy(path, champion.p, champion.n);
    path[champion.n] = '\0';
    if (!wr_json_find(wr_str_of(decision->scores, decision->scores_n), path, &at, &n) ||
        !wr_num_read_double(wr_str_of(decision->scores + at, n), &score)) {
        score = (double)NAN;
    }
    return score;
}

static bool take_score(struct rows *rows, const struct wr_value *item,
                       const struct waiting *decision)
{
    const struct wr_value *score = wr_object_get_str(item, WR_STR("score"));
    enum wr_outcome is = (enum wr_outcome)decision->outcome;
    if (score == NULL || !wr_is(*score, WR_NUMBER)) {
        rows->report.n_unscored++;
        return true;
    }
    struct wr_str other = text_of(item, "outcome");
    if (other.n != 0 && !wr_outcome_read(other, &is)) {
        return false;
    }
    rows->report.n_scored++;
    if (rows->n == WR_LIMIT_CHALLENGER_ROWS) {
        rows->report.n_left_out++;
        return true;
    }
    if (!grow(&rows->items, rows->n, &rows->cap, sizeof *rows->items)) {
        return false;
    }
    rows->items[rows->n++] =
        (struct row){.challenger = wr_number_to_double(score),
                     .champion = champion_score(decision, rows->report.champion),
                     .sequence = decision->sequence,
                     .was = decision->outcome,
                     .is = (uint8_t)is};
    return true;
}

static wr_err bad_entry(const struct wr_record *record, struct wr_error *error)
{
    return wr_fail(error, WR_E_JOURNAL, "entry %llu: its scores cannot be read",
                   (unsigned long long)record->sequence);
}

static wr_err take_scores(struct wr_challengers *all, const struct wr_record *record,
                          const struct wr_value *derived, struct wr_error *error)
{
    const struct wr_value *scores = wr_object_get_str(derived, WR_STR("scores"));
    const struct wr_value *champions = wr_object_get_str(derived, WR_STR("champions"));
    bool fine = scores == NULL ||
                (wr_is(*scores, WR_ARRAY) && champions != NULL && wr_is(*champions, WR_OBJECT));
    for (uint32_t i = 0; fine && scores != NULL && i < scores->n; i++) {
        const struct wr_value *item = &scores->items[i];
        int64_t sequence = 0;
        fine = wr_is(*item, WR_OBJECT);
        const struct wr_value *number = fine ? wr_object_get_str(item, WR_STR("decision")) : NULL;
        fine = number != NULL && wr_is(*number, WR_NUMBER) && wr_number_to_i64(number, &sequence);
        const struct waiting *decision = fine ? decision_of(all, (uint64_t)sequence) : NULL;
        if (decision == NULL) {
            continue; /* before the range that is read */
        }
        struct wr_str name = text_of(item, "model");
        const struct wr_value *champion = wr_object_get_str(champions, name);
        struct rows *rows = champion != NULL && wr_is(*champion, WR_STRING)
                                ? rows_of(all, name, wr_text(*champion))
                                : NULL;
        fine = rows != NULL && take_score(rows, item, decision);
    }
    return fine ? WR_OK : bad_entry(record, error);
}

static enum wr_challenge_why why_of(struct wr_str name)
{
    unsigned why = WR_CHALLENGE_LOST;
    while (why < WR_CHALLENGE_WHYS &&
           !wr_str_eq(name, wr_str_z(wr_challenge_why_name((enum wr_challenge_why)why)))) {
        why++;
    }
    return (enum wr_challenge_why)(name.n != 0 && why < WR_CHALLENGE_WHYS ? why
                                                                          : WR_CHALLENGE_SCORED);
}

/* The decisions that an entry covers wait no more. */
static uint64_t let_go(struct wr_challengers *all, uint64_t upto)
{
    size_t n = 0;
    while (n < all->n_waiting && all->waiting[n].sequence <= upto) {
        free(all->waiting[n++].scores);
    }
    all->n_waiting -= n;
    memmove(all->waiting, all->waiting + n, all->n_waiting * sizeof *all->waiting);
    return n;
}

static wr_err take_shadow(struct wr_challengers *all, const struct wr_record *record,
                          struct wr_error *error)
{
    struct wr_value derived;
    int64_t upto = 0;
    wr_err err = wr_json_read(&all->scratch, record->derived, true, NULL, &derived, error);
    if (err != WR_OK) {
        return err;
    }
    const struct wr_value *number =
        wr_is(derived, WR_OBJECT) ? wr_object_get_str(&derived, WR_STR("upto")) : NULL;
    if (number == NULL || !wr_is(*number, WR_NUMBER) || !wr_number_to_i64(number, &upto)) {
        return bad_entry(record, error);
    }
    err = take_scores(all, record, &derived, error);
    if (all->n_waiting != 0) {
        all->n_covered[why_of(text_of(&derived, "why"))] += let_go(all, (uint64_t)upto);
    }
    return err;
}

wr_err wr_challengers_take(struct wr_challengers *all, struct wr_str payload,
                           struct wr_error *error)
{
    struct wr_record record;
    wr_err err = wr_record_decode(payload, &record, error);
    if (err != WR_OK) {
        return err;
    }
    switch (record.kind) {
    case WR_RECORD_DECISION:
        err = take_decision(all, &record, error);
        break;
    case WR_RECORD_LABEL:
        err = take_label(all, &record, error);
        break;
    case WR_RECORD_SHADOW:
        err = take_shadow(all, &record, error);
        break;
    case WR_RECORD_LIST:
    case WR_RECORD_ACTIVATION:
        break;
    }
    wr_arena_reset(&all->scratch);
    return err;
}

/* ── summing up ─────────────────────────────────────────────────────────────────────────────── */
static int by_value(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* Differences, their quantiles, and Pearson's correlation in two passes. */
static void sum_pairs(struct wr_challenger_report *report, const struct rows *rows, double *room)
{
    double sum = 0, sum_abs = 0, mean_a = 0, mean_b = 0, ab = 0, aa = 0, bb = 0;
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        if (!isnan(row->champion)) {
            room[n] = row->challenger - row->champion;
            sum += room[n];
            sum_abs += fabs(room[n]);
            mean_a += row->challenger;
            mean_b += row->champion;
            n++;
        }
    }
    double count = (double)n;
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        if (!isnan(row->champion)) {
            double a = row->challenger - mean_a / count, b = row->champion - mean_b / count;
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
    }
    qsort(room, n, sizeof *room, by_value);
    report->n_compared = n;
    report->mean = sum / count;
    report->mean_abs = sum_abs / count;
    report->correlation = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (double)NAN;
    report->max_abs = n != 0 ? fmax(fabs(room[0]), fabs(room[n - 1])) : (double)NAN;
    for (size_t p = 0; p < WR_CHALLENGER_POINTS; p++) {
        size_t at = (size_t)ceil(wr_challenger_points[p] * count);
        report->quantiles[p] = n != 0 ? room[at > 0 ? at - 1 : 0] : (double)NAN;
    }
}

struct marked { /* a score and whether its event was fraud */
    double score;
    bool fraud;
};

static int by_score(const void *a, const void *b)
{
    const struct marked *x = a, *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

/* The area under the ROC curve by ranks; equal scores share theirs. */
static double area(struct marked *items, size_t n)
{
    double ranks = 0, n_fraud = 0;
    qsort(items, n, sizeof *items, by_score);
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && !(items[end].score > items[i].score)) {
            end++;
        }
        for (size_t k = i; k < end; k++) {
            ranks += items[k].fraud ? (double)(i + 1 + end) / 2 : 0;
            n_fraud += items[k].fraud;
        }
        i = end;
    }
    double n_other = (double)n - n_fraud;
    return n_fraud > 0 && n_other > 0 ? (ranks - n_fraud * (n_fraud + 1) / 2) / (n_fraud * n_other)
                                      : (double)NAN;
}

static void count_side(struct wr_challenger_side *side, uint8_t outcome, bool fraud)
{
    bool stopped = outcome != WR_OUTCOME_APPROVE, declined = outcome == WR_OUTCOME_DECLINE;
    side->fraud_stopped += fraud && stopped;
    side->genuine_stopped += !fraud && stopped;
    side->fraud_declined += fraud && declined;
    side->genuine_declined += !fraud && declined;
}

/* What has no label counts as genuine, as in weir replay. */
static void sum_labels(struct wr_challenger_report *report, const struct rows *rows,
                       const uint8_t *labels, struct marked *room)
{
    size_t n = 0;
    for (int side = 0; side < 2; side++) {
        n = 0;
        for (size_t i = 0; i < rows->n; i++) {
            const struct row *row = &rows->items[i];
            bool fraud = labels[i] == 1;
            if (side == 0) {
                report->n_labelled += labels[i] != 0;
                report->n_fraud += fraud;
                count_side(&report->was, row->was, fraud);
                count_side(&report->is, row->is, fraud);
            }
            if (!isnan(row->champion)) {
                room[n++] = (struct marked){side == 0 ? row->champion : row->challenger, fraud};
            }
        }
        *(side == 0 ? &report->was.auc : &report->is.auc) = area(room, n);
    }
}

static int by_sequence(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static uint8_t label_of(const struct wr_challengers *all, uint64_t sequence)
{
    const struct known key = {.sequence = sequence};
    const struct known *found =
        bsearch(&key, all->known, all->n_known, sizeof *all->known, by_sequence);
    return found != NULL ? found->label : 0;
}

static bool sum_rows(const struct wr_challengers *all, struct rows *rows,
                     struct wr_challenger_report *report)
{
    double *room = malloc((rows->n + 1) * sizeof *room);
    struct marked *marked = malloc((rows->n + 1) * sizeof *marked);
    uint8_t *labels = malloc(rows->n + 1);
    bool good = room != NULL && marked != NULL && labels != NULL;
    *report = rows->report;
    for (size_t i = 0; good && i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        labels[i] = label_of(all, row->sequence);
        report->n_changed += row->was != row->is;
        report->changed[row->was][row->is]++;
    }
    if (good) {
        sum_pairs(report, rows, room);
        sum_labels(report, rows, labels, marked);
    }
    free(room);
    free(marked);
    free(labels);
    return good;
}

/* From here on events are looked up by sequence. */
static void sort_known(struct wr_challengers *all)
{
    size_t n = 0;
    for (size_t i = 0; i < all->known_cap; i++) {
        if (all->known[i].sequence != 0) {
            all->known[n++] = all->known[i];
        }
    }
    if (n != 0) {
        qsort(all->known, n, sizeof *all->known, by_sequence);
    }
}

wr_err wr_challengers_sum(struct wr_challengers *all, struct wr_challengers_report *report,
                          struct wr_error *error)
{
    *report = (struct wr_challengers_report){
        .n_decisions = all->n_decisions, .n_uncovered = all->n_waiting, .n = all->n_rows};
    memcpy(report->n_covered, all->n_covered, sizeof report->n_covered);
    all->reports = calloc(all->n_rows + 1, sizeof *all->reports);
    bool good = all->reports != NULL;
    sort_known(all);
    for (size_t i = 0; good && i < all->n_rows; i++) {
        good = sum_rows(all, &all->rows[i], &all->reports[i]);
    }
    report->challengers = all->reports;
    return good ? WR_OK : no_room(error);
}
