/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol features of the Fraud Detection Handbook over five months of its transactions:
 * equal counts and all else within 1e-9 for 5,000 golden rows and for the sums of every day. */
#include <math.h>
#include <zlib.h>

#include "base/rng.h"
#include "fixture.h"

enum { ROWS = 1466282, FEATURES = 12, DAYS = 153, GOLDEN = 5000 };

static const char *const pack =
    "{'event': {'id': 'TRANSACTION_ID',"
    "  'time': {'path': 'TX_TIME_SECONDS', 'unit': 's', 'origin': '2018-04-01'},"
    "  'amount': {'path': 'TX_AMOUNT', 'type': 'money', 'scale': 2}},"
    " 'entities': {'customer': 'CUSTOMER_ID', 'terminal': 'TERMINAL_ID'},"
    " 'features': {"
    "  'a0': {'entity': 'customer', 'count': true, 'window': '1d'},"
    "  'a1': {'entity': 'customer', 'avg': 'TX_AMOUNT', 'window': '1d'},"
    "  'a2': {'entity': 'customer', 'count': true, 'window': '7d'},"
    "  'a3': {'entity': 'customer', 'avg': 'TX_AMOUNT', 'window': '7d'},"
    "  'a4': {'entity': 'customer', 'count': true, 'window': '30d'},"
    "  'a5': {'entity': 'customer', 'avg': 'TX_AMOUNT', 'window': '30d'},"
    "  'b0': {'entity': 'terminal', 'count': true, 'window': '1d', 'delay': '7d'},"
    "  'b1': {'entity': 'terminal', 'share': 'label.fraud', 'window': '1d', 'delay': '7d'},"
    "  'b2': {'entity': 'terminal', 'count': true, 'window': '7d', 'delay': '7d'},"
    "  'b3': {'entity': 'terminal', 'share': 'label.fraud', 'window': '7d', 'delay': '7d'},"
    "  'b4': {'entity': 'terminal', 'count': true, 'window': '30d', 'delay': '7d'},"
    "  'b5': {'entity': 'terminal', 'share': 'label.fraud', 'window': '30d', 'delay': '7d'}}}";

struct row {
    int64_t id, seconds, customer, terminal, cents;
    bool fraud;
};

struct pending { /* a label that becomes known seven days after its event */
    int64_t due;
    struct wr_event event;
    uint64_t place;
};

static gzFile open_data(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/data/%s", WEIR_SHARED, name);
    gzFile file = gzopen(path, "rb");
    if (file != NULL) {
        gzbuffer(file, 1 << 18);
        char header[1024];
        CHECK(gzgets(file, header, sizeof header) != NULL);
    }
    return file;
}

static bool read_row(gzFile file, struct row *row)
{
    char line[256], *p = line;
    if (gzgets(file, line, sizeof line) == NULL) {
        return false;
    }
    row->id = strtoll(p, &p, 10);
    row->seconds = strtoll(p + 1, &p, 10);
    row->customer = strtoll(p + 1, &p, 10);
    row->terminal = strtoll(p + 1, &p, 10);
    row->cents = strtoll(p + 1, &p, 10) * 100;
    if (*p == '.') { /* one or two digits */
        row->cents += (p[1] - '0') * 10;
        p += 2;
        if (*p != ',') {
            row->cents += *p++ - '0';
        }
    }
    row->fraud = p[1] == '1';
    return true;
}

static void read_event(const struct wr_schema *schema, const struct row *row,
                       struct wr_event *event)
{
    struct wr_pair pairs[] = {
        {wr_string(WR_STR("TRANSACTION_ID")), wr_int(row->id)},
        {wr_string(WR_STR("TX_TIME_SECONDS")), wr_int(row->seconds)},
        {wr_string(WR_STR("CUSTOMER_ID")), wr_int(row->customer)},
        {wr_string(WR_STR("TERMINAL_ID")), wr_int(row->terminal)},
        {wr_string(WR_STR("TX_AMOUNT")), wr_decimal(row->cents, 2)},
    };
    struct wr_value document = wr_object_from(pairs, WR_COUNTOF(pairs));
    struct wr_error error;
    CHECK(wr_event_read(schema, &document, event, &error) == WR_OK);
}

static bool near(double got, double want)
{
    return fabs(got - want) <= 1e-9 * fabs(want);
}

static void check_golden(const double golden[GOLDEN][16], int *at, const struct row *row,
                         const struct wr_feature_value *values, int *differences)
{
    if (*at == GOLDEN || (int64_t)golden[*at][0] != row->id) {
        return;
    }
    const double *want = golden[(*at)++];
    for (int i = 0; i < FEATURES; i++) {
        bool count = i % 2 == 0;
        bool same =
            values[i].presence == WR_FEATURE_DEFINED &&
            (count ? values[i].form == WR_FORM_INTEGER && (double)values[i].units == want[4 + i]
                   : near(values[i].number, want[4 + i]));
        *differences += !same;
    }
}

static void read_table(const char *name, int rows, int columns, double *out)
{
    gzFile file = open_data(name);
    CHECK(file != NULL);
    for (int r = 0; file != NULL && r < rows; r++) {
        char line[1024], *p = line;
        CHECK(gzgets(file, line, sizeof line) != NULL);
        for (int c = 0; c < columns; c++, p++) {
            out[r * columns + c] = strtod(p, &p);
        }
    }
    gzclose(file);
}

static void release_labels(struct fixture *f, const struct pending *queue, int *first, int end,
                           int64_t now)
{
    for (; *first < end && queue[*first].due <= now; ++*first) {
        const struct pending *label = &queue[*first];
        CHECK(wr_feature_label(f->state, &label->event, label->place, 0, true) == WR_LABEL_CHANGED);
    }
}

