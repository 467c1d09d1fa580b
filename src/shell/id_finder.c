/* SPDX-License-Identifier: Apache-2.0 */
/* See id_finder.h. Shared between the two threads: the rings, the gate, `stop`. */
#include "shell/id_finder.h"

#include "shell/ring.h"

#include <stdatomic.h>

enum { KIND = 1, ENTRIES_INLINE = 65536, ASKS_A_TURN = 256, PIECES_WAITED_FOR = 64 };
#define TELL_RING   ((uint64_t)512 * 1024)
#define ASK_RING    ((uint64_t)64 * WR_LIMIT_ID_ASKS)
#define ANSWER_RING ((uint64_t)64 * WR_LIMIT_ID_ASKS)
#define PACE_NS     2000000  /* between two pieces of work that nobody waits for */
#define SOON_NS     20000000 /* somebody waits for rows that are not synced yet */
#define IDLE_NS     10000000000

struct tell_head {
    struct wr_id_bounds bounds;
    uint64_t after, upto, n;
};
struct ask {
    uint64_t hash, ticket;
};

struct wr_id_finder {
    const struct wr_port *port;
    struct wr_id_store *store;  /* the thread's while it runs */
    uint64_t told;              /* loop: up to this row */
    struct wr_id_bounds bounds; /* loop: as told last */
    uint64_t n_asked;           /* loop: not answered yet */
    bool threaded, runs, has_told;
    bool goes_on; /* without a thread: the last step did something, or something is new */
    uintptr_t id;
    atomic_uint stop;
    struct wr_gate gate;
    struct wr_breath breath; /* the store's */
    struct wr_ring tells, asks, answers;
};

/* ── the thread's side ──────────────────────────────────────────────────────────────────────── */
static void take_tells(struct wr_id_finder *finder)
{
    uint32_t kind, n;
    const uint8_t *message;
    while ((message = wr_ring_peek(&finder->tells, &kind, &n)) != NULL) {
        struct tell_head head;
        struct wr_id_pair pairs[WR_LIMIT_ID_TELL / 4];
        memcpy(&head, message, sizeof head);
        wr_id_store_set_bounds(finder->store, &head.bounds);
        const uint8_t *from = message + sizeof head;
        uint64_t after = head.after;
        for (uint64_t at = 0; at < head.n || at == 0; at += WR_COUNTOF(pairs)) {
            size_t some = (size_t)WR_MIN(head.n - at, (uint64_t)WR_COUNTOF(pairs));
            bool is_last = at + some == head.n;
            memcpy(pairs, from + at * sizeof *pairs, some * sizeof *pairs);
            uint64_t upto = is_last ? head.upto : pairs[some - 1].sequence;
            wr_id_store_add(finder->store, after, upto, pairs, (uint32_t)some);
            after = upto;
        }
        wr_ring_release(&finder->tells);
    }
}

/* The oldest question; false when it has to wait, or there is none. */
static bool answer_one(struct wr_id_finder *finder)
{
    uint32_t kind, n;
    struct ask ask;
    const void *message = wr_ring_peek(&finder->asks, &kind, &n);
    if (message == NULL) {
        return false;
    }
    take_tells(finder); /* what was told before it was asked */
    memcpy(&ask, message, sizeof ask);
    struct wr_id_found_row answer = {.ticket = ask.ticket};
    enum wr_id_answer found = wr_id_store_find(finder->store, ask.hash, &answer.sequence);
    if (found == WR_ID_IS_UNREADY) {
        return false;
    }
    answer.sequence = found == WR_ID_IS_FOUND ? answer.sequence : 0;
    void *room = wr_ring_claim(&finder->answers, KIND, sizeof answer);
    WR_ASSERT(room != NULL); /* no more than fit are asked at once */
    memcpy(room, &answer, sizeof answer);
    wr_ring_publish(&finder->answers);
    wr_ring_release(&finder->asks);
    return true;
}

/* Somebody waits for an answer, or for the end. */
static bool is_urgent(void *arg)
{
    struct wr_id_finder *finder = arg;
    return !wr_ring_is_empty(&finder->asks) || atomic_load(&finder->stop) != 0;
}

static bool work(struct wr_id_finder *finder, int pieces)
{
    bool worked = false;
    for (int i = 0; i < pieces && wr_id_store_step(finder->store); i++) {
        worked = true;
    }
    return worked;
}

