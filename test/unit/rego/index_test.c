/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes of clauses against the plain meaning of their tests; rules larger than one index; fuel
 * and memory of evaluations. */
#include "base/rng.h"
#include "check.h"
#include "rego/index.h"
#include "rego/rego.h"
#include "value/json_read.h"
#include "value/json_write.h"

#define ROUNDS  400
#define CLAUSES 70

static const struct wr_memory memory = CHECK_MEMORY;

static struct wr_value json(struct wr_arena *arena, const char *text)
{
    struct wr_value v = wr_undefined();
    CHECK(wr_json_read(arena, wr_str_z(text), true, NULL, &v, NULL) == WR_OK);
    return v;
}

/* ── rows ───────────────────────────────────────────────────────────────────────────────────── */

static const char *const vocabulary =
    "[null, false, true, -3, 0, 1, 1.0, 1.5, 1e2, 100, 123456789012345678901234567890, -0.25, \"\","
    "\"a\", \"ab\", \"abc\", \"b\", \"abcdefgh\", \"abcdefghi\", \"abcdefghj\", \"\\u00e9\", [], "
    "[1],"
    "{\"a\": 1}, \"zz\", 2, 3, 7, 7.5, 7.25]";

static bool has_prefix(const struct wr_value *v, const struct wr_value *prefix)
{
    return v->type == WR_STRING && wr_str_starts(wr_text(*v), wr_text(*prefix));
}

/* What the test means. */
static bool holds(const struct wr_test *t, const struct wr_value *v)
{
    bool defined = v->type != WR_UNDEFINED, in = false;
    int order = wr_value_cmp(v, &t->value);
    for (uint32_t i = 0; t->form == WR_TEST_IN && i < t->value.n; i++) {
        in = in || wr_value_eq(v, &t->value.items[i]);
    }
    bool is[] = {[WR_TEST_EQ] = order == 0,
                 [WR_TEST_NEQ] = order != 0,
                 [WR_TEST_LT] = order<0, [WR_TEST_LTE] = order <= 0, [WR_TEST_GT] = order> 0,
                 [WR_TEST_GTE] = order >= 0,
                 [WR_TEST_IN] = in,
                 [WR_TEST_PREFIX] = t->form == WR_TEST_PREFIX && has_prefix(v, &t->value),
                 [WR_TEST_TRUE] = !wr_is_false(*v)};
    return (defined && is[t->form]) != t->negated;
}

static struct wr_test any_test(struct wr_rng *rng, const struct wr_value *words, uint32_t kind)
{
    struct wr_test t = {.source = {WR_SOURCE_INPUT, (uint32_t)wr_rng_below(rng, 2), 0},
                        .form = (uint8_t)wr_rng_below(rng, WR_TEST_TRUE + 1),
                        .negated = wr_rng_below(rng, 6) == 0};
    /* some rounds have whole numbers or texts alone: those are searched in other ways */
    uint32_t from = kind == 1   ? 25
                    : kind == 2 ? 12
                                : 0,
             n = kind == 1   ? 3
                 : kind == 2 ? 9
                             : words->n;
    t.value = words->items[from + wr_rng_below(rng, n)];
    if (t.form == WR_TEST_IN) {
        uint32_t first = (uint32_t)wr_rng_below(rng, words->n - 4);
        t.value = wr_array(&words->items[first], wr_rng_below(rng, 5));
    }
    if (t.form == WR_TEST_PREFIX) {
        t.value = words->items[13 + wr_rng_below(rng, 8)];
        t.negated = false;
    }
    return t;
}