static void report(const struct fixture *f)
{
    struct wr_feature_stats stats = wr_feature_stats(f->state);
    uint64_t records = wr_feature_records(f->state);
    printf("%llu entities, %llu live records; %.1f MB used, %.1f MB taken: %.0f bytes an entity, "
           "%.2f a record\n",
           (unsigned long long)stats.entities, (unsigned long long)records,
           (double)stats.bytes_used / 1e6, (double)stats.bytes_taken / 1e6,
           (double)stats.bytes_used / (double)stats.entities,
           (double)stats.bytes_used / (double)records);
}

TEST("the protocol features of five months of card transactions are exact")
{
    static double golden[GOLDEN][16], want[DAYS][18], got[DAYS][FEATURES];
    static struct pending queue[20000];
    int at = 0, differences = 0, first = 0, end = 0, n = 0;
    struct fixture f;
    struct wr_feature_value values[FEATURES];
    struct wr_feature_vector vector = {.values = values};
    read_table("handbook-features-golden.csv.gz", GOLDEN, 16, golden[0]);
    read_table("handbook-features-daysums.csv.gz", DAYS, 18, want[0]);
    fixture_open(&f, pack, NULL);
    gzFile file = open_data("handbook-transactions-2018-04..08.csv.gz");
    for (struct row row; read_row(file, &row); n++) {
        struct wr_event event;
        read_event(f.schema, &row, &event);
        release_labels(&f, queue, &first, end, row.seconds);
        CHECK(wr_feature_update(f.state, &event, 0, (uint64_t)n + 1, &vector));
        if (row.fraud) {
            queue[end].due = row.seconds + 7 * 86400;
            memcpy(&queue[end].event, &event, sizeof event);
            queue[end++].place = vector.place;
        }
        check_golden(golden, &at, &row, values, &differences);
        for (int i = 0; i < FEATURES; i++) {
            got[row.seconds / 86400][i] += values[i].number;
        }
    }
    gzclose(file);
    CHECK_INT(n, ROWS);
    CHECK_INT(at, GOLDEN);
    CHECK_INT(differences, 0);
    for (int day = 0; day < DAYS; day++) {
        for (int i = 0; i < FEATURES; i++) {
            CHECK(near(got[day][i], want[day][4 + i]));
        }
    }
    report(&f);
    fixture_close(&f);
}

/* ── the same events out of order ───────────────────────────────────────────────────────────── */
enum { PART = 200000, LATENESS = 60 };

struct arrival {
    int64_t due; /* its time and up to a lateness more */
    uint32_t i;
};

static int by_arrival(const void *a, const void *b)
{
    const struct arrival *x = a, *y = b;
    return x->due != y->due ? (x->due < y->due ? -1 : 1) : x->i < y->i ? -1 : x->i > y->i;
}

static void apply_all(struct fixture *f, const struct row *rows, const struct arrival *order,
                      int *late)
{
    struct wr_event event;
    for (uint32_t n = 0; n < PART; n++) {
        uint32_t i = order != NULL ? order[n].i : n;
        read_event(f->schema, &rows[i], &event);
        *late += !wr_feature_update(f->state, &event, 0, n + 1, NULL);
    }
}

TEST("the stream shuffled inside the lateness bound ends in the same windows as the sorted one")
{
    struct row *rows = calloc(PART, sizeof *rows);
    struct arrival *order = calloc(PART, sizeof *order);
    struct fixture sorted, shuffled;
    struct wr_feature_value want[FEATURES], got[FEATURES];
    int late = 0, moved = 0, compared = 0, differences = 0;
    struct wr_rng rng;
    wr_rng_seed(&rng, 1);
    gzFile file = open_data("handbook-transactions-2018-04..08.csv.gz");
    for (uint32_t i = 0; i < PART; i++) {
        CHECK(read_row(file, &rows[i]));
        order[i] = (struct arrival){rows[i].seconds + (int64_t)wr_rng_below(&rng, LATENESS + 1), i};
    }
    gzclose(file);
    qsort(order, PART, sizeof *order, by_arrival);
    fixture_open(&sorted, pack, NULL);
    fixture_open(&shuffled, pack, NULL);
    apply_all(&sorted, rows, NULL, &late);
    apply_all(&shuffled, rows, order, &late);
    CHECK_INT(late, 0);
    for (uint32_t i = 0; i < PART; i++) {
        moved += order[i].i != i;
    }
    CHECK(moved > PART / 2);
    int64_t end = rows[PART - 1].seconds;
    for (uint32_t i = 0; i < PART; i += 7) { /* every card and terminal, as of the end and before */
        struct row probe = rows[i];
        struct wr_event event;
        probe.seconds = end - (int64_t)wr_rng_below(&rng, 30);
        read_event(sorted.schema, &probe, &event);
        wr_feature_peek(sorted.state, &event, 0, &(struct wr_feature_vector){.values = want});
        wr_feature_peek(shuffled.state, &event, 0, &(struct wr_feature_vector){.values = got});
        for (int k = 0; k < FEATURES; k++, compared++) {
            differences += got[k].presence != want[k].presence || got[k].units != want[k].units ||
                           (want[k].presence == 0 && !(got[k].number == want[k].number));
        }
    }
    printf("%d of %d events moved, %d values compared\n", moved, PART, compared);
    CHECK_INT(differences, 0);
    fixture_close(&sorted);
    fixture_close(&shuffled);
    free(rows);
    free(order);
}

int main(int argc, char **argv)
{
    gzFile file = open_data("handbook-transactions-2018-04..08.csv.gz");
    if (file == NULL) {
        printf("skipped: no handbook-transactions under " WEIR_SHARED "/data\n");
        return 77;
    }
    gzclose(file);
    return check_main(argc, argv);
}
