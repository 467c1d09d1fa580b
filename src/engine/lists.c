/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/lists.h"

#include "engine/state.h"
#include "value/json_write.h"

/* ── all lists ──────────────────────────────────────────────────────────────────────────────── */
void wr_lists_open(struct wr_lists *lists, const struct wr_memory *memory)
{
    *lists = (struct wr_lists){.memory = memory};
}

void wr_lists_close(struct wr_lists *lists)
{
    for (uint32_t i = 0; i < lists->n; i++) {
        wr_list_table_close(&lists->all[i]->table);
        lists->memory->give(lists->memory->context, lists->all[i], sizeof *lists->all[i]);
    }
    lists->n = 0;
}

struct wr_named_list *wr_lists_find(const struct wr_lists *lists, struct wr_str name,
                                    enum wr_list_match match)
{
    for (uint32_t i = 0; i < lists->n; i++) {
        struct wr_named_list *list = lists->all[i];
        if (list->table.match == match && wr_str_eq(wr_str_of(list->name, list->name_n), name)) {
            return list;
        }
    }
    return NULL;
}

wr_err wr_lists_make(struct wr_lists *lists, struct wr_str name, enum wr_list_match match,
                     struct wr_named_list **out, struct wr_error *error)
{
    *out = wr_lists_find(lists, name, match);
    if (*out != NULL) {
        return WR_OK;
    }
    if (lists->n == WR_LIMIT_LISTS || name.n > WR_LIMIT_NAME) {
        return wr_fail(error, WR_E_LIMIT, "more than %d lists have been changed", WR_LIMIT_LISTS);
    }
    struct wr_named_list *list = lists->memory->take(lists->memory->context, sizeof *list);
    if (list == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for a list");
    }
    list->name_n = name.n;
    list->version = 0;
    list->changed_us = 0;
    memcpy(list->name, name.p, name.n);
    wr_list_table_open(&list->table, lists->memory, match);
    uint32_t at = lists->n++;
    for (; at > 0; at--) { /* in order of names, whatever came first */
        struct wr_named_list *before = lists->all[at - 1];
        int order = wr_str_cmp(wr_str_of(before->name, before->name_n), name);
        if (order < 0 || (order == 0 && before->table.match < match)) {
            break;
        }
        lists->all[at] = before;
    }
    lists->all[at] = list;
    *out = list;
    return WR_OK;
}

/* Lists that have never been changed do not count: a node without changes has the digest that it
 * had before there were any. */
void wr_lists_digest(const struct wr_lists *lists, struct wr_sha256 *sha)
{
    for (uint32_t i = 0; i < lists->n; i++) {
        const struct wr_named_list *list = lists->all[i];
        uint8_t head[32];
        if (list->version == 0) { /* made for a change that did not come about */
            continue;
        }
        wr_put64(head, list->name_n);
        wr_put64(head + 8, (uint64_t)list->table.match);
        wr_put64(head + 16, list->version);
        wr_put64(head + 24, (uint64_t)list->changed_us);
        wr_sha256_add(sha, head, sizeof head);
        wr_sha256_add(sha, list->name, list->name_n);
        wr_list_table_digest(&list->table, sha);
    }
}

const struct wr_lists *wr_engine_lists(const struct wr_engine *engine)
{
    return &engine->lists;
}

void wr_engine_bind_lists(struct wr_engine *engine)
{
    struct wr_binding *binding = engine->binding;
    for (uint32_t i = 0; i < binding->pack->n_lists; i++) {
        const struct wr_list *list = &binding->pack->lists[i];
        const struct wr_named_list *own = wr_lists_find(&engine->lists, list->name, list->match);
        binding->own_lists[i] = own != NULL ? &own->table : NULL;
    }
}

/* ── applying ───────────────────────────────────────────────────────────────────────────────── */
static uint32_t seconds_of(int64_t now_us)
{
    int64_t s = now_us / 1000000;
    return s < 0 ? 0 : (uint32_t)WR_MIN(s, (int64_t)UINT32_MAX);
}

