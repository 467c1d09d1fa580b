/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: buffers, slots, sending. What comes is in conn_input.c.
 *
 * An idle connection holds no buffers. Output is one buffer, sent with one call a turn as far as it
 * may leave. */
#include "shell/conn_in.h"

/* ── buffers ────────────────────────────────────────────────────────────────────────────────── */
bool wr_conn_grow(struct wr_server *server, char **buffer, size_t *cap, size_t n, size_t size)
{
    size_t room = WR_BUFFER_SIZE;
    while (room < size) {
        room *= 2;
    }
    char *grown = wr_buffers_take(&server->buffers, room);
    if (grown == NULL) {
        return false;
    }
    if (n > 0) {
        memcpy(grown, *buffer, n);
    }
    wr_buffers_give(&server->buffers, *buffer, *cap);
    *buffer = grown;
    *cap = room;
    return true;
}

void wr_conn_drop_in(struct wr_server *server, struct wr_conn *conn)
{
    wr_buffers_give(&server->buffers, conn->in, conn->in_cap);
    conn->in_base += conn->in_n;
    conn->in = NULL;
    conn->in_cap = conn->in_n = conn->in_at = 0;
}

static void drop_out(struct wr_server *server, struct wr_conn *conn)
{
    wr_buffers_give(&server->buffers, conn->out, conn->out_cap);
    conn->out = NULL;
    conn->out_cap = conn->out_n = conn->out_at = 0;
}

