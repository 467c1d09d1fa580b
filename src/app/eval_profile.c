/* SPDX-License-Identifier: Apache-2.0 */
#include "app/eval_profile.h"
#include "app/rego_output.h"
#include "app/statistics.h"
#include "app/table.h"
#include "value/json_write.h"

enum { TOTAL_TIME, NUM_EVAL, NUM_REDO, NUM_GEN_EXPR, FILE_NAME, LINE };

/* ── counting ───────────────────────────────────────────────────────────────────────────────── */
void wr_profile_init(struct wr_profile *profile, struct wr_arena *arena, struct wr_str query,
                     uint64_t n_runs)
{
    *profile = (struct wr_profile){.arena = arena, .query = query, .n_runs = n_runs};
}

static struct wr_profile_line *grow(struct wr_profile *p)
{
    if (p->n == p->cap) {
        uint32_t cap = WR_MAX(2 * p->cap, 64u);
        struct wr_profile_line *lines = WR_NEW_ARRAY(p->arena, struct wr_profile_line, cap);
        if (lines == NULL) {
            return NULL;
        }
        if (p->n > 0) {
            memcpy(lines, p->lines, p->n * sizeof lines[0]);
        }
        p->lines = lines;
        p->cap = cap;
    }
    return &p->lines[p->n];
}

/* The line of a step, made when it is the first there; NULL without room. */
static struct wr_profile_line *line_of(struct wr_profile *p, const struct wr_trace_event *e)
{
    uint32_t *bucket = &p->buckets[e->row % WR_PROFILE_BUCKETS];
    for (uint32_t i = *bucket; i > 0; i = p->lines[i - 1].next) {
        if (p->lines[i - 1].row == e->row && wr_str_eq(p->lines[i - 1].file, e->file)) {
            return &p->lines[i - 1];
        }
    }
    struct wr_profile_line *line = grow(p);
    int64_t *ns = line != NULL ? WR_NEW_ARRAY(p->arena, int64_t, p->n_runs) : NULL;
    if (ns == NULL) {
        return NULL;
    }
    const struct wr_ast_loc *loc = &e->expr->loc;
    *line = (struct wr_profile_line){
        .file = e->file, .row = e->row, .col = e->col, .ns = ns, .next = *bucket};
    if (e->file.n == 0 && loc->offset + loc->n <= p->query.n) {
        line->text = wr_str_of(p->query.p + loc->offset, loc->n);
    }
    *bucket = ++p->n;
    return line;
}

/* Statements are told apart by their places in their bodies, as OPA does. */
static bool see(struct wr_profile *p, struct wr_profile_line *line, uint32_t place)
{
    if (place / 64 >= line->n_seen) {
        uint32_t n = WR_MAX(2 * line->n_seen, place / 64 + 1);
        uint64_t *seen = WR_NEW_ARRAY(p->arena, uint64_t, n);
        if (seen == NULL) {
            return false;
        }
        if (line->n_seen > 0) {
            memcpy(seen, line->seen, line->n_seen * sizeof seen[0]);
        }
        line->seen = seen;
        line->n_seen = n;
    }
    uint64_t bit = (uint64_t)1 << place % 64;
    line->n_expr += (line->seen[place / 64] & bit) == 0;
    line->seen[place / 64] |= bit;
    return true;
}

bool wr_profile_add(struct wr_profile *p, const struct wr_trace *trace, uint64_t run)
{
    int64_t end_ns = trace->end_ns;
    for (uint32_t i = trace->n; i-- > 0;) { /* backwards: each lasts until the next */
        struct wr_trace_event *e = &trace->events[i];
        if (e->expr != NULL && (e->op == WR_TRACE_EVAL || e->op == WR_TRACE_REDO)) {
            int64_t began_ns = e->ns;
            e->ns = end_ns - began_ns;
            end_ns = began_ns;
        }
    }
    for (uint32_t i = 0; i < trace->n; i++) {
        const struct wr_trace_event *e = &trace->events[i];
        if (e->expr == NULL || (e->op != WR_TRACE_EVAL && e->op != WR_TRACE_REDO)) {
            continue;
        }
        struct wr_profile_line *line = line_of(p, e);
        if (line == NULL || !see(p, line, e->expr->index)) {
            return false;
        }
        line->n_eval += run == 0 && e->op == WR_TRACE_EVAL;
        line->n_redo += run == 0 && e->op == WR_TRACE_REDO;
        line->ns[run] += e->ns;
        line->total_ns += e->ns;
    }
    p->n_shown = p->n;
    return true;
}

