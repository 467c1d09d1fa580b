/* SPDX-License-Identifier: Apache-2.0 */
/* One turn: poll, read every ready connection, parse, decide as one batch, hand rows to the
 * journal, release what is kept, send once per connection. */
#include "shell/server_in.h"

enum { EVENTS = 256, ACCEPTS_PER_TURN = 64 };

/* ── accepting ──────────────────────────────────────────────────────────────────────────────── */
static void listen_again(struct wr_server *server, bool listening)
{
    const struct wr_port_net *net = &server->port->net;
    if (server->listening == listening) {
        return;
    }
    for (uint32_t i = 0; i < server->config.n_addresses; i++) {
        net->watch(net->context, server->listeners[i], listening ? WR_NET_READ : 0, i + 1);
    }
    server->listening = listening;
    server->n_conns_shut = server->n_conns;
    server->shut_ns = server->now_ns;
}

/* One has closed: its place, and its descriptor, are free. Or it was for want of something else. */
static void listen_when_possible(struct wr_server *server)
{
    bool has_place = server->n_conns < server->config.n_connections_max;
    if (!server->listening && !server->draining && has_place &&
        (server->n_conns < server->n_conns_shut ||
         server->now_ns - server->shut_ns >= WR_ACCEPT_PAUSE_NS)) {
        listen_again(server, true);
    }
}

/* Whether the address of a new connection has its share already. While there are fewer connections
 * than one address may have, nobody is counted. */
static bool has_its_share(struct wr_server *server, const struct wr_conn *conn)
{
    const struct wr_port_net *net = &server->port->net;
    uint32_t share = server->config.n_per_address, n = 0;
    uint64_t peer = net->peer != NULL ? net->peer(net->context, conn->sock) : 0;
    if (share == 0) {
        share = WR_MAX(server->config.n_connections_max / 10, WR_ADDRESS_LEAST);
    }
    if (peer != 0 && server->n_conns > share) {
        for (uint32_t i = 0; i < server->conns_made; i++) {
            n += server->peers[i] == peer;
        }
    }
    server->peers[conn->index] = n < share ? peer : 0;
    return n >= share;
}

static void accept_some(struct wr_server *server, uint32_t listener)
{
    const struct wr_port_net *net = &server->port->net;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (server->n_conns == server->config.n_connections_max) {
            listen_again(server, false); /* until one has closed; the kernel keeps the others */
            return;
        }
        int32_t sock;
        bool is_local = false;
        enum wr_io result =
            net->accept(net->context, server->listeners[listener], &sock, &is_local);
        if (result == WR_IO_AGAIN) {
            return;
        }
        if (result != WR_IO_OK) {
            server->metrics.n_accept_failures++;
            listen_again(server, false); /* for a moment, or until one has closed */
            return;
        }
        struct wr_conn *conn = wr_conn_open(server, sock, is_local);
        if (conn == NULL) {
            net->close(net->context, sock);
            server->metrics.n_accept_failures++;
            return;
        }
        conn->is_probe = wr_address_is_probe(server->config.addresses[listener]);
        if (!conn->is_probe && has_its_share(server, conn)) {
            server->metrics.n_shut_out++;
            wr_conn_close(server, conn);
            continue;
        }
        server->metrics.n_accepted++;
        wr_conn_touch(server, conn);
        wr_conn_read(server, conn); /* the request is often there already */
    }
}

/* ── parsing ────────────────────────────────────────────────────────────────────────────────── */
static void refuse(struct wr_server *server, struct wr_conn *conn, int status, const char *why)
{
    if (conn->in_batch) {
        wr_decide_batch(server); /* earlier answers come first */
    }
    struct wr_h1_head head = {.minor = 1};
    struct wr_http_request request = {.head = &head, .first_ns = conn->first_ns};
    struct wr_error error = {.offset = WR_NO_OFFSET};
    if (wr_fail(&error, status == 413 ? WR_E_TOO_LARGE : WR_E_HTTP, "%s", why) == WR_OK) {
        return;
    }
    char room[2048];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    wr_answer_problem(&body, &error, status, -1);
    struct wr_reply reply = {.status = status,
                             .close = true,
                             .content_type = WR_STR("application/problem+json"),
                             .body = wr_buf_view(&body)};
    server->metrics.errors[error.code]++;
    wr_answer_send(server, conn, &request, &reply);
    conn->closing = conn->lingers = true;
}