void wr_conn_weigh(struct wr_server *server, struct wr_conn *conn)
{
    const struct wr_port_net *net = &server->port->net;
    if (net->held_bytes != NULL) {
        size_t now = net->held_bytes(net->context, conn->sock);
        wr_buffers_count(&server->buffers, conn->net_bytes, now);
        conn->net_bytes = now;
    }
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
struct wr_conn *wr_conn_open(struct wr_server *server, int32_t sock, bool is_local)
{
    const struct wr_memory *memory = &server->port->memory;
    uint32_t index;
    if (server->n_free > 0) {
        index = server->free_conns[--server->n_free];
    } else if (server->conns_made < server->config.n_connections_max) {
        index = server->conns_made;
        server->conns[index] = memory->take(memory->context, sizeof **server->conns);
        if (server->conns[index] == NULL) {
            return NULL;
        }
        memset(server->conns[index], 0, sizeof **server->conns);
        server->conns_made++;
    } else {
        return NULL;
    }
    struct wr_conn *conn = server->conns[index];
    uint32_t generation = conn->generation + 1;
    memset(conn, 0, sizeof *conn);
    conn->sock = sock;
    conn->index = index;
    conn->generation = generation;
    conn->is_local = is_local;
    server->peers[index] = 0;
    conn->active_ns = server->now_ns;
    wr_h1_init(&conn->reader, server->config.body_max);
    wr_conn_weigh(server, conn);
    server->n_conns++;
    return conn;
}

static struct wr_slot *slot_at(struct wr_conn *conn, uint32_t i)
{
    return &conn->slots[(conn->slot_first + i) % WR_LIMIT_SLOTS];
}

static void pop_slot(struct wr_server *server, struct wr_conn *conn)
{
    struct wr_slot *slot = slot_at(conn, 0);
    if (slot->needs != 0) {
        server->n_in_flight--;
    }
    if (slot->gathering != NULL) {
        wr_gather_forget(server, slot->gathering);
    }
    conn->slot_first = (conn->slot_first + 1) % WR_LIMIT_SLOTS;
    conn->n_slots--;
}

static void set_waiting(struct wr_server *server, struct wr_conn *conn, bool waiting)
{
    if (waiting && conn->waiting == 0) {
        server->waiting[server->n_waiting++] = conn;
        conn->waiting = server->n_waiting;
    } else if (!waiting && conn->waiting != 0) {
        struct wr_conn *last = server->waiting[--server->n_waiting];
        server->waiting[conn->waiting - 1] = last;
        last->waiting = conn->waiting;
        conn->waiting = 0;
    }
}

static void leave_touched(struct wr_server *server, const struct wr_conn *conn)
{
    for (uint32_t i = 0; i < server->n_touched; i++) {
        if (server->touched[i] == conn) {
            server->touched[i] = server->touched[--server->n_touched];
            return;
        }
    }
}

void wr_conn_close(struct wr_server *server, struct wr_conn *conn)
{
    const struct wr_port_net *net = &server->port->net;
    WR_ASSERT(!conn->in_batch && conn->sock >= 0);
    while (conn->n_slots > 0) {
        server->metrics.n_unanswered += slot_at(conn, 0)->needs != 0;
        pop_slot(server, conn);
    }
    if (conn->held) {
        wr_shared_forget(server, conn);
    }
    if (conn->stream != NULL) {
        wr_batch_forget(conn);
    }
    net->watch(net->context, conn->sock, 0, 0);
    net->close(net->context, conn->sock);
    conn->sock = -1;
    wr_conn_drop_in(server, conn);
    drop_out(server, conn);
    wr_buffers_count(&server->buffers, conn->net_bytes, 0);
    set_waiting(server, conn, false);
    if (conn->touched) {
        leave_touched(server, conn);
    }
    server->peers[conn->index] = 0;
    server->free_conns[server->n_free++] = conn->index;
    server->n_conns--;
}

void wr_conn_free_all(struct wr_server *server)
{
    const struct wr_memory *memory = &server->port->memory;
    for (uint32_t i = 0; i < server->conns_made; i++) {
        if (server->conns[i]->sock >= 0) {
            server->conns[i]->in_batch = false;
            wr_conn_close(server, server->conns[i]);
        }
        memory->give(memory->context, server->conns[i], sizeof **server->conns);
    }
}

void wr_conn_touch(struct wr_server *server, struct wr_conn *conn)
{
    if (!conn->touched) {
        conn->touched = true;
        server->touched[server->n_touched++] = conn;
    }
}

/* ── output ─────────────────────────────────────────────────────────────────────────────────── */
struct wr_slot *wr_conn_slot(struct wr_conn *conn, int64_t first_ns)
{
    if (conn->n_slots == WR_LIMIT_SLOTS) {
        return NULL;
    }
    struct wr_slot *slot = slot_at(conn, conn->n_slots++);
    *slot = (struct wr_slot){.first_ns = first_ns};
    return slot;
}

char *wr_conn_room(struct wr_server *server, struct wr_conn *conn, size_t n)
{
    if (conn->out_cap - conn->out_n >= n && conn->out != NULL) {
        return conn->out + conn->out_n;
    }
    if (conn->out_at > 0) {
        memmove(conn->out, conn->out + conn->out_at, conn->out_n - conn->out_at);
        conn->out_n -= conn->out_at;
        conn->out_at = 0;
    }
    if (conn->out_cap - conn->out_n < n &&
        !wr_conn_grow(server, &conn->out, &conn->out_cap, conn->out_n, conn->out_n + n)) {
        conn->broken = true;
        return NULL;
    }
    return conn->out + conn->out_n;
}

void wr_conn_add(struct wr_server *server, struct wr_conn *conn, struct wr_slot *slot,
                 struct wr_str bytes)
{
    char *room = wr_conn_room(server, conn, bytes.n);
    if (room != NULL) {
        memcpy(room, bytes.p, bytes.n);
        conn->out_n += bytes.n;
        slot->n = (uint32_t)bytes.n;
    }
}

void wr_conn_append(struct wr_server *server, struct wr_conn *conn, struct wr_str bytes, uint32_t n)
{
    struct wr_slot *last = conn->n_slots > 0 ? slot_at(conn, conn->n_slots - 1) : NULL;
    if (last != NULL && last->gathering != NULL) {
        last = wr_conn_slot(conn, 0);
        WR_ASSERT(last != NULL);
    }
    char *room = wr_conn_room(server, conn, n * bytes.n);
    if (room == NULL) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        memcpy(room + i * bytes.n, bytes.p, bytes.n);
    }
    conn->out_n += n * bytes.n;
    if (last != NULL) {
        last->n += n * (uint32_t)bytes.n;
    }
}

static bool may_leave(const struct wr_server *server, const struct wr_slot *slot)
{
    return slot->needs <= server->kept_seen &&
           (slot->gathering == NULL || wr_gather_bytes(slot->gathering) != NULL);
}

static void stamp(const struct wr_server *server, const struct wr_slot *slot, char *answer)
{
    if (slot->elapsed_at == 0) {
        return;
    }
    uint64_t us = (uint64_t)(server->now_ns - slot->first_ns) / 1000;
    for (int i = WR_ELAPSED_DIGITS - 1; i >= 0 && (us > 0 || i == WR_ELAPSED_DIGITS - 1); i--) {
        answer[slot->elapsed_at + (size_t)i] = (char)('0' + us % 10);
        us /= 10;
    }
}

/* Moves gathered bytes into the output when their turn has come, and stamps all that may leave.
 * Returns how many bytes of the output may be sent, and marks their slots as done. */
