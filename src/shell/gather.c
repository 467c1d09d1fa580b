/* SPDX-License-Identifier: Apache-2.0 */
/* Gatherings: answers that are put together from parts, some of which the journal has to find.
 *
 *   kind       parts                        a row gives      when all are there
 *   REPLAY     one known id                 its document     the first answer again
 *   DECISION   one decision id              its document     200 or 404
 *   BATCH      the items of a body          its document     an array or lines of them
 *   LABELS     one label or many            its anchor       labels are applied, in order
 *   LATER      -                            -                what somebody else gives: the journal
 *                                                            has no part in it
 *
 * A gathering lives in an arena of its own. It belongs to a slot of a connection; when that goes,
 * the gathering goes, and rows that still come for it are dropped (their ticket names a generation
 * that is past). Labels block their connection: what was sent behind them sees them. */
#include "shell/gather_in.h"

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
struct wr_gathering *wr_gather_open(struct wr_server *server, struct wr_conn *conn,
                                    struct wr_slot *slot, enum wr_gather_kind kind)
{
    uint32_t index = 0;
    while (index < WR_LIMIT_GATHERINGS && server->gatherings[index] != NULL) {
        index++;
    }
    if (index == WR_LIMIT_GATHERINGS) {
        return NULL;
    }
    struct wr_arena arena;
    char *room = wr_buffers_take(&server->buffers, WR_BUFFER_SIZE);
    if (room == NULL) {
        return NULL;
    }
    wr_arena_init_fixed(&arena, room, WR_BUFFER_SIZE, &server->buffers.counted,
                        WR_LIMIT_GATHER_SIZE);
    struct wr_gathering *gathering = WR_NEW(&arena, struct wr_gathering);
    WR_ASSERT(gathering != NULL); /* it is small */
    gathering->arena = arena;
    gathering->room = room;
    gathering->kind = kind;
    gathering->conn = conn;
    gathering->slot = slot;
    gathering->index = index;
    gathering->generation = ++server->gather_generation;
    server->gatherings[index] = gathering;
    server->n_gatherings++;
    slot->gathering = gathering;
    return gathering;
}

void wr_gather_forget(struct wr_server *server, struct wr_gathering *gathering)
{
    server->gatherings[gathering->index] = NULL;
    server->n_gatherings--;
    struct wr_arena arena = gathering->arena; /* it holds the gathering too, in its room */
    char *room = gathering->room;
    wr_arena_deinit(&arena);
    wr_buffers_give(&server->buffers, room, WR_BUFFER_SIZE);
}

void wr_gather_free_all(struct wr_server *server)
{
    for (uint32_t i = 0; i < WR_LIMIT_GATHERINGS && server->n_gatherings > 0; i++) {
        if (server->gatherings[i] != NULL) {
            wr_gather_forget(server, server->gatherings[i]);
        }
    }
}

const struct wr_str *wr_gather_bytes(const struct wr_gathering *gathering)
{
    return gathering->done ? &gathering->bytes : NULL;
}

/* ── rows ───────────────────────────────────────────────────────────────────────────────────── */
/* Ticket: 24 bits of part, 16 of index, 24 of generation. */
static uint64_t ticket_of(const struct wr_gathering *gathering, uint32_t part)
{
    return (uint64_t)part << 40 | (uint64_t)gathering->index << 24 |
           (gathering->generation & 0xffffff);
}

/* NULL when it has gone meanwhile. */
static struct wr_gathering *gathering_of(const struct wr_server *server, uint64_t ticket)
{
    struct wr_gathering *gathering =
        server->gatherings[(ticket >> 24 & 0xffff) % WR_LIMIT_GATHERINGS];
    return gathering != NULL && (gathering->generation & 0xffffff) == (ticket & 0xffffff)
               ? gathering
               : NULL;
}

