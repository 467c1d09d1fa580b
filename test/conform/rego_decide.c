/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions and bounds: the benchmark policies give what OPA gave, printed results are OPA's to the
 * byte, several entry points come from one evaluation, and every limit ends an evaluation with its
 * named error. */
#include "check.h"
#include "rego/rego.h"
#include "value/json_layout.h"
#include "value/json_read.h"
#include "value/json_write.h"

#define POLICIES WEIR_SHARED "/bench-policies/"

static const struct wr_memory memory = CHECK_MEMORY;

struct world {
    struct wr_arena arena, scratch;
    struct wr_rego_program *program;
    struct wr_rego_query *query;
    struct wr_rego_results results;
    struct wr_error error;
    struct wr_rego_errors errors;
    struct wr_value input;
};

static bool read_file(struct wr_arena *arena, const char *path, struct wr_str *text)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return false;
    }
    char *room = wr_arena_alloc(arena, 4 << 20, 1);
    *text = wr_str_of(room, fread(room, 1, 4 << 20, f));
    fclose(f);
    return true;
}

static bool read_json(struct wr_arena *arena, const char *path, struct wr_value *out)
{
    struct wr_str text;
    return read_file(arena, path, &text) && wr_json_read(arena, text, true, NULL, out, NULL) == 0;
}

static void open_world(struct world *w, size_t scratch_cap)
{
    *w = (struct world){0};
    wr_arena_init(&w->arena, &memory, 256u << 20);
    wr_arena_init(&w->scratch, &memory, scratch_cap);
    wr_rego_errors_init(&w->errors, &w->arena);
}

static void close_world(struct world *w)
{
    wr_arena_deinit(&w->arena);
    wr_arena_deinit(&w->scratch);
}

static bool compile(struct world *w, const char *text, const struct wr_value *data)
{
    struct wr_rego_source source = {WR_STR("p.rego"), wr_str_z(text)};
    struct wr_rego_options options = {.all_keywords = true};
    return wr_rego_compile(&w->arena, &source, 1, data, &options, &w->program, &w->errors) == WR_OK;
}

static wr_err eval(struct world *w, uint64_t fuel)
{
    struct wr_rego_context context = {.input = &w->input, .fuel = fuel};
    return wr_rego_eval(w->query, &context, &w->scratch, &w->results, &w->error);
}

static bool ask(struct world *w, const char *query)
{
    struct wr_rego_query_options how = {.capture = true};
    return wr_rego_prepare(w->program, &w->arena, wr_str_z(query), &how, &w->query, &w->errors) ==
           WR_OK;
}

static void check_policy(const char *name, const char *input)
{
    struct world w;
    struct wr_value data, want;
    struct wr_str text, segment = WR_STR("risk");
    char path[512];
    open_world(&w, 64u << 20);
    snprintf(path, sizeof(path), POLICIES "%s.rego", name);
    if (!read_file(&w.arena, path, &text)) {
        printf("skipped: there is no %s\n", path);
        close_world(&w);
        return;
    }
    struct wr_rego_source source = {WR_STR("p.rego"), text};
    snprintf(path, sizeof(path), POLICIES "%s", input);
    CHECK(read_json(&w.arena, path, &w.input));
    snprintf(path, sizeof(path), POLICIES "expected_%s.json", name);
    CHECK(read_json(&w.arena, path, &want));
    CHECK(read_json(&w.arena, POLICIES "data.json", &data));
    CHECK(wr_rego_compile(&w.arena, &source, 1, &data, NULL, &w.program, &w.errors) == WR_OK);
    CHECK(wr_rego_prepare_path(w.program, &w.arena, &segment, 1, &w.query, &w.errors) == WR_OK);
    CHECK(eval(&w, 0) == WR_OK && w.results.n == 1);
    struct wr_value got = wr_value_copy(&w.arena, w.results.items[0].value);
    struct wr_buf buf = wr_buf_in(&w.arena, 1024);
    wr_json_write(&buf, &got, WR_JSON_COMPACT);
    CHECK(wr_json_read(&w.arena, wr_buf_view(&buf), false, NULL, &got, NULL) == WR_OK);
    CHECK(wr_value_eq(&got, &want));
    close_world(&w);
}

