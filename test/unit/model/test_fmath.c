/* SPDX-License-Identifier: Apache-2.0 */
/* base/fmath against the long double functions of libm (the only place that calls them). */
#include "base/fmath.h"

#include <math.h>

#include "check.h"

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double between(double low, double high)
{
    return low + (high - low) * ((double)(next() >> 11) * 0x1p-53);
}

/* Distance of `got` from the true value in units of its last place. */
static double ulps(double got, long double want)
{
    double rounded = (double)want;
    if (isnan(got) || isnan(rounded)) {
        return isnan(got) && isnan(rounded) ? 0 : 1e9;
    }
    if (isinf(got) || isinf(rounded)) {
        return got == rounded ? 0 : 1e9;
    }
    double room =
        fabs(rounded) < 0x1p-1022 ? 0x1p-1074 : nextafter(fabs(rounded), INFINITY) - fabs(rounded);
    return (double)(fabsl((long double)got - want) / room);
}

struct function {
    const char *name;
    double (*ours)(double);
    long double (*theirs)(long double);
    double low, high, bound;
};

static long double sigmoid_reference(long double x)
{
    return 1.0L / (1.0L + expl(-x));
}

static const struct function functions[] = {
    {"exp", wr_exp, expl, -750, 712, 1.0},
    {"exp near 0", wr_exp, expl, -0.5, 0.5, 1.0},
    {"expm1", wr_expm1, expm1l, -40, 712, 1.5},
    {"expm1 near 0", wr_expm1, expm1l, -1, 1, 1.5},
    {"expm1 very near 0", wr_expm1, expm1l, -1e-9, 1e-9, 1.0},
    {"log", wr_log, logl, 0, 1e6, 1.0},
    {"log near 1", wr_log, logl, 0.5, 2, 1.0},
    {"log of subnormals", wr_log, logl, 0, 1e-307, 1.0},
    {"log of giants", wr_log, logl, 1e300, 1.7e308, 1.0},
    {"log1p", wr_log1p, log1pl, -1, 3, 2.0},
    {"log1p near 0", wr_log1p, log1pl, -1e-5, 1e-5, 1.0},
    {"log1p far", wr_log1p, log1pl, 0, 1e18, 2.0},
    {"tanh", wr_tanh, tanhl, -25, 25, 3.0},
    {"tanh near 0", wr_tanh, tanhl, -0.6, 0.6, 3.0},
    {"sigmoid", wr_sigmoid, sigmoid_reference, -720, 50, 3.0},
    {"sigmoid near 0", wr_sigmoid, sigmoid_reference, -3, 3, 3.0},
    {"erf", wr_erf, erfl, -6.5, 6.5, 3.0},
    {"erf near 0", wr_erf, erfl, -0.5, 0.5, 3.0},
};

TEST("each function keeps its stated error")
{
    for (size_t f = 0; f < WR_COUNTOF(functions); f++) {
        double worst = 0, at = 0;
        for (int i = 0; i < 60000; i++) {
            double x = between(functions[f].low, functions[f].high);
            double error = ulps(functions[f].ours(x), functions[f].theirs(x));
            if (error > worst) {
                worst = error;
                at = x;
            }
        }
        if (worst > functions[f].bound) {
            fprintf(stderr, "%s: %.3f ulp at %a\n", functions[f].name, worst, at);
        }
        CHECK(worst <= functions[f].bound);
    }
}

TEST("pow keeps its error for bases and exponents near and far")
{
    double worst = 0;
    for (int i = 0; i < 60000; i++) {
        double x = i % 3 == 0 ? between(0, 2) : i % 3 == 1 ? between(0.99, 1.01) : between(0, 1e10);
        double span = fmin(708 / fabs(log(x)), 1e300);
        double y = i % 2 == 0 ? between(-span, span) : between(-4, 4);
        double want = (double)powl(x, y);
        if (fabs(want) < 0x1p-1022 || isinf(want)) {
            continue;
        }
        double error = ulps(wr_pow(x, y), powl(x, y));
        worst = error > worst ? error : worst;
    }
    if (worst > 1.0) {
        fprintf(stderr, "pow: %.3f ulp\n", worst);
    }
    CHECK(worst <= 1.0);
}