bool wr_gather_ask(struct wr_server *server, struct wr_gathering *gathering, uint32_t part)
{
    uint64_t ticket = ticket_of(gathering, part);
    while (!wr_journal_thread_fetch(server->thread, gathering->parts[part].sequence, ticket)) {
        wr_journal_thread_submit(server->thread);
        if (wr_journal_thread_state(server->thread) != WR_JOURNAL_OK) {
            return false;
        }
        if (server->port->threads.start == NULL) {
            wr_journal_thread_step(server->thread);
        }
    }
    gathering->n_waiting++;
    server->metrics.n_fetches++;
    return true;
}

void wr_gather_set_problem(struct wr_gathering *gathering, struct wr_part *part,
                           const struct wr_error *error, int64_t item)
{
    struct wr_buf text = wr_buf_in(&gathering->arena, 512);
    part->status = wr_err_http(error->code);
    wr_answer_problem(&text, error, part->status, item);
    part->text = wr_buf_view(&text);
}

void wr_gather_set_document(struct wr_gathering *gathering, struct wr_part *part,
                            struct wr_str document, struct wr_str features)
{
    part->status = 200;
    if (!gathering->want_features || features.n == 0) {
        part->text = wr_str_copy(&gathering->arena, document);
        return;
    }
    struct wr_buf text = wr_buf_in(&gathering->arena, document.n + features.n + 64);
    wr_record_project(&text, document, features);
    part->text = wr_buf_view(&text);
}

/* A label that names its decision is refused when the journal does not hold that one. */
static void take_anchor(const struct wr_server *server, struct wr_gathering *gathering,
                        struct wr_part *part, const struct wr_record *record, int64_t item)
{
    struct wr_label *label = part->label;
    if (label->sequence == 0) {
        bool known = record != NULL && record->kind == WR_RECORD_DECISION &&
                     wr_str_eq(record->id, label->id); /* an id is found by its hash */
        part->anchor = known ? wr_str_copy(&gathering->arena, record->anchor) : wr_str_of("", 0);
        return;
    }
    if (record != NULL && record->kind == WR_RECORD_DECISION && record->epoch == label->epoch &&
        label->node == wr_journal_identity(server->journal).node &&
        (label->id.n == 0 || wr_str_eq(label->id, record->id))) {
        part->anchor = wr_str_copy(&gathering->arena, record->anchor);
        label->id = wr_str_copy(&gathering->arena, record->id);
        return;
    }
    struct wr_error error = {.offset = WR_NO_OFFSET};
    part->label = NULL;
    if (wr_fail(&error, WR_E_NOT_FOUND,
                "decision_id: the journal has no such decision on this event") != WR_OK) {
        wr_gather_set_problem(gathering, part, &error, gathering->is_single ? -1 : item);
    }
}

static void take_row(const struct wr_server *server, struct wr_gathering *gathering, uint32_t i,
                     const struct wr_journal_reply *reply)
{
    struct wr_part *part = &gathering->parts[i];
    struct wr_record record;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    wr_err err = !reply->found ? wr_fail(&error, WR_E_NOT_FOUND, "there is no such entry")
                               : wr_record_decode(reply->payload, &record, &error);
    if (err == WR_OK && gathering->kind == WR_GATHER_DECISION &&
        (record.kind != WR_RECORD_DECISION || record.epoch != gathering->epoch ||
         record.node != wr_journal_identity(server->journal).node)) {
        err = wr_fail(&error, WR_E_NOT_FOUND, "there is no such decision");
    }
    if (gathering->kind == WR_GATHER_LABELS) {
        take_anchor(server, gathering, part, err == WR_OK ? &record : NULL, (int64_t)i);
    } else if (err == WR_OK) {
        wr_gather_set_document(gathering, part, record.document, record.derived);
    } else {
        wr_gather_set_problem(gathering, part, &error,
                              gathering->kind == WR_GATHER_BATCH ? (int64_t)gathering->first + i
                                                                 : -1);
    }
}

