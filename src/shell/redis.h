/* SPDX-License-Identifier: Apache-2.0 */
/* The client that carries tiles to and from Redis: one connection, non-blocking, in the loop.
 *
 *   fetch    a key's tiles (feature/fleet.h) are asked for; the tables have them when its ticket
 *            is done. Nobody waits here: who holds a request back decides how long.
 *   step     writes own tiles behind, sends, watches the time, reconnects
 *   ready    the poll set says that the socket can be read or written
 *
 * The breaker opens, closing the connection, after WR_REDIS_FAILURES fetches in a row that were not
 * answered within 5 ms, or half of WR_REDIS_SAMPLE within a second, or when the oldest command has
 * had no answer for WR_REDIS_SILENT_NS, or when the connection or the protocol fails. While it is
 * open nothing is fetched and no request waits. Once a second or less, with jitter, one connection
 * is tried; an answer to PING closes the breaker, and all own tiles are written again, since Redis
 * may have begun anew; and once more after WR_REDIS_SETTLE_NS, since older writes of the connection
 * before may have been held up on the way and come behind the newer ones. So they are, as long
 * after, when the answer to a write tells that a tile which was there has gone: somebody emptied
 * Redis.
 *
 * Replies are hostile: each is read token by token out of a fixed buffer (wire/resp.h), must be of
 * the kind that its command has, and what it brings is believed only under the fleet's seal.
 * Commands used: AUTH, SELECT, PING, HGETALL, HSET, PEXPIRE; keys begin with "weir:". */
#ifndef WR_REDIS_H
#define WR_REDIS_H

#include "feature/fleet.h"
#include "port/port.h"

#define WR_LIMIT_REDIS_FLYING  256u  /* commands without an answer */
#define WR_LIMIT_REDIS_WRITING 64u   /* tiles among them */
#define WR_LIMIT_REDIS_FETCHES 2048u /* keys asked for */
#define WR_REDIS_FAILURES      20u
#define WR_REDIS_SAMPLE        50u
#define WR_REDIS_SILENT_NS     50000000
#define WR_REDIS_GREETING_NS   500000000  /* connecting and the answer to PING */
#define WR_REDIS_RETRY_NS      1000000000 /* between tries, and up to 40 % more */
#define WR_REDIS_SETTLE_NS     2000000000
#define WR_LIMIT_REDIS_WAIT_NS 5000000
#define WR_REDIS_TOKEN         UINT64_MAX /* in the poll set */

struct wr_redis_config {
    const char *address; /* "10.0.0.7:6379", "unix:/run/redis.sock", "tls:10.0.0.7:6379" */
    struct wr_str user, password;
    uint32_t database;
    int64_t wait_ns; /* how long a request may be held back for a fetch */
    void (*log)(void *context, const char *level, const char *event, const char *text);
    void *log_context;
};

enum wr_redis_state { WR_REDIS_OPEN, WR_REDIS_HALF_OPEN, WR_REDIS_CLOSED }; /* of the breaker */

#define WR_REDIS_BOUNDS 10
struct wr_redis_stats {
    enum wr_redis_state state;
    uint64_t n_connects, n_openings;     /* of the connection; of the breaker */
    uint64_t n_fetches, n_unfetched;     /* asked for; not asked for: no room, or open */
    uint64_t n_late, n_failed;           /* fetches that took longer than 5 ms, or failed */
    uint64_t n_writes, n_write_failures; /* tiles */
    uint64_t n_errors, n_malformed;      /* error replies; what is no reply */
    bool settling;                       /* all own tiles will be written once more */
    uint64_t n_flying, bytes_in, bytes_out;
    uint64_t latency[WR_REDIS_BOUNDS + 1], latency_ns; /* of fetches */
};
/* Which bar of a histogram with bounds 100, 200, 500 us ... 100 ms a time falls into. */
size_t wr_redis_bound(int64_t ns);

struct wr_redis;

/* NULL without memory. Nothing is connected yet. */
struct wr_redis *wr_redis_open(const struct wr_port *port, const struct wr_redis_config *config,
                               int64_t now_ns);
void wr_redis_close(struct wr_redis *redis);
/* The tables that fetches fill and writes come from; NULL: none. Begins a new connection. */
void wr_redis_set_fleet(struct wr_redis *redis, struct wr_fleet *fleet);

bool wr_redis_is_up(const struct wr_redis *redis);
/* Asks for the tiles of a key; its ticket, or 0 when that cannot be done now. */
uint64_t wr_redis_fetch(struct wr_redis *redis, const struct wr_fleet_key *key, int64_t now_ns);
/* All fetches with tickets up to this one have ended, well or not. */
uint64_t wr_redis_done(const struct wr_redis *redis);

void wr_redis_ready(struct wr_redis *redis, int64_t now_ns);
/* kept: sequence up to which the journal has its rows. */
void wr_redis_step(struct wr_redis *redis, int64_t now_ns, uint64_t kept);
/* How long the loop may sleep for the client's sake. */
int64_t wr_redis_sleep_ns(const struct wr_redis *redis, int64_t now_ns);
void wr_redis_stats(const struct wr_redis *redis, struct wr_redis_stats *out);

#endif
