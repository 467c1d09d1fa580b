/* SPDX-License-Identifier: Apache-2.0 */
/* One turn: poll, read every ready connection, parse, decide as one batch, hand rows to the
 * journal, release what is kept, send once per connection. */
#include "shell/server_in.h"

enum { EVENTS = 256 };

/* ── whose turn it is ───────────────────────────────────────────────────────────────────────── */
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
    if (server->admission.one_each || !wr_pace_is_known(conn)) {
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
        if (!wr_request_take(server, conn)) {
            return;
        }
        refused = server->n_refused - refused;
        bool counts_one = is_planned && conn->in_batch;
        spent += refused > 0 ? (uint32_t)refused : counts_one ? 1 : WR_MAX(4, conn->n_asked);
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

/* Returns how many of the first n had their turn before the time was up. */
static uint32_t refuse(struct wr_server *server, uint32_t n)
{
    const struct wr_port_clock *clock = &server->port->clock;
    int64_t spend_ns = WR_MIN(server->admission.planned_ns * 5 / 4, (int64_t)WR_REFUSING_NS);
    int64_t start_ns = clock->mono_ns(clock->context), ns = start_ns, sends_ns = 0;
    uint32_t i = 0, n_sent = 0;
    for (; i < n && ns - start_ns < spend_ns; i++) {
        struct wr_conn *conn = server->touched[i];
        parse(server, conn);
        conn->is_passed_over = false;
        int64_t parsed_ns = clock->mono_ns(clock->context);
        bool sent = wr_conn_send(server, conn);
        ns = clock->mono_ns(clock->context);
        sends_ns += sent ? ns - parsed_ns : 0;
        n_sent += sent;
    }
    wr_turn_sent(server, n_sent, sends_ns);
    return i;
}

/* What is refused is read, refused and sent, connection by connection, while its bytes are in the
 * caches; then what the journal has kept since is sent to those whose requests are yet to be read,
 * so that the answers acknowledge them. Only then anything is decided. However many ask, refusing
 * ends after a little more than the turn is planned, or WR_REFUSING_NS: the rest comes first next
 * turn. Returns how many of the touched are refused. */
static uint32_t parse_refused(struct wr_server *server)
{
    if (server->thread != NULL) {
        see_kept(server);
    }
    uint32_t n = wr_turn_plan(server);
    if (n == 0) {
        return 0;
    }
    uint32_t i = refuse(server, n);
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
            wr_accept_some(server, (uint32_t)event->token - 1);
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
    wr_accept_when_possible(server);
    if (server->thread == NULL && server->journal != NULL) {
        wr_server_recover_some(server);
    }
    if (server->now_ns - server->sweep_ns >= WR_SWEEP_NS) {
        server->sweep_ns = server->now_ns;
        wr_conn_sweep(server);
        wr_beginning_end(server);
        wr_admit_tell(server);
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
    if (server->n_touched > 0 || wr_folding_is_under_way(server) || wr_challenge_waits(server) ||
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