static void one_index(struct wr_arena *arena, struct wr_rng *rng, const struct wr_value *words)
{
    static const struct wr_source sources[2] = {{WR_SOURCE_INPUT, 0, 0}, {WR_SOURCE_INPUT, 1, 0}};
    static struct wr_test room[CLAUSES][4];
    struct wr_test *tests[CLAUSES];
    uint32_t n_tests[CLAUSES], kind = (uint32_t)wr_rng_below(rng, 3), wrong = 0;
    struct wr_index index;
    for (uint32_t i = 0; i < CLAUSES; i++) {
        tests[i] = room[i];
        n_tests[i] = (uint32_t)wr_rng_below(rng, 4);
        for (uint32_t k = 0; k < n_tests[i]; k++) {
            room[i][k] = any_test(rng, words, kind);
        }
    }
    CHECK(wr_index_build(arena, &index, sources, 2, tests, n_tests, CLAUSES));
    for (uint32_t w = 0; w <= words->n; w++) {
        struct wr_value v = w < words->n ? words->items[w] : wr_undefined();
        for (uint32_t d = 0; d < 2; d++) {
            const struct wr_dimension *dimension = &index.dimensions[d];
            const uint64_t *row = wr_dimension_row(dimension, index.n_words, &v);
            for (uint32_t i = 0; i < CLAUSES; i++) {
                bool want = true;
                for (uint32_t k = 0; k < n_tests[i]; k++) {
                    want = want &&
                           (room[i][k].source.id != dimension->source.id || holds(&room[i][k], &v));
                }
                wrong += want != ((row[i / 64] >> i % 64 & 1) != 0);
            }
        }
    }
    CHECK_INT(wrong, 0);
}

TEST("a row holds the clauses whose tests hold, for any test and any value")
{
    struct wr_arena arena;
    struct wr_rng rng;
    wr_arena_init(&arena, &memory, (size_t)64 << 20);
    wr_rng_seed(&rng, 7);
    for (int i = 0; i < ROUNDS; i++) {
        struct wr_value words = json(&arena, vocabulary);
        one_index(&arena, &rng, &words);
        wr_arena_reset(&arena);
    }
    wr_arena_deinit(&arena);
}

/* ── positions ──────────────────────────────────────────────────────────────────────────────── */

/* Whole numbers of all lengths in bits, both signs; texts of few letters and a NUL, so that many
 * share heads, with a prefix in some rounds. */
static struct wr_value any_point(struct wr_arena *arena, struct wr_rng *rng, bool text,
                                 struct wr_str prefix)
{
    if (!text) {
        int64_t v = (int64_t)(wr_rng_u64(rng) >> (1 + wr_rng_below(rng, 63)));
        return wr_int(wr_rng_below(rng, 3) == 0 ? -v : v);
    }
    uint32_t n = (uint32_t)wr_rng_below(rng, 13);
    char *p = wr_arena_alloc(arena, prefix.n + n + 1, 1);
    memcpy(p, prefix.p, prefix.n);
    for (uint32_t i = 0; i < n; i++) {
        p[prefix.n + i] = "a\0b\xC3"[wr_rng_below(rng, wr_rng_below(rng, 2) == 0 ? 2 : 4)];
    }
    return wr_string(wr_str_of(p, prefix.n + n));
}

/* What is asked: points, their neighbours, fractions, cut and lengthened texts. */
static struct wr_value any_question(struct wr_arena *arena, struct wr_rng *rng,
                                    const struct wr_dimension *d, struct wr_str prefix)
{
    struct wr_value v = d->points[wr_rng_below(rng, d->n_points)];
    if (v.type == WR_NUMBER && v.i > -1000000000 && v.i < 1000000000) {
        v.i += (int64_t)wr_rng_below(rng, 3) - 1;
        v.i = v.i * 10 + (int64_t)wr_rng_below(rng, 10);
        v.scale = 1;
    } else if (v.type == WR_STRING && v.n > 0 && wr_rng_below(rng, 3) == 0) {
        v.n -= 1 + (uint32_t)wr_rng_below(rng, v.n);
    } else if (wr_rng_below(rng, 2) == 0) {
        v = any_point(arena, rng, v.type == WR_STRING, prefix);
    }
    return v;
}

static uint32_t wrong_positions(struct wr_arena *arena, struct wr_rng *rng, bool text)
{
    struct wr_str prefix = wr_rng_below(rng, 2) == 0 ? WR_STR("merchant:") : WR_STR("");
    uint32_t n = 1 + (uint32_t)wr_rng_below(rng, 90), wrong = 0;
    struct wr_value *points = WR_NEW_ARRAY(arena, struct wr_value, n);
    for (uint32_t i = 0; i < n; i++) {
        points[i] = any_point(arena, rng, text, prefix);
    }
    struct wr_value set = wr_set_from(points, n);
    struct wr_dimension d = {.points = set.items, .n_points = set.n};
    CHECK(wr_dimension_prepare(arena, &d));
    CHECK_INT(d.points_kind, text ? WR_POINTS_TEXT : WR_POINTS_INT);
    for (uint32_t i = 0; i < 200; i++) {
        struct wr_value v = any_question(arena, rng, &d, prefix);
        wrong += wr_dimension_position(&d, &v) != wr_dimension_search(&d, &v);
    }
    return wrong;
}