static void clear(struct wr_list_table *table, struct wr_list_counts *counts)
{
    const struct wr_memory *memory = table->memory;
    int64_t kept_s = table->kept_s;
    enum wr_list_match match = table->match;
    struct wr_list_image image = table->image;
    counts->removed = table->n - table->n_hiding;
    wr_list_table_close(table);
    wr_list_table_open(table, memory, match);
    table->kept_s = kept_s;
    table->image = image;
    table->image.failed = image.sink != NULL;
}

static void take_off(struct wr_list_table *table, const struct wr_list_entry *entry,
                     struct wr_list_counts *counts)
{
    struct wr_list_entry before;
    bool removed;
    if (entry->hides) { /* the pack's own entry stays in its file, and is hidden from now on */
        removed = !wr_list_table_find(table, entry->key, &before) || !before.hides;
        wr_list_table_put(table, entry);
    } else {
        removed = wr_list_table_drop(table, entry->key);
    }
    counts->removed += removed;
    counts->absent += !removed;
}

wr_err wr_lists_apply(struct wr_lists *lists, const struct wr_list_change *change,
                      uint64_t sequence, int64_t now_us, struct wr_list_counts *counts,
                      struct wr_error *error)
{
    struct wr_named_list *list;
    uint32_t created_s = seconds_of(now_us);
    *counts = (struct wr_list_counts){0};
    wr_err err = wr_lists_make(lists, change->list, change->match, &list, error);
    if (err == WR_OK && !wr_list_table_room(&list->table, change->entries, change->n)) {
        err = wr_fail(error, WR_E_MEMORY, "no room for the entries of the list %.*s",
                      WR_FMT(change->list));
    }
    if (err != WR_OK) {
        return err;
    }
    wr_list_table_age(&list->table, created_s, (uint32_t)(2 * change->n + 64));
    if (change->op == WR_LIST_OP_CLEAR) {
        clear(&list->table, counts);
    }
    for (size_t i = 0; i < change->n; i++) {
        struct wr_list_entry entry = change->entries[i];
        entry.created_s = created_s;
        if (change->op == WR_LIST_OP_REMOVE) {
            take_off(&list->table, &entry, counts);
        } else {
            bool replaced = wr_list_table_put(&list->table, &entry);
            counts->replaced += replaced;
            counts->added += !replaced;
        }
    }
    wr_list_table_tidy(&list->table);
    list->version = sequence;
    list->changed_us = now_us;
    return WR_OK;
}

/* ── writing it down ────────────────────────────────────────────────────────────────────────── */
static const char *const op_names[] = {
    [WR_LIST_OP_ADD] = "add", [WR_LIST_OP_REMOVE] = "remove", [WR_LIST_OP_CLEAR] = "clear"};

static void write_text(struct wr_buf *out, const char *key, struct wr_str text)
{
    if (text.n != 0) {
        wr_buf_str(out, wr_str_z(key));
        wr_json_write_string(out, text, WR_JSON_COMPACT);
    }
}

static void write_entry(struct wr_buf *out, struct wr_str value, const struct wr_list_entry *entry)
{
    wr_buf_str(out, WR_STR("{\"value\":"));
    wr_json_write_string(out, value, WR_JSON_COMPACT);
    if (entry->expires_s != 0) {
        wr_format(out, ",\"expires_s\":%u", entry->expires_s);
    }
    if (entry->hides) {
        wr_buf_str(out, WR_STR(",\"hides\":true"));
    }
    write_text(out, ",\"owner\":", entry->owner);
    write_text(out, ",\"reason\":", entry->reason);
    wr_buf_char(out, '}');
}

static void write_change(struct wr_buf *out, const struct wr_list_change *change)
{
    wr_format(out, "{\"op\":\"%s\",\"match\":\"%s\",\"entries\":[", op_names[change->op],
              wr_list_match_name(change->match));
    for (size_t i = 0; i < change->n; i++) {
        if (i != 0) {
            wr_buf_char(out, ',');
        }
        write_entry(out, change->values[i], &change->entries[i]);
    }
    wr_buf_str(out, WR_STR("]}"));
}

