/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the decision document. Its bytes depend on the case and its verdict alone; the order of
 * keys is fixed. */
#include "engine/page.h"
#include "engine/state.h"
#include "value/json_write.h"

static void key_string(struct wr_page *page, struct wr_str key, struct wr_str text)
{
    wr_page_put(page, key);
    wr_json_write_string(page->out, text, WR_JSON_COMPACT);
}

/* ── reasons ────────────────────────────────────────────────────────────────────────────────── */
/* The phrase of a rule that is the name of a model or a list; NULL when it is neither. */
static const struct wr_phrase *phrase_of_rule(const struct wr_phrasebook *book,
                                              const struct wr_pack *pack, struct wr_str rule)
{
    for (uint32_t m = 0; m < pack->n_models; m++) {
        if (pack->models[m].name.p == rule.p) {
            return &book->by_model[m];
        }
    }
    for (uint32_t i = 0; i < pack->n_lists; i++) {
        if (pack->lists[i].name.p == rule.p) {
            return &book->by_list[i];
        }
    }
    return NULL;
}

static void write_rule(struct wr_page *page, const struct wr_pack *pack, struct wr_str rule)
{
    const struct wr_phrase *phrase = rule.n != 0 ? phrase_of_rule(page->book, pack, rule) : NULL;
    if (phrase != NULL) {
        wr_page_phrase(page, phrase);
        return;
    }
    if (rule.n != 0) {
        key_string(page, WR_STR(",\"rule\":"), rule);
    }
    WR_PAGE_PUT(page, "}");
}

static void write_reason(struct wr_page *page, const struct wr_pack *pack,
                         const struct wr_reason *reason, struct wr_str *code)
{
    size_t start = page->out->n + sizeof "{\"code\":";
    if (reason->known != NULL) {
        size_t i = (size_t)(reason->known - pack->reasons);
        wr_page_phrase(page, &page->book->reasons_known[i]);
        *code = wr_str_of(page->out->p + start, page->book->code_n[i]);
    } else {
        key_string(page, WR_STR("{\"code\":"), reason->code);
        *code = wr_str_of(page->out->p + start, page->out->n - start - 1);
        key_string(page, WR_STR(",\"text\":"), reason->text);
    }
    write_rule(page, pack, reason->rule);
}

/* Without the brackets. Leaves out the last reasons when all of them are over
 * WR_LIMIT_REASON_BYTES. */
static void write_reasons(struct wr_page *page, const struct wr_pack *pack,
                          const struct wr_verdict *verdict, struct wr_answer *answer)
{
    size_t start = page->out->n - 1;
    for (uint32_t i = 0; i < verdict->n_reasons; i++) {
        size_t before = page->out->n;
        struct wr_condense_mark mark = wr_condense_mark(page->condenser);
        struct wr_str code;
        if (i != 0) {
            WR_PAGE_PUT(page, ",");
        }
        write_reason(page, pack, &verdict->reasons[i], &code);
        if (page->out->n - start > WR_LIMIT_REASON_BYTES) {
            page->out->n = before;
            wr_condense_rewind(page->condenser, mark);
            break;
        }
        if (answer->n_reasons < WR_COUNTOF(answer->reasons)) {
            answer->reasons[answer->n_reasons++] = code;
        }
    }
}

/* ── degradations ───────────────────────────────────────────────────────────────────────────── */
/* The detail is the name of a model's input: a path may hold any character. */
static void write_why(struct wr_page *page, const struct wr_degraded *item)
{
    char room[WR_LIMIT_NAME + WR_LIMIT_PACK_PATH];
    struct wr_buf text = wr_buf_fixed(room, sizeof room);
    wr_buf_str(&text, wr_str_z(item->why));
    if (item->detail.n != 0) {
        wr_buf_str(&text, WR_STR(": "));
        wr_buf_str(&text, item->detail);
    }
    WR_ASSERT(!text.overflow);
    wr_json_write_string(page->out, wr_buf_view(&text), WR_JSON_COMPACT);
}

