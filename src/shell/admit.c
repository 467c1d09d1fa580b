/* SPDX-License-Identifier: Apache-2.0 */
/* Which decisions are taken, and which are refused because too much is asked.
 *
 * A queue that stands is told by waiting, not by counting (Nichols and Jacobson, "Controlling queue
 * delay", 2012, as adapted to services): a burst passes, a queue that stands does not. From then on
 * each turn is planned: as many decisions are admitted as can be made in its time, and the others
 * are refused at once, before the first is decided. So nothing waits for longer than two turns, in
 * the sockets neither. To read and to answer costs as much for each connection whatever it asks, so
 * a turn has WR_OVERLOAD_CONN_NS for each: some third of it goes to that. A connection is admitted
 * or refused whole, since its answers leave in order and a refusal behind a decision would wait for
 * it: first those that ask for less than their share, then those that have been passed over most
 * often. What one has beyond a turn's budget waits for the next. It ends with a window in which
 * no more was asked than could have been decided in its time. */
#include "shell/server_in.h"

enum {
    PASSED = 64,         /* levels by how often passed over; */
    LEVELS = 2 * PASSED, /* above them as many for those below their share */
    MEASURED = 64,
    BUDGET_LEAST = 64,  /* where decisions alone leave room for so many */
    BUDGET_FIRST = 256, /* while it is not known what a decision takes */
    REQUEST_LEAST = 64,
    TOOK_LEAST_NS = 64, /* a decision: a clock that stands still tells nothing */
};

#define TOOK_MOST_NS ((int64_t)1 << 40)  /* times 1024 is less than 2^63 */
#define STILL_NS     ((int64_t)20000000) /* the machine stands still for so long at most */

#define FADES_NS  ((int64_t)1 << 25) /* of a pace a half is left after so long */
#define PACE_MOST ((int64_t)1 << 34) /* times WR_PACE_NS is less than 2^63 */

/* ── does a queue stand? ────────────────────────────────────────────────────────────────────── */
/* Takes the wait of n more. True: a window begins with it; `stood` tells of the one that has ended.
 * One that ended long ago tells nothing about now, nor one with few waits in few turns: after a
 * stall of the machine all wait, and no queue stands. */
static bool note_wait(struct wr_wait *wait, const struct wr_server *server, int64_t waited_ns,
                      uint32_t n)
{
    int64_t now_ns = server->now_ns, looked_ns = server->looked_ns;
    bool begins = now_ns - wait->since_ns >= WR_OVERLOAD_WINDOW_NS;
    if (begins) {
        bool recent = now_ns - wait->since_ns < 2 * WR_OVERLOAD_WINDOW_NS;
        bool many = wait->n >= WR_OVERLOAD_N || wait->n_turns >= WR_OVERLOAD_TURNS;
        wait->stood = recent && many && wait->least_ns > WR_OVERLOAD_TARGET_NS;
        wait->holds -= wait->holds > 0;
        wait->holds = wait->stood ? WR_OVERLOAD_HOLDS : recent ? wait->holds : 0;
        wait->since_ns = now_ns;
        wait->n = wait->n_turns = 0;
        wait->turn_ns = 0;
    }
    wait->least_ns = wait->n == 0 ? waited_ns : WR_MIN(wait->least_ns, waited_ns);
    wait->n_turns += wait->turn_ns != looked_ns;
    wait->turn_ns = looked_ns;
    wait->n += n;
    return begins;
}

/* What one decision has taken by itself; 0: not known. */
static int64_t each_ns(const struct wr_admission *admission)
{
    int64_t n = admission->run_1024ths;
    return n > 0 ? WR_MAX(admission->run_ns * 1024 / n, (int64_t)1) : 0;
}

/* Whether all that was asked in a window, refused or not, would have kept the node busy for nearly
 * all of it, by what decisions cost in turns that had not time for all: in shorter ones the part
 * of the connections weighs more. Not told by how many turns had time: while the journal's thread
 * works the loop makes many in which nobody asks, and where decisions are slow two requests at once
 * are more than one turn has time for. */
