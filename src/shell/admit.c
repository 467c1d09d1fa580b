/* SPDX-License-Identifier: Apache-2.0 */
/* Which decisions are taken, and which are refused because too much is asked.
 *
 * A queue that stands is told by waiting, not by counting (Nichols and Jacobson, "Controlling queue
 * delay", 2012, as adapted to services): a burst passes, a queue that stands does not. From then on
 * each turn is planned (turn.c). It ends with a window in which no more was asked than could have
 * been decided in its time. */
#include "shell/server_in.h"

enum {
    MEASURED = 64,
    TOOK_LEAST_NS = 64, /* a decision: a clock that stands still tells nothing */
};

#define TOOK_MOST_NS ((int64_t)1 << 40)  /* times 1024 is less than 2^63 */
#define STILL_NS     ((int64_t)20000000) /* the machine stands still for so long at most */

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
int64_t wr_admit_each_ns(const struct wr_admission *admission)
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
    int64_t each = WR_MAX(wr_admit_each_ns(admission), (int64_t)1);
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

void wr_admit_tell(struct wr_server *server)
{
    struct wr_admission *admission = &server->admission;
    const struct wr_metrics *metrics = &server->metrics;
    uint64_t n = metrics->errors[WR_E_OVERLOAD] - admission->n_told;
    bool may =
        admission->told_ns == 0 || server->now_ns - admission->told_ns >= WR_OVERLOAD_TELL_NS;
    if (n > 0 && may) {
        uint64_t n_expired = metrics->n_expired - admission->n_expired_told;
        admission->n_told += n;
        admission->n_expired_told += n_expired;
        admission->told_ns = server->now_ns;
        wr_server_log(server, "warn", "overload",
                      "requests refused since it was last told: %llu; of these by their callers' "
                      "own deadlines: %llu",
                      (unsigned long long)n, (unsigned long long)n_expired);
    }
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
    int64_t usual_ns = n * wr_admit_each_ns(admission);
    took_ns = WR_MAX(WR_MIN(took_ns, TOOK_MOST_NS), n * (int64_t)TOOK_LEAST_NS);
    if (usual_ns > 0) {
        took_ns = WR_MIN(took_ns, WR_MAX(4 * usual_ns, took_ns - STILL_NS));
    }
    admission->run_ns += (took_ns - admission->run_ns) / 8;
    admission->run_1024ths += ((int64_t)n * 1024 - admission->run_1024ths) / 8;
    int64_t most = WR_TURN_NS / wr_admit_each_ns(admission);
    admission->run_most =
        (uint32_t)WR_MAX(WR_MIN(most, (int64_t)WR_LIMIT_ENGINE_BATCH), (int64_t)1);
}

uint32_t wr_admit_run_most(const struct wr_server *server)
{
    uint32_t most = server->admission.run_most;
    return most > 0 ? most : WR_LIMIT_ENGINE_BATCH;
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