/* Without the brackets. */
static void write_degraded(struct wr_page *page, const struct wr_verdict *verdict)
{
    for (uint32_t i = 0; i < verdict->n_degraded; i++) {
        const struct wr_degraded *item = &verdict->degraded[i];
        wr_page_put(page, i == 0 ? WR_STR("{\"what\":\"") : WR_STR(",{\"what\":\""));
        wr_page_put(page, wr_str_z(item->what));
        if (item->name.n != 0) {
            WR_PAGE_PUT(page, ".");
            wr_page_put(page, item->name);
        }
        WR_PAGE_PUT(page, "\",\"why\":");
        write_why(page, item);
        WR_PAGE_PUT(page, "}");
    }
}

static bool is_approximate(const struct wr_case *c, uint32_t i)
{
    return c->vector.values[i].presence == WR_FEATURE_DEFINED && c->vector.values[i].approximate;
}

static bool has_approximate(const struct wr_binding *binding, const struct wr_case *c)
{
    bool any = false;
    for (uint32_t i = 0; i < binding->plan->n_features; i++) {
        any |= is_approximate(c, i);
    }
    return any;
}

/* ,"approximate":["a","b"]: features whose value is an estimate; there is one. */
static void write_approximate(struct wr_page *page, const struct wr_binding *binding,
                              const struct wr_case *c)
{
    bool first = true;
    for (uint32_t k = 0; k < binding->plan->n_features; k++) {
        uint32_t i = binding->pack->by_name[k];
        if (is_approximate(c, i)) {
            key_string(page, first ? WR_STR(",\"approximate\":[") : WR_STR(","),
                       binding->plan->features[i].name);
            first = false;
        }
    }
    WR_PAGE_PUT(page, "]");
}

/* ── the whole ──────────────────────────────────────────────────────────────────────────────── */
static void write_ids(struct wr_page *page, const struct wr_case *c)
{
    char id[WR_DECISION_ID_MAX];
    struct wr_str event_id = c->event->id;
    wr_page_put(page, wr_str_of(id, wr_decision_id_write(id, c->node, c->epoch, c->sequence)));
    wr_page_phrase(page, &page->book->transaction_id);
    if (event_id.n == 0) {
        WR_PAGE_PUT(page, "null");
        return;
    }
    size_t at = page->out->n;
    wr_json_write_string(page->out, event_id, WR_JSON_COMPACT);
    if (page->out->n - at == event_id.n + 2 && event_id.n >= WR_PAGE_BACK_MIN) {
        /* Nothing was escaped: it is as it stands behind the head. */
        wr_condense_again(page->condenser, page->out->p + at + 1, event_id.n,
                          page->row + WR_RECORD_HEAD);
    }
}

static void write_end(struct wr_page *page, const struct wr_binding *binding,
                      const struct wr_case *c, const struct wr_verdict *verdict, bool approximate)
{
    WR_PAGE_PUT(page, "]");
    if (binding->pack->policy.n_outputs != 0) {
        WR_PAGE_PUT(page, ",\"outputs\":");
        wr_page_put(page, verdict->outputs);
    }
    wr_page_phrase(page, &page->book->degraded);
    write_degraded(page, verdict);
    WR_PAGE_PUT(page, "]");
    if (approximate) {
        write_approximate(page, binding, c);
    }
    wr_page_phrase(page, &page->book->endings[c->vector.late]);
}

void wr_page_document(struct wr_page *page, const struct wr_binding *binding,
                      const struct wr_case *c, const struct wr_verdict *verdict,
                      const struct wr_derived *derived, struct wr_answer *answer)
{
    const struct wr_phrasebook *book = page->book;
    const struct wr_pack *pack = binding->pack;
    bool scored = derived->score.n != 0, approximate = has_approximate(binding, c);
    bool simple =
        verdict->n_degraded == 0 && !c->vector.late && !approximate && pack->policy.n_outputs == 0;
    write_ids(page, c);
    wr_page_phrase(page, &book->outcomes[verdict->outcome][scored]);
    if (scored) {
        wr_page_again(page, derived->score);
    }
    const size_t key_n = sizeof ",\"scores\":" - 1;
    wr_page_again(page, wr_str_of(derived->scores.p - key_n, derived->scores.n + key_n));
    if (simple && verdict->n_reasons == 0) {
        wr_page_phrase(page, &book->quiet);
        return;
    }
    wr_page_phrase(page, &book->reasons);
    write_reasons(page, pack, verdict, answer);
    if (simple) {
        wr_page_phrase(page, &book->closing);
    } else {
        write_end(page, binding, c, verdict, approximate);
    }
}