static bool asked_too_much(const struct wr_server *server, int64_t window_ns)
{
    const struct wr_admission *admission = &server->admission;
    uint64_t n = admission->n_turned_away + server->metrics.n_batch_items - admission->n_begun;
    const struct wr_turns *crowded = &admission->crowded;
    int64_t each = WR_MAX(each_ns(admission), (int64_t)1);
    if (crowded->decided_1024ths > 0) {
        each = WR_MAX(each, crowded->turn_ns * 1024 / crowded->decided_1024ths);
    }
    return admission->n_turned_away > 0 && n > (uint64_t)(window_ns / 16 * 15 / each);
}

/* The last one has taken so long. */
static void begin_window(struct wr_server *server, int64_t window_ns)
{
    struct wr_admission *admission = &server->admission;
    bool recent = window_ns < 2 * WR_OVERLOAD_WINDOW_NS;
    bool goes_on = admission->is_over && asked_too_much(server, window_ns);
    bool were_late = admission->n_late > WR_OVERLOAD_LATE_N;
    bool stood = admission->wait.stood || admission->conn_stood;
    admission->is_over = recent && (stood || were_late || goes_on);
    server->metrics.n_overloads += admission->is_over || admission->conn_stood;
    admission->n_turned_away = admission->n_late = 0;
    admission->n_begun = server->metrics.n_batch_items;
    admission->conn_stood = false;
}

/* Each connection has a queue of its own, since all take turns: where a few ask little and wait
 * little, others may still ask too much. */
static bool waited_too_long(struct wr_server *server, struct wr_conn *conn,
                            const struct wr_http_request *request)
{
    struct wr_admission *admission = &server->admission;
    int64_t waited = server->now_ns - request->whole_ns, late = WR_OVERLOAD_LATE_NS;
    if (server->deadline_us != 0) {
        late = server->deadline_us * 800; /* ns: four fifths */
    }
    int64_t window_ns = server->now_ns - admission->wait.since_ns;
    if (note_wait(&admission->wait, server, waited, request->n)) {
        begin_window(server, window_ns);
    }
    note_wait(&conn->wait, server, waited, request->n);
    admission->n_late += waited > late ? request->n : 0;
    /* In a planned turn who is admitted may have waited for two. */
    int64_t most = admission->is_over ? 2 * WR_OVERLOAD_REFUSE_NS : WR_OVERLOAD_REFUSE_NS;
    if (waited > most && (admission->is_over || conn->wait.holds > 0)) {
        admission->conn_stood = admission->conn_stood || !admission->is_over;
        return true;
    }
    return waited > late && admission->n_late > WR_OVERLOAD_LATE_N;
}

bool wr_admit_is_overloaded(const struct wr_server *server)
{
    const struct wr_admission *admission = &server->admission;
    return (admission->is_over || admission->conn_stood) &&
           server->now_ns - admission->wait.since_ns < 2 * WR_OVERLOAD_WINDOW_NS;
}

void wr_admit_look(struct wr_server *server)
{
    struct wr_admission *admission = &server->admission;
    int64_t since_ns = server->now_ns - admission->wait.since_ns;
    admission->is_over = admission->is_over && since_ns < 2 * WR_OVERLOAD_WINDOW_NS;
}

/* ── a turn that has too much to do ─────────────────────────────────────────────────────────── */
static void learn(struct wr_turns *turns, int64_t turn_ns, uint64_t n)
{
    int64_t usual_ns = turns->turn_ns > 0 ? turns->turn_ns : turn_ns;
    turn_ns = WR_MIN(turn_ns, 4 * usual_ns); /* the machine stood still */
    turns->turn_ns += (turn_ns - turns->turn_ns) / 8;
    turns->decided_1024ths += ((int64_t)n * 1024 - turns->decided_1024ths) / 8;
}