/* ── the order ──────────────────────────────────────────────────────────────────────────────── */
uint32_t wr_profile_criterion(struct wr_str name)
{
    static const char *const names[WR_PROFILE_CRITERIA] = {"total_time_ns", "num_eval", "num_redo",
                                                           "num_gen_expr",  "file",     "line"};
    uint32_t i = 0;
    while (i < WR_PROFILE_CRITERIA && !wr_str_eq(name, wr_str_z(names[i]))) {
        i++;
    }
    return i;
}

static int order_of(uint64_t a, uint64_t b)
{
    return a > b ? -1 : a < b;
}

static int compare(const struct wr_profile_line *a, const struct wr_profile_line *b,
                   uint32_t criterion)
{
    switch (criterion) {
    case TOTAL_TIME:
        return order_of((uint64_t)a->total_ns, (uint64_t)b->total_ns);
    case NUM_EVAL:
        return order_of(a->n_eval, b->n_eval);
    case NUM_REDO:
        return order_of(a->n_redo, b->n_redo);
    case NUM_GEN_EXPR:
        return order_of(a->n_expr, b->n_expr);
    case FILE_NAME:
        return -wr_str_cmp(a->file, b->file);
    default:
        return order_of(a->row, b->row);
    }
}

static bool goes_before(const struct wr_profile_line *a, const struct wr_profile_line *b,
                        const uint32_t *criteria, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int order = compare(a, b, criteria[i]);
        if (order != 0) {
            return order < 0;
        }
    }
    return false;
}

/* Merges two sorted halves, the earlier of equals first. */
static void merge(struct wr_profile_line *lines, struct wr_profile_line *room, uint32_t half,
                  uint32_t n, const uint32_t *criteria, uint32_t n_criteria)
{
    uint32_t a = 0, b = half;
    for (uint32_t i = 0; i < n; i++) {
        bool right =
            a == half || (b < n && goes_before(&lines[b], &lines[a], criteria, n_criteria));
        room[i] = right ? lines[b++] : lines[a++];
    }
    memcpy(lines, room, n * sizeof lines[0]);
}

void wr_profile_sort(struct wr_profile *p, const uint32_t *criteria, uint32_t n, uint64_t limit)
{
    static const uint32_t all[] = {TOTAL_TIME, NUM_EVAL, NUM_REDO, NUM_GEN_EXPR, FILE_NAME, LINE};
    struct wr_profile_line *room = WR_NEW_ARRAY(p->arena, struct wr_profile_line, p->n);
    criteria = n > 0 ? criteria : all;
    n = n > 0 ? n : (uint32_t)WR_COUNTOF(all);
    for (uint32_t half = 1; room != NULL && half < p->n; half *= 2) {
        for (uint32_t at = 0; at + half < p->n; at += 2 * half) {
            merge(&p->lines[at], room, half, WR_MIN(2 * half, p->n - at), criteria, n);
        }
    }
    p->n_shown = limit > 0 && limit < p->n ? (uint32_t)limit : p->n;
}

/* ── JSON ───────────────────────────────────────────────────────────────────────────────────── */
static void write_times(struct wr_buf *json, const struct wr_profile *p,
                        const struct wr_profile_line *line)
{
    if (p->n_runs == 1) {
        wr_format(json, "\"total_time_ns\":%lld", (long long)line->total_ns);
        return;
    }
    struct wr_statistics s;
    wr_statistics_of(&s, line->ns, p->n_runs);
    wr_buf_str(json, WR_STR("\"total_time_ns_stats\":"));
    wr_statistics_json(json, p->arena, &s);
}

