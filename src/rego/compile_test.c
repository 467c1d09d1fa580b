/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that compare one term with constants. */
#include "rego/lane.h"

static uint8_t form_of(uint8_t op, bool mirrored)
{
    static const uint8_t forms[2][6] = {
        {WR_TEST_EQ, WR_TEST_NEQ, WR_TEST_LT, WR_TEST_LTE, WR_TEST_GT, WR_TEST_GTE},
        {WR_TEST_EQ, WR_TEST_NEQ, WR_TEST_GT, WR_TEST_GTE, WR_TEST_LT, WR_TEST_LTE}};
    return forms[mirrored][op - WR_OPERATOR_EQUAL];
}

static bool comparison(const struct compiler *c, uint8_t op, const struct wr_plan_term *x,
                       const struct wr_plan_term *y, struct wr_test *test,
                       const struct wr_plan_term **source)
{
    const struct wr_value *left = wr_known(c, x), *right = wr_known(c, y);
    if ((left == NULL) == (right == NULL)) {
        return false;
    }
    test->form = form_of(op, left != NULL);
    test->value = left != NULL ? *left : *right;
    *source = left != NULL ? y : x;
    return true;
}

static bool is_named(const struct wr_plan_term *t, const char *name)
{
    return t->builtin != NULL && strcmp(t->builtin->name, name) == 0;
}

static bool call_test(const struct compiler *c, const struct wr_plan_term *t, struct wr_test *test,
                      const struct wr_plan_term **source)
{
    if (t->n != 2 || t->has_extra) {
        return false;
    }
    if (t->op >= WR_OPERATOR_EQUAL && t->op <= WR_OPERATOR_GTE) {
        return comparison(c, t->op, t->items[0], t->items[1], test, source);
    }
    const struct wr_value *known = wr_known(c, t->items[1]);
    bool in = t->op == WR_OPERATOR_MEMBER && known != NULL && known->type >= WR_ARRAY;
    bool prefix =
        is_named(t, "startswith") && known != NULL && known->type == WR_STRING && known->n > 0;
    if (!in && !prefix) {
        return false;
    }
    test->form = in ? WR_TEST_IN : WR_TEST_PREFIX;
    test->value = *known;
    *source = t->items[0];
    return true;
}

/* What may be unified with a constant by comparing it. */
static bool is_plain(const struct compiler *c, const struct wr_plan_term *t)
{
    return t->kind == WR_PLAN_REF || t->kind == WR_PLAN_INPUT ||
           (t->kind == WR_PLAN_VAR && c->bindings.bound[t->var]);
}

bool wr_test_of(const struct compiler *c, const struct wr_plan_expr *e, struct wr_test *test,
                const struct wr_plan_term **source)
{
    *test = (struct wr_test){.negated = e->negated};
    if (e->n_with > 0 || e->n_before > 0 || e->kind == WR_PLAN_EVERY) {
        return false;
    }
    if (e->kind != WR_PLAN_TERM) {
        return comparison(c, WR_OPERATOR_EQUAL, e->a, e->b, test, source) &&
               (e->kind == WR_PLAN_EQUAL || is_plain(c, *source));
    }
    if (e->a->kind == WR_PLAN_CALL && call_test(c, e->a, test, source)) {
        return test->form != WR_TEST_PREFIX || !test->negated;
    }
    test->form = WR_TEST_TRUE;
    *source = e->a;
    return wr_known(c, e->a) == NULL;
}

bool wr_direct_source(struct compiler *c, const struct wr_plan_term *t, struct wr_source *source)
{
    const struct wr_plan_term *head = t->kind == WR_PLAN_REF ? t->items[0] : t;
    bool variable = head->kind == WR_PLAN_VAR && c->bindings.bound[head->var] &&
                    c->var_constant[head->var] == NULL;
    if (head->kind != WR_PLAN_INPUT && !variable) {
        return false;
    }
    for (uint32_t i = 1; t->kind == WR_PLAN_REF && i < t->n; i++) {
        if (wr_known(c, t->items[i]) == NULL) {
            return false;
        }
    }
    if (head->kind == WR_PLAN_INPUT) {
        *source = (struct wr_source){WR_SOURCE_INPUT, wr_input_path(c, t), 0};
        return true;
    }
    if (t->kind == WR_PLAN_VAR) {
        *source = (struct wr_source){WR_SOURCE_REGISTER, c->var_register[t->var], 0};
        return true;
    }
    *source = (struct wr_source){WR_SOURCE_FIELD, c->var_register[head->var],
                                 wr_unit_const(c->unit, *wr_known(c, t->items[1]))};
    return t->n == 2;
}
