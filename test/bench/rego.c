/* SPDX-License-Identifier: Apache-2.0 */
/* Policies alone: one evaluation on an input already parsed, beside plain C for the same
 * conditions.
 *
 *   bench_rego DIR PLAIN.so       DIR as test/bench/policies, PLAIN.so from rego_plain.py's output
 *   bench_rego DIR count POLICY N ours alone, N evaluations and nothing timed: for callgrind
 *   bench_rego DIR dump POLICY    its instructions
 *
 * Both answer the query data.risk, in turns within one run, and both answers are compared with
 * expected_POLICY.json first. Figures are CPU time of the thread, the best and the median of many
 * short windows: the best is nearest to a machine that nobody shares. Then the same policies with
 * 1,000 rules added that cannot fire, and the time from text to a compiled policy. */
#include "app/file.h"
#include "rego/rego.h"
#include "rego_plain.h"
#include "value/json_read.h"
#include "value/json_write.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WINDOWS   60
#define WINDOW_NS 2000000
#define REASONS   4096
#define ADDED     1000
#define ROOM      ((size_t)1 << 30)

struct bench {
    struct wr_arena arena;   /* all that stays */
    struct wr_arena scratch; /* reset before each evaluation */
    const char *dir;
    struct wr_value data, input, expected;
    struct wr_str text;
    struct wr_rego_program *program;
    struct wr_rego_query *query;
    plain_policy *plain;
    struct plain_input in;
    struct plain_data tables;
    struct plain_result result;
};

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_rego: %s: %s\n", what, why);
    exit(1);
}

static struct wr_str read_text(struct bench *b, const char *name)
{
    char path[4096];
    struct wr_str text;
    struct wr_error error = {0};
    snprintf(path, sizeof path, "%s/%s", b->dir, name);
    if (wr_file_read(&b->arena, path, 1u << 26, &text, &error) != WR_OK) {
        die(path, error.text);
    }
    return text;
}

static struct wr_value read_json(struct bench *b, const char *name)
{
    struct wr_error error = {0};
    struct wr_value v;
    if (wr_json_read(&b->arena, read_text(b, name), true, NULL, &v, &error) != WR_OK) {
        die(name, error.text);
    }
    return v;
}

/* ── ours ───────────────────────────────────────────────────────────────────────────────────── */

static struct wr_rego_query *compile(struct wr_arena *arena, struct wr_str text,
                                     const struct wr_value *data, struct wr_rego_program **out)
{
    static const struct wr_str path[] = {{"risk", 4}};
    struct wr_rego_errors errors;
    struct wr_rego_source source = {WR_STR("policy.rego"), text};
    struct wr_rego_program *program = NULL;
    struct wr_rego_query *query;
    wr_rego_errors_init(&errors, arena);
    if (wr_rego_compile(arena, &source, 1, data, NULL, &program, &errors) != WR_OK ||
        wr_rego_prepare_path(program, arena, path, 1, &query, &errors) != WR_OK) {
        struct wr_buf buf = wr_buf_in(arena, 256);
        wr_rego_errors_write(&buf, &errors);
        fprintf(stderr, "bench_rego: %.*s\n", (int)buf.n, buf.p);
        exit(1);
    }
    if (out != NULL) {
        *out = program;
    }
    return query;
}

static const struct wr_value *evaluate(struct bench *b, const struct wr_rego_query *query)
{
    struct wr_rego_context context = {.input = &b->input, .env = {.now_ns = 1}};
    static struct wr_rego_results results;
    struct wr_error error = {0};
    wr_arena_reset(&b->scratch);
    if (wr_rego_eval(query, &context, &b->scratch, &results, &error) != WR_OK || results.n != 1) {
        die("evaluation", error.text);
    }
    return &results.items[0].value;
}