/* ── finishing ──────────────────────────────────────────────────────────────────────────────── */
static bool tells_durability(enum wr_gather_kind kind)
{
    return kind != WR_GATHER_DECISION && kind != WR_GATHER_LATER;
}

void wr_gather_set_bytes(struct wr_server *server, struct wr_gathering *gathering, int status,
                         struct wr_str content_type, struct wr_str body, bool replayed)
{
    struct wr_buf all = wr_buf_in(&gathering->arena, body.n + 512);
    bool is_good = status == 200;
    struct wr_reply reply = {
        .status = status,
        .close = !gathering->keep_alive,
        .minor = gathering->minor,
        .content_type = content_type,
        .body = body,
        .durability =
            is_good && tells_durability(gathering->kind) ? wr_answer_durability(server) : NULL,
        .replayed = replayed,
        .elapsed = is_good,
        .retry_after = status == 503,
    };
    gathering->slot->elapsed_at = wr_answer_write(&all, &reply);
    gathering->bytes = wr_buf_view(&all);
    gathering->done = true;
    if (all.overflow) {
        gathering->bytes = WR_STR("");
        gathering->conn->broken = true;
    }
    wr_conn_touch(server, gathering->conn);
}

void wr_gather_set_piece(struct wr_server *server, struct wr_gathering *gathering,
                         const struct wr_buf *written)
{
    gathering->bytes = wr_buf_view(written);
    gathering->done = true;
    if (written->overflow) {
        gathering->bytes = WR_STR("");
        gathering->conn->broken = true;
    }
    wr_conn_touch(server, gathering->conn);
}

static struct wr_str type_of(const struct wr_part *part)
{
    return part->status == 200 ? WR_STR("application/json") : WR_STR("application/problem+json");
}

static void finish_one(struct wr_server *server, struct wr_gathering *gathering)
{
    const struct wr_part *part = gathering->parts;
    struct wr_buf body = wr_buf_in(&gathering->arena, part->text.n + 1);
    wr_buf_str(&body, part->text);
    if (part->text.n > 0 && part->text.p[part->text.n - 1] != '\n') {
        wr_buf_char(&body, '\n'); /* not part of the document */
    }
    gathering->conn->broken = gathering->conn->broken || body.overflow;
    wr_gather_set_bytes(server, gathering, part->status, type_of(part), wr_buf_view(&body),
                        gathering->kind == WR_GATHER_REPLAY);
}

/* False when a label has a sequence but no row: the state must be folded again. */
static bool apply_labels(struct wr_server *server, struct wr_gathering *gathering, uint64_t *last)
{
    int64_t now_us = server->config.event_clock ? server->last_event_us : server->now_us;
    bool kept = true;
    for (uint32_t i = 0; i < gathering->n_parts && kept; i++) {
        struct wr_part *part = &gathering->parts[i];
        struct wr_answer answer = {0};
        if (part->label == NULL) {
            continue;
        }
        struct wr_arena_mark mark = wr_arena_mark(&server->scratch);
        wr_err err = wr_engine_label(server->engine, part->label, part->anchor, now_us,
                                     &server->scratch, &answer);
        if (err != WR_OK) {
            answer.error.code = err;
            wr_gather_set_problem(gathering, part, &answer.error,
                                  gathering->is_single ? -1 : (int64_t)i);
        } else {
            kept = wr_keep(server, &answer);
            *last = answer.sequence;
            part->status = 200;
            part->text = wr_str_copy(&gathering->arena, answer.document);
            server->metrics.n_labels++;
            for (size_t k = 0; k < part->label->n; k++) {
                server->metrics.label_values[part->label->values[k]]++;
            }
        }
        wr_arena_rewind(&server->scratch, mark);
    }
    return kept;
}

