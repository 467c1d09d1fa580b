/* SPDX-License-Identifier: Apache-2.0 */
/* Many decisions in one body: a JSON array, or JSON lines.
 *
 * The engine takes the items in steps, of its batch or of what it decides in WR_TURN_NS. Their
 * answers are written where they leave from, the output of the connection, as each step ends. When
 * an item turns out to be known, its answer has to come from the journal: from there on the answer
 * is a gathering, which starts with what is written already.
 *
 * An answer of one step has a Content-Length. A longer one is a stream: each step is a piece, with
 * a slot and a chunk of its own, which leaves when its rows are kept. One piece is decided a turn,
 * so that other connections have their turns too, and none while WR_LIMIT_OUT_BACKLOG bytes wait to
 * be sent. HTTP/1.0 has no chunks: it gets its answer whole. */
#include "shell/gather_in.h"

enum { HEAD_ROOM = 512, ITEM_ROOM = 256, META_ROOM = 96 };
enum {
    CHUNK_DIGITS = 8,
    CHUNK_ROOM = CHUNK_DIGITS + 2
}; /* the size of a chunk, and its line end */

struct wr_stream {
    struct wr_arena arena; /* holds the stream and its body */
    struct wr_split split;
    uint32_t n, n_done;
    int64_t first_ns;
    enum wr_budget budget;
    bool lines, want_features;
};

struct run {
    struct wr_server *server;
    struct wr_conn *conn;
    struct wr_slot *slot;
    struct wr_gathering *gathering; /* NULL while all goes straight out */
    struct wr_split split;
    size_t start;          /* of this answer or piece, from the first byte that is not sent */
    size_t lead;           /* bytes before the body: HEAD_ROOM, CHUNK_ROOM */
    uint32_t n, n_done;    /* of this answer or piece */
    uint32_t first, total; /* items before it, items of the body */
    int64_t first_ns;
    bool is_piece, keep_alive;
    uint8_t minor;
    uint64_t last; /* sequence */
    enum wr_budget budget;
    bool lines; /* the answer is JSON lines */
    bool want_features;
    char meta[META_ROOM]; /* behind each decision of this step */
    size_t n_meta;
};

/* ── items ──────────────────────────────────────────────────────────────────────────────────── */
/* `,"meta":{...}}` of items decided now. */
static size_t write_meta(const struct wr_server *server, char room[META_ROOM], int64_t first_ns,
                         bool replayed)
{
    struct wr_buf buf = wr_buf_fixed(room, META_ROOM);
    wr_format(&buf, ",\"meta\":{\"durability\":\"%s\",\"elapsed_us\":%lld,\"replayed\":%s}}",
              wr_answer_durability(server), (long long)((server->now_ns - first_ns) / 1000),
              replayed ? "true" : "false");
    WR_ASSERT(!buf.overflow);
    return buf.n;
}

static void add_between(struct wr_buf *body, uint32_t i, bool lines)
{
    if (i > 0) {
        wr_buf_char(body, lines ? '\n' : ',');
    }
}

/* After the last item of the body. */
static void add_end(struct wr_buf *body, bool lines, bool is_empty)
{
    wr_buf_str(body, !lines ? WR_STR("]\n") : is_empty ? WR_STR("") : WR_STR("\n"));
}

/* Into the room before the data of a chunk. */
static void write_chunk_size(char room[CHUNK_ROOM], size_t n)
{
    for (size_t i = CHUNK_DIGITS; i-- > 0; n >>= 4) {
        room[i] = "0123456789abcdef"[n & 15];
    }
    memcpy(room + CHUNK_DIGITS, "\r\n", 2);
}

static void add_chunk_end(struct wr_buf *body, bool is_last)
{
    wr_buf_str(body, is_last ? WR_STR("\r\n0\r\n\r\n") : WR_STR("\r\n"));
}

static void add_error(struct wr_buf *body, struct wr_str problem)
{
    wr_buf_str(body, WR_STR("{\"error\":"));
    wr_buf_str(body, problem);
    wr_buf_char(body, '}');
}