TEST("buckets and heads find the position that halving finds")
{
    struct wr_arena arena;
    struct wr_rng rng;
    wr_arena_init(&arena, &memory, (size_t)64 << 20);
    wr_rng_seed(&rng, 11);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_INT(wrong_positions(&arena, &rng, false), 0);
        CHECK_INT(wrong_positions(&arena, &rng, true), 0);
        wr_arena_reset(&arena);
    }
    wr_arena_deinit(&arena);
}

/* ── rules ──────────────────────────────────────────────────────────────────────────────────── */

struct policy {
    struct wr_arena arena, scratch;
    struct wr_rego_query *query;
    struct wr_value input;
};

static unsigned n_taken;

static void *count_take(void *context, size_t size)
{
    (void)context;
    n_taken++;
    return malloc(size);
}

static void open_policy(struct policy *p, struct wr_str text, const char *input)
{
    static const struct wr_memory counting = {count_take, check_give, NULL};
    static const struct wr_str path[] = {{"t", 1}};
    struct wr_rego_errors errors;
    struct wr_rego_source source = {WR_STR("t.rego"), text};
    struct wr_rego_program *program;
    wr_rego_errors_init(&errors, &p->arena);
    wr_arena_init(&p->scratch, &counting, (size_t)256 << 20);
    p->input = json(&p->arena, input);
    CHECK(wr_rego_compile(&p->arena, &source, 1, NULL, NULL, &program, &errors) == WR_OK);
    CHECK(wr_rego_prepare_path(program, &p->arena, path, 1, &p->query, &errors) == WR_OK);
}

static wr_err answer(struct policy *p, uint64_t fuel, bool unindexed, struct wr_buf *out)
{
    struct wr_rego_context context = {.input = &p->input, .fuel = fuel, .unindexed = unindexed};
    struct wr_rego_results results;
    struct wr_error error = {0};
    wr_arena_reset(&p->scratch);
    wr_err err = wr_rego_eval(p->query, &context, &p->scratch, &results, &error);
    if (err == WR_OK && out != NULL) {
        wr_rego_write(out, &results.items[0].value);
    }
    return err;
}

static void close_policy(struct policy *p)
{
    wr_arena_deinit(&p->scratch);
    wr_arena_deinit(&p->arena);
}

/* n clauses: every tenth loops, the others test one path of `paths`. */
static struct wr_str many_clauses(struct wr_arena *arena, uint32_t n, uint32_t paths)
{
    struct wr_buf buf = wr_buf_in(arena, 1 << 16);
    wr_format(&buf, "package t\n");
    for (uint32_t i = 0; i < n; i++) {
        if (i % 10 == 0) {
            wr_format(&buf, "r[%u] { x := input.xs[_]; x > %u }\n", i, i);
        } else {
            wr_format(&buf, "r[%u] { input.p%u > %u; input.q == \"k%u\" }\n", i, i % paths, i,
                      i % 7);
        }
    }
    return wr_buf_view(&buf);
}

static void check_both(uint32_t n, uint32_t paths)
{
    struct policy p;
    wr_arena_init(&p.arena, &memory, (size_t)1 << 30);
    open_policy(
        &p, many_clauses(&p.arena, n, paths),
        "{\"p0\": 1500, \"p1\": 70, \"p2\": 2999.5, \"q\": \"k3\", \"xs\": [20, 1990.5, 7]}");
    struct wr_buf indexed = wr_buf_in(&p.arena, 256), plain = wr_buf_in(&p.arena, 256);
    CHECK(answer(&p, 0, false, &indexed) == WR_OK && answer(&p, 0, true, &plain) == WR_OK);
    CHECK(indexed.n > 30 && wr_str_eq(wr_buf_view(&indexed), wr_buf_view(&plain)));
    close_policy(&p);
}