TEST("the seed policy decides as OPA does")
{
    check_policy("seed", "seed_input.json");
}

TEST("fifty rules decide as OPA does")
{
    check_policy("rules50", "rules_input.json");
}

TEST("a thousand rules decide as OPA does")
{
    check_policy("rules1000", "rules_input.json");
}

/* {"result":[{...}]} and a newline, as POST /v1/query answers. */
static void write_answer(struct wr_buf *buf, const struct wr_rego_results *results)
{
    if (results->n == 0) {
        wr_buf_str(buf, WR_STR("{}\n"));
        return;
    }
    wr_buf_str(buf, WR_STR("{\"result\":["));
    for (uint32_t i = 0; i < results->n; i++) {
        wr_buf_str(buf, i > 0 ? WR_STR(",") : WR_STR(""));
        wr_rego_write_json(buf, &results->items[i].bindings, WR_JSON_HTML_SAFE);
    }
    wr_buf_str(buf, WR_STR("]}\n"));
}

static struct wr_str text_of(const struct wr_value *object, const char *name)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(name));
    return v != NULL ? wr_text(*v) : (struct wr_str){0};
}

/* {"code","message","errors":[..]}, as the server answers a query that does not compile. */
static void write_refusal(struct wr_buf *buf, const struct wr_rego_errors *errors)
{
    bool parse = errors->items[0].code == WR_E_REGO_PARSE;
    wr_format(buf, "{\"code\":\"invalid_parameter\",\"message\":\"error(s) occurred while %s\",",
              parse ? "parsing query" : "compiling query");
    wr_buf_str(buf, WR_STR("\"errors\":["));
    for (uint32_t i = 0; i < errors->n; i++) {
        const struct wr_rego_error *e = &errors->items[i];
        wr_format(buf, "%s{\"code\":\"%.*s\",\"message\":", i > 0 ? "," : "",
                  WR_FMT(wr_rego_error_code(e)));
        wr_json_write_string(buf, e->message, WR_JSON_HTML_SAFE);
        wr_format(buf, ",\"location\":{\"file\":\"\",\"row\":%u,\"col\":%u}", e->row, e->col);
        if (parse && e->n_lines > 0) {
            wr_buf_str(buf, WR_STR(",\"details\":{\"line\":"));
            wr_json_write_string(buf, e->lines[0], WR_JSON_HTML_SAFE);
            wr_format(buf, ",\"idx\":%u}", e->caret);
        } else if (e->details.n > 0) {
            wr_format(buf, ",\"details\":%.*s", WR_FMT(e->details));
        }
        wr_buf_char(buf, '}');
    }
    wr_buf_str(buf, WR_STR("]}"));
}

/* The same errors, each wherever it stands: those at one place come in the order of a hash map. */
static bool same_errors(struct world *w, struct wr_str got, struct wr_str want)
{
    struct wr_value a, b;
    CHECK(wr_json_read(&w->arena, got, true, NULL, &a, NULL) == WR_OK);
    CHECK(wr_json_read(&w->arena, want, true, NULL, &b, NULL) == WR_OK);
    const struct wr_value *x = wr_object_get_str(&a, WR_STR("errors"));
    const struct wr_value *y = wr_object_get_str(&b, WR_STR("errors"));
    bool same = x != NULL && y != NULL && x->n == y->n;
    for (uint32_t i = 0; same && i < x->n; i++) {
        bool found = false;
        for (uint32_t k = 0; k < y->n && !found; k++) {
            found = wr_value_eq(&x->items[i], &y->items[k]);
        }
        same = found;
    }
    return same;
}

