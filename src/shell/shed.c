/* SPDX-License-Identifier: Apache-2.0 */
/* What clients may hold of the node's memory, all of them together: input that is not decided yet,
 * answers that are not sent or not complete, and what TLS needs for each. Each connection has
 * limits of its own, and 4,096 of those would be gigabytes. Beyond the sum connections are closed,
 * those with the most first, until an eighth of it is free: first those that the node waits for,
 * for a first word too, since a client that reads its answers and ends its requests holds little;
 * then any. */
#include "shell/gather_in.h"

enum { LEAST = 1024 }; /* a buffer of ours is more, and what TLS holds at rest */
#define MOST ((size_t)1 << 30)

static size_t held_by(const struct wr_conn *conn)
{
    size_t n = conn->in_cap + conn->out_cap + conn->net_bytes;
    n += conn->stream != NULL ? wr_batch_held(conn) : 0;
    for (uint32_t i = 0; i < conn->n_slots; i++) {
        const struct wr_slot *slot = &conn->slots[(conn->slot_first + i) % WR_LIMIT_SLOTS];
        n += slot->gathering != NULL ? WR_BUFFER_SIZE + slot->gathering->arena.taken : 0;
    }
    return n;
}

static bool keeps_us_waiting(const struct wr_conn *conn)
{
    bool is_sending =
        conn->first_ns != 0 && conn->n_slots == 0 && !conn->more && !conn->blocked && !conn->held;
    bool is_mute = conn->read_ns == 0; /* it has not even shaken hands, or asked for nothing */
    return conn->stalled_ns != 0 || is_sending || is_mute;
}

/* Closes connections that hold at least `size` until no more than `enough` is held. */
static uint32_t close_those(struct wr_server *server, size_t size, bool any, uint64_t enough)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < server->conns_made && server->buffers.held > enough; i++) {
        struct wr_conn *conn = server->conns[i];
        if (conn->sock >= 0 && (any || keeps_us_waiting(conn)) && held_by(conn) >= size) {
            wr_conn_close(server, conn);
            n++;
        }
    }
    return n;
}

void wr_conn_shed(struct wr_server *server)
{
    uint64_t limit = server->config.client_memory, before = server->buffers.held;
    uint64_t enough = limit - limit / 8;
    uint32_t n = 0;
    for (int any = 0; any < 2; any++) {
        for (size_t size = MOST; size >= LEAST; size /= 2) {
            n += close_those(server, size, any != 0, enough);
        }
    }
    server->metrics.n_shed += n;
    wr_server_log(server, "warn", "clients_shed",
                  "clients held %llu bytes, %llu may be; connections closed, those with the most "
                  "first: %u",
                  (unsigned long long)before, (unsigned long long)limit, n);
}