static void check(struct bench *b, const struct wr_value *got, const char *who)
{
    struct wr_value json;
    struct wr_buf x = wr_buf_in(&b->arena, 256), y = wr_buf_in(&b->arena, 256);
    if (wr_rego_to_json(&b->arena, got, &json, NULL) != WR_OK) {
        die(who, "no room");
    }
    wr_json_write(&x, &json, WR_JSON_COMPACT);
    wr_json_write(&y, &b->expected, WR_JSON_COMPACT);
    if (!wr_str_eq(wr_buf_view(&x), wr_buf_view(&y))) {
        fprintf(stderr, "%.*s\n", (int)x.n, x.p);
        die(who, "the answer is not the expected one");
    }
}

/* ── the twin ───────────────────────────────────────────────────────────────────────────────── */

static const struct wr_value *at(const struct wr_value *v, const char *path)
{
    while (v != NULL && *path != 0) {
        size_t n = strcspn(path, ".");
        v = wr_object_get_str(v, wr_str_of(path, n));
        path += n + (path[n] == '.');
    }
    return v;
}

static double number(const struct wr_value *v, const char *path)
{
    v = at(v, path);
    return v != NULL && v->type == WR_NUMBER ? wr_number_to_double(v) : 0;
}

static struct plain_text text_of(const struct wr_value *v)
{
    return v != NULL && v->type == WR_STRING ? (struct plain_text){v->text, v->n}
                                             : (struct plain_text){"", 0};
}

static void fill_lists(struct plain_input *in, const struct wr_value *input)
{
    const struct wr_value *tags = at(input, "tags"), *history = at(input, "history");
    in->n_tags = tags != NULL ? tags->n : 0;
    in->n_history = history != NULL ? history->n : 0;
    if (in->n_tags > PLAIN_LIST || in->n_history > PLAIN_LIST) {
        die("input", "too many elements for the twin (PLAIN_LIST)");
    }
    for (uint32_t i = 0; i < in->n_tags; i++) {
        in->tags[i] = text_of(&tags->items[i]);
    }
    for (uint32_t i = 0; i < in->n_history; i++) {
        const struct wr_value *e = &history->items[i];
        in->history[i] = (struct plain_event){number(e, "amount"), text_of(at(e, "country")),
                                              text_of(at(e, "status"))};
    }
}

static void fill_slots(struct plain_input *in, const struct wr_value *input)
{
    *in = (struct plain_input){
        .transaction_amount = number(input, "transaction.amount"),
        .user_credit_score = number(input, "user.credit_score"),
        .user_age_days = number(input, "user.age_days"),
        .user_failed_logins = number(input, "user.failed_logins"),
        .device_age_days = number(input, "device.age_days"),
        .velocity_count_1h = number(input, "velocity.count_1h"),
        .velocity_count_24h = number(input, "velocity.count_24h"),
        .velocity_amount_24h = number(input, "velocity.amount_24h"),
        .transaction_type = text_of(at(input, "transaction.type")),
        .user_email = text_of(at(input, "user.email")),
        .card_bin = text_of(at(input, "card.bin")),
        .merchant_id = text_of(at(input, "merchant.id")),
        .merchant_mcc = text_of(at(input, "merchant.mcc")),
        .device_user_agent = text_of(at(input, "device.user_agent")),
        .location_country = text_of(at(input, "location.country")),
        .location_risk_level = text_of(at(input, "location.risk_level")),
    };
    fill_lists(in, input);
}

/* Keys of an object, or texts of an array, as a hash table. */
static struct plain_table table_of(struct bench *b, const struct wr_value *list)
{
    uint32_t n = list != NULL ? list->n : 0, size = 8;
    while (size < 2 * n) {
        size *= 2;
    }
    struct plain_table table = {WR_NEW_ARRAY(&b->arena, struct plain_text, size), size - 1};
    for (uint32_t i = 0; i < n; i++) {
        struct plain_text t =
            text_of(list->type == WR_OBJECT ? &list->pairs[i].key : &list->items[i]);
        uint32_t slot = plain_hash(t) & table.mask;
        while (table.slots[slot].p != NULL && !plain_same(table.slots[slot], t)) {
            slot = (slot + 1) & table.mask;
        }
        table.slots[slot] = t;
    }
    return table;
}