/* As the recording did: `zz := EXPR`, or EXPR alone where it is a statement. */
static bool expression(const struct wr_value *e, int64_t status)
{
    struct world w;
    open_world(&w, 64u << 20);
    struct wr_str expr = text_of(e, "expr"), body = text_of(e, "body");
    char query[1024];
    bool statement = wr_str_starts(expr, WR_STR("some ")) ||
                     wr_str_starts(expr, WR_STR("every ")) ||
                     (status == 200 && wr_str_find(body, WR_STR("\"zz\""), 0) == SIZE_MAX);
    snprintf(query, sizeof(query), "%s%.*s", statement ? "" : "zz := ", WR_FMT(expr));
    struct wr_rego_options v0 = {0};
    struct wr_rego_query_options how = {.capture = true};
    bool ok = wr_rego_compile(&w.arena, NULL, 0, NULL, &v0, &w.program, &w.errors) == WR_OK;
    ok = ok &&
         wr_rego_prepare(w.program, &w.arena, wr_str_z(query), &how, &w.query, &w.errors) == WR_OK;
    struct wr_buf compact = wr_buf_in(&w.arena, 256), buf = wr_buf_in(&w.arena, 256);
    bool compiled = ok;
    if (ok && eval(&w, 0) == WR_OK) {
        write_answer(&buf, &w.results);
    } else if (!ok && w.errors.n > 0) {
        write_refusal(&compact, &w.errors);
        wr_json_lay_out(&buf, wr_buf_view(&compact));
        wr_buf_char(&buf, '\n');
    }
    ok = compiled == (status == 200) && wr_str_eq(wr_buf_view(&buf), body);
    if (!ok && !compiled && status != 200) {
        ok = w.errors.n > 1 && same_errors(&w, wr_buf_view(&buf), body);
    }
    if (!ok) {
        printf("  %s\n    is %.*s\n    not %.*s\n", query, (int)buf.n, buf.p, WR_FMT(body));
    }
    close_world(&w);
    return ok;
}

TEST("expressions print as OPA prints them, refusals included")
{
    struct wr_arena arena;
    struct wr_value doc;
    wr_arena_init(&arena, &memory, 64u << 20);
    if (!read_json(&arena, WEIR_SHARED "/opa-golden/eval.json", &doc)) {
        printf("skipped: there is no opa-golden/eval.json\n");
        wr_arena_deinit(&arena);
        return;
    }
    const struct wr_value *evals = wr_object_get_str(&doc, WR_STR("evals"));
    for (uint32_t i = 0; i < evals->n; i++) {
        int64_t status = 0;
        const struct wr_value *e = &evals->items[i];
        wr_number_to_i64(wr_object_get_str(e, WR_STR("status")), &status);
        CHECK(expression(e, status));
    }
    wr_arena_deinit(&arena);
}

TEST("several entry points come from one evaluation")
{
    struct world w;
    struct wr_str names[] = {WR_STR("deny"), WR_STR("hold"), WR_STR("reasons"), WR_STR("a.b")};
    open_world(&w, 1u << 20);
    CHECK(compile(&w,
                  "package risk\n"
                  "deny { input.amount > 10 }\n"
                  "reasons[x] { deny; x := \"large\" }\n"
                  "a.b = 7 { true }\n",
                  NULL));
    CHECK(wr_rego_prepare_entries(w.program, &w.arena, WR_STR("risk"), names, 4, &w.query,
                                  &w.errors) == WR_OK);
    struct wr_pair pair = {wr_string(WR_STR("amount")), wr_int(11)};
    w.input = wr_object_from(&pair, 1);
    CHECK(eval(&w, 0) == WR_OK && w.results.n == 1 && w.results.items[0].n_values == 4);
    const struct wr_value *values = w.results.items[0].values;
    CHECK(wr_is_true(values[0]));
    CHECK(values[1].type == WR_UNDEFINED);
    CHECK(values[2].type == WR_SET && values[2].n == 1);
    CHECK(values[3].type == WR_NUMBER && values[3].i == 7);
    close_world(&w);
}

TEST("the paths of the input that a query may read are known")
{
    struct world w;
    const struct wr_rego_input_path *paths;
    struct wr_str names[] = {WR_STR("deny")};
    uint32_t n;
    open_world(&w, 1u << 20);
    CHECK(compile(&w,
                  "package risk\n"
                  "deny { input.features.count_1h > 3; helper(input.user) }\n"
                  "helper(u) { u.age > 3; input.scores[x] > 1; input.user.age }\n"
                  "other { input.never.read }\n",
                  NULL));
    CHECK(wr_rego_prepare_entries(w.program, &w.arena, WR_STR("risk"), names, 1, &w.query,
                                  &w.errors) == WR_OK);
    CHECK(wr_rego_input_paths(w.program, w.query, &w.arena, &paths, &n) == WR_OK);
    CHECK_INT(n, 3);
    CHECK(n == 3 && paths[0].n == 2 && wr_str_eq(paths[0].items[1], WR_STR("count_1h")));
    CHECK(n == 3 && paths[1].n == 1 && wr_str_eq(paths[1].items[0], WR_STR("scores")));
    CHECK(n == 3 && paths[2].n == 1 && wr_str_eq(paths[2].items[0], WR_STR("user")));
    close_world(&w);
}