/* Looks for the end of the body. */
static enum wr_h1_result read_body(struct wr_conn *conn)
{
    if (conn->whole) {
        return WR_H1_DONE;
    }
    if (conn->stage == WR_CONN_BODY) {
        return conn->in_n - conn->in_at >= conn->need ? WR_H1_DONE : WR_H1_MORE;
    }
    for (;;) {
        struct wr_str data = {NULL, 0};
        size_t used = 0;
        struct wr_str rest = wr_str_of(conn->in + conn->raw_at, conn->in_n - conn->raw_at);
        enum wr_h1_result result = wr_h1_body_read(&conn->body, rest, &data, &used);
        if (data.n > 0) { /* decoded in place: the data never overtakes the chunks */
            memmove(conn->in + conn->body_at + conn->body_n, data.p, data.n);
            conn->body_n += data.n;
        }
        conn->raw_at += used;
        if (result != WR_H1_MORE || used == rest.n) {
            return result;
        }
    }
}

static enum wr_h1_result begin_body(struct wr_server *server, struct wr_conn *conn,
                                    const struct wr_h1_head *head, size_t used)
{
    conn->head_ns = server->now_ns;
    if (head->chunked) {
        conn->stage = WR_CONN_CHUNKED;
        conn->body_at = conn->raw_at = conn->in_at + used;
        conn->body_n = 0;
        wr_h1_body_init(&conn->body, head, server->config.body_max);
    } else {
        conn->stage = WR_CONN_BODY;
        conn->need = used + (size_t)head->content_length;
    }
    enum wr_h1_result result = read_body(conn);
    if (result == WR_H1_MORE && head->expect_continue && head->minor > 0) {
        struct wr_slot *slot = wr_conn_slot(conn, conn->first_ns);
        char room[64];
        struct wr_buf buf = wr_buf_fixed(room, sizeof room);
        wr_h1_write_continue(&buf);
        if (slot != NULL) {
            wr_conn_add(server, conn, slot, wr_buf_view(&buf));
        }
    }
    return result;
}

static void finish_request(struct wr_server *server, struct wr_conn *conn,
                           const struct wr_h1_head *head, size_t head_n)
{
    struct wr_http_request request = {.head = head, .first_ns = conn->first_ns};
    size_t end;
    if (conn->stage == WR_CONN_CHUNKED) {
        request.body = wr_str_of(conn->in + conn->body_at, conn->body_n);
        end = conn->raw_at;
    } else {
        request.body = wr_str_of(conn->in + conn->in_at + head_n, conn->need - head_n);
        end = conn->in_at + conn->need;
    }
    size_t bytes = end - conn->in_at;
    conn->in_at = end;
    request.whole_ns = conn->was_held ? server->now_ns : wr_conn_arrival_before(conn, end);
    conn->was_held = conn->whole = false;
    conn->stage = WR_CONN_HEAD;
    wr_h1_init(&conn->reader, server->config.body_max);
    server->metrics.n_requests++;
    wr_timing_add(&server->metrics.stages[WR_STAGE_READ], server->now_ns - conn->first_ns, 1);
    conn->first_ns = wr_conn_arrival(conn);
    conn->head_ns = 0;
    if (!head->keep_alive || server->draining) {
        conn->closing = true;
    }
    conn->n_asked = 1;
    wr_route(server, conn, &request);
    wr_admit_measure(conn, bytes);
}

/* A request that is there whole may wait for what other nodes saw; it stays in the buffer then. */
static bool holds(struct wr_server *server, struct wr_conn *conn, const struct wr_h1_head *head,
                  size_t head_n)
{
    bool chunked = conn->stage == WR_CONN_CHUNKED;
    struct wr_str body = chunked ? wr_str_of(conn->in + conn->body_at, conn->body_n)
                                 : wr_str_of(conn->in + conn->in_at + head_n, conn->need - head_n);
    size_t end = chunked ? conn->raw_at : conn->in_at + conn->need;
    bool held = wr_shared_hold(server, conn, head, body, wr_conn_arrival_before(conn, end));
    conn->whole = held && chunked;
    return held;
}

static enum wr_h1_result read_head(struct wr_conn *conn, struct wr_str bytes,
                                   struct wr_h1_head *head, size_t *used)
{
    if (wr_h1_repeats(&conn->pattern, conn->reader.body_max, bytes, head)) {
        *used = conn->pattern.n;
        return WR_H1_DONE;
    }
    enum wr_h1_result result = wr_h1_read(&conn->reader, bytes, head, used);
    if (result == WR_H1_DONE) {
        wr_h1_keep(&conn->pattern, bytes.p, *used, head);
    }
    return result;
}