static void write_document(struct wr_buf *out, const struct wr_engine *engine,
                           const struct wr_list_change *change, const struct wr_list_counts *counts)
{
    char id[WR_DECISION_ID_MAX];
    size_t n =
        wr_decision_id_write(id, engine->config.node, engine->config.epoch, engine->sequence);
    wr_buf_str(out, WR_STR("{\"change_id\":\""));
    wr_buf_add(out, id, n);
    wr_buf_str(out, WR_STR("\",\"list\":"));
    wr_json_write_string(out, change->list, WR_JSON_COMPACT);
    wr_format(out,
              ",\"version\":%llu,\"added\":%llu,\"replaced\":%llu,\"removed\":%llu,"
              "\"absent\":%llu}",
              (unsigned long long)engine->sequence, (unsigned long long)counts->added,
              (unsigned long long)counts->replaced, (unsigned long long)counts->removed,
              (unsigned long long)counts->absent);
}

enum { DOCUMENT_MAX = 512 };

static void finish_entry(struct wr_engine *engine, const struct wr_list_change *change,
                         const struct wr_list_counts *counts, int64_t now_us, struct wr_str event,
                         struct wr_buf *out, struct wr_answer *answer)
{
    size_t start = out->n, at;
    bool changed = counts->added + counts->replaced + counts->removed != 0;
    struct wr_record record = {
        .kind = WR_RECORD_LIST,
        .sequence = engine->sequence,
        .epoch = engine->config.epoch,
        .node = engine->config.node,
        .now_us = now_us,
        .flags = changed ? 0 : WR_RECORD_NO_EFFECT,
        .id = change->list,
        .event = event,
    };
    memcpy(record.pack_digest, engine->binding->pack->digest, 32);
    out->n += WR_RECORD_HEAD;
    wr_buf_str(out, record.id);
    wr_buf_str(out, event);
    at = out->n;
    write_document(out, engine, change, counts);
    record.document = wr_str_of(out->p + at, out->n - at);
    WR_ASSERT(!out->overflow);
    wr_record_encode_head((uint8_t *)out->p + start, &record);
    answer->record = wr_str_of(out->p + start, out->n - start);
    answer->document = record.document;
    answer->sequence = record.sequence;
}

wr_err wr_engine_list(struct wr_engine *engine, const struct wr_list_change *change, int64_t now_us,
                      struct wr_arena *scratch, struct wr_answer *answer)
{
    struct wr_list_counts counts;
    struct wr_error *error = &answer->error;
    *answer = (struct wr_answer){.err = WR_OK};
    struct wr_buf event = wr_buf_in(scratch, 128 + change->n * 64);
    write_change(&event, change);
    size_t size = WR_RECORD_HEAD + change->list.n + event.n + DOCUMENT_MAX;
    char *room = event.overflow ? NULL : wr_arena_alloc(scratch, size, 1);
    if (room == NULL) {
        return answer->err = wr_fail(error, WR_E_MEMORY, "no room for a change of a list");
    }
    if (size > WR_LIMIT_RECORD_SIZE) {
        return answer->err = wr_fail(error, WR_E_LIMIT, "the change takes more than %u bytes",
                                     WR_LIMIT_RECORD_SIZE);
    }
    answer->err =
        wr_lists_apply(&engine->lists, change, engine->sequence + 1, now_us, &counts, error);
    if (answer->err != WR_OK) {
        return answer->err;
    }
    engine->sequence++;
    wr_engine_bind_lists(engine);
    struct wr_buf out = wr_buf_fixed(room, size);
    finish_entry(engine, change, &counts, now_us, wr_buf_view(&event), &out, answer);
    engine->last_now_us = now_us;
    memcpy(engine->last_digest, engine->binding->pack->digest, 32);
    engine->stats.n_list_changes++;
    return WR_OK;
}