static size_t release(struct wr_server *server, struct wr_conn *conn)
{
    struct wr_metrics *metrics = &server->metrics;
    size_t ready = 0, behind = conn->out_n - conn->out_at;
    for (uint32_t i = 0; i < conn->n_slots; i++) {
        behind -= slot_at(conn, i)->n;
    }
    ready = behind; /* bytes of answers that were released before and are not sent yet */
    while (conn->n_slots > 0 && may_leave(server, slot_at(conn, 0))) {
        struct wr_slot *slot = slot_at(conn, 0);
        if (slot->gathering != NULL) {
            struct wr_str bytes = *wr_gather_bytes(slot->gathering);
            char *room = wr_conn_room(server, conn, bytes.n);
            if (room == NULL) {
                return 0;
            }
            char *at = conn->out + conn->out_at + ready;
            memmove(at + bytes.n, at, conn->out_n - conn->out_at - ready);
            memcpy(at, bytes.p, bytes.n);
            conn->out_n += bytes.n;
            slot->n = (uint32_t)bytes.n;
        }
        stamp(server, slot, conn->out + conn->out_at + ready);
        ready += slot->n;
        if (slot->handed_ns != 0) {
            wr_timing_add(&metrics->stages[WR_STAGE_JOURNAL], server->now_ns - slot->handed_ns, 1);
            wr_timing_add(&metrics->stages[WR_STAGE_TOTAL], server->now_ns - slot->first_ns, 1);
            metrics->n_left++;
        }
        pop_slot(server, conn);
    }
    return ready;
}

/* Returns how many of the bytes were taken. */
static size_t send_ready(struct wr_server *server, struct wr_conn *conn, size_t ready)
{
    const struct wr_port_net *net = &server->port->net;
    size_t put = 0;
    if (ready == 0) {
        return 0;
    }
    enum wr_io result = net->write(net->context, conn->sock, conn->out + conn->out_at, ready, &put);
    wr_conn_weigh(server, conn);
    if (result == WR_IO_OK) {
        conn->out_at += put;
        conn->active_ns = server->now_ns;
        conn->stalled_ns = put < ready ? server->now_ns : 0;
        server->metrics.bytes_out += put;
    } else if (result == WR_IO_AGAIN) {
        put = 0;
        conn->stalled_ns = conn->stalled_ns != 0 ? conn->stalled_ns : server->now_ns;
    } else {
        conn->broken = true;
    }
    if (conn->out_at == conn->out_n) {
        drop_out(server, conn);
    }
    return put;
}

static void arm(struct wr_server *server, struct wr_conn *conn, bool has_unsent)
{
    const struct wr_port_net *net = &server->port->net;
    uint32_t interest = has_unsent ? WR_NET_WRITE : 0;
    bool is_held_short = conn->held && !wr_conn_has_read_ahead(conn);
    if (!conn->eof && (conn->stage == WR_CONN_LINGER || is_held_short || wr_conn_may_parse(conn))) {
        interest |= WR_NET_READ;
    }
    if (interest == conn->interest) {
        return;
    }
    uint64_t token = ((uint64_t)conn->generation << 32) | (conn->index + WR_LIMIT_ADDRESSES + 1);
    if (net->watch(net->context, conn->sock, interest, token) != WR_IO_OK) {
        conn->broken = true;
    }
    conn->interest = interest;
}

void wr_slot_needs(struct wr_server *server, struct wr_slot *slot, uint64_t sequence)
{
    WR_ASSERT(slot->needs == 0);
    slot->needs = sequence;
    server->n_in_flight += sequence != 0;
}

/* Bytes that nobody will read make the kernel reset the connection and throw the answer away: so
 * after an error what still comes is read for a moment. */
static bool ends(struct wr_server *server, struct wr_conn *conn)
{
    if (conn->closing && conn->lingers && !conn->eof) {
        if (conn->stage != WR_CONN_LINGER) {
            conn->stage = WR_CONN_LINGER;
            conn->first_ns = server->now_ns;
        }
        return false;
    }
    return conn->closing || (conn->eof && conn->in_at == conn->in_n);
}

bool wr_conn_send(struct wr_server *server, struct wr_conn *conn)
{
    return !conn->broken && !server->failed && send_ready(server, conn, release(server, conn)) > 0;
}

void wr_conn_flush(struct wr_server *server, struct wr_conn *conn)
{
    bool has_unsent = false;
    if (!conn->broken) {
        size_t ready = release(server, conn);
        has_unsent = send_ready(server, conn, ready) < ready;
    }
    set_waiting(server, conn, conn->n_slots > 0);
    if (conn->in_at == conn->in_n) {
        wr_conn_drop_in(server, conn);
    }
    bool is_through = conn->n_slots == 0 && !has_unsent && conn->stream == NULL;
    if (conn->broken || (is_through && ends(server, conn))) {
        wr_conn_close(server, conn);
        return;
    }
    arm(server, conn, has_unsent);
    if (conn->broken) {
        wr_conn_close(server, conn);
    } else if (wr_batch_may_go_on(conn) || (conn->more && wr_conn_may_parse(conn))) {
        wr_conn_touch(server, conn); /* it has more to decide, and no event will tell */
    }
}