TEST("corner cases are as C17 Annex F has them")
{
    CHECK(wr_exp(0) == 1 && wr_exp(-INFINITY) == 0 && isinf(wr_exp(INFINITY)) &&
          isnan(wr_exp(NAN)));
    CHECK(wr_exp(-745.2) == 0 && wr_exp(-745.1) > 0 && isinf(wr_exp(709.79)));
    CHECK(wr_expm1(0) == 0 && wr_expm1(-INFINITY) == -1 && isinf(wr_expm1(INFINITY)));
    CHECK(wr_log(1) == 0 && wr_log(0) == (double)-INFINITY && isnan(wr_log(-1)) &&
          isnan(wr_log(NAN)));
    CHECK(isinf(wr_log(INFINITY)) && wr_log1p(0) == 0 && wr_log1p(-1) == (double)-INFINITY);
    CHECK(wr_tanh(INFINITY) == 1 && wr_tanh(-INFINITY) == -1 && isnan(wr_tanh(NAN)));
    CHECK(wr_sigmoid(0) == 0.5 && wr_sigmoid(-INFINITY) == 0 && wr_sigmoid(INFINITY) == 1);
    CHECK(wr_sigmoid(-1e308) == 0 && isnan(wr_sigmoid(NAN)));
    CHECK(wr_erf(0) == 0 && wr_erf(-INFINITY) == -1 && wr_erf(7) == 1 && isnan(wr_erf(NAN)));
    static const double some[] = {0.0,       -0.0, 1,      -1,      2,      -2,     3,
                                  -3,        0.5,  -0.5,   1e300,   -1e300, 5e-324, INFINITY,
                                  -INFINITY, NAN,  0x1p53, -0x1p53, 0x1p60, 7.5,    -1e-300};
    for (size_t i = 0; i < WR_COUNTOF(some); i++) {
        for (size_t j = 0; j < WR_COUNTOF(some); j++) {
            double got = wr_pow(some[i], some[j]), want = pow(some[i], some[j]);
            bool same = (isnan(got) && isnan(want)) || ulps(got, want) <= 1;
            if (!same) {
                fprintf(stderr, "pow(%a, %a) is %a, not %a\n", some[i], some[j], got, want);
            }
            CHECK(same);
        }
    }
    CHECK(wr_pow(2, 10) == 1024 && wr_pow(10, 3) == 1000 && wr_pow(-2, 3) == -8 &&
          wr_pow(4, 0.5) == 2);
}

/* The digest of many results over random bit patterns: the same number on every build and machine.
 */
TEST("the bits are those of every other build")
{
    uint64_t digest = 0;
    state = 1234567;
    for (int i = 0; i < 200000; i++) {
        uint64_t pattern = next();
        double x;
        if (i % 2 == 0) {
            memcpy(&x, &pattern, sizeof x);
        } else {
            x = between(-30, 30);
        }
        double results[] = {wr_exp(x),  wr_expm1(x),   wr_log(x), wr_log1p(x),
                            wr_tanh(x), wr_sigmoid(x), wr_erf(x), wr_pow(fabs(x), 1.7)};
        for (size_t k = 0; k < WR_COUNTOF(results); k++) {
            uint64_t bits = 0x7ff8000000000000u;
            if (!isnan(results[k])) {
                memcpy(&bits, &results[k], sizeof bits);
            }
            digest = (digest ^ bits) * 0x9e3779b97f4a7c15u;
            digest ^= digest >> 29;
        }
    }
    CHECK_INT(digest >> 1, 8149053532348809011);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