/* The twin's result in the shape of ours. */
static struct wr_value plain_value(struct bench *b)
{
    const struct plain_result *r = &b->result;
    struct wr_pair *pairs = WR_NEW_ARRAY(&b->arena, struct wr_pair, 5);
    uint32_t n = 0;
    pairs[n++] = (struct wr_pair){wr_string(WR_STR("allow")), wr_bool(r->allow)};
    if (r->decision != NULL) {
        pairs[n++] =
            (struct wr_pair){wr_string(WR_STR("decision")), wr_string(wr_str_z(r->decision))};
    }
    if (r->has_deny) {
        pairs[n++] = (struct wr_pair){wr_string(WR_STR("deny")), wr_bool(r->deny)};
    }
    if (r->has_reasons) {
        struct wr_value *items = WR_NEW_ARRAY(&b->arena, struct wr_value, r->n_reasons);
        for (uint32_t i = 0; i < r->n_reasons; i++) {
            struct wr_pair *p = WR_NEW_ARRAY(&b->arena, struct wr_pair, 2);
            p[0] = (struct wr_pair){wr_string(WR_STR("id")),
                                    wr_string(wr_str_of(r->reasons[i].id.p, r->reasons[i].id.n))};
            p[1] = (struct wr_pair){wr_string(WR_STR("w")), wr_int(r->reasons[i].w)};
            items[i] = wr_object_from(p, 2);
        }
        pairs[n++] =
            (struct wr_pair){wr_string(WR_STR("reasons")), wr_set_from(items, r->n_reasons)};
        pairs[n++] = (struct wr_pair){wr_string(WR_STR("score")), wr_int(r->score)};
    }
    return wr_object_from(pairs, n);
}

/* ── measuring ──────────────────────────────────────────────────────────────────────────────── */

