/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/redis.h"

#include "base/hash.h"
#include "base/num.h"
#include "wire/resp.h"

enum { IN_SIZE = 65536, READ_SIZE = 32768, OUT_SIZE = 131072, OUT_FULL = 98304, FIELD_MAX = 64 };
enum { CODE_MAX = 16 }; /* of an error: ERR, WRONGPASS, NOAUTH */

static const int64_t bounds_ns[WR_REDIS_BOUNDS] = {
    100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000, 20000000, 50000000, 100000000};

enum command_kind { AUTH, SELECT, PING, HGETALL, HSET, PEXPIRE };

struct command { /* one that waits for its answer */
    enum command_kind kind;
    int64_t sent_ns;
    uint64_t fetch; /* HGETALL: number of its fetch */
    int64_t period;
    struct wr_fleet_written write; /* HSET */
};

struct fetch {
    struct wr_fleet_key key;
    struct wr_fleet_load load;
    int64_t next, to; /* periods to ask for yet */
    uint32_t flying;
    int64_t asked_ns;
    bool late, failed, ended;
};

struct wr_redis {
    const struct wr_port *port;
    struct wr_redis_config config;
    struct wr_fleet *fleet;
    struct wr_redis_stats stats;
    enum wr_redis_state state;
    int32_t sock; /* -1: none */
    uint32_t interest;
    int64_t tried_ns, retry_ns;        /* the last connection; the next one */
    int64_t write_pause_ns, settle_ns; /* settle_ns 0: it is settled */
    uint64_t jitter;
    /* fetches, by number: done < asked for <= sent < made, all rising */
    struct fetch fetches[WR_LIMIT_REDIS_FETCHES];
    uint64_t n_made, n_sent, n_done;
    uint64_t n_looked; /* those before it are known to be late or done */
    /* commands that fly, oldest first */
    struct command flying[WR_LIMIT_REDIS_FLYING];
    uint32_t flying_first, n_flying, n_writing;
    /* the answer to HGETALL that is coming in */
    uint32_t n_items; /* to come */
    char key[WR_LIMIT_FLEET_KEY_SIZE];
    size_t key_n;
    bool has_field;
    char field[FIELD_MAX];
    size_t field_n;
    /* breaker */
    uint32_t failures, sample_n, sample_failed;
    int64_t sample_ns;
    char in[IN_SIZE];
    size_t in_n;
    char out[OUT_SIZE];
    size_t out_n, out_at;
};

