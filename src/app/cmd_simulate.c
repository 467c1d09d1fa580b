/* SPDX-License-Identifier: Apache-2.0 */
/* weir simulate: a stream of card transactions, as CSV or as JSON lines for `weir decide`. */
#include "app/cardsim.h"
#include "app/commands.h"
#include "app/file.h"
#include "app/simevent.h"
#include "feature/instant.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static struct {
    uint64_t seed, customers, terminals, count, days;
    double radius, rate;
    const char *format;
    int64_t label_delay_ms;
    const char *start;
} options = {.seed = 1,
             .customers = 5000,
             .terminals = 10000,
             .radius = 5.0,
             .format = "csv",
             .label_delay_ms = WR_SIM_LABEL_DELAY_MS,
             .start = "2018-04-01"};

static const struct wr_option table[] = {
    {"seed", 's', WR_OPT_U64, "N", "the same seed gives the same stream (1)", &options.seed},
    {"count", 'n', WR_OPT_U64, "N", "stop after N transactions", &options.count},
    {"days", 'd', WR_OPT_U64, "N", "stop after N simulated days (10 unless --count is given)",
     &options.days},
    {"rate", 'r', WR_OPT_DOUBLE, "X", "at most X transactions a second (as fast as it goes)",
     &options.rate},
    {"format", 'f', WR_OPT_TEXT, "csv|jsonl", "table with a header, or one JSON document a line",
     &options.format},
    {"label-delay", 0, WR_OPT_DURATION, "7d",
     "jsonl: a fraud's label follows that long after the event (7d)", &options.label_delay_ms},
    {"start", 0, WR_OPT_TEXT, "DATE", "day 0, as YYYY-MM-DD (2018-04-01)", &options.start},
    {"customers", 0, WR_OPT_U64, "N", "population (5000)", &options.customers},
    {"terminals", 0, WR_OPT_U64, "N", "terminals (10000)", &options.terminals},
    {"radius", 0, WR_OPT_DOUBLE, "X", "a customer uses terminals closer than X of 100 (5)",
     &options.radius},
};

/* Sleeps until transaction n is due at `rate` a second. */
static void pace(uint64_t n, double rate, const struct timespec *start)
{
    double due = fmin((double)n / rate, 1e9); /* some 30 years: a time_t holds it */
    struct timespec at = *start;
    at.tv_sec += (time_t)due;
    at.tv_nsec += (long)((due - (double)(time_t)due) * 1e9);
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    fflush(stdout);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static int print_all(struct wr_cardsim *sim, bool csv, int64_t start_ms)
{
    static struct wr_simevent stream;
    wr_simevent_open(&stream, sim, start_ms, csv ? 0 : options.label_delay_ms, options.days,
                     options.count);
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    char line[WR_LIMIT_SIM_LINE];
    if (csv) {
        puts("TRANSACTION_ID,TX_TIME_SECONDS,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD,"
             "TX_FRAUD_SCENARIO");
    }
    struct wr_simline item;
    for (uint64_t n = 0; wr_simevent_next(&stream, &item); n++) {
        if (options.rate > 0.0) {
            pace(n, options.rate, &start);
        }
        struct wr_buf buf = wr_buf_fixed(line, sizeof line);
        if (csv) {
            wr_simevent_csv(&buf, &item.tx);
        } else {
            wr_simevent_json(&buf, &item, start_ms);
        }
        wr_buf_char(&buf, '\n');
        if (fwrite(buf.p, 1, buf.n, stdout) != buf.n) {
            return wr_complain("cannot write to standard output");
        }
    }
    return fflush(stdout) == 0 ? WR_EXIT_OK : wr_complain("cannot write to standard output");
}

static int run(int argc, char **argv)
{
    (void)argv;
    bool csv = strcmp(options.format, "csv") == 0;
    int64_t start_ms;
    if (argc != 0 || (!csv && strcmp(options.format, "jsonl") != 0)) {
        wr_complain("wants no arguments, and --format csv or jsonl");
        return WR_EXIT_USAGE;
    }
    if (!wr_instant_read(wr_str_z(options.start), true, &start_ms)) {
        wr_complain("--start wants YYYY-MM-DD, not %s", options.start);
        return WR_EXIT_USAGE;
    }
    if (!(options.rate >= 0.0) || !(options.radius > 0.0)) { /* NaN neither */
        wr_complain("--rate needs a number from 0 on, and --radius one above 0");
        return WR_EXIT_USAGE;
    }
    if (options.days == 0 && options.count == 0) {
        options.days = 10;
    }
    struct wr_arena arena;
    wr_arena_init(&arena, &wr_heap, WR_GIB(4));
    struct wr_cardsim_config config = {.seed = options.seed,
                                       .customers = (uint32_t)WR_MIN(options.customers, UINT32_MAX),
                                       .terminals = (uint32_t)WR_MIN(options.terminals, UINT32_MAX),
                                       .radius = options.radius};
    struct wr_cardsim *sim = wr_cardsim_open(&arena, &config);
    int exit_code = sim != NULL
                        ? print_all(sim, csv, start_ms)
                        : wr_complain("1 to 1000000 customers and terminals, radius 0 to 100");
    wr_arena_deinit(&arena);
    return exit_code;
}

const struct wr_command wr_command_simulate = {
    "simulate",
    "Simulates card transactions with three kinds of fraud",
    "[OPTIONS]",
    "The population and the fraud scenarios are those of the Fraud Detection Handbook; CSV "
    "columns\n"
    "are named as in its data set. JSON lines fit packs/cards; labels come as lines of their "
    "own.\n\n"
    "examples:\n"
    "  weir simulate --days 30 | weir decide --pack packs/cards --input csv | head\n"
    "  weir simulate --format jsonl --count 1000 > day.jsonl\n"
    "  weir simulate --seed 7 --rate 100 --format jsonl\n",
    table,
    WR_COUNTOF(table),
    run,
};
