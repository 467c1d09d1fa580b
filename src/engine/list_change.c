/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of lists, read: from callers, strictly, and from records. */
#include "engine/card.h"
#include "engine/lists.h"
#include "engine/state.h"
#include "feature/instant.h"
#include "value/json_read.h"

static const struct wr_json_limits limits = {.size_max = WR_LIMIT_RECORD_SIZE, .depth_max = 8};

struct reader {
    const struct wr_engine *engine;
    struct wr_arena *arena;
    const struct wr_list *list;
    enum wr_list_op op;
    int64_t now_us;
    struct wr_str value; /* told outside of the entry; or .p NULL */
    uint32_t row;        /* entry in hand, from 1 */
    struct wr_error *error;
};

static wr_err no_room(struct wr_error *error)
{
    return wr_fail(error, WR_E_MEMORY, "no room for a change of a list");
}

static wr_err refuse(const struct reader *r, wr_err code, const char *key, const char *what)
{
    wr_fail(r->error, code, "entry %u: %s%s%s", r->row, key, key[0] != '\0' ? ": " : "", what);
    if (r->error != NULL) {
        r->error->row = r->row;
    }
    return code;
}

/* ── values ─────────────────────────────────────────────────────────────────────────────────── */
/* A card number becomes its token, as in the reader of requests. */
static wr_err tokenise(const struct reader *r, struct wr_str *text)
{
    char digits[19];
    struct wr_value token;
    size_t n;
    if (!wr_card_is_number(*text, digits, &n)) {
        return WR_OK;
    }
    if (r->list->match != WR_LIST_EXACT && r->list->match != WR_LIST_HASH) {
        return refuse(r, WR_E_CARD_NUMBER, "value", "a card number stands here");
    }
    struct wr_value document = wr_string(*text);
    const struct wr_value *const exempt[2] = {NULL, NULL};
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    wr_err err = wr_card_tokenise(r->arena, &document, exempt, r->engine->config.card_key, &cause);
    if (err == WR_E_CARD_NUMBER) {
        return refuse(r, err, "value",
                      "a card number stands here, and this node has no key to tokenise it");
    }
    token = document;
    *text = wr_text(token);
    return err == WR_OK ? WR_OK : no_room(r->error);
}

static wr_err read_key(const struct reader *r, struct wr_str text, struct wr_list_key *key)
{
    wr_err err = tokenise(r, &text);
    if (err != WR_OK) {
        return err;
    }
    const char *wrong = wr_list_key_read(r->list->match, text, key);
    return wrong == NULL ? WR_OK : refuse(r, WR_E_LIST, "value", wrong);
}

wr_err wr_list_value_read(const struct wr_engine *engine, struct wr_arena *arena,
                          const struct wr_list *list, struct wr_str text, struct wr_list_key *key,
                          struct wr_error *error)
{
    const struct reader r = {
        .engine = engine, .arena = arena, .list = list, .row = 1, .error = error};
    return read_key(&r, text, key);
}

static bool value_text(struct wr_arena *arena, const struct wr_value *v, struct wr_str *out)
{
    if (v != NULL && wr_is(*v, WR_STRING)) {
        *out = wr_text(*v);
        return true;
    }
    if (v == NULL || !wr_is(*v, WR_NUMBER)) {
        return false;
    }
    struct wr_buf buf = wr_buf_in(arena, 32);
    wr_number_write(&buf, v);
    *out = wr_buf_view(&buf);
    return !buf.overflow;
}

/* ── the other fields ───────────────────────────────────────────────────────────────────────── */
static wr_err read_text(const struct reader *r, const struct wr_value *v, const char *key,
                        size_t n_max, struct wr_str *out)
{
    char digits[19];
    size_t n;
    *out = WR_STR("");
    if (v == NULL || wr_is(*v, WR_NULL)) {
        return WR_OK;
    }
    if (!wr_is(*v, WR_STRING) || v->n > n_max) {
        return refuse(r, WR_E_LIST, key,
                      n_max == WR_LIMIT_LIST_OWNER ? "wanted a text of at most 64 bytes"
                                                   : "wanted a text of at most 256 bytes");
    }
    *out = wr_text(*v);
    return wr_card_is_number(*out, digits, &n)
               ? refuse(r, WR_E_CARD_NUMBER, key, "a card number stands here")
               : WR_OK;
}