static void add_decision(struct wr_buf *body, struct wr_str document, struct wr_str meta)
{
    wr_buf_str(body, WR_STR("{\"decision\":"));
    wr_buf_str(body, document);
    wr_buf_str(body, meta);
}

static struct wr_str type_of(bool lines)
{
    return lines ? WR_STR("application/x-ndjson") : WR_STR("application/json");
}

/* ── straight out ───────────────────────────────────────────────────────────────────────────── */
static bool has_gone(const struct run *run)
{
    return run->conn->broken || run->server->failed;
}

/* Adds to the output of the connection; without memory the connection ends. */
static struct wr_buf room_for(struct run *run, size_t n)
{
    char *room = wr_conn_room(run->server, run->conn, n);
    return wr_buf_fixed(room, room != NULL ? n : 0);
}

static void keep(struct run *run, const struct wr_buf *written)
{
    WR_ASSERT(!written->overflow || run->conn->broken);
    run->conn->out_n += run->conn->broken ? 0 : written->n;
}

static void write_answer(struct run *run, uint32_t item, const struct wr_answer *answer)
{
    if (answer->err != WR_OK) {
        struct wr_arena_mark mark = wr_arena_mark(&run->server->scratch);
        struct wr_buf problem = wr_buf_in(&run->server->scratch, 512);
        wr_answer_problem(&problem, &answer->error, wr_err_http(answer->err), run->first + item);
        struct wr_buf out = room_for(run, problem.n + ITEM_ROOM);
        add_between(&out, run->first + item, run->lines);
        add_error(&out, wr_buf_view(&problem));
        keep(run, &out);
        wr_arena_rewind(&run->server->scratch, mark);
        return;
    }
    struct wr_str document = run->want_features ? answer->projected : answer->document;
    struct wr_buf out = room_for(run, document.n + ITEM_ROOM);
    add_between(&out, run->first + item, run->lines);
    add_decision(&out, document, wr_str_of(run->meta, run->n_meta));
    keep(run, &out);
}

/* Head and body lie apart, since the head names the size of the body: the body moves up. */
static void close_whole(struct run *run)
{
    struct wr_conn *conn = run->conn;
    char room[HEAD_ROOM];
    struct wr_buf head = wr_buf_fixed(room, sizeof room);
    char *start = conn->out + conn->out_at + run->start;
    size_t n = conn->out_n - conn->out_at - run->start - HEAD_ROOM;
    struct wr_reply reply = {
        .status = 200,
        .close = !run->keep_alive,
        .minor = run->minor,
        .content_type = type_of(run->lines),
        .body_elsewhere = n,
        .durability = wr_answer_durability(run->server),
        .elapsed = true,
    };
    run->slot->elapsed_at = wr_answer_write(&head, &reply);
    WR_ASSERT(!head.overflow);
    memcpy(start, room, head.n);
    memmove(start + head.n, start + HEAD_ROOM, n);
    conn->out_n -= HEAD_ROOM - head.n;
    run->slot->n = (uint32_t)(head.n + n);
}

static void close_answer(struct run *run)
{
    struct wr_conn *conn = run->conn;
    bool is_last = run->first + run->n == run->total;
    struct wr_buf out = room_for(run, ITEM_ROOM);
    if (is_last) {
        add_end(&out, run->lines, run->total == 0);
    }
    size_t end = out.n;
    if (run->is_piece) {
        add_chunk_end(&out, is_last);
    }
    keep(run, &out);
    if (has_gone(run)) {
        return;
    }
    if (!run->is_piece) {
        close_whole(run);
        return;
    }
    size_t n = conn->out_n - conn->out_at - run->start;
    write_chunk_size(conn->out + conn->out_at + run->start, n - CHUNK_ROOM - (out.n - end));
    run->slot->n = (uint32_t)n;
}

