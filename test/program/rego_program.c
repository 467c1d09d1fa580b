/* SPDX-License-Identifier: Apache-2.0 */
#include "program/rego_program.h"

#define RULES 5

enum rule_kind { SET, COMPLETE, PARTIAL, FUNCTION, KINDS };

struct writer {
    struct choices *c;
    struct wr_buf *out;
    uint8_t kinds[RULES];
    uint32_t rule, n_vars;
};

uint32_t choose(struct choices *c, uint32_t n)
{
    if (c->bytes == NULL) {
        return (uint32_t)wr_rng_below(&c->rng, n);
    }
    return c->at < c->n ? c->bytes[c->at++] % n : 0;
}

static const char *const scalars[] = {
    "0",  "1",    "2",     "3",     "-1",   "1.0",      "1.5",   "2.50",    "1e1",
    "10", "\"\"", "\"a\"", "\"b\"", "true", "\"beta\"", "false", "\"ab\"",  "null",
    "3",  "2",    "1",     "\"a\"", "100",  "\"be\"",   "0.1",   "\"abc\"", "-7.25"};
static const char *const compound[] = {"[1]", "{\"k\": 1}", "[]", "[\"a\", 2]", "{}"};
static const char *const paths[] = {"input.a", "input.b",   "input.s", "input.t",       "input.f",
                                    "input.a", "input.o.k", "input.z", "input.xs[0].n", "data.c"};
static const char *const numbers[] = {"0", "1", "2", "-1", "1.5", "10"};
static const char *const texts[] = {"input.s", "input.t", "input.o.k", "input.a"};
static const char *const orders[] = {">", ">=", "<", "<=", "==", "!="};
static const char *const prefixes[] = {"\"a\"", "\"ab\"", "\"be\"", "\"\"", "\"abc\"", "\"z\""};

/* Writes a text in which %P is a path, %T one that is mostly a text, %O an order, %S a scalar, %C a
 * constant, %X a prefix, %I a number, %N a small whole one, %v the number of a variable and %r of
 * the rule; chosen from left to right. */
static void put(struct writer *w, uint32_t v, const char *text);

#define PICK(w, list) ((list)[choose((w)->c, WR_COUNTOF(list))])

static const char *chosen(struct writer *w, char what)
{
    switch (what) {
    case 'P':
        return PICK(w, paths);
    case 'T':
        return PICK(w, texts);
    case 'O':
        return PICK(w, orders);
    case 'I':
        return PICK(w, numbers);
    case 'X':
        return PICK(w, prefixes);
    case 'C':
        return choose(w->c, 12) == 0 ? PICK(w, compound) : PICK(w, scalars);
    default:
        return PICK(w, scalars);
    }
}

static void put(struct writer *w, uint32_t v, const char *text)
{
    for (; *text != 0; text++) {
        if (*text != '%') {
            wr_buf_char(w->out, *text);
            continue;
        }
        text++;
        if (*text == 'v' || *text == 'r' || *text == 'N') {
            wr_format(w->out, "%u", *text == 'v' ? v : *text == 'r' ? w->rule : choose(w->c, 4));
        } else {
            wr_format(w->out, "%s", chosen(w, *text));
        }
    }
}

static void put_one(struct writer *w, const char *const *list, uint32_t n)
{
    const char *text = list[choose(w->c, n)];
    put(w, w->n_vars++, text);
}

#define PUT_ONE(w, list) put_one((w), (list), WR_COUNTOF(list))

/* ── conditions ─────────────────────────────────────────────────────────────────────────────── */

static const char *const simple[] = {
    "    %P %O %C\n",
    "    %P %O %C\n",
    "    %P %O %C\n",
    "    %N %O %P\n",
    "    \"b\" %O %P\n",
    "    %P in {%C, %C, %C}\n",
    "    %P in [%C, %C, %C]\n",
    "    startswith(%T, %X)\n",
    "    not %P %O %C\n",
    "    %P\n",
    "    not %P\n",
    "    %P = %C\n",
    "    %P != %P\n",
};
static const char *const loops[] = {
    "    some v%v in input.xs\n    v%v.n %O %C\n",
    "    some v%v in input.xs\n    v%v.k == %S\n    v%v.n %O %C\n",
    "    input.xs[v%v].k %O %C\n    input.xs[v%v].n %O %C\n",
    "    v%v := input.ys[_]\n    v%v %O %C\n",
    "    some k%v, v%v in input.m\n    k%v != v%v\n    v%v %O %C\n",
    "    input.ys[_] == %P\n",
};
static const char *const closures[] = {
    "    count([v%v | v%v := input.xs[_]; v%v.n %O %C]) %O %N\n",
    "    count([1 | v%v := input.xs[_]; v%v.k %O %S; v%v.n %O %C]) %O %N\n",
    "    count({v%v | v%v := input.xs[_].k}) %O %N\n",
    "    every v%v in input.ys { v%v %O %C }\n",
    "    {k: v | some k, v in input.m}[\"a\"] %O %C\n",
};
static const char *const lookups[] = {
    "    %P in data.list\n",
    "    data.map[%T]\n",
    "    v%v := %C\n    %P %O v%v\n",
    "    v%v := 2 * %N\n    %P %O v%v - 1\n",
    "    %P + %I %O %C\n",
    "    1 / %P %O %C\n",
    "    data.list[v%v] == %P\n    v%v %O %C\n",
};
static const char *const withs[] = {
    " with input as {\"a\": 3, \"xs\": [{\"n\": 1, \"k\": \"a\"}], \"s\": \"abc\"}",
    " with input.a as %C", " with data.c as %S", " with startswith as same",
    " with data.list as [1, %S]"};

