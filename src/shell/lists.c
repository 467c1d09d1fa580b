/* SPDX-License-Identifier: Apache-2.0 */
/* Lists over HTTP (docs/lists.md).
 *
 *   GET    /v1/lists                      all of them
 *   GET    /v1/lists/NAME                 one
 *   DELETE /v1/lists/NAME                 takes everything off it that was put on it
 *   GET    /v1/lists/NAME/entries         a page: ?limit=100&after=CURSOR
 *   POST   /v1/lists/NAME/entries         puts one entry or an array of them
 *   POST   /v1/lists/NAME/entries:remove  takes them off
 *   GET, PUT, DELETE /v1/lists/NAME/entries/VALUE
 *
 * A change leaves as an answer when its row is kept. It does what one request may do in a turn: the
 * connection's next request is read in the next one. */
#include "shell/server_in.h"

#include "base/num.h"
#include "engine/lists.h"
#include "feature/instant.h"
#include "value/json_write.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000, CURSOR_MAX = 64 };

struct call {
    struct wr_server *server;
    struct wr_conn *conn;
    const struct wr_http_request *request;
    enum wr_h1_method method;
    struct wr_str name, value;  /* value.p NULL: none in the path */
    const struct wr_list *list; /* NULL: not declared */
};

/* ── answering ──────────────────────────────────────────────────────────────────────────────── */
static void send_json(const struct call *call, struct wr_str body, uint64_t version)
{
    char room[40];
    struct wr_buf tag = wr_buf_fixed(room, sizeof room);
    wr_format(&tag, "ETag: \"%llu\"\r\n", (unsigned long long)version);
    struct wr_reply reply = {
        .status = 200,
        .content_type = WR_STR("application/json"),
        .body = body,
        .fields = version != 0 ? wr_buf_view(&tag) : WR_STR(""),
    };
    wr_answer_send(call->server, call->conn, call->request, &reply);
}

static void send_error(const struct call *call, const struct wr_error *error)
{
    wr_answer_error(call->server, call->conn, call->request, error);
}

static void refuse_method(const struct call *call, const char *allow)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_str path = call->request->head->path;
    path.n = WR_MIN(path.n, (size_t)100);
    if (wr_fail(&error, WR_E_METHOD, "%.*s takes %s", WR_FMT(path), allow) != WR_OK) {
        wr_error_where(&error, allow, strlen(allow));
        send_error(call, &error);
    }
}

static void refuse(const struct call *call, wr_err code, const char *what)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    if (wr_fail(&error, code, "%s", what) != WR_OK) {
        send_error(call, &error);
    }
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */
static void write_instant(struct wr_buf *out, const char *key, uint32_t seconds)
{
    wr_buf_str(out, wr_str_z(key));
    wr_buf_char(out, '"');
    wr_instant_write(out, seconds);
    wr_buf_char(out, '"');
}

static void write_text(struct wr_buf *out, const char *key, struct wr_str text)
{
    wr_buf_str(out, wr_str_z(key));
    wr_json_write_string(out, text, WR_JSON_COMPACT);
}

static void write_entry(struct wr_buf *out, enum wr_list_match match,
                        const struct wr_list_entry *entry, bool of_pack)
{
    char room[WR_LIMIT_LIST_VALUE];
    struct wr_buf value = wr_buf_fixed(room, sizeof room);
    wr_list_key_write(match, entry->key, &value);
    write_text(out, "{\"value\":", wr_buf_view(&value));
    if (of_pack) {
        wr_buf_str(out, WR_STR(",\"source\":\"pack\"}"));
        return;
    }
    wr_buf_str(out, entry->hides ? WR_STR(",\"source\":\"node\",\"hides\":true")
                                 : WR_STR(",\"source\":\"node\""));
    write_instant(out, ",\"created\":", entry->created_s);
    if (entry->expires_s != 0) {
        write_instant(out, ",\"expires\":", entry->expires_s);
    }
    write_text(out, ",\"owner\":", entry->owner);
    write_text(out, ",\"reason\":", entry->reason);
    wr_buf_char(out, '}');
}