/* ── gathered ───────────────────────────────────────────────────────────────────────────────── */
/* From item `item` on the answer waits for rows; what is written so far is taken out again. */
static bool begin_gathering(struct run *run, uint32_t item)
{
    struct wr_conn *conn = run->conn;
    struct wr_gathering *gathering = wr_gather_open(run->server, conn, run->slot, WR_GATHER_BATCH);
    if (gathering == NULL) {
        return false;
    }
    size_t from = conn->out_at + run->start + run->lead;
    gathering->begun =
        wr_str_copy(&gathering->arena, wr_str_of(conn->out + from, conn->out_n - from));
    gathering->parts = WR_NEW_ARRAY(&gathering->arena, struct wr_part, run->n);
    gathering->n_parts = run->n;
    gathering->n_done = item;
    gathering->n_waiting = 1; /* not before all items are decided */
    gathering->lines = run->lines;
    gathering->want_features = run->want_features;
    gathering->minor = run->minor;
    gathering->keep_alive = run->keep_alive;
    gathering->first = run->first;
    gathering->is_piece = run->is_piece;
    gathering->is_last = run->first + run->n == run->total;
    conn->out_n = conn->out_at + run->start;
    run->gathering = gathering;
    return gathering->parts != NULL && gathering->begun.p != NULL;
}

void wr_batch_finish(struct wr_server *server, struct wr_gathering *gathering)
{
    char meta[2][META_ROOM];
    size_t n[2];
    for (int i = 0; i < 2; i++) {
        n[i] = write_meta(server, meta[i], gathering->slot->first_ns, i == 1);
    }
    struct wr_buf body = wr_buf_in(&gathering->arena, gathering->begun.n + ITEM_ROOM +
                                                          gathering->n_parts * (size_t)512);
    if (gathering->is_piece) {
        wr_buf_add(&body, (const char[CHUNK_ROOM]){0}, CHUNK_ROOM);
    }
    wr_buf_str(&body, gathering->begun);
    for (uint32_t i = gathering->n_done; i < gathering->n_parts; i++) {
        const struct wr_part *part = &gathering->parts[i];
        add_between(&body, gathering->first + i, gathering->lines);
        if (part->status == 200) {
            add_decision(&body, part->text, wr_str_of(meta[part->replayed], n[part->replayed]));
        } else {
            add_error(&body, part->text);
        }
    }
    if (gathering->is_last) {
        add_end(&body, gathering->lines, false);
    }
    gathering->conn->broken = gathering->conn->broken || body.overflow;
    if (!gathering->is_piece) {
        wr_gather_set_bytes(server, gathering, 200, type_of(gathering->lines), wr_buf_view(&body),
                            false);
        return;
    }
    size_t end = body.n;
    add_chunk_end(&body, gathering->is_last);
    wr_gather_set_piece(server, gathering, &body);
    if (!body.overflow) {
        write_chunk_size(body.p, end - CHUNK_ROOM);
    }
}

static bool gather_answer(struct run *run, uint32_t item, const struct wr_answer *answer)
{
    if (run->gathering == NULL && !begin_gathering(run, item)) {
        run->conn->broken = true; /* the caller asks again, and all of it is known then */
        return true;
    }
    struct wr_part *part = &run->gathering->parts[item];
    part->sequence = answer->err == WR_OK ? answer->sequence : 0;
    part->replayed = answer->replayed;
    if (answer->err != WR_OK) {
        wr_gather_set_problem(run->gathering, part, &answer->error, run->first + item);
    } else if (answer->replayed) {
        return wr_gather_ask(run->server, run->gathering, item);
    } else {
        wr_gather_set_document(run->gathering, part, answer->document, answer->features);
    }
    return true;
}

/* ── deciding ───────────────────────────────────────────────────────────────────────────────── */
/* False when the state is lost: it has rows that are not kept. */
static bool take_answer(struct run *run, uint32_t item, const struct wr_answer *answer)
{
    wr_decide_count(run->server, answer, run->budget);
    if (answer->err == WR_OK) {
        run->last = run->server->thread != NULL ? WR_MAX(run->last, answer->sequence) : 0;
        if (!answer->replayed && !wr_keep(run->server, answer)) {
            return false;
        }
    }
    if (run->conn->broken) {
        return true;
    }
    if (run->gathering != NULL || answer->replayed) {
        return gather_answer(run, item, answer);
    }
    write_answer(run, item, answer);
    return true;
}

