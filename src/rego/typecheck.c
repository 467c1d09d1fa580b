/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments whose type is known when a policy is compiled, held against the builtin's signature.
 *
 * Known are constants, collections as written and comprehensions, by their outermost type alone;
 * everything else may be anything. OPA infers more; what it refuses beyond this is found here when
 * it is evaluated. Grammar of signatures: builtin.h. */
#include "rego/resolve.h"

/* "number" etc., or NULL when the type is not known ahead. */
static const char *known_type(const struct wr_plan_term *t)
{
    switch (t->kind) {
    case WR_PLAN_CONST:
        return wr_type_name(t->value);
    case WR_PLAN_ARRAY:
    case WR_PLAN_ARRAY_OF:
        return "array";
    case WR_PLAN_SET:
    case WR_PLAN_SET_OF:
        return "set";
    case WR_PLAN_OBJECT:
    case WR_PLAN_OBJECT_OF:
        return "object";
    default:
        return NULL;
    }
}

/* Length of the argument or type that begins at `at`, up to a separator outside of brackets. */
static size_t part_length(struct wr_str s, size_t at, struct wr_str separator)
{
    int depth = 0;
    size_t i = at;
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (depth == 0 && (c == ')' || wr_str_starts(wr_str_of(s.p + i, s.n - i), separator))) {
            break;
        }
        depth += c == '[' || c == '<' || c == '(' ? 1 : c == ']' || c == '>' || c == ')' ? -1 : 0;
    }
    return i - at;
}

/* An argument without its name. */
static struct wr_str without_name(struct wr_str argument)
{
    for (size_t i = 0; i + 1 < argument.n; i++) {
        char c = argument.p[i];
        if (c == ':' && argument.p[i + 1] == ' ') {
            return wr_str_of(argument.p + i + 2, argument.n - i - 2);
        }
        if (!(c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
            break;
        }
    }
    return argument;
}

static bool accepts(struct wr_str argument, const char *type)
{
    struct wr_str types = without_name(argument);
    for (size_t at = 0; at < types.n;) {
        size_t n = part_length(types, at, WR_STR(" | "));
        struct wr_str one = wr_str_of(types.p + at, n);
        size_t word = 0;
        while (word < one.n && one.p[word] >= 'a' && one.p[word] <= 'z') {
            word++;
        }
        one.n = word;
        if (word == 0 || wr_str_eq(one, WR_STR("any")) || wr_str_eq(one, wr_str_z(type))) {
            return true;
        }
        at += n + 3;
    }
    return false;
}

/* (number, string, ???) as OPA shows what it was given. */
static void report(struct resolver *r, const struct wr_plan_term *call)
{
    struct wr_rego_error *e = wr_resolve_error(r, WR_E_REGO_TYPE, call->loc,
                                               "%s: invalid argument(s)", call->builtin->name);
    if (e == NULL) {
        return;
    }
    struct wr_buf have = wr_buf_in(r->arena, 64);
    for (uint32_t i = 0; i < call->n; i++) {
        const char *type = call->items[i] == NULL ? NULL : known_type(call->items[i]);
        wr_format(&have, "%s%s", i > 0 ? ", " : "", type != NULL ? type : "???");
    }
    wr_rego_error_detail(r->errors, e, "have: (%.*s%s)", (int)have.n, have.p,
                         call->has_extra ? "" : ", ???");
    wr_rego_error_detail(r->errors, e, "want: %s", call->builtin->types);
}

void wr_resolve_check_types(struct resolver *r, const struct wr_plan_term *call)
{
    struct wr_str signature = wr_str_z(call->builtin->types);
    uint32_t n = call->has_extra ? call->n - 1 : call->n;
    size_t at = 1;
    for (uint32_t i = 0; i < n && at < signature.n; i++) {
        size_t length = part_length(signature, at, WR_STR(", "));
        struct wr_str argument = wr_str_of(signature.p + at, length);
        if (wr_str_starts(argument, WR_STR("..."))) {
            return; /* variadic: any number of anything */
        }
        const char *type = call->items[i] == NULL ? NULL : known_type(call->items[i]);
        if (type != NULL && length > 0 && !accepts(argument, type)) {
            report(r, call);
            return;
        }
        at += length + 2;
    }
}