static wr_err read_expiry(const struct reader *r, const struct wr_value *ttl,
                          const struct wr_value *expires, uint32_t *out_s)
{
    int64_t ms = 0, now_ms = r->now_us / 1000;
    bool is_null = expires != NULL && wr_is(*expires, WR_NULL);
    *out_s = 0;
    if (ttl != NULL && expires != NULL) {
        return refuse(r, WR_E_LIST, "ttl", "it goes without `expires`");
    }
    if (ttl != NULL &&
        (!wr_is(*ttl, WR_STRING) || !wr_duration_read(wr_text(*ttl), &ms) || ms <= 0)) {
        return refuse(r, WR_E_LIST, "ttl", "wanted a duration such as \"30m\" or \"7d\"");
    }
    if (expires != NULL && !is_null &&
        (!wr_is(*expires, WR_STRING) || !wr_instant_read(wr_text(*expires), false, &ms))) {
        return refuse(r, WR_E_LIST, "expires",
                      "wanted an instant such as \"2026-12-31T00:00:00Z\", or null");
    }
    if (ttl == NULL && (expires == NULL || is_null)) {
        return WR_OK;
    }
    ms += ttl != NULL ? now_ms : 0;
    if (ms <= now_ms) {
        return refuse(r, WR_E_LIST, "expires", "lies in the past");
    }
    if (ms / 1000 >= UINT32_MAX) {
        return refuse(r, WR_E_LIST, "expires", "lies too far in the future");
    }
    *out_s = (uint32_t)((ms + 999) / 1000);
    return WR_OK;
}

static wr_err check_keys(const struct reader *r, const struct wr_value *object)
{
    static const struct wr_str known[] = {
        {"value", 5}, {"owner", 5}, {"reason", 6}, {"ttl", 3}, {"expires", 7}};
    size_t n = r->op == WR_LIST_OP_ADD ? WR_COUNTOF(known) : 3;
    for (uint32_t i = 0; i < object->n; i++) {
        size_t k = r->value.p != NULL ? 1 : 0;
        while (k < n && !wr_str_eq(wr_text(object->pairs[i].key), known[k])) {
            k++;
        }
        if (k == n) {
            return refuse(r, WR_E_LIST, "",
                          r->op == WR_LIST_OP_ADD
                              ? "has value, owner, reason, ttl and expires, and no other key"
                              : "has value, owner and reason, and no other key");
        }
    }
    return WR_OK;
}

/* ── entries ────────────────────────────────────────────────────────────────────────────────── */
static wr_err take_key(struct wr_arena *arena, enum wr_list_match match,
                       const struct wr_list_key *key, struct wr_str *value,
                       struct wr_list_entry *entry, struct wr_error *error)
{
    char room[WR_LIMIT_LIST_VALUE];
    struct wr_buf text = wr_buf_fixed(room, sizeof room);
    entry->key = wr_str_copy(arena, wr_str_of(key->bytes, key->n));
    if (entry->key.p == NULL) {
        return no_room(error);
    }
    wr_list_key_write(match, entry->key, &text);
    *value = match == WR_LIST_EXACT || match == WR_LIST_PREFIX
                 ? entry->key
                 : wr_str_copy(arena, wr_buf_view(&text));
    return value->p != NULL ? WR_OK : no_room(error);
}

