/* SPDX-License-Identifier: Apache-2.0 */
/* A turn while more is asked than can be decided.
 *
 * It is planned before anything is read: as many decisions are admitted as can be made in its time,
 * and the others are refused at once, before the first is decided, or deferred. A connection is
 * admitted or refused whole, since its answers leave in order and a refusal behind a decision would
 * wait for it: first the deferred, but for room for those that ask for less than their share; then
 * these, then those that have been passed over most often. What one has beyond a turn's budget
 * waits for the next.
 *
 * To read and to answer costs as much for each connection whatever it asks: some twice what a send
 * takes. A turn has the time of WR_OVERLOAD_SENDS for each, and WR_OVERLOAD_CONN_NS at least, so at
 * most two thirds of it go to that, however slow the machine, unless WR_OVERLOAD_MOST_NS ends it
 * before. To make the most of a visit, those whose turn comes next are deferred: they are neither
 * read nor refused before, and then what has come in several turns is decided at once. So a refusal
 * waits for one turn, and a decision for three or four; nobody is deferred where that would be
 * longer than WR_OVERLOAD_REFUSE_NS, or than the deadline. */
#include "shell/server_in.h"

enum {
    PASSED = 64,           /* levels by how often passed over; */
    LITTLE = PASSED,       /* above them as many for those below their share; */
    DEFERRED = 2 * PASSED, /* above all the deferred, by how often */
    AGAIN = 8,             /* turns in a row that one is deferred for at most */
    LEVELS = DEFERRED + AGAIN,
    SENDS_LEAST = 8,     /* fewer tell little */
    SEND_LEAST_NS = 100, /* a clock that stands still tells nothing */
    BUDGET_LEAST = 64,   /* where decisions alone leave room for so many */
    BUDGET_FIRST = 256,  /* while it is not known what a decision takes */
};

static bool is_taken(const struct wr_conn *conn)
{
    return !conn->held && !conn->blocked && !conn->closing && !conn->broken;
}

/* What is more than a turn takes is left for the next one: of what comes in batches, all but the
 * first that is more. */
static uint32_t count_waiting(const struct wr_server *server, const struct wr_conn *conn)
{
    size_t n = wr_pace_there(conn);
    if (conn->readable) {
        n += WR_MAX(wr_pace_coming(conn, server->looked_ns - conn->read_ns), (size_t)1);
    }
    size_t most = WR_MAX((size_t)WR_LIMIT_SLOTS, (size_t)conn->n_asked);
    most = server->admission.one_each ? 1 : most;
    return is_taken(conn) ? (uint32_t)WR_MIN(n, most) : 0;
}

/* In two turns, as long as they are, no more than two shares: halves are rounded, and of those who
 * ask for one and a half each, and are answered so late that they ask no more, others would never
 * have their turn. */
static bool asks_little(const struct wr_server *server, const struct wr_conn *conn, uint32_t share)
{
    const struct wr_admission *admission = &server->admission;
    int64_t turn_ns = WR_MIN(admission->planned_ns, admission->turns.turn_ns);
    turn_ns = turn_ns > 0 ? turn_ns : admission->planned_ns;
    size_t n = 2 * wr_pace_there(conn);
    n += conn->readable ? wr_pace_coming(conn, 2 * turn_ns) : 0;
    return n <= 2 * (size_t)share || admission->one_each;
}

static uint32_t level_of(const struct wr_conn *conn, bool little)
{
    if (conn->n_deferred > 0) {
        return DEFERRED + WR_MIN(conn->n_deferred, (uint32_t)AGAIN) - 1;
    }
    uint32_t passed = WR_MIN(conn->n_passed_over, (uint32_t)PASSED - 1);
    return little ? LITTLE + passed : passed;
}

/* What a turn has decided so far tells how many it can, reading and refusing included, but only
 * while they are many; how long decisions alone take bounds it, however slow they are. */
static uint32_t budget_of(const struct wr_admission *admission)
{
    int64_t n = BUDGET_FIRST, most = WR_LIMIT_IN_FLIGHT, each = wr_admit_each_ns(admission);
    if (admission->turns.turn_ns > 0) {
        n = admission->planned_ns * admission->turns.decided_1024ths / admission->turns.turn_ns /
            1024;
    }
    if (each > 0) {
        most = WR_MAX(WR_MIN(most, admission->planned_ns / each), (int64_t)1);
    }
    return (uint32_t)WR_MIN(WR_MAX(n, (int64_t)BUDGET_LEAST), most);
}