/* ── bounds ─────────────────────────────────────────────────────────────────────────────────── */

static wr_err outcome(const char *policy, const char *query, uint64_t fuel, size_t cap)
{
    struct world w;
    open_world(&w, cap);
    wr_err err = WR_OK;
    if (!compile(&w, policy, NULL) || !ask(&w, query)) {
        err = w.errors.n > 0 ? w.errors.items[0].code : WR_E_MEMORY;
    } else {
        err = eval(&w, fuel);
    }
    close_world(&w);
    return err;
}

static const char *nested_loops =
    "package x\n"
    "p = n { n := count([1 | numbers.range(1, 1000)[_]; numbers.range(1, 1000)[_];"
    " numbers.range(1, 1000)[_]]) }\n";

TEST("a policy that loops too long is cancelled")
{
    CHECK_INT(outcome(nested_loops, "data.x.p", 100000, 256u << 20), WR_E_EVAL_CANCEL);
}

TEST("a policy that builds too much runs out of memory, and says so")
{
    CHECK_INT(outcome(nested_loops, "data.x.p", 0, 1u << 20), WR_E_MEMORY);
}

TEST("an evaluation fails cleanly in an arena of any size")
{
    const char *policy = "package x\n"
                         "p = y { y := {k: [v, f(v)] | v := {\"a\": 1, \"b\": 2}[k]} }\n"
                         "f(x) = y { y := x + 1 with input as {\"z\": x} }\n";
    for (size_t cap = 64; cap < 40000; cap += 1024) {
        wr_err err = outcome(policy, "data.x.p", 0, cap);
        CHECK(err == WR_OK || err == WR_E_MEMORY);
    }
}

/* p0 := p1, p1 := p2, ...: as deep as the chain is long. */
static char *chain(unsigned n)
{
    char *text = malloc((size_t)n * 32 + 64);
    size_t at = (size_t)sprintf(text, "package x\n");
    for (unsigned i = 0; i < n; i++) {
        at += (size_t)sprintf(text + at, "p%u = x { x := p%u }\n", i, i + 1);
    }
    sprintf(text + at, "p%u = 1\n", n);
    return text;
}

TEST("calls may nest up to a limit")
{
    char *text = chain(WR_LIMIT_REGO_CALLS - 10);
    CHECK_INT(outcome(text, "data.x.p0", 0, 64u << 20), WR_OK);
    free(text);
    text = chain(WR_LIMIT_REGO_CALLS + 10);
    CHECK_INT(outcome(text, "data.x.p0", 0, 64u << 20), WR_E_LIMIT);
    free(text);
}

TEST("the reference in a head has a limit")
{
    char text[1024] = "package x\na";
    for (int i = 0; i < WR_LIMIT_REGO_HEAD; i++) {
        strcat(text, ".b");
    }
    strcat(text, " = 1 { true }\n");
    CHECK_INT(outcome(text, "data.x", 0, 1u << 20), WR_E_LIMIT);
}

TEST("statements that wait for each other cannot stall the compiler")
{
    struct world w;
    char text[8192] = "package x\np { [";
    open_world(&w, 1u << 20);
    for (int i = 0; i < 100; i++) {
        sprintf(text + strlen(text), "data.d[v%d], [", i);
    }
    strcat(text, "missing");
    for (int i = 0; i < 100; i++) {
        strcat(text, "]");
    }
    strcat(text, "] = input.y }\n");
    CHECK(!compile(&w, text, NULL) && w.errors.n > 0);
    CHECK(w.errors.items[0].code == WR_E_LIMIT || w.errors.items[0].code == WR_E_REGO_UNSAFE);
    close_world(&w);
}