static bool decide_some(struct run *run, uint32_t n)
{
    struct wr_server *server = run->server;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    for (uint32_t i = 0; i < n; i++) {
        server->requests[i] = (struct wr_request){
            .now_us = wr_decide_now_us(server),
            .budget = run->budget,
            .want_features = run->want_features,
            .unrecorded = wr_decide_unrecorded(server),
        };
        wr_err err = wr_split_next(&run->split, &server->requests[i].body, &error);
        WR_ASSERT(err == WR_OK); /* it was counted */
    }
    const struct wr_port_clock *clock = &server->port->clock;
    if (wr_decide_run(server, n, clock->mono_ns(clock->context), &error) != WR_OK) {
        wr_server_log(server, "error", "batch_lost", "%s", error.text);
        return false;
    }
    server->metrics.n_batches++;
    server->metrics.n_batch_items += n;
    run->n_meta = write_meta(server, run->meta, run->first_ns, false);
    bool kept = true;
    for (uint32_t i = 0; i < n && kept; i++) {
        kept = take_answer(run, run->n_done + i, &server->answers[i]);
    }
    run->n_done += n;
    wr_arena_reset(&server->scratch);
    if (server->thread != NULL) {
        wr_journal_thread_submit(server->thread); /* it writes while the next ones are decided */
    }
    return kept;
}

/* Decides the n items of an answer, or of a piece of one, and writes it. */
static void run_all(struct run *run)
{
    struct wr_server *server = run->server;
    run->start = run->conn->out_n - run->conn->out_at;
    run->lead = run->is_piece ? CHUNK_ROOM : HEAD_ROOM;
    struct wr_buf out = room_for(run, HEAD_ROOM + ITEM_ROOM);
    if (!run->conn->broken) {
        out.n = run->lead; /* filled in when the size is known */
        wr_buf_str(&out, run->lines || run->first > 0 ? WR_STR("") : WR_STR("["));
        keep(run, &out);
    }
    while (run->n_done < run->n && !server->failed) {
        server->failed = !decide_some(run, WR_MIN(run->n - run->n_done, wr_admit_run_most(server)));
    }
    wr_slot_needs(server, run->slot, run->last);
    run->slot->handed_ns = run->last != 0 ? server->now_ns : 0;
    if (has_gone(run)) {
        return;
    }
    if (run->gathering == NULL) {
        close_answer(run);
    } else if (--run->gathering->n_waiting == 0) {
        wr_batch_finish(server, run->gathering);
    }
}

/* ── streams ────────────────────────────────────────────────────────────────────────────────── */
bool wr_batch_may_go_on(const struct wr_conn *conn)
{
    return conn->stream != NULL && !conn->broken && conn->n_slots < WR_LIMIT_SLOTS &&
           conn->out_n - conn->out_at < WR_LIMIT_OUT_BACKLOG;
}

size_t wr_batch_held(const struct wr_conn *conn)
{
    return conn->stream->arena.taken;
}

void wr_batch_forget(struct wr_conn *conn)
{
    struct wr_arena arena = conn->stream->arena; /* it holds the stream too */
    conn->stream = NULL;
    conn->blocked = false;
    wr_arena_deinit(&arena);
}

/* Returns the sequence that the piece needs. */
static uint64_t add_piece(struct wr_server *server, struct wr_conn *conn)
{
    struct wr_stream *stream = conn->stream;
    wr_decide_batch(server); /* what came before on other connections comes before */
    if (server->failed || server->engine == NULL ||
        (server->thread == NULL && wr_decide_unrecorded(server) == NULL)) {
        conn->broken = true; /* the answer ends without its last chunk: the caller asks again */
        return 0;
    }
    struct run run = {
        .server = server,
        .conn = conn,
        .slot = wr_conn_slot(conn, stream->first_ns),
        .split = stream->split,
        .n = WR_MIN(stream->n - stream->n_done, wr_admit_run_most(server)),
        .first = stream->n_done,
        .total = stream->n,
        .first_ns = stream->first_ns,
        .budget = stream->budget,
        .lines = stream->lines,
        .want_features = stream->want_features,
        .is_piece = true,
        .minor = 1,
        .keep_alive = true,
    };
    WR_ASSERT(run.slot != NULL);
    run_all(&run);
    stream->split = run.split;
    stream->n_done += run.n;
    if (stream->n_done == stream->n) {
        wr_batch_forget(conn);
    }
    return run.last;
}