/* Reads one request out of the buffer; false when there is none, whole, to be had. */
static bool parse_one(struct wr_server *server, struct wr_conn *conn)
{
    struct wr_h1_head head;
    if (conn->in_at == conn->in_n) {
        return false;
    }
    struct wr_str bytes = wr_str_of(conn->in + conn->in_at, conn->in_n - conn->in_at);
    enum wr_h1_result result = WR_H1_DONE;
    if (conn->stage != WR_CONN_HEAD) {
        result = read_body(conn);
        if (result == WR_H1_DONE) { /* the head was parsed in an earlier turn: once more */
            wr_h1_init(&conn->reader, server->config.body_max);
        }
    }
    size_t used = 0;
    if (result == WR_H1_DONE) {
        result = read_head(conn, bytes, &head, &used);
        if (result == WR_H1_BAD) {
            refuse(server, conn, conn->reader.status, conn->reader.why);
            return false;
        }
        if (result == WR_H1_DONE && conn->stage == WR_CONN_HEAD) {
            result = begin_body(server, conn, &head, used);
        }
    }
    if (result == WR_H1_BAD) {
        refuse(server, conn, conn->body.status, conn->body.why);
    } else if (result == WR_H1_DONE && WR_UNLIKELY(server->fleet != NULL) &&
               !conn->is_passed_over && holds(server, conn, &head, used)) {
        return false;
    } else if (result == WR_H1_DONE) {
        finish_request(server, conn, &head, used);
    } else if (conn->eof) {
        conn->closing = true; /* the rest will never come */
    }
    return result == WR_H1_DONE;
}

static void read_now(struct wr_server *server, struct wr_conn *conn)
{
    conn->readable = false;
    wr_conn_read(server, conn);
}

/* Nobody has more of a turn than the engine is given at once. A refusal is cheap, and the queue has
 * to go. In a planned turn whoever could not be counted has one request, and whoever is admitted no
 * more than all together: what is behind is there now, and is counted in the next one. */
static uint32_t may_spend(const struct wr_server *server, const struct wr_conn *conn)
{
    uint32_t most = 4 * WR_LIMIT_PER_WAKE, run = wr_admit_run_most(server);
    if (conn->is_passed_over) {
        return most;
    }
    if (!server->admission.is_over) {
        return WR_MIN(most, 4 * run);
    }
    if (server->admission.one_each || !wr_admit_is_counted(conn)) {
        return 1;
    }
    return WR_MIN(WR_MIN(most, run), WR_MAX(server->admission.budget, 1u));
}

static void parse(struct wr_server *server, struct wr_conn *conn)
{
    if (conn->readable) {
        read_now(server, conn);
    }
    conn->more = false;
    if (conn->stage == WR_CONN_LINGER) {
        return;
    }
    if (wr_batch_may_go_on(conn)) {
        wr_batch_go_on(server, conn);
    }
    conn->n_passed_over = conn->is_passed_over ? conn->n_passed_over : 0; /* it has its turn */
    bool is_planned = server->admission.is_over; /* an overload may begin with any request */
    uint32_t spent = 0, most = may_spend(server, conn);
    conn->spent = false;
    while (wr_conn_may_parse(conn) && spent < most && !conn->spent) {
        uint64_t refused = server->n_refused;
        if (!parse_one(server, conn)) {
            return;
        }
        bool counts_one = server->n_refused > refused || (is_planned && conn->in_batch);
        spent += counts_one ? 1 : WR_MAX(4, conn->n_asked);
    }
    conn->more = conn->in_at < conn->in_n;
}

static void see_kept(struct wr_server *server)
{
    uint64_t kept = wr_journal_thread_kept(server->thread);
    if (kept != server->kept_seen) {
        server->kept_seen = kept;
        for (uint32_t i = 0; i < server->n_waiting; i++) {
            wr_conn_touch(server, server->waiting[i]);
        }
    }
}

/* It has its turn in the next one. */
static void leave(struct wr_conn *conn)
{
    conn->more = (conn->readable || conn->in_at < conn->in_n) && conn->stage != WR_CONN_LINGER;
}