static void finish_labels(struct wr_server *server, struct wr_gathering *gathering)
{
    uint64_t last = 0;
    gathering->conn->blocked = false;
    if (!apply_labels(server, gathering, &last)) {
        server->failed = true;
        return;
    }
    if (last != 0) {
        wr_slot_needs(server, gathering->slot, last);
    }
    if (gathering->is_single) {
        finish_one(server, gathering);
        return;
    }
    struct wr_buf body = wr_buf_in(&gathering->arena, 256 + gathering->n_parts * (size_t)128);
    for (uint32_t i = 0; i < gathering->n_parts; i++) {
        const struct wr_part *part = &gathering->parts[i];
        wr_buf_char(&body, i == 0 ? '[' : ',');
        wr_buf_str(&body, part->status == 200 ? WR_STR("") : WR_STR("{\"error\":"));
        wr_buf_str(&body, part->text);
        wr_buf_str(&body, part->status == 200 ? WR_STR("") : WR_STR("}"));
    }
    wr_buf_str(&body, gathering->n_parts == 0 ? WR_STR("[]\n") : WR_STR("]\n"));
    wr_gather_set_bytes(server, gathering, 200, WR_STR("application/json"), wr_buf_view(&body),
                        false);
}

static void finish(struct wr_server *server, struct wr_gathering *gathering)
{
    if (gathering->kind == WR_GATHER_LABELS) {
        finish_labels(server, gathering);
    } else if (gathering->kind == WR_GATHER_BATCH) {
        wr_batch_finish(server, gathering);
    } else {
        finish_one(server, gathering);
    }
}

void wr_gather_replies(struct wr_server *server)
{
    struct wr_journal_reply reply;
    while (!server->failed && wr_journal_thread_reply(server->thread, &reply)) {
        if (reply.ticket == WR_SNAPSHOT_TICKET) {
            wr_snapshots_take_row(server, &reply.place, reply.found);
            wr_journal_thread_release(server->thread);
            continue;
        }
        uint32_t part = (uint32_t)(reply.ticket >> 40);
        struct wr_gathering *gathering = gathering_of(server, reply.ticket);
        if (gathering != NULL && part < gathering->n_parts && gathering->n_waiting > 0) {
            gathering->n_waiting--;
            if (reply.busy) {
                server->failed = !wr_gather_ask(server, gathering, part) || server->failed;
            } else {
                take_row(server, gathering, part, &reply);
            }
            if (gathering->n_waiting == 0) {
                finish(server, gathering);
            }
        }
        wr_journal_thread_release(server->thread);
    }
}

void wr_gather_take_id(struct wr_server *server, uint64_t ticket, uint64_t sequence)
{
    uint32_t part = (uint32_t)(ticket >> 40);
    struct wr_gathering *gathering = gathering_of(server, ticket);
    if (gathering == NULL || part >= gathering->n_parts || gathering->n_waiting == 0) {
        return;
    }
    gathering->n_waiting--;
    gathering->parts[part].sequence = sequence;
    if (sequence != 0 && !wr_gather_ask(server, gathering, part)) {
        server->failed = true;
    } else if (gathering->n_waiting == 0) {
        finish(server, gathering);
    }
}

/* ── beginning ──────────────────────────────────────────────────────────────────────────────── */
void wr_gather_overload(struct wr_server *server, struct wr_conn *conn,
                        const struct wr_http_request *request)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    if (wr_fail(&error, WR_E_OVERLOAD, "too many answers are being gathered") != WR_OK) {
        wr_answer_error(server, conn, request, &error);
    }
}

static struct wr_gathering *begin(struct wr_server *server, struct wr_conn *conn,
                                  const struct wr_http_request *request, enum wr_gather_kind kind,
                                  uint32_t n_parts)
{
    struct wr_slot *slot = wr_conn_slot(conn, request->first_ns);
    WR_ASSERT(slot != NULL);
    struct wr_gathering *gathering = wr_gather_open(server, conn, slot, kind);
    if (gathering != NULL) {
        gathering->parts = WR_NEW_ARRAY(&gathering->arena, struct wr_part, n_parts);
        gathering->n_parts = n_parts;
        gathering->minor = request->terms.minor;
        gathering->keep_alive = request->terms.keep_alive;
        gathering->want_features = request->terms.want_features;
    }
    if (gathering == NULL || gathering->parts == NULL) {
        conn->n_slots--;
        if (gathering != NULL) {
            wr_gather_forget(server, gathering);
        }
        wr_gather_overload(server, conn, request);
        return NULL;
    }
    return gathering;
}