static void tell(const struct wr_redis *redis, const char *level, const char *event,
                 const char *text)
{
    if (redis->config.log != NULL) {
        redis->config.log(redis->config.log_context, level, event, text);
    }
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
struct wr_redis *wr_redis_open(const struct wr_port *port, const struct wr_redis_config *config,
                               int64_t now_ns)
{
    struct wr_redis *redis = port->memory.take(port->memory.context, sizeof *redis);
    if (redis == NULL) {
        return NULL;
    }
    memset(redis, 0, sizeof *redis);
    redis->port = port;
    redis->config = *config;
    redis->config.wait_ns = WR_MIN(config->wait_ns, (int64_t)WR_LIMIT_REDIS_WAIT_NS);
    redis->state = WR_REDIS_OPEN;
    redis->sock = -1;
    redis->tried_ns = now_ns - WR_REDIS_RETRY_NS;
    redis->retry_ns = now_ns;
    redis->n_made = redis->n_sent = redis->n_done = redis->n_looked = 1; /* ticket 0 is none */
    if (port->entropy.fill(port->entropy.context, &redis->jitter, sizeof redis->jitter) !=
        WR_IO_OK) {
        redis->jitter = (uint64_t)now_ns;
    }
    return redis;
}

static struct fetch *fetch_at(struct wr_redis *redis, uint64_t number)
{
    return &redis->fetches[number % WR_LIMIT_REDIS_FETCHES];
}

static void drop_load(struct wr_redis *redis, struct fetch *fetch)
{
    if (redis->fleet != NULL) {
        wr_fleet_load_drop(redis->fleet, &fetch->load);
    }
    fetch->load = (struct wr_fleet_load){0};
}

/* All that fly and all that were asked for end here. */
static void end_all(struct wr_redis *redis)
{
    for (uint32_t i = 0; i < redis->n_flying; i++) {
        const struct command *c = &redis->flying[(redis->flying_first + i) % WR_LIMIT_REDIS_FLYING];
        if (c->kind == HSET && redis->fleet != NULL) {
            wr_fleet_wrote(redis->fleet, &c->write, false);
            redis->stats.n_write_failures++;
        }
    }
    for (uint64_t i = redis->n_done; i < redis->n_made; i++) {
        struct fetch *fetch = fetch_at(redis, i);
        redis->stats.n_failed += !fetch->ended;
        drop_load(redis, fetch);
    }
    redis->n_done = redis->n_sent = redis->n_looked = redis->n_made;
    redis->n_flying = redis->n_writing = redis->n_items = 0;
    redis->in_n = redis->out_n = redis->out_at = 0;
    redis->has_field = false;
}

static void hang_up(struct wr_redis *redis)
{
    const struct wr_port_net *net = &redis->port->net;
    if (redis->sock >= 0) {
        net->watch(net->context, redis->sock, 0, 0);
        net->close(net->context, redis->sock);
    }
    redis->sock = -1;
    redis->interest = 0;
    end_all(redis);
}

void wr_redis_set_fleet(struct wr_redis *redis, struct wr_fleet *fleet)
{
    hang_up(redis);
    redis->state = WR_REDIS_OPEN;
    redis->retry_ns = redis->tried_ns + WR_REDIS_RETRY_NS;
    redis->fleet = fleet;
}

void wr_redis_close(struct wr_redis *redis)
{
    if (redis != NULL) {
        hang_up(redis);
        redis->port->memory.give(redis->port->memory.context, redis, sizeof *redis);
    }
}

/* ── the breaker ────────────────────────────────────────────────────────────────────────────── */
static void set_retry(struct wr_redis *redis, int64_t now_ns)
{
    redis->jitter = wr_mix64(redis->jitter + 1);
    int64_t more = (int64_t)(redis->jitter % (WR_REDIS_RETRY_NS * 2 / 5));
    redis->retry_ns =
        WR_MAX(redis->tried_ns, now_ns - WR_REDIS_RETRY_NS) + WR_REDIS_RETRY_NS + more;
}

static void open_breaker(struct wr_redis *redis, int64_t now_ns, const char *why)
{
    if (redis->state == WR_REDIS_CLOSED) {
        redis->stats.n_openings++;
        tell(redis, "warn", "redis_down", why);
    }
    redis->state = WR_REDIS_OPEN;
    hang_up(redis);
    set_retry(redis, now_ns);
}

static void close_breaker(struct wr_redis *redis, int64_t now_ns)
{
    redis->state = WR_REDIS_CLOSED;
    redis->failures = redis->sample_n = redis->sample_failed = 0;
    redis->write_pause_ns = 0;
    redis->settle_ns = now_ns + WR_REDIS_SETTLE_NS;
    if (redis->fleet != NULL) {
        wr_fleet_write_all(redis->fleet);
    }
    tell(redis, "info", "redis_up", redis->config.address);
}

/* What has become of one fetch; true: the breaker has opened. */
static bool judge(struct wr_redis *redis, bool failed, int64_t now_ns)
{
    redis->failures = failed ? redis->failures + 1 : 0;
    if (now_ns - redis->sample_ns > 1000000000) {
        redis->sample_ns = now_ns;
        redis->sample_n = redis->sample_failed = 0;
    }
    redis->sample_n++;
    redis->sample_failed += failed;
    bool many = redis->sample_n >= WR_REDIS_SAMPLE && redis->sample_failed * 2 >= redis->sample_n;
    if (redis->failures < WR_REDIS_FAILURES && !many) {
        return false;
    }
    open_breaker(redis, now_ns, "fetches are not answered in time");
    return true;
}

/* ── commands ───────────────────────────────────────────────────────────────────────────────── */
static bool has_room(const struct wr_redis *redis)
{
    return redis->n_flying + 2 <= WR_LIMIT_REDIS_FLYING && redis->out_n < OUT_FULL;
}

static struct command *send_command(struct wr_redis *redis, enum command_kind kind,
                                    const struct wr_str *arguments, size_t n, int64_t now_ns)
{
    struct wr_buf buf = wr_buf_fixed(redis->out + redis->out_n, OUT_SIZE - redis->out_n);
    wr_resp_write(&buf, arguments, n);
    WR_ASSERT(!buf.overflow && redis->n_flying < WR_LIMIT_REDIS_FLYING);
    redis->out_n += buf.n;
    struct command *c =
        &redis->flying[(redis->flying_first + redis->n_flying++) % WR_LIMIT_REDIS_FLYING];
    *c = (struct command){.kind = kind, .sent_ns = now_ns};
    return c;
}

static void greet(struct wr_redis *redis, int64_t now_ns)
{
    const struct wr_redis_config *config = &redis->config;
    if (config->password.n != 0) {
        const struct wr_str auth[] = {WR_STR("AUTH"), config->user, config->password};
        const struct wr_str old[] = {WR_STR("AUTH"), config->password};
        (void)send_command(redis, AUTH, config->user.n != 0 ? auth : old,
                           config->user.n != 0 ? 3 : 2, now_ns);
    }
    if (config->database != 0) {
        char digits[16];
        struct wr_buf buf = wr_buf_fixed(digits, sizeof digits);
        wr_buf_u64(&buf, config->database);
        const struct wr_str select[] = {WR_STR("SELECT"), wr_buf_view(&buf)};
        (void)send_command(redis, SELECT, select, 2, now_ns);
    }
    const struct wr_str ping[] = {WR_STR("PING")};
    (void)send_command(redis, PING, ping, 1, now_ns);
}

/* ── fetching ───────────────────────────────────────────────────────────────────────────────── */
bool wr_redis_is_up(const struct wr_redis *redis)
{
    return redis->state == WR_REDIS_CLOSED && redis->fleet != NULL;
}

uint64_t wr_redis_done(const struct wr_redis *redis)
{
    return redis->n_done - 1;
}

/* The same key has just been asked for: in a batch, or by a client that sends again. */
static uint64_t asked_already(struct wr_redis *redis, const struct wr_fleet_key *key)
{
    enum { LOOK_BACK = 16 };
    uint64_t from =
        WR_MAX(redis->n_done, redis->n_made > LOOK_BACK ? redis->n_made - LOOK_BACK : 0);
    for (uint64_t i = redis->n_made; i-- > from;) {
        const struct wr_fleet_key *other = &fetch_at(redis, i)->key;
        if (other->series == key->series && other->key.lo == key->key.lo &&
            other->key.hi == key->key.hi && other->time_ms == key->time_ms) {
            return i;
        }
    }
    return 0;
}

uint64_t wr_redis_fetch(struct wr_redis *redis, const struct wr_fleet_key *key, int64_t now_ns)
{
    if (!wr_redis_is_up(redis) || redis->n_made - redis->n_done >= WR_LIMIT_REDIS_FETCHES - 1) {
        redis->stats.n_unfetched++;
        return 0;
    }
    uint64_t number = asked_already(redis, key);
    if (number != 0) {
        return number;
    }
    number = redis->n_made++;
    struct fetch *fetch = fetch_at(redis, number);
    *fetch = (struct fetch){.key = *key, .asked_ns = now_ns};
    wr_fleet_window_periods(redis->fleet, key, &fetch->next, &fetch->to);
    redis->stats.n_fetches++;
    return number;
}

static void send_fetches(struct wr_redis *redis, int64_t now_ns)
{
    while (redis->n_sent < redis->n_made && has_room(redis)) {
        struct fetch *fetch = fetch_at(redis, redis->n_sent);
        if (fetch->next > fetch->to) {
            redis->n_sent++;
            continue;
        }
        char key[WR_LIMIT_FLEET_KEY_SIZE];
        size_t n =
            wr_fleet_write_key(redis->fleet, fetch->key.series, fetch->key.key, fetch->next, key);
        const struct wr_str hgetall[] = {WR_STR("HGETALL"), wr_str_of(key, n)};
        struct command *c = send_command(redis, HGETALL, hgetall, 2, now_ns);
        c->fetch = redis->n_sent;
        c->period = fetch->next++;
        fetch->flying++;
    }
}

/* Counts what is late as soon as it is; true: the breaker has opened. */
static bool look_for_late(struct wr_redis *redis, int64_t now_ns)
{
    redis->n_looked = WR_MAX(redis->n_looked, redis->n_done);
    while (redis->n_looked < redis->n_made) {
        struct fetch *fetch = fetch_at(redis, redis->n_looked);
        if (now_ns - fetch->asked_ns <= WR_LIMIT_REDIS_WAIT_NS) {
            return false;
        }
        redis->n_looked++;
        fetch->late = true;
        redis->stats.n_late++;
        if (judge(redis, true, now_ns)) {
            return true;
        }
    }
    return false;
}

size_t wr_redis_bound(int64_t ns)
{
    size_t i = 0;
    while (i < WR_REDIS_BOUNDS && ns > bounds_ns[i]) {
        i++;
    }
    return i;
}

static void note_latency(struct wr_redis *redis, int64_t ns)
{
    redis->stats.latency[wr_redis_bound(ns)]++;
    redis->stats.latency_ns += (uint64_t)WR_MAX(ns, (int64_t)0);
}

/* The answer to one of a fetch's commands has ended. True: the breaker has opened. */
static bool end_part(struct wr_redis *redis, const struct command *c, bool ok, int64_t now_ns)
{
    struct fetch *fetch = fetch_at(redis, c->fetch);
    fetch->flying--;
    fetch->failed = fetch->failed || !ok || fetch->load.failed;
    if (fetch->flying != 0 || fetch->next <= fetch->to) {
        return false;
    }
    fetch->ended = true;
    if (fetch->failed) {
        redis->stats.n_failed++;
        drop_load(redis, fetch);
    } else {
        wr_fleet_load_done(redis->fleet, &fetch->load, &fetch->key, now_ns / 1000);
        note_latency(redis, now_ns - fetch->asked_ns);
    }
    redis->n_done = c->fetch + 1; /* answers come in the order of commands */
    return !fetch->late && judge(redis, fetch->failed, now_ns);
}

/* ── writing behind ─────────────────────────────────────────────────────────────────────────── */
static void send_writes(struct wr_redis *redis, int64_t now_ns, uint64_t kept)
{
    struct wr_fleet_write w;
    while (now_ns >= redis->write_pause_ns && redis->n_writing < WR_LIMIT_REDIS_WRITING &&
           has_room(redis) && wr_fleet_next_write(redis->fleet, kept, &w)) {
        struct wr_str key = wr_str_of(w.key, w.key_n);
        const struct wr_str hset[] = {WR_STR("HSET"), key,
                                      wr_str_of((const char *)w.field, sizeof w.field),
                                      wr_str_of((const char *)w.value, w.value_n)};
        send_command(redis, HSET, hset, 4, now_ns)->write = w.id;
        redis->n_writing++;
        redis->stats.n_writes++;
        if (w.is_new) {
            char digits[24];
            struct wr_buf buf = wr_buf_fixed(digits, sizeof digits);
            wr_buf_i64(&buf, w.live_ms);
            const struct wr_str expire[] = {WR_STR("PEXPIRE"), key, wr_buf_view(&buf)};
            (void)send_command(redis, PEXPIRE, expire, 3, now_ns);
        }
    }
}

/* A field that was there is made anew: Redis has lost it, and who knows what else. */
static void note_loss(struct wr_redis *redis, int64_t now_ns)
{
    if (redis->settle_ns == 0) { /* else all are about to be written again */
        redis->settle_ns = now_ns + WR_REDIS_SETTLE_NS;
        tell(redis, "warn", "redis_lost_tiles", "all own tiles are written again");
    }
}

static void end_write(struct wr_redis *redis, const struct command *c, bool ok, bool is_made,
                      int64_t now_ns)
{
    redis->n_writing--;
    if (is_made && c->write.is_there) {
        note_loss(redis, now_ns);
    }
    if (!ok) {
        redis->stats.n_write_failures++;
        redis->write_pause_ns = now_ns + WR_REDIS_RETRY_NS;
    }
    if (redis->fleet != NULL) {
        wr_fleet_wrote(redis->fleet, &c->write, ok);
    }
}

/* ── answers ────────────────────────────────────────────────────────────────────────────────── */
enum taken { TAKEN, NOT_OF_ITS_KIND, BREAKER_OPEN };

static struct command pop(struct wr_redis *redis)
{
    struct command c = redis->flying[redis->flying_first];
    redis->flying_first = (redis->flying_first + 1) % WR_LIMIT_REDIS_FLYING;
    redis->n_flying--;
    return c;
}

/* Of an answer to AUTH only its first word: a peer that knows no AUTH repeats what it was sent. */
static void log_refusal(const struct wr_redis *redis, enum command_kind kind, struct wr_str why)
{
    char text[WR_LIMIT_RESP_LINE + 32];
    struct wr_buf buf = wr_buf_fixed(text, sizeof text - 1);
    size_t word = wr_str_find(why, WR_STR(" "), 0);
    if (kind == AUTH) {
        wr_buf_str(&buf, word <= CODE_MAX ? wr_str_of(why.p, word) : WR_STR("refused"));
        wr_buf_str(&buf, WR_STR(" in answer to AUTH"));
    } else {
        wr_buf_str(&buf, why);
    }
    text[buf.n] = '\0';
    tell(redis, "error", "redis_refuses", text);
}

static enum taken take_greeting(struct wr_redis *redis, enum command_kind kind,
                                enum wr_resp_kind got, const struct wr_resp_token *token,
                                int64_t now_ns)
{
    (void)pop(redis);
    if (got == WR_RESP_ERROR) {
        log_refusal(redis, kind, token->text);
    }
    struct wr_str wanted = kind == PING ? WR_STR("PONG") : WR_STR("OK");
    if (got != WR_RESP_SIMPLE || !wr_str_eq(token->text, wanted)) {
        return NOT_OF_ITS_KIND;
    }
    if (kind == PING) {
        close_breaker(redis, now_ns);
    }
    return TAKEN;
}

/* One item of an answer to HGETALL: fields and values by turns. */
static enum taken take_item(struct wr_redis *redis, enum wr_resp_kind got,
                            const struct wr_resp_token *token, int64_t now_ns)
{
    if (got != WR_RESP_BULK) {
        return NOT_OF_ITS_KIND;
    }
    const struct command *c = &redis->flying[redis->flying_first];
    struct fetch *fetch = fetch_at(redis, c->fetch);
    if (!redis->has_field) {
        redis->field_n = WR_MIN(token->text.n, (size_t)FIELD_MAX); /* longer is no tile's either */
        memcpy(redis->field, token->text.p, redis->field_n);
    } else if (!fetch->failed && !fetch->load.failed) {
        wr_fleet_load_tile(redis->fleet, &fetch->load, fetch->key.series,
                           wr_str_of(redis->key, redis->key_n),
                           wr_str_of(redis->field, redis->field_n), token->text);
    }
    redis->has_field = !redis->has_field;
    if (--redis->n_items > 0) {
        return TAKEN;
    }
    struct command whole = pop(redis);
    return end_part(redis, &whole, true, now_ns) ? BREAKER_OPEN : TAKEN;
}

static enum taken take_hgetall(struct wr_redis *redis, enum wr_resp_kind got,
                               const struct wr_resp_token *token, int64_t now_ns)
{
    bool is_array = got == WR_RESP_ARRAY && token->integer % 2 == 0;
    if (!is_array && got != WR_RESP_ERROR) {
        return NOT_OF_ITS_KIND;
    }
    if (is_array && token->integer > 0) {
        const struct command *c = &redis->flying[redis->flying_first];
        const struct wr_fleet_key *key = &fetch_at(redis, c->fetch)->key;
        redis->n_items = (uint32_t)token->integer;
        redis->has_field = false;
        redis->key_n =
            wr_fleet_write_key(redis->fleet, key->series, key->key, c->period, redis->key);
        return TAKEN;
    }
    struct command c = pop(redis);
    return end_part(redis, &c, is_array, now_ns) ? BREAKER_OPEN : TAKEN;
}

static enum taken take_token(struct wr_redis *redis, enum wr_resp_kind got,
                             const struct wr_resp_token *token, int64_t now_ns)
{
    if (redis->n_items > 0) {
        return take_item(redis, got, token, now_ns);
    }
    if (redis->n_flying == 0) {
        return NOT_OF_ITS_KIND; /* nothing was asked */
    }
    enum command_kind kind = redis->flying[redis->flying_first].kind;
    redis->stats.n_errors += got == WR_RESP_ERROR;
    if (kind < HGETALL) {
        return take_greeting(redis, kind, got, token, now_ns);
    }
    if (kind == HGETALL) {
        return take_hgetall(redis, got, token, now_ns);
    }
    if (got != WR_RESP_INTEGER && got != WR_RESP_ERROR) {
        return NOT_OF_ITS_KIND;
    }
    struct command c = pop(redis);
    if (kind == HSET) {
        end_write(redis, &c, got == WR_RESP_INTEGER, got == WR_RESP_INTEGER && token->integer != 0,
                  now_ns);
    }
    return TAKEN;
}

/* Takes the tokens that are there. False: the connection is gone. */
static bool take_all(struct wr_redis *redis, int64_t now_ns)
{
    size_t at = 0;
    for (;;) {
        struct wr_resp_token token;
        enum wr_resp_kind got = wr_resp_read(wr_str_of(redis->in + at, redis->in_n - at), &token);
        if (got == WR_RESP_MORE) {
            break;
        }
        enum taken taken =
            got == WR_RESP_BAD ? NOT_OF_ITS_KIND : take_token(redis, got, &token, now_ns);
        if (taken == NOT_OF_ITS_KIND) {
            redis->stats.n_malformed++;
            open_breaker(redis, now_ns, "it answers what is no answer");
        }
        if (taken != TAKEN) {
            return false;
        }
        at += token.used;
    }
    redis->in_n -= at;
    memmove(redis->in, redis->in + at, redis->in_n);
    return true;
}

/* ── the socket ─────────────────────────────────────────────────────────────────────────────── */
static void arm(struct wr_redis *redis)
{
    const struct wr_port_net *net = &redis->port->net;
    uint32_t interest = WR_NET_READ | (redis->out_at < redis->out_n ? WR_NET_WRITE : 0);
    if (redis->sock >= 0 && interest != redis->interest) {
        (void)net->watch(net->context, redis->sock, interest, WR_REDIS_TOKEN);
        redis->interest = interest;
    }
}

static void flush(struct wr_redis *redis, int64_t now_ns)
{
    const struct wr_port_net *net = &redis->port->net;
    size_t put = 0;
    while (redis->sock >= 0 && redis->out_at < redis->out_n) {
        enum wr_io result = net->write(net->context, redis->sock, redis->out + redis->out_at,
                                       redis->out_n - redis->out_at, &put);
        if (result == WR_IO_AGAIN) {
            break;
        }
        if (result != WR_IO_OK) {
            open_breaker(redis, now_ns, "the connection is lost");
            return;
        }
        redis->out_at += put;
        redis->stats.bytes_out += put;
    }
    if (redis->out_at > 0) {
        redis->out_n -= redis->out_at;
        memmove(redis->out, redis->out + redis->out_at, redis->out_n);
        redis->out_at = 0;
    }
    arm(redis);
}

/* Once a turn, and not all that may be there: whoever sends much must not hold up the loop, and the
 * poll set tells of the rest. */
void wr_redis_ready(struct wr_redis *redis, int64_t now_ns)
{
    const struct wr_port_net *net = &redis->port->net;
    size_t got = 0, room = WR_MIN(IN_SIZE - redis->in_n, (size_t)READ_SIZE);
    if (redis->sock < 0) {
        return;
    }
    enum wr_io result = net->read(net->context, redis->sock, redis->in + redis->in_n, room, &got);
    if (result != WR_IO_OK && result != WR_IO_AGAIN) {
        open_breaker(redis, now_ns, "the connection is lost");
        return;
    }
    if (result == WR_IO_OK) {
        redis->in_n += got;
        redis->stats.bytes_in += got;
        if (!take_all(redis, now_ns)) {
            return;
        }
    }
    flush(redis, now_ns);
}

static void connect_now(struct wr_redis *redis, int64_t now_ns)
{
    const struct wr_port_net *net = &redis->port->net;
    redis->tried_ns = now_ns;
    redis->stats.n_connects++;
    if (net->connect(net->context, redis->config.address, &redis->sock) != WR_IO_OK) {
        redis->sock = -1;
        set_retry(redis, now_ns);
        return;
    }
    redis->state = WR_REDIS_HALF_OPEN;
    greet(redis, now_ns);
    arm(redis); /* sent when the socket can be written */
}

static void watch_time(struct wr_redis *redis, int64_t now_ns)
{
    if (redis->sock < 0) {
        if (now_ns >= redis->retry_ns) {
            connect_now(redis, now_ns);
        }
        return;
    }
    if (redis->state == WR_REDIS_HALF_OPEN) {
        if (now_ns - redis->tried_ns > WR_REDIS_GREETING_NS) {
            open_breaker(redis, now_ns, "no answer");
        }
        return;
    }
    if (redis->n_flying > 0 &&
        now_ns - redis->flying[redis->flying_first].sent_ns > WR_REDIS_SILENT_NS) {
        open_breaker(redis, now_ns, "it is silent");
        return;
    }
    if (redis->fleet != NULL && redis->settle_ns != 0 && now_ns >= redis->settle_ns) {
        redis->settle_ns = 0;
        wr_fleet_write_all(redis->fleet);
    }
    (void)look_for_late(redis, now_ns);
}

void wr_redis_step(struct wr_redis *redis, int64_t now_ns, uint64_t kept)
{
    watch_time(redis, now_ns);
    if (!wr_redis_is_up(redis)) {
        return;
    }
    send_fetches(redis, now_ns);
    if (redis->n_sent == redis->n_made) {
        send_writes(redis, now_ns, kept);
    }
    flush(redis, now_ns);
}

int64_t wr_redis_sleep_ns(const struct wr_redis *redis, int64_t now_ns)
{
    int64_t due = redis->retry_ns;
    if (redis->sock >= 0) {
        due = redis->state == WR_REDIS_HALF_OPEN ? redis->tried_ns + WR_REDIS_GREETING_NS
              : redis->n_flying > 0
                  ? redis->flying[redis->flying_first].sent_ns + WR_REDIS_SILENT_NS
                  : INT64_MAX;
    }
    return due == INT64_MAX ? due : WR_MAX(due - now_ns, (int64_t)0);
}

void wr_redis_stats(const struct wr_redis *redis, struct wr_redis_stats *out)
{
    *out = redis->stats;
    out->state = redis->state;
    out->n_flying = redis->n_flying;
    out->settling = redis->settle_ns != 0;
}