void wr_admit_learn(struct wr_server *server, int64_t turn_ns)
{
    struct wr_admission *admission = &server->admission;
    uint64_t n = server->metrics.n_batch_items - admission->n_decided;
    admission->n_decided = server->metrics.n_batch_items;
    if (admission->is_crowded) {
        learn(&admission->crowded, turn_ns, n);
        admission->is_crowded = false;
    }
    if (n >= MEASURED) {
        learn(&admission->turns, turn_ns, n);
    }
}

/* Of few and of many at once each counts for itself: a few that took long, as the first ones do,
 * tell little of many. A machine that stands still does so for a while, not for a whole turn of
 * decisions by a large model. */
void wr_admit_decided(struct wr_server *server, uint32_t n, int64_t took_ns)
{
    struct wr_admission *admission = &server->admission;
    int64_t usual_ns = n * each_ns(admission);
    took_ns = WR_MAX(WR_MIN(took_ns, TOOK_MOST_NS), n * (int64_t)TOOK_LEAST_NS);
    if (usual_ns > 0) {
        took_ns = WR_MIN(took_ns, WR_MAX(4 * usual_ns, took_ns - STILL_NS));
    }
    admission->run_ns += (took_ns - admission->run_ns) / 8;
    admission->run_1024ths += ((int64_t)n * 1024 - admission->run_1024ths) / 8;
    int64_t most = WR_TURN_NS / each_ns(admission);
    admission->run_most =
        (uint32_t)WR_MAX(WR_MIN(most, (int64_t)WR_LIMIT_ENGINE_BATCH), (int64_t)1);
}

uint32_t wr_admit_run_most(const struct wr_server *server)
{
    uint32_t most = server->admission.run_most;
    return most > 0 ? most : WR_LIMIT_ENGINE_BATCH;
}

/* Of each connection for itself: what one sends should not change what the others count. */
void wr_admit_measure(struct wr_conn *conn, size_t bytes)
{
    if (conn->n_asked == 0) {
        return;
    }
    bytes = WR_MIN(bytes / conn->n_asked, (size_t)1 << 20);
    int64_t sixteenths = WR_MAX((int64_t)bytes * 16, (int64_t)1), usual = conn->request_sixteenths;
    usual = usual > 0 ? usual : sixteenths;
    conn->request_sixteenths = usual + (WR_MIN(sixteenths, 4 * usual) - usual) / 16;
}

/* What was before fades with time, not with reads: what comes in one piece and what comes in many
 * is the same pace. */
void wr_admit_read(const struct wr_server *server, struct wr_conn *conn, size_t n)
{
    int64_t since_ns = WR_MIN(server->now_ns - conn->read_ns, (int64_t)WR_PACE_NS);
    int64_t come = (int64_t)WR_MIN(n, (size_t)1 << 24);
    int64_t pace = (conn->pace * FADES_NS + come * WR_PACE_NS) / (FADES_NS + since_ns);
    conn->pace = WR_MIN(pace, PACE_MOST);
    conn->read_ns = server->now_ns;
}

static size_t requests_in(const struct wr_conn *conn, size_t bytes)
{
    size_t each = WR_MAX((size_t)conn->request_sixteenths / 16, (size_t)REQUEST_LEAST);
    return (bytes + each / 2) / each;
}

bool wr_admit_is_counted(const struct wr_conn *conn)
{
    return conn->request_sixteenths > 0 && conn->stage != WR_CONN_CHUNKED;
}

static bool is_taken(const struct wr_conn *conn)
{
    return !conn->held && !conn->blocked && !conn->closing && !conn->broken;
}

/* Requests that are read, by their bytes, but for one that is not there whole; a new connection is
 * read before it is planned for. */