static void write_line(struct wr_buf *json, const struct wr_profile *p,
                       const struct wr_profile_line *line, bool sorted)
{
    unsigned long long evals = line->n_eval, redos = line->n_redo, exprs = line->n_expr;
    if (!sorted) {
        wr_buf_char(json, '{');
        write_times(json, p, line);
        wr_format(json,
                  ",\"num_eval\":%llu,\"num_redo\":%llu,\"num_gen_expr\":%llu,\"location\":", evals,
                  redos, exprs);
        wr_output_location(json, line->file, line->row, line->col);
    } else {
        wr_format(json, "{\"location\":{\"col\":%u,\"file\":", line->col);
        wr_json_write_string(json, line->file, WR_JSON_HTML_SAFE);
        wr_format(json, ",\"row\":%u},\"num_eval\":%llu,\"num_gen_expr\":%llu,\"num_redo\":%llu,",
                  line->row, evals, exprs, redos);
        write_times(json, p, line);
    }
    wr_buf_char(json, '}');
}

void wr_profile_json(struct wr_buf *json, const struct wr_profile *p, bool sorted)
{
    for (uint32_t i = 0; i < p->n_shown; i++) {
        wr_buf_str(json, i > 0            ? WR_STR(",")
                         : p->n_runs == 1 ? WR_STR("\"profile\":[")
                                          : WR_STR("\"aggregated_profile\":["));
        write_line(json, p, &p->lines[i], sorted);
    }
    wr_buf_str(json, p->n_shown > 0 ? WR_STR("]") : WR_STR(""));
}

/* ── a table ────────────────────────────────────────────────────────────────────────────────── */
static struct wr_str duration(const struct wr_profile *p, int64_t ns)
{
    struct wr_buf text = wr_buf_in(p->arena, 24);
    wr_output_duration(&text, ns);
    return wr_buf_view(&text);
}

static struct wr_str count(const struct wr_profile *p, uint64_t n)
{
    struct wr_buf text = wr_buf_in(p->arena, 24);
    wr_buf_u64(&text, n);
    return wr_buf_view(&text);
}

static struct wr_str place(const struct wr_profile *p, const struct wr_profile_line *line)
{
    struct wr_buf text = wr_buf_in(p->arena, 64);
    if (line->file.n == 0) {
        return line->text;
    }
    wr_format(&text, "%.*s:%u", WR_FMT(line->file), line->row);
    return wr_buf_view(&text);
}

/* The time, or how the times of several runs spread. */
static uint32_t time_cells(struct wr_table *table, const struct wr_profile *p, uint32_t row)
{
    static const char *const names[] = {"min", "max", "mean", "90%", "99%"};
    const struct wr_profile_line *line = &p->lines[row];
    struct wr_statistics s;
    if (p->n_runs == 1) {
        wr_table_cell(table, row, 0, duration(p, line->total_ns));
        return 1;
    }
    wr_statistics_of(&s, line->ns, p->n_runs);
    for (uint32_t c = 0; c < WR_COUNTOF(names); c++) {
        for (uint32_t i = 0; i < WR_STATISTICS; i++) {
            if (strcmp(s.items[i].name, names[c]) == 0) {
                wr_table_cell(table, row, c, duration(p, (int64_t)s.items[i].value));
            }
        }
    }
    return (uint32_t)WR_COUNTOF(names);
}

void wr_profile_table(const struct wr_profile *p, FILE *out)
{
    static const char *const headers[] = {"MIN",      "MAX",      "MEAN",         "90%",     "99%",
                                          "NUM EVAL", "NUM REDO", "NUM GEN EXPR", "LOCATION"};
    uint32_t n_times = p->n_runs == 1 ? 1 : 5, n_columns = n_times + 4;
    struct wr_table table;
    wr_table_init(&table, p->arena, n_columns);
    for (uint32_t c = 0; c < n_columns; c++) {
        wr_table_header(&table, c, wr_str_z(headers[c + WR_COUNTOF(headers) - n_columns]));
    }
    if (p->n_runs == 1) {
        wr_table_header(&table, 0, WR_STR("TIME"));
    }
    for (uint32_t i = 0; i < p->n_shown; i++) {
        const struct wr_profile_line *line = &p->lines[i];
        uint32_t c = time_cells(&table, p, i);
        wr_table_cell(&table, i, c, count(p, line->n_eval));
        wr_table_cell(&table, i, c + 1, count(p, line->n_redo));
        wr_table_cell(&table, i, c + 2, count(p, line->n_expr));
        wr_table_cell(&table, i, c + 3, place(p, line));
    }
    if (p->n_shown > 0) {
        wr_table_print(&table, out);
    }
}