/* Who is taken: those above a level, and at it the first ones while there is room. */
struct cut {
    uint32_t level, above, most;
};

/* Goes down from the top to the level at which there is no room for all. */
static struct cut make_cut(const uint32_t *sums, uint32_t top, uint32_t bottom, struct cut cut)
{
    cut.level = top;
    while (cut.level > bottom && cut.above + sums[cut.level] <= cut.most) {
        cut.above += sums[cut.level--];
    }
    return cut;
}

static bool is_above(struct cut *cut, uint32_t level, uint32_t n)
{
    bool in = level > cut->level || (level == cut->level && cut->above < cut->most);
    cut->above += level == cut->level ? n : 0;
    return in;
}

/* The deferred come first, but for a quarter of the budget, if those want it who ask for little.
 * Puts those passed over first. Returns how many they are. */
static uint32_t choose(struct wr_server *server, uint32_t budget, const uint32_t *sums)
{
    struct wr_conn **admitted = server->flushing;
    uint32_t little = 0;
    for (uint32_t level = LITTLE; level < DEFERRED; level++) {
        little += sums[level];
    }
    struct cut first = {.most = budget - WR_MIN(little, budget / 4)};
    first = make_cut(sums, LEVELS - 1, DEFERRED, first);
    uint32_t taken = WR_MIN(first.above + sums[first.level], first.most), n_out = 0, n_in = 0;
    struct cut others =
        make_cut(sums, DEFERRED - 1, 0, (struct cut){.above = taken, .most = budget});
    for (uint32_t i = 0; i < server->n_touched; i++) {
        struct wr_conn *conn = server->touched[i];
        struct wr_claim claim = conn->claim;
        struct cut *cut = claim.level >= DEFERRED ? &first : &others;
        conn->is_passed_over = !is_above(cut, claim.level, claim.n) && claim.n > 0;
        if (conn->is_passed_over) {
            server->touched[n_out++] = conn;
        } else {
            admitted[n_in++] = conn;
        }
    }
    memcpy(server->touched + n_out, admitted, n_in * sizeof *admitted);
    return n_out;
}

/* So many decisions may be deferred, with those of that level: where turns are long, or the one
 * before was, none. With that one nobody waits for longer than WR_OVERLOAD_REFUSE_NS or than the
 * deadline, and room is left for those who ask for little. */
static uint32_t deferred_most(const struct wr_server *server, uint32_t level)
{
    const struct wr_admission *admission = &server->admission;
    int64_t planned_ns = admission->planned_ns, halves = level >= LITTLE ? 4 : 3;
    int64_t longest_ns = WR_OVERLOAD_REFUSE_NS;
    if (server->deadline_us != 0) {
        longest_ns = WR_MIN(longest_ns, server->deadline_us * 1000);
    }
    int64_t before_ns = WR_MAX(server->looked_ns - server->arrived_ns, planned_ns);
    int64_t ns = WR_MIN(planned_ns * halves / 2, longest_ns - before_ns - planned_ns);
    return ns > 0 && !admission->one_each ? (uint32_t)(admission->budget * ns / planned_ns) : 0;
}

/* Who was deferred before is again, however many they are. */
static struct cut cut_deferred(const struct wr_server *server, const uint32_t *sums)
{
    struct cut cut = {.level = LEVELS - 1};
    for (; cut.level > 0; cut.level--) {
        cut.most = deferred_most(server, cut.level);
        if (cut.level < DEFERRED && cut.above + sums[cut.level] > cut.most) {
            return cut;
        }
        cut.above += sums[cut.level];
    }
    cut.most = deferred_most(server, 0);
    return cut;
}

/* Of the n that are passed over, puts behind the others whose turn is next: who was deferred
 * before, and then as many as there will be time for; with the last one they may be more, or
 * whoever asks for more than that would never have his turn. Returns how many are left. */