void wr_batch_go_on(struct wr_server *server, struct wr_conn *conn)
{
    if (server->thread == NULL || wr_journal_thread_room(server->thread) >= WR_JOURNAL_ROOM_MIN) {
        (void)add_piece(server, conn);
    } else {
        server->disk_behind = true; /* in another turn, which need not come at once */
    }
}

/* The head leaves with the first piece. */
static void begin_stream(struct run *run, struct wr_str body)
{
    struct wr_server *server = run->server;
    struct wr_conn *conn = run->conn;
    struct wr_arena arena;
    wr_arena_init(&arena, &server->buffers.counted, WR_LIMIT_GATHER_SIZE);
    struct wr_stream *stream = WR_NEW(&arena, struct wr_stream);
    struct wr_str copy = stream != NULL ? wr_str_copy(&arena, body) : WR_STR("");
    if (stream == NULL || copy.p == NULL) {
        wr_arena_deinit(&arena);
        conn->broken = true;
        return;
    }
    *stream = (struct wr_stream){
        .arena = arena,
        .n = run->n,
        .first_ns = run->first_ns,
        .budget = run->budget,
        .lines = run->lines,
        .want_features = run->want_features,
    };
    wr_split_open(&stream->split, copy, run->lines);
    conn->stream = stream;
    conn->blocked = true;
    struct wr_reply reply = {
        .status = 200,
        .close = !run->keep_alive,
        .minor = run->minor,
        .content_type = type_of(run->lines),
        .chunked = true,
        .durability = wr_answer_durability(server),
        .elapsed = true,
    };
    struct wr_buf head = room_for(run, HEAD_ROOM);
    run->slot->elapsed_at = wr_answer_write(&head, &reply);
    keep(run, &head);
    run->slot->n = (uint32_t)head.n;
    if (wr_batch_may_go_on(conn)) {
        wr_slot_needs(server, run->slot, add_piece(server, conn));
    }
}

void wr_gather_batch(struct wr_server *server, struct wr_conn *conn,
                     const struct wr_http_request *request)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    bool lines = wr_gather_wants_lines(request);
    struct run run = {.server = server, .conn = conn, .first_ns = request->first_ns};
    wr_decide_batch(server); /* what came before on other connections comes before */
    conn->n_asked = 0;
    wr_err err = wr_admit(server, conn, request, &error);
    if (err == WR_OK && server->failed) {
        err = wr_fail(&error, WR_E_JOURNAL, "the journal has failed");
    }
    err = err != WR_OK ? err : wr_gather_count(request->body, lines, &run.n, &error);
    if (err != WR_OK) {
        wr_answer_error(server, conn, request, &error);
        return;
    }
    conn->n_asked = run.n;
    run.slot = wr_conn_slot(conn, request->first_ns);
    WR_ASSERT(run.slot != NULL);
    run.total = run.n;
    run.minor = request->terms.minor;
    run.keep_alive = request->terms.keep_alive;
    run.budget = wr_decide_budget(server, request->terms.deadline_us, request->first_ns, run.n);
    run.want_features = request->terms.want_features;
    wr_split_open(&run.split, request->body, lines);
    run.lines = !run.split.is_array;
    if (run.n > wr_admit_run_most(server) && run.minor > 0) {
        begin_stream(&run, request->body);
    } else {
        run_all(&run);
    }
    conn->spent = server->now_ns - server->looked_ns >= WR_TURN_NS;
}