TEST("a query may use the names of a package and imports")
{
    struct world w;
    struct wr_str import = WR_STR("data.x.inner as i");
    struct wr_rego_query_options how = {
        .capture = true, .package = WR_STR("data.x"), .imports = &import, .n_imports = 1};
    open_world(&w, 1u << 20);
    CHECK(compile(&w, "package x\np = 3 { true }\ninner.q = 4 { true }\n", NULL));
    CHECK(wr_rego_prepare(w.program, &w.arena, WR_STR("p + i.q"), &how, &w.query, &w.errors) ==
          WR_OK);
    CHECK(eval(&w, 0) == WR_OK && w.results.n == 1 && w.results.items[0].values[0].i == 7);
    close_world(&w);
}

static void keep(void *context, struct wr_str text)
{
    snprintf(context, 256, "%.*s", WR_FMT(text));
}

TEST("print reaches the sink, undefined arguments included")
{
    struct world w;
    char printed[256] = "";
    open_world(&w, 1u << 20);
    CHECK(compile(&w, "package x\np { print(\"a\", input.no, [1]) }\n", NULL));
    CHECK(ask(&w, "data.x.p"));
    struct wr_rego_context context = {.env.print = {keep, printed}};
    CHECK(wr_rego_eval(w.query, &context, &w.scratch, &w.results, &w.error) == WR_OK);
    CHECK_INT(w.results.n, 1);
    CHECK_STR(printed, "a <undefined> [1]");
    close_world(&w);
}

TEST("an interrupt ends an evaluation")
{
    struct world w;
    volatile int stop = 1;
    open_world(&w, 64u << 20);
    CHECK(compile(&w, nested_loops, NULL) && ask(&w, "data.x.p"));
    struct wr_rego_context context = {.interrupt = &stop};
    CHECK_INT(wr_rego_eval(w.query, &context, &w.scratch, &w.results, &w.error), WR_E_EVAL_CANCEL);
    close_world(&w);
}

TEST("a program serves new data without being compiled again")
{
    struct world w;
    struct wr_rego_program *changed;
    struct wr_pair pair = {wr_string(WR_STR("limit")), wr_int(5)};
    struct wr_value data = wr_object_from(&pair, 1);
    struct wr_pair clash[1] = {{wr_string(WR_STR("x")), wr_undefined()}};
    struct wr_pair inner = {wr_string(WR_STR("p")), wr_int(1)};
    open_world(&w, 1u << 20);
    CHECK(compile(&w, "package x\np = y { y := data.limit }\n", NULL));
    CHECK(wr_rego_with_data(&w.arena, w.program, &data, &changed, &w.errors) == WR_OK);
    w.program = changed;
    CHECK(ask(&w, "data.x.p") && eval(&w, 0) == WR_OK && w.results.n == 1);
    CHECK(w.results.items[0].values[0].i == 5);
    clash[0].value = wr_object_from(&inner, 1);
    data = wr_object_from(clash, 1);
    CHECK(wr_rego_with_data(&w.arena, w.program, &data, &changed, &w.errors) == WR_E_REGO_COMPILE);
    close_world(&w);
}

TEST("what a decision may not call is refused when it is compiled")
{
    struct wr_arena arena;
    const char *calls[] = {"rand.intn(\"a\", 3)", "uuid.rfc4122(\"a\")", "opa.runtime()",
                           "http.send({})"};
    for (size_t i = 0; i < WR_COUNTOF(calls); i++) {
        char text[128];
        struct wr_rego_errors errors;
        struct wr_rego_program *program;
        struct wr_rego_options options = {.decision = true};
        wr_arena_init(&arena, &memory, 8u << 20);
        wr_rego_errors_init(&errors, &arena);
        snprintf(text, sizeof(text), "package x\np = y { y := %s }\n", calls[i]);
        struct wr_rego_source source = {WR_STR("p.rego"), wr_str_z(text)};
        CHECK_INT(wr_rego_compile(&arena, &source, 1, NULL, &options, &program, &errors),
                  WR_E_REGO_TYPE);
        wr_arena_deinit(&arena);
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