static uint32_t defer(struct wr_server *server, uint32_t n)
{
    struct wr_conn **deferred = server->flushing;
    uint32_t sums[LEVELS] = {0}, n_out = 0, n_in = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct wr_claim *claim = &server->touched[i]->claim;
        sums[claim->level] += claim->next;
    }
    struct cut cut = cut_deferred(server, sums);
    for (uint32_t i = 0; i < n; i++) {
        struct wr_conn *conn = server->touched[i];
        bool in = is_above(&cut, conn->claim.level, conn->claim.next);
        if (in && cut.most > 0 && conn->n_deferred < AGAIN) {
            conn->is_passed_over = false;
            conn->n_deferred++;
            deferred[n_in++] = conn;
        } else {
            server->touched[n_out++] = conn;
        }
    }
    memcpy(server->touched + n_out, deferred, n_in * sizeof *deferred);
    server->admission.n_deferred = n_in;
    return n_out;
}

static struct wr_claim claim_of(const struct wr_server *server, const struct wr_conn *conn,
                                bool little)
{
    uint32_t n = count_waiting(server, conn);
    size_t coming = wr_pace_coming(conn, server->admission.planned_ns);
    return (struct wr_claim){
        .n = n,
        .next = n + (uint32_t)WR_MIN(coming, (size_t)WR_LIMIT_SLOTS),
        .level = level_of(conn, little),
    };
}

/* What each connection claims, and their sums by level; *n_light of them ask for no more than their
 * share. */
static uint32_t sum_claims(struct wr_server *server, uint32_t share, uint32_t *sums,
                           uint32_t *n_light)
{
    uint32_t all = 0;
    memset(sums, 0, LEVELS * sizeof *sums);
    *n_light = 0;
    for (uint32_t i = 0; i < server->n_touched; i++) {
        struct wr_conn *conn = server->touched[i];
        bool little = asks_little(server, conn, share);
        conn->claim = claim_of(server, conn, little);
        sums[conn->claim.level] += conn->claim.n;
        all += conn->claim.n;
        *n_light += conn->claim.n > 0 && little;
    }
    return all;
}

void wr_turn_sent(struct wr_server *server, uint32_t n, int64_t took_ns)
{
    int64_t *send_ns = &server->admission.send_ns;
    if (n >= SENDS_LEAST) {
        int64_t usual_ns = *send_ns > 0 ? *send_ns : WR_OVERLOAD_CONN_NS / WR_OVERLOAD_SENDS;
        int64_t each_ns = WR_MIN(took_ns / n, 2 * usual_ns); /* the machine stood still */
        *send_ns = WR_MAX(usual_ns + (each_ns - usual_ns) / 8, (int64_t)SEND_LEAST_NS);
    }
}

static int64_t plan_ns(const struct wr_server *server)
{
    int64_t each_ns = WR_OVERLOAD_SENDS * server->admission.send_ns;
    int64_t ns = server->n_touched * WR_MAX(each_ns, (int64_t)WR_OVERLOAD_CONN_NS);
    return WR_MIN(WR_MAX(ns, (int64_t)WR_OVERLOAD_LEAST_NS), (int64_t)WR_OVERLOAD_MOST_NS);
}

/* Where those who ask for one are already more than there is time for, whoever asks for more would
 * never have his turn: then each counts as one, and has one. */
uint32_t wr_turn_plan(struct wr_server *server)
{
    struct wr_admission *admission = &server->admission;
    admission->planned_ns = plan_ns(server);
    uint32_t sums[LEVELS], n_light, budget = budget_of(admission);
    admission->budget = budget;
    admission->one_each = false;
    uint32_t share = WR_MAX(budget / WR_MAX(server->n_touched, 1u), 1u);
    uint32_t all = sum_claims(server, share, sums, &n_light);
    if (n_light > budget) {
        admission->one_each = true;
        all = sum_claims(server, share, sums, &n_light);
    }
    admission->is_crowded = all > budget;
    admission->n_deferred = 0;
    if (all <= budget) {
        return 0;
    }
    uint32_t n = choose(server, budget, sums);
    n = defer(server, n);
    for (uint32_t i = 0; i < n; i++) {
        struct wr_conn *conn = server->touched[i];
        conn->n_passed_over = WR_MIN(conn->n_passed_over + 1, (uint32_t)PASSED);
    }
    return n;
}