static void write_list(struct wr_buf *out, struct wr_str name, const struct wr_list *list,
                       const struct wr_named_list *own)
{
    enum wr_list_match match = list != NULL ? list->match : own->table.match;
    write_text(out, "{\"name\":", name);
    wr_format(out, ",\"match\":\"%s\",\"declared\":%s", wr_list_match_name(match),
              list != NULL ? "true" : "false");
    if (list != NULL) {
        wr_format(out, ",\"class\":\"%s\"", wr_list_class_name(list->class));
        write_text(out, ",\"key\":", list->key.text);
        wr_format(out, ",\"pack_entries\":%u,\"max\":%llu", list->file != NULL ? list->file->n : 0,
                  (unsigned long long)list->max);
    }
    uint32_t n_hiding = own != NULL ? own->table.n_hiding : 0;
    wr_format(out, ",\"entries\":%u,\"hidden\":%u,\"bytes\":%llu,\"version\":%llu",
              own != NULL ? own->table.n - n_hiding : 0, n_hiding,
              (unsigned long long)(own != NULL ? own->table.bytes : 0),
              (unsigned long long)(own != NULL ? own->version : 0));
    if (own != NULL) {
        int64_t s = own->changed_us / 1000000;
        write_instant(out, ",\"changed\":", s > 0 ? (uint32_t)WR_MIN(s, (int64_t)UINT32_MAX) : 0);
    }
    wr_buf_char(out, '}');
}