static size_t count_read(const struct wr_conn *conn)
{
    size_t bytes = conn->in_n - conn->in_at;
    if (bytes > 0 && (conn->more || conn->was_held)) {
        return wr_admit_is_counted(conn) ? WR_MAX(requests_in(conn, bytes), (size_t)1) : 1;
    }
    return bytes > 0 && !conn->readable && conn->request_sixteenths == 0;
}

/* Requests that come in so long, by the connection's pace, with the one that they complete. */
static size_t count_coming(const struct wr_conn *conn, int64_t ns)
{
    int64_t within = WR_MAX(WR_MIN(ns, (int64_t)WR_PACE_NS), (int64_t)0);
    size_t come = (size_t)(conn->pace * within / WR_PACE_NS), there = conn->in_n - conn->in_at;
    size_t lacks = conn->stage == WR_CONN_BODY && conn->need > there ? conn->need - there : 0;
    if (!wr_admit_is_counted(conn) || come < lacks) {
        return 0;
    }
    return requests_in(conn, come - lacks) + (lacks > 0 ? requests_in(conn, conn->need) : 0);
}

/* What is more than a turn takes is left for the next one: of what comes in batches, all but the
 * first that is more. */
static uint32_t count_waiting(const struct wr_server *server, const struct wr_conn *conn)
{
    size_t n = count_read(conn);
    if (conn->readable) {
        n += WR_MAX(count_coming(conn, server->looked_ns - conn->read_ns), (size_t)1);
    }
    size_t most = WR_MAX((size_t)WR_LIMIT_SLOTS, (size_t)conn->n_asked);
    most = server->admission.one_each ? 1 : most;
    return is_taken(conn) ? (uint32_t)WR_MIN(n, most) : 0;
}

static uint32_t level_of(const struct wr_server *server, const struct wr_conn *conn, uint32_t share)
{
    uint32_t passed = WR_MIN(conn->n_passed_over, (uint32_t)PASSED - 1);
    size_t n = count_read(conn);
    n += conn->readable ? count_coming(conn, server->admission.planned_ns) : 0;
    return n <= share || server->admission.one_each ? PASSED + passed : passed;
}

/* What a turn has decided so far tells how many it can, reading and refusing included, but only
 * while they are many; how long decisions alone take bounds it, however slow they are. */
static uint32_t budget_of(const struct wr_admission *admission)
{
    int64_t n = BUDGET_FIRST, most = WR_LIMIT_IN_FLIGHT, each = each_ns(admission);
    if (admission->turns.turn_ns > 0) {
        n = admission->planned_ns * admission->turns.decided_1024ths / admission->turns.turn_ns /
            1024;
    }
    if (each > 0) {
        most = WR_MAX(WR_MIN(most, admission->planned_ns / each), (int64_t)1);
    }
    return (uint32_t)WR_MIN(WR_MAX(n, (int64_t)BUDGET_LEAST), most);
}

/* Passes over those at and below the level at which the budget ends; at it, the first ones are
 * admitted. Puts those passed over first. Returns how many they are. */
static uint32_t choose(struct wr_server *server, uint32_t budget, uint32_t share, uint32_t *sums)
{
    struct wr_conn **admitted = server->flushing;
    uint32_t level = LEVELS - 1, above = 0, n_out = 0, n_in = 0;
    while (level > 0 && above + sums[level] <= budget) {
        above += sums[level--];
    }
    for (uint32_t i = 0; i < server->n_touched; i++) {
        struct wr_conn *conn = server->touched[i];
        uint32_t n = count_waiting(server, conn), own = level_of(server, conn, share);
        bool in = own > level || (own == level && above < budget);
        above += own == level ? n : 0;
        conn->is_passed_over = !in && n > 0;
        if (conn->is_passed_over) {
            conn->n_passed_over = WR_MIN(conn->n_passed_over + 1, (uint32_t)PASSED);
            server->touched[n_out++] = conn;
        } else {
            admitted[n_in++] = conn;
        }
    }
    memcpy(server->touched + n_out, admitted, n_in * sizeof *admitted);
    return n_out;
}