void wr_gather_replay(struct wr_server *server, const struct wr_pending *pending, uint64_t sequence,
                      bool want_features)
{
    struct wr_gathering *gathering =
        wr_gather_open(server, pending->conn, pending->slot, WR_GATHER_REPLAY);
    if (gathering != NULL) {
        gathering->parts = WR_NEW(&gathering->arena, struct wr_part);
    }
    if (gathering == NULL || gathering->parts == NULL) {
        pending->conn->broken = true; /* no memory for the answer: the caller asks again */
        return;
    }
    gathering->n_parts = 1;
    gathering->minor = pending->minor;
    gathering->keep_alive = pending->keep_alive;
    gathering->want_features = want_features;
    gathering->parts[0].sequence = sequence;
    if (!wr_gather_ask(server, gathering, 0)) {
        server->failed = true;
    }
}

void wr_gather_decision(struct wr_server *server, struct wr_conn *conn,
                        const struct wr_http_request *request, struct wr_str id)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    uint64_t node, sequence;
    uint32_t epoch;
    if (!wr_decision_id_read(id, &node, &epoch, &sequence)) {
        if (wr_fail(&error, WR_E_NOT_FOUND, "decision ids look like %s-1-1", server->node_text) !=
            WR_OK) {
            wr_answer_error(server, conn, request, &error);
        }
        return;
    }
    if (server->thread == NULL) {
        wr_gather_overload(server, conn, request);
        return;
    }
    struct wr_gathering *gathering = begin(server, conn, request, WR_GATHER_DECISION, 1);
    if (gathering == NULL) {
        return;
    }
    gathering->epoch = epoch;
    gathering->parts[0].sequence =
        node == wr_journal_identity(server->journal).node ? sequence : 0; /* 0: never found */
    if (!wr_gather_ask(server, gathering, 0)) {
        server->failed = true;
    }
    wr_slot_needs(server, gathering->slot,
                  sequence <= wr_engine_sequence(server->engine) ? sequence : 0);
}

wr_err wr_gather_count(struct wr_str body, bool lines, uint32_t *n, struct wr_error *error)
{
    struct wr_split split;
    struct wr_str item;
    *n = 0;
    wr_split_open(&split, body, lines);
    wr_err err = wr_split_next(&split, &item, error);
    for (; err == WR_OK && item.p != NULL; err = wr_split_next(&split, &item, error)) {
        if (++*n > WR_LIMIT_BATCH_ITEMS) {
            return wr_fail(error, WR_E_LIMIT, "more than %u items in one body",
                           WR_LIMIT_BATCH_ITEMS);
        }
    }
    return err;
}

static void fill_bodies(struct wr_gathering *gathering, struct wr_str body, bool lines)
{
    struct wr_split split;
    struct wr_error error;
    wr_split_open(&split, body, lines);
    for (uint32_t i = 0; i < gathering->n_parts; i++) {
        wr_err err = wr_split_next(&split, &gathering->parts[i].body, &error);
        WR_ASSERT(err == WR_OK); /* it was counted */
    }
}

bool wr_gather_wants_lines(const struct wr_http_request *request)
{
    struct wr_str type = request->head->known[WR_H1_CONTENT_TYPE];
    return type.p != NULL && wr_str_find(type, WR_STR("ndjson"), 0) != SIZE_MAX;
}