static const struct wr_named_list *own_of(const struct call *call)
{
    return wr_lists_find(wr_engine_lists(call->server->engine), call->list->name,
                         call->list->match);
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
static bool is_declared(const struct wr_pack *pack, const struct wr_named_list *own)
{
    const struct wr_list *list = wr_pack_find_list(pack, wr_str_of(own->name, own->name_n));
    return list != NULL && list->match == own->table.match;
}

static void get_all(const struct call *call)
{
    const struct wr_pack *pack = wr_engine_pack(call->server->engine);
    const struct wr_lists *lists = wr_engine_lists(call->server->engine);
    struct wr_arena_mark mark = wr_arena_mark(&call->server->scratch);
    struct wr_buf body = wr_buf_in(&call->server->scratch, 8192);
    bool first = true;
    wr_buf_str(&body, WR_STR("{\"lists\":["));
    for (uint32_t i = 0; i < pack->n_lists; i++) {
        const struct wr_list *list = &pack->lists[i];
        wr_buf_str(&body, first ? WR_STR("") : WR_STR(","));
        write_list(&body, list->name, list, wr_lists_find(lists, list->name, list->match));
        first = false;
    }
    for (uint32_t i = 0; i < lists->n; i++) {
        const struct wr_named_list *own = lists->all[i];
        if (!is_declared(pack, own)) {
            wr_buf_str(&body, first ? WR_STR("") : WR_STR(","));
            write_list(&body, wr_str_of(own->name, own->name_n), NULL, own);
            first = false;
        }
    }
    wr_buf_str(&body, WR_STR("]}\n"));
    send_json(call, wr_buf_view(&body), 0);
    wr_arena_rewind(&call->server->scratch, mark);
}

static void get_one(const struct call *call)
{
    const struct wr_named_list *own = own_of(call);
    char room[2048];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    write_list(&body, call->list->name, call->list, own);
    wr_buf_char(&body, '\n');
    send_json(call, wr_buf_view(&body), own != NULL ? own->version : 0);
}

static void get_entry(const struct call *call)
{
    struct wr_arena_mark mark = wr_arena_mark(&call->server->scratch);
    struct wr_error error = {.offset = WR_NO_OFFSET};
    const struct wr_named_list *own = own_of(call);
    struct wr_list_key key;
    struct wr_list_entry entry;
    char room[8192];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    wr_err err = wr_list_value_read(call->server->engine, &call->server->scratch, call->list,
                                    call->value, &key, &error);
    if (err == WR_OK) {
        struct wr_str bytes = wr_str_of(key.bytes, key.n);
        bool in_own = own != NULL && wr_list_table_find(&own->table, bytes, &entry);
        bool in_pack = !in_own && call->list->file != NULL &&
                       wr_list_table_find(call->list->file, bytes, &entry);
        if (in_own || in_pack) {
            write_entry(&body, call->list->match, &entry, in_pack);
            wr_buf_char(&body, '\n');
        } else {
            err = wr_fail(&error, WR_E_NOT_FOUND, "the list has no such entry");
        }
    }
    wr_arena_rewind(&call->server->scratch, mark);
    if (err == WR_OK) {
        send_json(call, wr_buf_view(&body), own != NULL ? own->version : 0);
    } else {
        send_error(call, &error);
    }
}

/* ── pages ──────────────────────────────────────────────────────────────────────────────────── */
/* A cursor is good for the table that it was made of: "n" or "p" (of the pack), whose it is, chunk,
 * place. */
struct page {
    bool of_pack;
    struct wr_list_cursor at;
    uint64_t limit;
};

static uint64_t owner_of(const struct call *call, bool of_pack)
{
    return of_pack ? wr_get64(wr_pack_digest(wr_engine_pack(call->server->engine)))
                   : wr_journal_identity(call->server->journal).epoch;
}

static bool read_number(struct wr_str *text, uint64_t *out)
{
    size_t dot = wr_str_find(*text, WR_STR("."), 0);
    struct wr_str digits = wr_str_of(text->p, dot == SIZE_MAX ? text->n : dot);
    *text =
        wr_str_of(text->p + digits.n + (dot != SIZE_MAX), text->n - digits.n - (dot != SIZE_MAX));
    return digits.n != 0 && digits.p[0] != '+' && wr_num_read_u64(digits, out);
}

static wr_err read_page(const struct call *call, struct page *page, struct wr_error *error)
{
    struct wr_str query = call->request->head->query, text;
    uint64_t owner = 0, at = 0;
    *page = (struct page){.limit = PAGE_DEFAULT};
    if (wr_h1_query(query, WR_STR("limit"), &text) &&
        (!wr_num_read_u64(text, &page->limit) || page->limit == 0 || page->limit > PAGE_MAX)) {
        return wr_fail(error, WR_E_LIMIT, "limit: wanted 1 to %d", PAGE_MAX);
    }
    if (!wr_h1_query(query, WR_STR("after"), &text) || text.n == 0) {
        return WR_OK;
    }
    page->of_pack = text.p[0] == 'p';
    bool good = text.n <= CURSOR_MAX && (text.p[0] == 'n' || text.p[0] == 'p');
    text = wr_str_of(text.p + 1, text.n - 1);
    good = good && read_number(&text, &owner) && read_number(&text, &page->at.chunk) &&
           read_number(&text, &at) && at <= WR_LIST_CHUNK && at % 2 == 0 && text.n == 0;
    if (!good) {
        return wr_fail(error, WR_E_LIST, "after: this is no cursor of a page before");
    }
    page->at.at = (uint32_t)at;
    return owner == owner_of(call, page->of_pack)
               ? WR_OK
               : wr_fail(error, WR_E_STALE,
                         "after: it was made before the node was restarted, or "
                         "of another pack");
}

static void write_cursor(struct wr_buf *body, const struct call *call, const struct page *page)
{
    wr_format(body, "\"%c%llu.%llu.%u\"", page->of_pack ? 'p' : 'n',
              (unsigned long long)owner_of(call, page->of_pack), (unsigned long long)page->at.chunk,
              page->at.at);
}

static void get_entries(const struct call *call)
{
    const struct wr_named_list *own = own_of(call);
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_arena_mark mark = wr_arena_mark(&call->server->scratch);
    struct wr_buf body = wr_buf_in(&call->server->scratch, 16384);
    struct page page;
    if (read_page(call, &page, &error) != WR_OK) {
        send_error(call, &error);
        return;
    }
    write_text(&body, "{\"list\":", call->list->name);
    wr_format(&body, ",\"version\":%llu,\"entries\":[",
              (unsigned long long)(own != NULL ? own->version : 0));
    uint64_t n = 0;
    bool ended = false;
    while (n < page.limit && !ended) {
        const struct wr_list_table *table = page.of_pack  ? call->list->file
                                            : own != NULL ? &own->table
                                                          : NULL;
        struct wr_list_entry entry;
        if (table != NULL && wr_list_table_next(table, &page.at, &entry)) {
            wr_buf_str(&body, n++ == 0 ? WR_STR("") : WR_STR(","));
            write_entry(&body, call->list->match, &entry, page.of_pack);
        } else if (page.of_pack) {
            ended = true;
        } else {
            page = (struct page){.of_pack = true, .limit = page.limit};
        }
    }
    wr_buf_str(&body, WR_STR("],\"next\":"));
    if (ended) {
        wr_buf_str(&body, WR_STR("null"));
    } else {
        write_cursor(&body, call, &page);
    }
    wr_buf_str(&body, WR_STR("}\n"));
    send_json(call, wr_buf_view(&body), own != NULL ? own->version : 0);
    wr_arena_rewind(&call->server->scratch, mark);
}

/* ── changing ───────────────────────────────────────────────────────────────────────────────── */
/* If-Match: the version that the caller has read, or "*". */
static wr_err check_version(const struct call *call, struct wr_error *error)
{
    struct wr_str wanted = wr_h1_field(call->request->head, WR_STR("if-match"));
    const struct wr_named_list *own = own_of(call);
    char room[40];
    struct wr_buf is = wr_buf_fixed(room, sizeof room);
    wr_format(&is, "\"%llu\"", (unsigned long long)(own != NULL ? own->version : 0));
    return wanted.p == NULL || wr_str_eq(wanted, WR_STR("*")) || wr_str_eq(wanted, wr_buf_view(&is))
               ? WR_OK
               : wr_fail(error, WR_E_STALE, "the list's version is %.*s", WR_FMT(wr_buf_view(&is)));
}

static void answer_change(const struct call *call, const struct wr_answer *answer)
{
    struct wr_conn *conn = call->conn;
    uint32_t last = conn->n_slots;
    char room[40];
    struct wr_buf tag = wr_buf_fixed(room, sizeof room);
    wr_format(&tag, "ETag: \"%llu\"\r\n", (unsigned long long)answer->sequence);
    struct wr_reply reply = {
        .status = 200,
        .content_type = WR_STR("application/json"),
        .body = answer->document,
        .durability = wr_answer_durability(call->server),
        .fields = wr_buf_view(&tag),
    };
    wr_answer_send(call->server, conn, call->request, &reply);
    if (conn->n_slots > last) {
        struct wr_slot *slot = &conn->slots[(conn->slot_first + last) % WR_LIMIT_SLOTS];
        wr_slot_needs(call->server, slot, answer->sequence);
    }
}

static void change(const struct call *call, enum wr_list_op op)
{
    struct wr_server *server = call->server;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_answer answer = {0};
    struct wr_list_change made;
    struct wr_arena_mark mark = wr_arena_mark(&server->scratch);
    const struct wr_list_ask ask = {
        .list = call->name,
        .op = op,
        .value = call->value,
        .body = call->request->body,
        .now_us = server->config.event_clock ? server->last_event_us : server->now_us,
    };
    wr_err err = wr_decide_ready(server, &error);
    err = err != WR_OK ? err : check_version(call, &error);
    err = err != WR_OK ? err
                       : wr_list_change_read(server->engine, &server->scratch, &ask, &made, &error);
    if (err == WR_OK) {
        err = wr_engine_list(server->engine, &made, ask.now_us, &server->scratch, &answer);
        error = answer.error;
        error.offset = WR_NO_OFFSET;
    }
    if (err != WR_OK) {
        send_error(call, &error);
    } else if (!wr_keep(server, &answer)) {
        server->failed = true;
    } else {
        answer_change(call, &answer);
    }
    call->conn->spent = true;
    wr_arena_rewind(&server->scratch, mark);
}

/* ── the table ──────────────────────────────────────────────────────────────────────────────── */
static bool reads(const struct call *call)
{
    return call->method == WR_H1_GET || call->method == WR_H1_HEAD;
}

static void route_list(const struct call *call)
{
    if (reads(call)) {
        get_one(call);
    } else if (call->method == WR_H1_DELETE) {
        change(call, WR_LIST_OP_CLEAR);
    } else {
        refuse_method(call, "GET, HEAD, DELETE");
    }
}

static void route_entry(struct call *call, struct wr_str escaped)
{
    char room[WR_LIMIT_H1_LINE];
    call->value = wr_str_of(room, wr_h1_unescape(escaped, false, room));
    if (reads(call)) {
        get_entry(call);
    } else if (call->method == WR_H1_PUT) {
        change(call, WR_LIST_OP_ADD);
    } else if (call->method == WR_H1_DELETE) {
        change(call, WR_LIST_OP_REMOVE);
    } else {
        refuse_method(call, "GET, HEAD, PUT, DELETE");
    }
}

/* What follows the list's name. */
static void route_below(struct call *call, struct wr_str rest)
{
    if (rest.n == 0) {
        route_list(call);
    } else if (wr_str_eq(rest, WR_STR("/entries"))) {
        if (reads(call)) {
            get_entries(call);
        } else if (call->method == WR_H1_POST) {
            change(call, WR_LIST_OP_ADD);
        } else {
            refuse_method(call, "GET, HEAD, POST");
        }
    } else if (wr_str_eq(rest, WR_STR("/entries:remove"))) {
        if (call->method == WR_H1_POST) {
            change(call, WR_LIST_OP_REMOVE);
        } else {
            refuse_method(call, "POST");
        }
    } else if (wr_str_starts(rest, WR_STR("/entries/")) && rest.n > 9) {
        route_entry(call, wr_str_of(rest.p + 9, rest.n - 9));
    } else {
        refuse(call, WR_E_NOT_FOUND, "there is no such thing below a list");
    }
}

bool wr_lists_route(struct wr_server *server, struct wr_conn *conn,
                    const struct wr_http_request *request)
{
    static const struct wr_str all = {"/v1/lists", 9};
    struct wr_str path = request->head->path;
    if (!wr_str_starts(path, all) || (path.n > all.n && path.p[all.n] != '/')) {
        return false;
    }
    struct call call = {
        .server = server, .conn = conn, .request = request, .method = request->head->method};
    struct wr_error error = {.offset = WR_NO_OFFSET};
    if (server->engine == NULL) {
        if (wr_decide_ready(server, &error) != WR_OK) {
            send_error(&call, &error);
        }
        return true;
    }
    if (path.n <= all.n + 1) {
        if (reads(&call)) {
            get_all(&call);
        } else {
            refuse_method(&call, "GET, HEAD");
        }
        return true;
    }
    struct wr_str rest = wr_str_of(path.p + all.n + 1, path.n - all.n - 1);
    size_t slash = wr_str_find(rest, WR_STR("/"), 0);
    call.name = wr_str_of(rest.p, slash == SIZE_MAX ? rest.n : slash);
    call.list = wr_pack_find_list(wr_engine_pack(server->engine), call.name);
    if (call.list == NULL) {
        refuse(&call, WR_E_NOT_FOUND, "the pack declares no list of that name");
    } else {
        route_below(&call, wr_str_of(rest.p + call.name.n, rest.n - call.name.n));
    }
    return true;
}

void wr_lists_warn(const struct wr_server *server)
{
    const struct wr_lists *lists = wr_engine_lists(server->engine);
    for (uint32_t i = 0; i < lists->n; i++) {
        const struct wr_named_list *own = lists->all[i];
        if (!is_declared(wr_engine_pack(server->engine), own) && own->table.n != 0) {
            wr_server_log(
                server, "warn", "list_not_declared",
                "the pack declares no list %.*s with match %s; its entries, which rest: %u",
                WR_FMT(wr_str_of(own->name, own->name_n)), wr_list_match_name(own->table.match),
                own->table.n);
        }
    }
}