TEST("a rule of more clauses than one index takes has several")
{
    check_both(WR_INDEX_CLAUSES * 3 + 1, 3);
    check_both(WR_INDEX_CLAUSES, 3);
    check_both(WR_INDEX_CLAUSES + 1, 3);
    check_both(64, 3);
    check_both(65, 3);
}

TEST("what is tested beyond WR_LIMIT_REGO_DIMENSIONS is tested clause by clause")
{
    check_both(20 * WR_LIMIT_REGO_DIMENSIONS, 4 * WR_LIMIT_REGO_DIMENSIONS);
}

/* Clauses that test one path for membership in lists of their own, each in falling order: `first`
 * elements, then n each. */
static struct wr_str lists(struct wr_arena *arena, uint32_t n_clauses, uint32_t first, uint32_t n)
{
    struct wr_buf buf = wr_buf_in(arena, 1 << 20);
    wr_format(&buf, "package t\nimport future.keywords.in\n");
    for (uint32_t i = 0; i < n_clauses; i++) {
        wr_format(&buf, "r[%u] { input.x in [", i);
        for (uint32_t k = i == 0 ? first : n; k > 0; k--) {
            wr_format(&buf, "%u%s", k * n_clauses + i, k > 1 ? "," : "] }\n");
        }
    }
    return wr_buf_view(&buf);
}

static void check_lists(uint32_t n_clauses, uint32_t first, uint32_t n, size_t taken_max)
{
    struct policy p;
    wr_arena_init(&p.arena, &memory, (size_t)2 << 30);
    struct wr_str text = lists(&p.arena, n_clauses, first, n);
    size_t before = p.arena.taken;
    open_policy(&p, text, "{\"x\": 4000}");
    CHECK(p.arena.taken - before < taken_max);
    struct wr_buf indexed = wr_buf_in(&p.arena, 256), plain = wr_buf_in(&p.arena, 256);
    CHECK(answer(&p, 0, false, &indexed) == WR_OK && answer(&p, 0, true, &plain) == WR_OK);
    CHECK(indexed.n > 2 && wr_str_eq(wr_buf_view(&indexed), wr_buf_view(&plain)));
    close_policy(&p);
}

TEST("a list is indexed in O(n log n), in whatever order it is") /* n * n would take a minute */
{
    check_lists(4, 500000, 2, SIZE_MAX);
}

TEST("rows beyond WR_LIMIT_REGO_INDEX are not made")
{
    check_lists(1000, 600, 600, (size_t)200 << 20);
}

TEST("whatever the fuel, an indexed rule is evaluated or given up, never half")
{
    struct policy p;
    wr_arena_init(&p.arena, &memory, (size_t)1 << 30);
    open_policy(&p, many_clauses(&p.arena, 200, 3),
                "{\"p1\": 150, \"q\": \"k3\", \"xs\": [5, 60]}");
    struct wr_buf whole = wr_buf_in(&p.arena, 256);
    CHECK(answer(&p, 0, false, &whole) == WR_OK);
    uint32_t n_cut = 0, n_whole = 0;
    for (uint64_t fuel = 1; fuel < 600; fuel++) {
        struct wr_buf out = wr_buf_in(&p.arena, 256);
        wr_err err = answer(&p, fuel, false, &out);
        CHECK(err == WR_OK || err == WR_E_EVAL_CANCEL);
        CHECK(err != WR_OK || wr_str_eq(wr_buf_view(&out), wr_buf_view(&whole)));
        n_cut += err != WR_OK;
        n_whole += err == WR_OK;
    }
    CHECK(n_cut > 20 && n_whole > 20);
    close_policy(&p);
}

TEST("an evaluation in a reset arena takes no memory")
{
    struct policy p;
    wr_arena_init(&p.arena, &memory, (size_t)1 << 30);
    open_policy(&p, many_clauses(&p.arena, 2000, 3),
                "{\"p0\": 1500, \"p1\": 70, \"q\": \"k3\", \"xs\": [20, 1990]}");
    CHECK(answer(&p, 0, false, NULL) == WR_OK);
    unsigned before = n_taken;
    for (int i = 0; i < 100; i++) {
        CHECK(answer(&p, 0, false, NULL) == WR_OK);
    }
    CHECK_INT(n_taken, before);
    close_policy(&p);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