static wr_err read_label(struct wr_server *server, struct wr_gathering *gathering,
                         struct wr_part *part, struct wr_error *error)
{
    struct wr_label *label = WR_NEW(&gathering->arena, struct wr_label);
    if (label == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the labels");
    }
    wr_err err = wr_label_read(server->engine, &gathering->arena, part->body, label, error);
    if (err == WR_OK) {
        part->label = label;
    }
    return err;
}

/* Asks for the row of the decision that a label is for, unless nothing is known of it. */
static wr_err ask_label(struct wr_server *server, struct wr_gathering *gathering, uint32_t i,
                        struct wr_error *error)
{
    struct wr_part *part = &gathering->parts[i];
    part->sequence = part->label->sequence;
    if (part->sequence != 0 ||
        wr_engine_find_event(server->engine, part->label->id, &part->sequence)) {
        server->failed = !wr_gather_ask(server, gathering, i);
    } else if (server->finder != NULL) {
        if (!wr_late_ids_ask(server, part->label->id, ticket_of(gathering, i))) {
            part->label = NULL;
            return wr_fail(error, WR_E_OVERLOAD, "too many old ids are being looked for: later");
        }
        gathering->n_waiting++;
    }
    return WR_OK;
}

void wr_gather_labels(struct wr_server *server, struct wr_conn *conn,
                      const struct wr_http_request *request)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_split split;
    wr_split_open(&split, request->body, wr_gather_wants_lines(request));
    bool is_many = split.is_array || wr_gather_wants_lines(request);
    uint32_t n = 1;
    wr_err err = wr_decide_ready(server, &error);
    if (err == WR_OK && is_many) {
        err = wr_gather_count(request->body, !split.is_array, &n, &error);
    }
    if (err != WR_OK) {
        wr_answer_error(server, conn, request, &error);
        return;
    }
    struct wr_gathering *gathering = begin(server, conn, request, WR_GATHER_LABELS, n);
    if (gathering == NULL) {
        return;
    }
    struct wr_str body = wr_str_copy(&gathering->arena, request->body); /* labels borrow from it */
    gathering->is_single = !is_many;
    gathering->n_waiting = 1;
    if (is_many && body.p != NULL) {
        fill_bodies(gathering, body, !split.is_array);
    } else if (body.p != NULL) {
        gathering->parts[0].body = body;
    }
    for (uint32_t i = 0; i < n && !server->failed; i++) {
        struct wr_part *part = &gathering->parts[i];
        err = read_label(server, gathering, part, &error);
        err = err != WR_OK ? err : ask_label(server, gathering, i, &error);
        if (err != WR_OK) {
            wr_gather_set_problem(gathering, part, &error, is_many ? (int64_t)i : -1);
            server->metrics.errors[(size_t)error.code % WR_METRICS_ERRORS]++;
        }
        error = (struct wr_error){.offset = WR_NO_OFFSET};
    }
    conn->blocked = true;
    if (--gathering->n_waiting == 0 && !server->failed) {
        finish(server, gathering);
    }
}

bool wr_gather_later(struct wr_server *server, struct wr_conn *conn,
                     const struct wr_http_request *request, uint64_t *ticket)
{
    struct wr_gathering *gathering = begin(server, conn, request, WR_GATHER_LATER, 1);
    if (gathering == NULL) {
        return false;
    }
    conn->blocked = true;
    *ticket = ticket_of(gathering, 0);
    return true;
}

void wr_gather_give(struct wr_server *server, uint64_t ticket, int status, struct wr_str body,
                    uint64_t needs)
{
    struct wr_gathering *gathering = gathering_of(server, ticket);
    if (gathering == NULL || gathering->kind != WR_GATHER_LATER) {
        return;
    }
    gathering->conn->blocked = false;
    gathering->parts[0].status = status;
    gathering->parts[0].text = wr_str_copy(&gathering->arena, body);
    if (needs != 0) {
        wr_slot_needs(server, gathering->slot, needs);
    }
    finish_one(server, gathering);
}