/* What is refused is read, refused and sent, connection by connection, while its bytes are in the
 * caches; then what the journal has kept since is sent to those whose requests are yet to be read,
 * so that the answers acknowledge them. Only then anything is decided. However many ask, refusing
 * leaves time for that: those for whom there is none come first in the next turn. */
static uint32_t parse_refused(struct wr_server *server)
{
    const struct wr_port_clock *clock = &server->port->clock;
    if (server->thread != NULL) {
        see_kept(server);
    }
    uint32_t i = 0, n = wr_admit_plan(server);
    if (n == 0) {
        return 0;
    }
    int64_t spend_ns = WR_MAX(server->admission.planned_ns / 2, (int64_t)WR_OVERLOAD_LEAST_NS);
    int64_t end_ns = clock->mono_ns(clock->context) + spend_ns;
    for (; i < n && clock->mono_ns(clock->context) < end_ns; i++) {
        parse(server, server->touched[i]);
        server->touched[i]->is_passed_over = false;
        wr_conn_send(server, server->touched[i]);
    }
    server->n_parsed = i;
    for (; i < server->n_touched; i++) {
        struct wr_conn *conn = server->touched[i];
        if (i < n) {
            leave(conn);
            conn->is_passed_over = false;
        }
        wr_conn_send(server, conn);
    }
    return n;
}

/* A turn ends when it has taken long enough, however many ask: answers leave at its end. Those that
 * have not had theirs come first in the next one. */
static void parse_all(struct wr_server *server)
{
    server->n_parsed = 0;
    uint32_t n = server->admission.is_over ? parse_refused(server) : 0, i = n;
    uint64_t refused = server->n_refused;
    while (i < server->n_touched && server->now_ns - server->looked_ns < WR_TURN_NS &&
           server->n_refused - refused < WR_LIMIT_REFUSALS) {
        parse(server, server->touched[i++]);
    }
    server->n_parsed = server->n_parsed < n ? server->n_parsed : i;
    for (; i < server->n_touched; i++) {
        leave(server->touched[i]);
    }
}

/* ── deadlines ──────────────────────────────────────────────────────────────────────────────── */
static bool is_late(const struct wr_server *server, const struct wr_conn *conn)
{
    int64_t now = server->now_ns;
    if (conn->stage == WR_CONN_LINGER) {
        return now - conn->first_ns > WR_DEADLINE_LINGER_NS;
    }
    if (conn->stalled_ns != 0 && now - conn->stalled_ns > WR_DEADLINE_WRITE_NS) {
        return true;
    }
    if (conn->first_ns == 0 || conn->n_slots > 0 || conn->more || conn->blocked || conn->held) {
        return false; /* it waits for us */
    }
    return conn->head_ns != 0 ? now - conn->head_ns > WR_DEADLINE_BODY_NS
                              : now - conn->first_ns > WR_DEADLINE_HEAD_NS;
}

static void sweep(struct wr_server *server)
{
    for (uint32_t i = 0; i < server->conns_made; i++) {
        struct wr_conn *conn = server->conns[i];
        if (conn->sock < 0) {
            continue;
        }
        bool idle =
            conn->first_ns == 0 && conn->n_slots == 0 && conn->out == NULL && conn->stream == NULL;
        if (is_late(server, conn)) {
            server->metrics.n_closed_slow += conn->stage != WR_CONN_LINGER;
            wr_conn_close(server, conn);
        } else if (idle &&
                   (server->draining || server->now_ns - conn->active_ns > WR_DEADLINE_IDLE_NS)) {
            server->metrics.n_closed_idle += !server->draining;
            wr_conn_close(server, conn);
        }
    }
}

/* ── time ───────────────────────────────────────────────────────────────────────────────────── */
/* The wall clock is followed while it agrees to a second with what the monotonic clock says; a
 * larger step is ignored and counted. Never goes back. */
static void read_clocks(struct wr_server *server)
{
    const struct wr_port_clock *clock = &server->port->clock;
    server->now_ns = clock->mono_ns(clock->context);
    int64_t wall = clock->wall_ns(clock->context);
    int64_t expected = server->now_ns + server->wall_anchor_ns, off = wall - expected;
    if (off <= 1000000000 && off >= -1000000000) {
        server->wall_anchor_ns = wall - server->now_ns;
        expected = wall;
        server->clock_is_off = false;
    } else if (!server->clock_is_off) {
        server->clock_is_off = true;
        server->metrics.n_clock_steps++;
        wr_server_log(server, "warn", "clock_step", "the wall clock stepped by %lld ms: ignored",
                      (long long)(off / 1000000));
    }
    server->now_us = WR_MAX(server->now_us, expected / 1000);
}