static wr_err read_entry(const struct reader *r, const struct wr_value *item, struct wr_str *value,
                         struct wr_list_entry *entry)
{
    struct wr_list_key key;
    struct wr_str text;
    bool whole = wr_is(*item, WR_OBJECT);
    const struct wr_value *fields[5] = {whole ? NULL : item};
    if (whole) {
        static const char *const names[5] = {"value", "owner", "reason", "ttl", "expires"};
        wr_err err = check_keys(r, item);
        for (int i = 0; i < 5 && err == WR_OK; i++) {
            fields[i] = wr_object_get_str(item, wr_str_z(names[i]));
        }
        if (err != WR_OK) {
            return err;
        }
    }
    if (r->value.p != NULL) {
        text = r->value;
    } else if (!value_text(r->arena, fields[0], &text)) {
        return refuse(r, WR_E_LIST, "value", "wanted a text or a number");
    }
    wr_err err = wr_utf8_invalid_at(text.p, text.n) == text.n
                     ? read_key(r, text, &key)
                     : refuse(r, WR_E_UTF8, "value", "it is not UTF-8");
    err = err != WR_OK ? err : read_text(r, fields[1], "owner", WR_LIMIT_LIST_OWNER, &entry->owner);
    err = err != WR_OK ? err
                       : read_text(r, fields[2], "reason", WR_LIMIT_LIST_REASON, &entry->reason);
    err = err != WR_OK ? err : read_expiry(r, fields[3], fields[4], &entry->expires_s);
    err = err != WR_OK ? err : take_key(r->arena, r->list->match, &key, value, entry, r->error);
    struct wr_list_entry in_file;
    entry->hides = err == WR_OK && r->op == WR_LIST_OP_REMOVE && r->list->file != NULL &&
                   wr_list_table_find(r->list->file, entry->key, &in_file);
    entry->drops = r->op == WR_LIST_OP_REMOVE && !entry->hides;
    return err;
}

static wr_err make_entries(struct wr_arena *arena, size_t n, struct wr_list_change *out,
                           struct wr_error *error)
{
    out->n = n;
    out->values = WR_NEW_ARRAY(arena, struct wr_str, n);
    out->entries = WR_NEW_ARRAY(arena, struct wr_list_entry, n);
    return out->values != NULL && out->entries != NULL ? WR_OK : no_room(error);
}

/* Stops before the table does: the limits of a list are those of the pack, and of its table. */
static wr_err check_room(const struct reader *r, const struct wr_list_change *change)
{
    const struct wr_named_list *own = wr_lists_find(&r->engine->lists, change->list, change->match);
    uint64_t n = own != NULL ? own->table.n : 0, fresh = 0;
    uint64_t notes = own != NULL ? own->table.notes.n_used : 0;
    uint64_t max = r->list->max;
    for (size_t i = 0; i < change->n; i++) {
        struct wr_list_entry before;
        bool puts = r->op == WR_LIST_OP_ADD || change->entries[i].hides;
        fresh += puts &&
                 !(own != NULL && wr_list_table_find(&own->table, change->entries[i].key, &before));
    }
    max = change->match == WR_LIST_BIN ? WR_MIN(max, (uint64_t)WR_LIMIT_LIST_SPANS) : max;
    if (fresh != 0 && n + fresh > max) {
        return wr_fail(r->error, WR_E_LIMIT, "lists.%.*s: it would have more than %llu entries",
                       WR_FMT(change->list), (unsigned long long)max);
    }
    return notes + change->n <= WR_LIMIT_LIST_NOTES
               ? WR_OK
               : wr_fail(r->error, WR_E_LIMIT,
                         "lists.%.*s: it has more than %u different owners and reasons",
                         WR_FMT(change->list), WR_LIMIT_LIST_NOTES);
}

static wr_err read_body(struct reader *r, struct wr_str body, struct wr_list_change *out)
{
    struct wr_value document = wr_object_from(NULL, 0);
    bool one = r->value.p != NULL;
    wr_err err = one && body.n == 0
                     ? WR_OK
                     : wr_json_read(r->arena, body, true, &limits, &document, r->error);
    if (err != WR_OK) {
        return err;
    }
    bool many = !one && wr_is(document, WR_ARRAY);
    const struct wr_value *items = many ? document.items : &document;
    if (many && document.n > WR_LIMIT_LIST_EDITS) {
        return wr_fail(r->error, WR_E_LIMIT, "more than %u entries in one change",
                       WR_LIMIT_LIST_EDITS);
    }
    r->row = 1;
    if (one && !wr_is(document, WR_OBJECT)) {
        return refuse(r, WR_E_LIST, "", "wanted an object");
    }
    err = make_entries(r->arena, many ? document.n : 1, out, r->error);
    for (size_t i = 0; i < out->n && err == WR_OK; i++) {
        r->row = (uint32_t)i + 1;
        err = read_entry(r, &items[i], &out->values[i], &out->entries[i]);
    }
    return err;
}