static void run(void *arg)
{
    struct wr_id_finder *finder = arg;
    const struct wr_port_threads *threads = &finder->port->threads;
    if (threads->give_way != NULL) {
        threads->give_way(threads->context, WR_GIVE_ALL);
    }
    while (atomic_load(&finder->stop) == 0) {
        bool answered = false;
        take_tells(finder);
        while (answer_one(finder)) {
            answered = true;
        }
        if (answered) {
            finder->port->net.wake(finder->port->net.context);
        }
        bool waits = !wr_ring_is_empty(&finder->asks);
        bool worked = work(finder, waits ? PIECES_WAITED_FOR : 1);
        if (!waits || !worked) {
            threads->gate_wait(threads->context, &finder->gate,
                               waits    ? SOON_NS
                               : worked ? PACE_NS
                                        : IDLE_NS);
        }
    }
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
struct wr_id_finder *wr_id_finder_open(const struct wr_port *port, const char *directory,
                                       uint64_t node, const struct wr_hash_key keys[2],
                                       uint64_t last)
{
    const struct wr_memory *memory = &port->memory;
    struct wr_id_finder *finder = memory->take(memory->context, sizeof *finder);
    if (finder == NULL) {
        return NULL;
    }
    memset(finder, 0, sizeof *finder);
    finder->port = port;
    finder->told = last;
    finder->threaded = port->threads.start != NULL;
    finder->breath = (struct wr_breath){
        .threads = finder->threaded ? &port->threads : NULL, .is_urgent = is_urgent, .arg = finder};
    finder->store = wr_id_store_open(
        port, directory, node, keys,
        finder->threaded ? WR_LIMIT_ID_ENTRIES : (uint32_t)ENTRIES_INLINE, &finder->breath);
    bool good = finder->store != NULL && wr_ring_open(&finder->tells, memory, TELL_RING) &&
                wr_ring_open(&finder->asks, memory, ASK_RING) &&
                wr_ring_open(&finder->answers, memory, ANSWER_RING);
    if (!good) {
        wr_id_finder_close(finder);
        return NULL;
    }
    return finder;
}

void wr_id_finder_close(struct wr_id_finder *finder)
{
    const struct wr_port *port = finder->port;
    if (finder->runs && finder->threaded) {
        atomic_store(&finder->stop, 1);
        port->threads.gate_open(port->threads.context, &finder->gate);
        port->threads.join(port->threads.context, finder->id);
    }
    if (finder->store != NULL) {
        wr_id_store_close(finder->store);
    }
    wr_ring_close(&finder->tells);
    wr_ring_close(&finder->asks);
    wr_ring_close(&finder->answers);
    port->memory.give(port->memory.context, finder, sizeof *finder);
}

/* ── the loop's side ────────────────────────────────────────────────────────────────────────── */
/* Lets the other side see what is in the rings; without a thread to be had, nothing comes of it. */
static void hand_over(struct wr_id_finder *finder, struct wr_ring *ring)
{
    const struct wr_port_threads *threads = &finder->port->threads;
    wr_ring_publish(ring);
    if (finder->threaded && !finder->runs) {
        finder->runs =
            threads->start(threads->context, "weir-ids", run, finder, &finder->id) == WR_IO_OK;
    } else if (finder->threaded) {
        threads->gate_open(threads->context, &finder->gate);
    }
}

bool wr_id_finder_tell(struct wr_id_finder *finder, const struct wr_id_bounds *bounds,
                       uint64_t upto, const struct wr_id_pair *pairs, uint32_t n)
{
    struct tell_head head = {*bounds, finder->told, upto, n};
    WR_ASSERT(n <= WR_LIMIT_ID_TELL && upto >= finder->told);
    size_t size = n * sizeof *pairs;
    uint8_t *room = wr_ring_claim(&finder->tells, KIND, (uint32_t)(sizeof head + size));
    if (room == NULL) {
        return false;
    }
    memcpy(room, &head, sizeof head);
    if (n > 0) {
        memcpy(room + sizeof head, pairs, size);
    }
    finder->told = upto;
    finder->bounds = *bounds;
    finder->has_told = true;
    hand_over(finder, &finder->tells);
    return true;
}

void wr_id_finder_skip(struct wr_id_finder *finder, uint64_t upto)
{
    finder->told = WR_MAX(finder->told, upto);
}

bool wr_id_finder_ask(struct wr_id_finder *finder, uint64_t hash, uint64_t ticket)
{
    struct ask ask = {hash, ticket};
    uint8_t *room =
        finder->n_asked < WR_LIMIT_ID_ASKS ? wr_ring_claim(&finder->asks, KIND, sizeof ask) : NULL;
    if (room == NULL) {
        return false;
    }
    memcpy(room, &ask, sizeof ask);
    finder->n_asked++;
    finder->goes_on = true;
    hand_over(finder, &finder->asks);
    return true;
}

bool wr_id_finder_answer(struct wr_id_finder *finder, struct wr_id_found_row *answer)
{
    uint32_t kind, n;
    const void *message = wr_ring_peek(&finder->answers, &kind, &n);
    if (message == NULL) {
        return false;
    }
    memcpy(answer, message, sizeof *answer);
    wr_ring_release(&finder->answers);
    finder->n_asked--;
    return true;
}

uint64_t wr_id_finder_told(const struct wr_id_finder *finder)
{
    return finder->has_told ? finder->told : 0;
}

const struct wr_id_bounds *wr_id_finder_bounds(const struct wr_id_finder *finder)
{
    return &finder->bounds;
}

uint64_t wr_id_finder_n_asked(const struct wr_id_finder *finder)
{
    return finder->n_asked;
}

bool wr_id_finder_waits(const struct wr_id_finder *finder)
{
    return !finder->threaded && finder->n_asked > 0 && finder->goes_on;
}

void wr_id_finder_step(struct wr_id_finder *finder)
{
    WR_ASSERT(!finder->threaded);
    take_tells(finder);
    finder->goes_on = false;
    for (int i = 0; i < ASKS_A_TURN && answer_one(finder); i++) {
        finder->goes_on = true;
    }
    finder->goes_on = wr_id_store_step(finder->store) || finder->goes_on;
}