/* Deadlines count from the first byte, and the system does not tell when it came. What a poll finds
 * at once may have been there since the poll before: after a batch that took long, its whole
 * length. What a poll had to wait for has come now. */
static void date_arrivals(struct wr_server *server, int64_t asked_ns)
{
    bool waited = server->now_ns - asked_ns > WR_WAITED_NS;
    server->arrived_ns = waited || server->looked_ns == 0 ? server->now_ns : server->looked_ns;
    server->looked_ns = server->now_ns;
}

/* Where too much is asked the loop is never at rest, and on a processor that it shares with the
 * journal's thread the rows of this turn might be written after the next one: with their answers
 * wait those to all that is refused meanwhile on the same connections. */
static void let_rows_be_written(const struct wr_server *server)
{
    const struct wr_port_threads *threads = &server->port->threads;
    if (threads->yield != NULL && wr_admit_is_overloaded(server)) {
        threads->yield(threads->context);
    }
}

/* ── the turn ───────────────────────────────────────────────────────────────────────────────── */
static struct wr_conn *conn_of(const struct wr_server *server, uint64_t token)
{
    uint64_t index = (token & UINT32_MAX) - WR_LIMIT_ADDRESSES - 1;
    if (index >= server->conns_made) {
        return NULL;
    }
    struct wr_conn *conn = server->conns[index];
    return conn->sock >= 0 && conn->generation == token >> 32 ? conn : NULL;
}

static void take_event(struct wr_server *server, const struct wr_net_event *event)
{
    if (event->token == 0) {
        return;
    }
    if (event->token <= WR_LIMIT_ADDRESSES) {
        if (!server->draining) {
            accept_some(server, (uint32_t)event->token - 1);
        }
        return;
    }
    struct wr_conn *conn = conn_of(server, event->token);
    if (conn == NULL) {
        return;
    }
    wr_conn_touch(server, conn);
    if ((event->ready & WR_NET_READ) == 0) {
        return;
    }
    conn->readable = true;
    if (!server->admission.is_over) {
        read_now(server, conn);
    } else if (conn->told_ns == 0) { /* it is read when it is this connection's turn */
        conn->told_ns = server->looked_ns;
    }
}

/* Redis' answers, and those who wait for them, come before all else of a turn. */
static void take_shared(struct wr_server *server, const struct wr_net_event *events, size_t n,
                        int64_t turn_ns)
{
    for (size_t i = 0; i < n; i++) {
        if (events[i].token == WR_REDIS_TOKEN) {
            wr_redis_ready(server->redis, server->now_ns);
        }
    }
    wr_shared_release(server, turn_ns);
}

static void take_kept(struct wr_server *server)
{
    if (server->thread == NULL) {
        if (server->failed) {
            wr_server_fail(server); /* the engine, while there is no journal */
        }
        return;
    }
    see_kept(server);
    if (server->failed || wr_journal_thread_state(server->thread) != WR_JOURNAL_OK) {
        wr_server_fail(server);
    }
}

static void flush_all(struct wr_server *server)
{
    const struct wr_port_clock *clock = &server->port->clock;
    uint32_t n = server->n_touched;
    if (n == 0) {
        return;
    }
    uint64_t left = server->metrics.n_left;
    bool sampled = server->n_flushes % WR_SAMPLE == 0;
    int64_t before_ns = sampled ? clock->mono_ns(clock->context) : 0;
    uint32_t first = server->n_parsed < n ? server->n_parsed : 0; /* that has not had its turn */
    for (uint32_t i = 0; i < n; i++) {
        server->flushing[i] = server->touched[first + i < n ? first + i : first + i - n];
        server->touched[i]->touched = false;
    }
    server->n_touched = server->n_parsed = 0;
    for (uint32_t i = 0; i < n; i++) {
        wr_conn_flush(server, server->flushing[i]);
    }
    left = server->metrics.n_left - left;
    server->n_flushes += left != 0;
    if (sampled && left != 0) {
        int64_t spent_ns = clock->mono_ns(clock->context) - before_ns;
        wr_timing_add(&server->metrics.stages[WR_STAGE_WRITE], spent_ns / (int64_t)left, left);
    }
}