struct figure {
    double best, median;
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct figure figure_of(double *windows)
{
    qsort(windows, WINDOWS, sizeof *windows, by_size);
    return (struct figure){windows[0], windows[WINDOWS / 2]};
}

typedef void step(struct bench *b, const struct wr_rego_query *query);

static void step_ours(struct bench *b, const struct wr_rego_query *query)
{
    evaluate(b, query);
}

static void step_plain(struct bench *b, const struct wr_rego_query *query)
{
    (void)query;
    __asm__ volatile("" ::: "memory");
    b->plain(&b->in, &b->tables, &b->result);
}

static double window(struct bench *b, step *run, const struct wr_rego_query *query, unsigned n)
{
    double start = cpu_ns();
    for (unsigned i = 0; i < n; i++) {
        run(b, query);
    }
    return (cpu_ns() - start) / n;
}

static unsigned rounds(struct bench *b, step *run, const struct wr_rego_query *query)
{
    double each = window(b, run, query, 64);
    return (unsigned)WR_MAX(WINDOW_NS / WR_MAX(each, 1.0), 16.0);
}

/* Two of them in turns. */
static void measure(struct bench *b, step *const runs[2], const struct wr_rego_query *queries[2],
                    struct figure out[2])
{
    static double windows[2][WINDOWS];
    unsigned n[2] = {rounds(b, runs[0], queries[0]), rounds(b, runs[1], queries[1])};
    for (unsigned i = 0; i < WINDOWS; i++) {
        for (unsigned k = 0; k < 2; k++) {
            windows[k][i] = window(b, runs[k], queries[k], n[k]);
        }
    }
    out[0] = figure_of(windows[0]);
    out[1] = figure_of(windows[1]);
}

static void beside_plain(struct bench *b, const char *name, double bar)
{
    step *const runs[2] = {step_ours, step_plain};
    const struct wr_rego_query *queries[2] = {b->query, NULL};
    struct figure f[2];
    struct wr_value plain;
    check(b, evaluate(b, b->query), "weir");
    step_plain(b, NULL);
    plain = plain_value(b);
    check(b, &plain, "plain C");
    measure(b, runs, queries, f);
    double ratio = f[0].best / f[1].best;
    printf("%-10s weir %8.0f ns (median %8.0f), bar %6.0f | plain C %7.0f ns (median %7.0f) | "
           "ratio %4.1f, bar 4.0 | %s\n",
           name, f[0].best, f[0].median, bar, f[1].best, f[1].median, ratio,
           f[0].best <= bar || ratio <= 4.0 ? "met" : "NOT MET");
}

/* ── rules that cannot fire ─────────────────────────────────────────────────────────────────── */

enum added { ADDED_PLAIN, ADDED_MIXED, ADDED_OWN, ADDED_KINDS };

static const char *const added_names[] = {
    "equality and ranges:", "all kinds of condition:", "as its own rule deny:"};

/* Equality and ranges only; the kinds and shares of the policies themselves; or more of the seed's
 * own rule, which the others leave alone: they bring it a rule that it has not. */
static void add_rule(struct wr_buf *buf, unsigned i, enum added form)
{
    bool mixed = form == ADDED_MIXED;
    unsigned kind = mixed ? i % 20 : i % 2;
    if (form == ADDED_OWN) {
        wr_format(buf, "\ndeny {\n    input.transaction.amount > %u\n", 1000000 + i);
        wr_format(buf, "    input.user.credit_score < %u\n}\n", 300 + i);
        return;
    }
    wr_format(buf, "\nreasons[r] {\n");
    if (kind < (mixed ? 4u : 1u)) {
        wr_format(buf, "    input.transaction.type == \"type%u\"\n    input.user.age_days < %u\n",
                  i, i);
    } else if (kind < 8) {
        wr_format(buf, "    input.transaction.amount > %u\n    input.user.credit_score < %u\n",
                  1000000 + i, 300 + i);
    } else if (kind < 12) {
        wr_format(buf, "    input.location.country in {\"X%u\", \"Y%u\"}\n", i, i);
        wr_format(buf, "    input.transaction.amount > %u\n", i);
    } else if (kind < 15) {
        wr_format(buf, "    startswith(input.device.user_agent, \"agent%u/\")\n", i);
        wr_format(buf, "    input.user.age_days < %u\n", 10000 + i);
    } else if (kind < 18) {
        wr_format(buf, "    some h in input.history\n    h.status == \"declined\"\n");
        wr_format(buf, "    h.amount > %u\n", 1000000 + i);
    } else {
        wr_format(buf, "    count([h | h := input.history[_]; h.amount > %u]) >= 1\n", 1000000 + i);
    }
    wr_format(buf, "    r := {\"id\": \"X%04u\", \"w\": 1}\n}\n", i);
}

static struct wr_rego_query *with_added(struct bench *b, enum added form, bool seed)
{
    struct wr_buf buf = wr_buf_in(&b->arena, 1 << 18);
    wr_buf_str(&buf, b->text);
    for (unsigned i = 0; i < ADDED; i++) {
        add_rule(&buf, i, form);
    }
    struct wr_str text = wr_buf_view(&buf);
    if (seed && form != ADDED_OWN) { /* it has neither the import nor the rule */
        struct wr_buf whole = wr_buf_in(&b->arena, 1 << 18);
        size_t line = wr_str_find(text, WR_STR("package risk\n"), 0) + 13;
        wr_buf_str(&whole, wr_str_of(text.p, line));
        wr_buf_str(&whole, WR_STR("import future.keywords.in\n"));
        wr_buf_str(&whole, wr_str_of(text.p + line, text.n - line));
        text = wr_buf_view(&whole);
    }
    return compile(&b->arena, text, &b->data, NULL);
}

static void added_rules(struct bench *b, const char *name, bool seed)
{
    step *const runs[2] = {step_ours, step_ours};
    for (enum added form = 0; form < (seed ? ADDED_KINDS : ADDED_OWN); form++) {
        const struct wr_rego_query *queries[2] = {with_added(b, form, seed), b->query};
        struct figure f[2];
        if (!seed || form == ADDED_OWN) {
            check(b, evaluate(b, queries[0]), "weir with rules added");
        }
        measure(b, runs, queries, f);
        printf("%-10s %d rules added that cannot fire, %-24s %8.0f ns against %8.0f: %+6.1f %%\n",
               name, ADDED, added_names[form], f[0].best, f[1].best,
               100 * (f[0].best / f[1].best - 1));
    }
}

/* ── compiling ──────────────────────────────────────────────────────────────────────────────── */

static void compile_time(struct bench *b, const char *name)
{
    static double windows[WINDOWS];
    for (unsigned i = 0; i < WINDOWS; i++) {
        wr_arena_reset(&b->scratch);
        double start = cpu_ns();
        compile(&b->scratch, b->text, &b->data, NULL);
        windows[i] = cpu_ns() - start;
    }
    struct figure f = figure_of(windows);
    printf("%-10s parse, compile and prepare %.3f ms (median %.3f)\n", name, f.best / 1e6,
           f.median / 1e6);
}

static void load(struct bench *b, const char *name, void *twins)
{
    char file[256];
    bool seed = strcmp(name, "seed") == 0;
    snprintf(file, sizeof file, "%s.rego", name);
    b->text = read_text(b, file);
    b->data = seed ? wr_undefined() : read_json(b, "data.json");
    b->input = read_json(b, seed ? "seed_input.json" : "rules_input.json");
    snprintf(file, sizeof file, "expected_%s.json", name);
    b->expected = read_json(b, file);
    b->query = compile(&b->arena, b->text, &b->data, &b->program);
    if (twins != NULL) {
        snprintf(file, sizeof file, "plain_%s", name);
        b->plain = (plain_policy *)(uintptr_t)dlsym(twins, file);
        if (b->plain == NULL) {
            die(file, "the twin is not in the library");
        }
    }
    const struct wr_value *lists = at(&b->data, "lists");
    fill_slots(&b->in, &b->input);
    b->tables =
        (struct plain_data){table_of(b, lists != NULL ? at(lists, "blocked_bins") : NULL),
                            table_of(b, lists != NULL ? at(lists, "watch_merchants") : NULL),
                            table_of(b, lists != NULL ? at(lists, "sanctioned") : NULL)};
    b->result.reasons = WR_NEW_ARRAY(&b->arena, struct plain_reason, REASONS);
}

int main(int argc, char **argv)
{
    static struct bench b;
    static const char *const names[] = {"seed", "rules50", "rules1000"};
    static const double bars[] = {150, 4000, 25000};
    if (argc < 3) {
        die("usage", "bench_rego DIR PLAIN.so | bench_rego DIR dump POLICY | bench_rego DIR count "
                     "POLICY N [mixed|plain|own]");
    }
    b.dir = argv[1];
    wr_arena_init(&b.arena, &wr_heap, ROOM);
    wr_arena_init(&b.scratch, &wr_heap, ROOM);
    if (argc == 5 || argc == 6) { /* the sixth: with rules added, of a form */
        load(&b, argv[3], NULL);
        struct wr_rego_query *query = b.query;
        if (argc == 6) {
            enum added form = strcmp(argv[5], "mixed") == 0 ? ADDED_MIXED
                              : strcmp(argv[5], "own") == 0 ? ADDED_OWN
                                                            : ADDED_PLAIN;
            query = with_added(&b, form, strcmp(argv[3], "seed") == 0);
        }
        for (unsigned long n = strtoul(argv[4], NULL, 10); n > 0; n--) {
            evaluate(&b, query);
        }
        return 0;
    }
    if (argc == 4) {
        load(&b, argv[3], NULL);
        struct wr_buf buf = wr_buf_in(&b.arena, 1 << 18);
        wr_rego_dump(b.program, b.query, &buf);
        fwrite(buf.p, 1, buf.n, stdout);
        return 0;
    }
    void *twins = dlopen(argv[2], RTLD_NOW);
    if (twins == NULL) {
        die(argv[2], dlerror());
    }
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        load(&b, names[i], twins);
        beside_plain(&b, names[i], bars[i]);
    }
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        load(&b, names[i], twins);
        added_rules(&b, names[i], i == 0);
        compile_time(&b, names[i]);
    }
    return 0;
}