wr_err wr_list_change_read(const struct wr_engine *engine, struct wr_arena *arena,
                           const struct wr_list_ask *ask, struct wr_list_change *out,
                           struct wr_error *error)
{
    struct reader r = {.engine = engine,
                       .arena = arena,
                       .list = wr_pack_find_list(engine->binding->pack, ask->list),
                       .op = ask->op,
                       .now_us = ask->now_us,
                       .value = ask->value,
                       .error = error};
    if (r.list == NULL) {
        return wr_fail(error, WR_E_NOT_FOUND, "the pack declares no list of that name");
    }
    *out = (struct wr_list_change){.list = r.list->name, .match = r.list->match, .op = ask->op};
    if (ask->op == WR_LIST_OP_CLEAR) {
        return WR_OK;
    }
    wr_err err = read_body(&r, ask->body, out);
    return err != WR_OK ? err : check_room(&r, out);
}

/* ── records ────────────────────────────────────────────────────────────────────────────────── */
static wr_err unfit(const struct wr_record *record, struct wr_error *error)
{
    return wr_fail(error, WR_E_JOURNAL, "entry %llu: it holds no change of a list",
                   (unsigned long long)record->sequence);
}

static struct wr_str text_at(const struct wr_value *object, const char *key)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(key));
    return v != NULL && wr_is(*v, WR_STRING) ? wr_text(*v) : wr_str_of("", 0);
}

static wr_err recorded_entry(const struct wr_record *record, const struct wr_value *item,
                             struct wr_arena *arena, const struct wr_list_change *change,
                             struct wr_str *value, struct wr_list_entry *entry,
                             struct wr_error *error)
{
    struct wr_list_key key;
    int64_t expires_s = 0;
    if (!wr_is(*item, WR_OBJECT) ||
        wr_list_key_read(change->match, text_at(item, "value"), &key) != NULL) {
        return unfit(record, error);
    }
    const struct wr_value *expires = wr_object_get_str(item, WR_STR("expires_s"));
    const struct wr_value *hides = wr_object_get_str(item, WR_STR("hides"));
    *entry = (struct wr_list_entry){.owner = text_at(item, "owner"),
                                    .reason = text_at(item, "reason"),
                                    .hides = hides != NULL && wr_is_true(*hides)};
    if (expires != NULL && (!wr_is(*expires, WR_NUMBER) || !wr_number_to_i64(expires, &expires_s) ||
                            expires_s <= 0 || expires_s > UINT32_MAX)) {
        return unfit(record, error);
    }
    entry->expires_s = (uint32_t)expires_s;
    entry->drops = change->op == WR_LIST_OP_REMOVE && !entry->hides;
    return entry->owner.n <= WR_LIMIT_LIST_OWNER && entry->reason.n <= WR_LIMIT_LIST_REASON
               ? take_key(arena, change->match, &key, value, entry, error)
               : unfit(record, error);
}

static bool read_op(struct wr_str name, enum wr_list_op *op)
{
    static const struct wr_str names[] = {{"add", 3}, {"remove", 6}, {"clear", 5}};
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        if (wr_str_eq(name, names[i])) {
            *op = (enum wr_list_op)i;
            return true;
        }
    }
    return false;
}

wr_err wr_list_change_of_record(const struct wr_record *record, struct wr_arena *scratch,
                                struct wr_list_change *out, struct wr_error *error)
{
    struct wr_value document;
    *out = (struct wr_list_change){.list = record->id};
    wr_err err = wr_json_read(scratch, record->event, true, &limits, &document, error);
    if (err != WR_OK) {
        return err == WR_E_MEMORY ? err : unfit(record, error);
    }
    const struct wr_value *entries =
        wr_is(document, WR_OBJECT) ? wr_object_get_str(&document, WR_STR("entries")) : NULL;
    if (entries == NULL || !wr_is(*entries, WR_ARRAY) || entries->n > WR_LIMIT_LIST_EDITS ||
        !wr_pack_name_is_plain(record->id) ||
        !wr_list_match_read(text_at(&document, "match"), &out->match) ||
        !read_op(text_at(&document, "op"), &out->op)) {
        return unfit(record, error);
    }
    err = make_entries(scratch, entries->n, out, error);
    for (size_t i = 0; i < out->n && err == WR_OK; i++) {
        err = recorded_entry(record, &entries->items[i], scratch, out, &out->values[i],
                             &out->entries[i], error);
    }
    return err;
}