/* Something about a rule before this one. */
static void write_reference(struct writer *w)
{
    if (w->rule == 0) {
        PUT_ONE(w, simple);
        return;
    }
    uint32_t r = choose(w->c, w->rule), v = w->n_vars++;
    bool negated = choose(w->c, 4) == 0;
    wr_format(w->out, "    %sr%u", negated ? "not " : "", r);
    if (w->kinds[r] == FUNCTION) {
        put(w, v, "(%S, %P)");
    } else if (w->kinds[r] != COMPLETE) {
        put(w, v, negated ? "[%C]" : "[v%v]");
    }
    if (choose(w->c, 3) == 0) {
        put(w, v, PICK(w, withs));
    }
    wr_buf_char(w->out, '\n');
}

static void write_body(struct writer *w)
{
    uint32_t n = 1 + choose(w->c, 3);
    for (uint32_t i = 0; i < n; i++) {
        switch (choose(w->c, 8)) {
        case 0:
        case 1:
        case 2:
            PUT_ONE(w, simple);
            break;
        case 3:
        case 4:
            PUT_ONE(w, loops);
            break;
        case 5:
            PUT_ONE(w, closures);
            break;
        case 6:
            PUT_ONE(w, lookups);
            break;
        default:
            write_reference(w);
            break;
        }
    }
}

/* ── rules ──────────────────────────────────────────────────────────────────────────────────── */

static void write_set_clause(struct writer *w)
{
    static const char *const elements[] = {"    x := input.a\n", "    x := input.ys[_]\n",
                                           "    x := input.xs[_].k\n", "    x := input.m[_]\n"};
    uint32_t how = choose(w->c, 4);
    put(w, 0, how == 0 ? "r%r[%C] {\n" : "r%r[x] {\n");
    if (how == 1) {
        PUT_ONE(w, elements);
    }
    write_body(w);
    put(w, 0, how > 1 ? "    x := %C\n}\n" : "}\n");
}

static void write_clause(struct writer *w)
{
    switch (w->kinds[w->rule]) {
    case SET:
        write_set_clause(w);
        return;
    case PARTIAL:
        put(w, 0, "r%r[%S] = %S {\n");
        break;
    case FUNCTION:
        put(w, 0, choose(w->c, 4) == 0 ? "r%r([y], z) = " : "r%r(%S, y) = ");
        put(w, 0, choose(w->c, 3) == 0 ? "y {\n" : "%S {\n");
        put(w, 0, choose(w->c, 2) == 0 ? "    y %O %C\n" : "");
        break;
    default:
        put(w, 0, choose(w->c, 4) == 0 ? "r%r = %S {\n" : "r%r = true {\n");
        break;
    }
    write_body(w);
    if (w->kinds[w->rule] != PARTIAL && choose(w->c, 8) == 0) {
        put(w, 0, "} else = %S {\n");
        write_body(w);
    }
    put(w, 0, "}\n");
}

void write_program(struct choices *c, struct wr_buf *out)
{
    struct writer w = {.c = c, .out = out};
    put(&w, 0, "package test\n\nimport future.keywords\n\nsame(_, _) = true\n");
    uint32_t n_rules = 1 + choose(c, RULES);
    for (w.rule = 0; w.rule < n_rules; w.rule++) {
        uint32_t kind = choose(c, 6);
        w.kinds[w.rule] = (uint8_t)(kind >= KINDS ? SET : kind);
        uint32_t many = choose(c, 3), n = choose(c, 20);
        n = many == 0 ? 1 + n % 4 : 4 + n;
        if (w.kinds[w.rule] == COMPLETE && choose(c, 2) == 0) {
            put(&w, 0, "default r%r = %S\n");
        }
        for (uint32_t i = 0; i < n; i++) {
            write_clause(&w);
        }
    }
}

/* ── documents ──────────────────────────────────────────────────────────────────────────────── */

void write_input(struct choices *c, struct wr_buf *out)
{
    static const char *const keys[] = {"a", "b", "s", "t", "f"};
    struct writer w = {.c = c, .out = out};
    put(&w, 0, "{\"q\": 0");
    for (size_t i = 0; i < WR_COUNTOF(keys); i++) {
        if (choose(c, 8) != 0) {
            wr_format(out, ", \"%s\": ", keys[i]);
            put(&w, 0, "%S");
        }
    }
    put(&w, 0, ", \"o\": {\"k\": %S}, \"ys\": [%S, %S], \"m\": {\"a\": %S, \"b\": %C}, \"xs\": [");
    uint32_t n = choose(c, 5);
    for (uint32_t i = 0; i < n; i++) {
        put(&w, 0, i > 0 ? ", {" : "{");
        put(&w, 0, choose(c, 6) != 0 ? "\"k\": %S, \"n\": %S}" : "\"n\": %C}");
    }
    put(&w, 0, "]}");
}

void write_data(struct choices *c, struct wr_buf *out)
{
    struct writer w = {.c = c, .out = out};
    put(&w, 0, "{\"c\": %S, \"list\": [%S, %S, 2, \"b\"], \"map\": {\"a\": true, \"b\": %S}}");
}