/* What waits, by level; *n_light of the connections ask for no more than their share. */
static uint32_t sum_waiting(const struct wr_server *server, uint32_t share, uint32_t *sums,
                            uint32_t *n_light)
{
    uint32_t all = 0;
    memset(sums, 0, LEVELS * sizeof *sums);
    *n_light = 0;
    for (uint32_t i = 0; i < server->n_touched; i++) {
        uint32_t n = count_waiting(server, server->touched[i]);
        uint32_t level = level_of(server, server->touched[i], share);
        sums[level] += n;
        all += n;
        *n_light += n > 0 && level >= PASSED;
    }
    return all;
}

/* Where those who ask for one are already more than there is time for, whoever asks for more would
 * never have his turn: then each counts as one, and has one. */
uint32_t wr_admit_plan(struct wr_server *server)
{
    struct wr_admission *admission = &server->admission;
    int64_t turn_ns = (int64_t)server->n_touched * WR_OVERLOAD_CONN_NS;
    turn_ns = WR_MAX(turn_ns, (int64_t)WR_OVERLOAD_LEAST_NS);
    admission->planned_ns = WR_MIN(turn_ns, (int64_t)WR_OVERLOAD_MOST_NS);
    uint32_t sums[LEVELS], n_light, budget = budget_of(admission);
    admission->budget = budget;
    admission->one_each = false;
    uint32_t share = WR_MAX(budget / WR_MAX(server->n_touched, 1u), 1u);
    uint32_t all = sum_waiting(server, share, sums, &n_light);
    if (n_light > budget) {
        admission->one_each = true;
        all = sum_waiting(server, share, sums, &n_light);
    }
    admission->is_crowded = all > budget;
    return all > budget ? choose(server, budget, share, sums) : 0;
}

/* ── one request ────────────────────────────────────────────────────────────────────────────── */
wr_err wr_admit_ready(const struct wr_server *server, struct wr_error *error)
{
    return wr_decide_unrecorded(server) != NULL ? WR_OK : wr_decide_ready(server, error);
}

/* How long the row of a durable answer will take to the medium, in us. While none is under way it
 * is not known: somebody has to find out. */
static int64_t sync_us(const struct wr_server *server)
{
    bool known =
        server->config.mode == WR_MODE_DURABLE && server->thread != NULL && server->n_in_flight > 0;
    return known ? wr_journal_thread_sync_ns(server->thread) / 1000 : 0;
}

/* Whoever gave it that long has gone while the request waited for us, or will have before its row
 * is synced. Nothing has happened yet, and an answer that nobody hears would cost as much as one
 * that somebody does. */
static bool has_expired(struct wr_server *server, int64_t asked_us, int64_t whole_ns)
{
    if (asked_us == 0) {
        return false;
    }
    int64_t waited_us = (server->now_ns - whole_ns) / 1000 + sync_us(server);
    bool expired = waited_us >= asked_us;
    server->metrics.n_expired += expired;
    return expired;
}

wr_err wr_admit_fail_late(struct wr_error *error)
{
    return wr_fail(error, WR_E_OVERLOAD, "requests wait too long");
}

bool wr_admit_is_late(struct wr_server *server, struct wr_conn *conn,
                      const struct wr_http_request *request)
{
    bool late = waited_too_long(server, conn, request) || conn->is_passed_over;
    server->admission.n_turned_away += late ? request->n : 0;
    return late || has_expired(server, request->terms.deadline_us, request->whole_ns);
}

wr_err wr_admit(struct wr_server *server, struct wr_conn *conn,
                const struct wr_http_request *request, struct wr_error *error)
{
    return WR_UNLIKELY(wr_admit_is_late(server, conn, request)) ? wr_admit_fail_late(error)
                                                                : wr_admit_ready(server, error);
}
