/* SPDX-License-Identifier: Apache-2.0 */
/* A turn while more is asked than can be decided.
 *
 * It is planned before anything is read: as many decisions are admitted as can be made in its time,
 * and the others are refused at once, before the first is decided. A connection is admitted or
 * refused whole, since its answers leave in order and a refusal behind a decision would wait for
 * it: first those that ask for no more than their share, then those that have been passed over
 * most often. What one has beyond a turn's budget waits for the next.
 *
 * To read and to answer costs as much for each connection whatever it asks, and at most some twice
 * what a send takes. A turn has the time of WR_OVERLOAD_SENDS for each, and WR_OVERLOAD_CONN_NS at
 * least, so no more than half of it goes to that, however slow the machine, unless
 * WR_OVERLOAD_MOST_NS ends it before. */
#include "shell/server_in.h"

enum {
    PASSED = 128,                /* levels by how often passed over, */
    PASSED_MOST = (1 << 18) - 1, /* of which this is in the last; */
    LITTLE = PASSED,             /* above them as many for those that ask for little */
    LEVELS = 2 * PASSED,
    OTHERS = 16,         /* so small a part of the budget is kept for the others */
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

static bool asks_little(const struct wr_server *server, const struct wr_conn *conn, uint32_t share)
{
    const struct wr_admission *admission = &server->admission;
    size_t n = wr_pace_there(conn);
    n += conn->readable ? wr_pace_coming(conn, admission->planned_ns) : 0;
    return n <= share || admission->one_each;
}

/* Exact up to 16 times, from there on eight levels for each doubling: were all who have waited for
 * long alike, of more than have their turn meanwhile the last ones would never have theirs. */
static uint32_t level_of(const struct wr_conn *conn, bool little)
{
    uint32_t n = WR_MIN(conn->n_passed_over, (uint32_t)PASSED_MOST);
    uint32_t doublings = 28 - (uint32_t)__builtin_clz(n | 8); /* from 16 on */
    uint32_t passed = 8 * doublings + (n >> doublings);
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

/* Who is admitted: those above a level, and at it the first ones while there is room. */
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

static bool is_above(struct cut *cut, const struct wr_claim *claim)
{
    bool in = claim->level > cut->level || (claim->level == cut->level && cut->above < cut->most);
    cut->above += claim->level == cut->level ? claim->n : 0;
    return in;
}

/* Those who ask for little come first, but for a sixteenth of the budget, and one at least, if the
 * others want it: or where these alone are more than can be decided, the others would never have
 * their turn. Puts those passed over first. Returns how many they are. */
static uint32_t choose(struct wr_server *server, uint32_t budget, const uint32_t *sums)
{
    struct wr_conn **admitted = server->flushing;
    uint32_t much = 0;
    for (uint32_t level = 0; level < LITTLE; level++) {
        much += sums[level];
    }
    struct cut first = {.most = budget - WR_MIN(much, WR_MAX(budget / OTHERS, 1u))};
    first = make_cut(sums, LEVELS - 1, LITTLE, first);
    uint32_t taken = WR_MIN(first.above + sums[first.level], first.most), n_out = 0, n_in = 0;
    struct cut others = make_cut(sums, LITTLE - 1, 0, (struct cut){.above = taken, .most = budget});
    for (uint32_t i = 0; i < server->n_touched; i++) {
        struct wr_conn *conn = server->touched[i];
        const struct wr_claim *claim = &conn->claim;
        bool in = is_above(claim->level >= LITTLE ? &first : &others, claim);
        conn->is_passed_over = !in && claim->n > 0;
        if (conn->is_passed_over) {
            conn->n_passed_over = WR_MIN(conn->n_passed_over + 1, (uint32_t)PASSED_MOST);
            server->touched[n_out++] = conn;
        } else {
            admitted[n_in++] = conn;
        }
    }
    memcpy(server->touched + n_out, admitted, n_in * sizeof *admitted);
    return n_out;
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
        conn->claim.n = count_waiting(server, conn);
        conn->claim.level = level_of(conn, little);
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

/* Where those who ask for little are already as many as there is time for, whoever asks for more
 * would hardly ever have his turn, and where there is time for one, never: then each counts as one,
 * and has one. */
uint32_t wr_turn_plan(struct wr_server *server)
{
    struct wr_admission *admission = &server->admission;
    admission->planned_ns = plan_ns(server);
    uint32_t sums[LEVELS], n_light, budget = budget_of(admission);
    admission->budget = budget;
    admission->one_each = false;
    uint32_t share = WR_MAX(budget / WR_MAX(server->n_touched, 1u), 1u);
    uint32_t all = sum_claims(server, share, sums, &n_light);
    if (n_light >= budget) {
        admission->one_each = true;
        all = sum_claims(server, share, sums, &n_light);
    }
    admission->is_crowded = all > budget;
    return all > budget ? choose(server, budget, sums) : 0;
}
