/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of decisions: bounded whatever a policy says, exact at the bounds of buckets. */
#include "check.h"
#include "shell/metrics.h"

#include <stdio.h>
#include <stdlib.h>

static struct wr_metrics metrics;
static char text[1 << 18];

static const char *written(void)
{
    struct wr_metrics_gauges gauges = {.version = WR_STR("v\"1\n")};
    struct wr_buf buf = wr_buf_fixed(text, sizeof text - 1);
    wr_metrics_write(&buf, &metrics, &gauges);
    CHECK(!buf.overflow);
    text[buf.n] = '\0';
    return text;
}

static void decide(const char *reason, struct wr_value score, int64_t amount, uint8_t scale)
{
    struct wr_answer answer = {
        .outcome = WR_OUTCOME_HOLD, .score = score, .amount = amount, .amount_scale = scale};
    if (reason != NULL) {
        answer.reasons[answer.n_reasons++] = wr_str_z(reason);
    }
    wr_metrics_decision(&metrics, &answer);
}

static size_t count(const char *in, const char *what)
{
    size_t n = 0;
    for (const char *p = in; (p = strstr(p, what)) != NULL; p++) {
        n++;
    }
    return n;
}

TEST("so many reasons are counted, the rest together")
{
    char code[64];
    memset(&metrics, 0, sizeof metrics);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 500; i++) {
            snprintf(code, sizeof code, "REASON_%03d", i);
            decide(code, wr_undefined(), 0, 0);
        }
    }
    decide("a reason of more than forty-eight bytes, which has no place", wr_undefined(), 0, 0);
    decide("other", wr_undefined(), 0, 0);
    decide("", wr_undefined(), 0, 0);
    const char *seen = written();
    CHECK_INT(count(seen, "\nweir_reasons_total{"), (size_t)WR_LIMIT_METRICS_REASONS + 1);
    CHECK(strstr(seen, "weir_reasons_total{reason=\"REASON_000\"} 2\n") != NULL);
    CHECK(strstr(seen, "weir_reasons_total{reason=\"REASON_063\"} 2\n") != NULL);
    CHECK(strstr(seen, "REASON_064") == NULL);
    CHECK(strstr(seen, "weir_reasons_total{reason=\"other\"} 875\n") != NULL);
}

TEST("a label's value is escaped")
{
    memset(&metrics, 0, sizeof metrics);
    decide("a\"b\\c\nd", wr_undefined(), 0, 0);
    CHECK(strstr(written(), "{reason=\"a\\\"b\\\\c d\"} 1\n") != NULL);
}

TEST("a score at a bound belongs below it")
{
    static const struct {
        int64_t mantissa;
        unsigned scale;
        const char *first; /* the lowest bucket that counts it */
    } cases[] = {{0, 0, "0.05"},   {5, 2, "0.05"},  {50001, 6, "0.10"}, {15, 2, "0.15"},
                 {3, 1, "0.30"},   {55, 2, "0.55"}, {7, 1, "0.70"},     {95, 2, "0.95"},
                 {951, 3, "1.00"}, {1, 0, "1.00"},  {1001, 3, "+Inf"},  {640, 0, "+Inf"},
                 {-1, 0, "0.05"}};
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        char line[64];
        memset(&metrics, 0, sizeof metrics);
        decide(NULL, wr_decimal(cases[i].mantissa, cases[i].scale), 0, 0);
        const char *seen = written();
        snprintf(line, sizeof line, "weir_score_bucket{le=\"%s\"} 1\n", cases[i].first);
        const char *first = strstr(seen, line);
        CHECK(first != NULL);
        CHECK_INT(count(first, "weir_score_bucket{"),
                  count(seen, "} 1\nweir_score_bucket{le") + (size_t)1);
        CHECK(strstr(seen, "weir_score_count 1\n") != NULL);
    }
}

TEST("a score in text is read as well as one that is none")
{
    static const struct {
        const char *text, *first;
    } cases[] = {{"0.00012345678901234567", "0.05"},
                 {"0.94999999999999999999", "0.95"},
                 {"0.25000000000000000001", "0.25"},
                 {"0.3500000000000000100001", "0.35"},
                 {"5.3e-05", "0.05"},
                 {"1e0", "1.00"},
                 {"0.1e1", "1.00"},
                 {"7.5e-01", "0.75"}};
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        char line[64];
        memset(&metrics, 0, sizeof metrics);
        decide(NULL, wr_number_text(wr_str_z(cases[i].text)), 0, 0);
        const char *seen = written();
        snprintf(line, sizeof line, "\nweir_score_bucket{le=\"%s\"} 1\n", cases[i].first);
        const char *first = strstr(seen, line);
        CHECK(first != NULL);
        CHECK(strstr(seen, "} 1\nweir_score_bucket{le") == NULL ||
              strstr(seen, "} 1\nweir_score_bucket{le") > first);
    }
}

TEST("amounts keep their scale")
{
    memset(&metrics, 0, sizeof metrics);
    decide(NULL, wr_undefined(), 5716, 2);
    decide(NULL, wr_undefined(), 3, 0);
    decide(NULL, wr_undefined(), 1234567890, 9);
    decide(NULL, wr_undefined(), -100, 2);
    const char *seen = written();
    CHECK(strstr(seen, "weir_amount_total{outcome=\"hold\"} 61.394567\n") != NULL);
    CHECK(strstr(seen, "weir_amount_total{outcome=\"approve\"} 0.000000\n") != NULL);
}

TEST("every error shows from the start")
{
    memset(&metrics, 0, sizeof metrics);
    const char *seen = written();
    CHECK(strstr(seen, "weir_errors_total{code=\"overload\"} 0\n") != NULL);
    CHECK(strstr(seen, "weir_errors_total{code=\"journal\"} 0\n") != NULL);
    CHECK(strstr(seen, "weir_build_info{version=\"v\\\"1 \"") != NULL);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