static void step_journal(struct wr_server *server)
{
    if (server->thread == NULL) {
        return;
    }
    wr_journal_thread_submit(server->thread);
    if (server->port->threads.start == NULL) {
        wr_journal_thread_step(server->thread);
    }
}

static void tend(struct wr_server *server)
{
    if (server->port->process.stopping(server->port->process.context) && !server->draining) {
        wr_server_stop(server);
    }
    if (WR_UNLIKELY(server->buffers.held > server->config.client_memory)) {
        wr_conn_shed(server);
    }
    wr_reload_step(server);
    wr_snapshots_step(server);
    listen_when_possible(server);
    if (server->thread == NULL && server->journal != NULL &&
        server->now_ns - server->recover_ns >= WR_RECOVER_NS) {
        server->recover_ns = server->now_ns;
        wr_server_recover(server);
    }
    if (server->now_ns - server->sweep_ns >= WR_SWEEP_NS) {
        server->sweep_ns = server->now_ns;
        sweep(server);
        wr_beginning_end(server);
    }
    if (server->now_ns - server->trim_ns >= WR_TRIM_NS) {
        server->trim_ns = server->now_ns;
        wr_buffers_trim(&server->buffers);
    }
    if (server->draining &&
        (server->n_conns == 0 || server->now_ns - server->drain_ns >= WR_DEADLINE_DRAIN_NS)) {
        server->drained = true;
        wr_challenge_finish(server);
    }
}

static void step_redis(struct wr_server *server)
{
    if (server->redis != NULL) {
        wr_redis_step(server->redis, server->now_ns, server->kept_seen);
    }
}

static bool must_not_wait(struct wr_server *server)
{
    if (server->n_touched > 0 || wr_challenge_waits(server) ||
        (server->finder != NULL && wr_id_finder_waits(server->finder))) {
        return true;
    }
    return server->thread != NULL && server->port->threads.start != NULL &&
           !wr_journal_thread_will_wait(server->thread, server->kept_seen);
}

/* How long a turn may wait for events. */
static int64_t wait_ns(struct wr_server *server, int64_t most_ns)
{
    int64_t ns = !must_not_wait(server) ? WR_MIN(most_ns, (int64_t)WR_SWEEP_NS)
                 : server->disk_behind  ? WR_MIN(most_ns, (int64_t)WR_BEHIND_NS)
                                        : 0;
    server->disk_behind = false;
    ns = wr_snapshots_busy(server) ? WR_MIN(ns, (int64_t)WR_SNAPSHOT_PACE_NS) : ns;
    ns = server->listening ? ns : WR_MIN(ns, (int64_t)WR_ACCEPT_PAUSE_NS);
    return server->redis != NULL ? wr_shared_sleep_ns(server, ns) : ns;
}

bool wr_server_step(struct wr_server *server, int64_t timeout_ns)
{
    const struct wr_port_net *net = &server->port->net;
    struct wr_net_event events[EVENTS];
    size_t n = 0;
    timeout_ns = wait_ns(server, timeout_ns);
    int64_t asked_ns = server->port->clock.mono_ns(server->port->clock.context);
    int64_t turn_ns = server->looked_ns == 0 ? 0 : asked_ns - server->looked_ns;
    wr_admit_learn(server, turn_ns);
    if (net->poll(net->context, events, EVENTS, timeout_ns, &n) != WR_IO_OK) {
        server->poll_failed = true;
        return false;
    }
    read_clocks(server);
    date_arrivals(server, asked_ns);
    wr_admit_look(server);
    if (server->redis != NULL) {
        take_shared(server, events, n, turn_ns);
    }
    for (size_t i = 0; i < n; i++) {
        take_event(server, &events[i]);
    }
    parse_all(server);
    step_redis(server); /* what was asked for is under way while the others are decided */
    wr_decide_batch(server);
    if (server->port->threads.start == NULL && !server->failed) {
        flush_all(server); /* what needs no row does not wait for the disk */
    }
    if (server->thread != NULL) {
        wr_late_ids_step(server); /* what it finds is asked of the journal */
    }
    wr_id_memory_step(server);
    step_journal(server);
    if (server->thread != NULL) {
        wr_gather_replies(server);
        step_journal(server); /* labels that have just got their rows */
    }
    let_rows_be_written(server);
    take_kept(server);
    step_redis(server); /* own tiles whose rows are kept */
    flush_all(server);
    wr_challenge_step(server);
    tend(server);
    return !server->drained;
}
