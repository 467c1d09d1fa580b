/* SPDX-License-Identifier: Apache-2.0 */
/* The client of Redis against a server that the test plays, on a clock that the test turns. */
#include "check.h"

#include "base/hash.h"
#include "shell/redis.h"
#include "value/json_read.h"
#include "wire/resp.h"

enum { MS = 1000000, PIPE = 1 << 20 };

enum manner {
    HONEST,
    SILENT,
    REFUSING,
    ERRORS,
    EVERY_OTHER,
    GARBAGE,
    LATE,
    ECHOING,
    EMPTIED,
    FORGING
};

static struct far {
    enum manner manner;
    bool open, piecemeal; /* piecemeal: one byte a read */
    char in[PIPE], out[PIPE];
    size_t in_n, out_n;
    uint64_t n_commands, n_replies, n_hset, n_hset_replies, most_flying, most_writing, x;
    int64_t now_ns, connects[256];
    size_t n_connects;
    struct { /* replies that wait for their time */
        int64_t due_ns;
        char kind;
    } late[1024];
    size_t n_late, late_done;
} far;

/* ── the far end ────────────────────────────────────────────────────────────────────────────── */
static void say(const char *text, size_t n)
{
    if (far.out_n + n <= PIPE) {
        memcpy(far.out + far.out_n, text, n);
        far.out_n += n;
    }
}

static void reply(char command)
{
    bool is_there = command == 'S' && far.manner != EMPTIED; /* the field, as far as it counts */
    const char *text = command == 'P'   ? "+PONG\r\n"
                       : command == 'H' ? "*0\r\n"
                       : is_there       ? ":0\r\n"
                                        : ":1\r\n";
    far.n_replies++;
    far.n_hset_replies += command == 'S';
    say(text, strlen(text));
}

static void garbage(void)
{
    static const char *const parts[] = {
        "*2\r\n", "$3\r\nabc\r\n", ":1\r\n",       "+PONG\r\n",
        "*0\r\n", "$-1\r\n",       "-ERR x\r\n",   "$24\r\n",
        "\r\n",   "*-1\r\n",       "$9999999\r\n", "*4\r\n$1\r\na\r\n$2\r\nbc\r\n",
        "x",      "*1\r\n*1\r\n"};
    for (far.x = wr_mix64(far.x + 1); far.x % 4 != 0; far.x = wr_mix64(far.x + 1)) {
        const char *part = parts[(far.x >> 8) % WR_COUNTOF(parts)];
        say(part, strlen(part));
    }
}

/* Values that no node has sealed. */
static void forge(char command)
{
    if (command != 'H') {
        reply(command);
        return;
    }
    char head[16];
    far.n_replies++;
    snprintf(head, sizeof head, "*%u\r\n", 2 * (WR_LIMIT_FLEET_BAD + 1));
    say(head, strlen(head));
    for (uint32_t i = 0; i <= WR_LIMIT_FLEET_BAD; i++) {
        say("$1\r\nx\r\n$1\r\ny\r\n", 14);
    }
}

static void take_command(char command)
{
    far.n_commands++;
    far.n_hset += command == 'S';
    if (command == 'A') { /* as a proxy says it that knows no AUTH */
        static const char echo[] = "-ERR unknown command 'AUTH', with args beginning with: "
                                   "'weir' 'correct horse' \r\n";
        say(echo, sizeof echo - 1);
        return;
    }
    if (command == 'P' && far.manner != SILENT) {
        reply('P');
        return;
    }
    switch (far.manner) {
    case HONEST:
    case EMPTIED:
    case REFUSING:
        reply(command);
        break;
    case FORGING:
        forge(command);
        break;
    case ERRORS:
        far.n_replies++;
        say("-OOM no\r\n", 9);
        break;
    case EVERY_OTHER:
        if (command == 'H' && far.x++ % 4 < 2) { /* a fetch has two */
            far.n_replies++;
            say("-ERR x\r\n", 8);
        } else {
            reply(command);
        }
        break;
    case GARBAGE:
        garbage();
        break;
    case LATE:
        far.late[far.n_late].due_ns = far.now_ns + 6 * MS;
        far.late[far.n_late++ % WR_COUNTOF(far.late)].kind = command;
        break;
    case SILENT:
    case ECHOING:
        break;
    }
    far.most_flying = WR_MAX(far.most_flying, far.n_commands - far.n_replies);
    far.most_writing = WR_MAX(far.most_writing, far.n_hset - far.n_hset_replies);
}

/* Whole commands out of what has come: an array of bulk strings each. */
static void listen_to(void)
{
    size_t at = 0;
    for (;;) {
        struct wr_resp_token token;
        size_t end = at;
        char name = 0;
        if (wr_resp_read(wr_str_of(far.in + end, far.in_n - end), &token) != WR_RESP_ARRAY) {
            break;
        }
        int64_t n = token.integer;
        end += token.used;
        for (; n > 0; n--, end += token.used) {
            if (wr_resp_read(wr_str_of(far.in + end, far.in_n - end), &token) != WR_RESP_BULK) {
                break;
            }
            name = name != 0                                  ? name
                   : wr_str_eq(token.text, WR_STR("HSET"))    ? 'S'
                   : wr_str_eq(token.text, WR_STR("PEXPIRE")) ? 'E'
                                                              : token.text.p[0];
        }
        if (n > 0) {
            break;
        }
        at = end;
        take_command(name);
    }
    far.in_n -= at;
    memmove(far.in, far.in + at, far.in_n);
}

/* ── the port ───────────────────────────────────────────────────────────────────────────────── */
static enum wr_io fake_connect(void *context, const char *address, int32_t *sock)
{
    (void)context;
    (void)address;
    far.connects[far.n_connects++ % WR_COUNTOF(far.connects)] = far.now_ns;
    if (far.manner == REFUSING) {
        return WR_IO_FAILED;
    }
    far.open = true;
    far.in_n = far.out_n = 0;
    far.n_commands = far.n_replies = far.n_hset = far.n_hset_replies = 0;
    far.n_late = far.late_done = 0;
    *sock = 7;
    return WR_IO_OK;
}

static enum wr_io fake_read(void *context, int32_t sock, void *bytes, size_t n, size_t *got)
{
    (void)context;
    (void)sock;
    if (far.out_n == 0) {
        return WR_IO_AGAIN;
    }
    n = far.piecemeal ? 1 : WR_MIN(n, far.out_n);
    memcpy(bytes, far.out, n);
    far.out_n -= n;
    memmove(far.out, far.out + n, far.out_n);
    *got = n;
    return WR_IO_OK;
}

static enum wr_io fake_write(void *context, int32_t sock, const void *bytes, size_t n, size_t *put)
{
    (void)context;
    (void)sock;
    if (far.in_n + n > PIPE) {
        return WR_IO_AGAIN;
    }
    memcpy(far.in + far.in_n, bytes, n);
    far.in_n += n;
    *put = n;
    return WR_IO_OK;
}

static void fake_close(void *context, int32_t sock)
{
    (void)context;
    (void)sock;
    far.open = false;
}

static enum wr_io fake_watch(void *context, int32_t sock, uint32_t interest, uint64_t token)
{
    (void)context;
    (void)sock;
    (void)interest;
    CHECK(token == WR_REDIS_TOKEN || interest == 0);
    return WR_IO_OK;
}

static enum wr_io fake_fill(void *context, void *bytes, size_t n)
{
    (void)context;
    memset(bytes, 42, n);
    return WR_IO_OK;
}

static void *fake_take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void fake_give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

static const struct wr_port port = {.net = {.connect = fake_connect,
                                            .read = fake_read,
                                            .write = fake_write,
                                            .close = fake_close,
                                            .watch = fake_watch},
                                    .entropy = {.fill = fake_fill},
                                    .memory = {fake_take, fake_give, NULL}};

/* ── a world ────────────────────────────────────────────────────────────────────────────────── */
static struct world {
    struct wr_arena arena;
    struct wr_feature_plan *plan;
    struct wr_fleet *fleet;
    struct wr_redis *redis;
    uint64_t card, sequence;
} w;

static const char pack[] =
    "{\"entities\":{\"card\":\"card\"},\"features\":{\"n\":{\"entity\":\"card\",\"count\":true,"
    "\"window\":\"1h\",\"scope\":\"fleet\"}}}";

static char lines[4096]; /* of the log */

static void note_line(void *context, const char *level, const char *event, const char *text)
{
    size_t n = strlen(lines);
    (void)context;
    snprintf(lines + n, sizeof lines - n, "%s %s %s\n", level, event, text);
}

static void open_world(enum manner manner)
{
    struct wr_value document;
    struct wr_schema *schema;
    struct wr_redis_config config = {.address = "far", .wait_ns = 5 * MS, .log = note_line};
    if (manner == ECHOING) {
        config.user = WR_STR("weir");
        config.password = WR_STR("correct horse");
    }
    memset(&w, 0, sizeof w);
    memset(&far, 0, sizeof far);
    far.manner = manner;
    far.now_ns = 1000 * (int64_t)MS;
    wr_arena_init(&w.arena, &port.memory, (size_t)16 << 20);
    CHECK_INT(wr_json_read(&w.arena, wr_str_z(pack), true, NULL, &document, NULL), WR_OK);
    CHECK_INT(wr_schema_open(&w.arena, &document, &schema, NULL), WR_OK);
    CHECK_INT(wr_feature_plan_open(&w.arena, schema, &document, &w.plan, NULL), WR_OK);
    w.fleet = wr_fleet_open(&port.memory, w.plan, 1, WR_STR("a secret of the fleet"));
    w.redis = wr_redis_open(&port, &config, far.now_ns);
    wr_redis_set_fleet(w.redis, w.fleet);
}

static void close_world(void)
{
    wr_redis_close(w.redis);
    wr_fleet_close(w.fleet);
    wr_arena_deinit(&w.arena);
}

/* One turn of the loop, so much later. */
static void turn(int64_t ns)
{
    far.now_ns += ns;
    while (far.late_done < far.n_late && far.late[far.late_done].due_ns <= far.now_ns) {
        reply(far.late[far.late_done++].kind);
    }
    do {
        wr_redis_ready(w.redis, far.now_ns);
    } while (far.piecemeal && far.open && far.out_n > 0);
    wr_redis_step(w.redis, far.now_ns, UINT64_MAX);
    listen_to();
}

static void come_up(void)
{
    for (int i = 0; i < 3000 && !wr_redis_is_up(w.redis); i++) {
        turn(MS);
    }
    CHECK(wr_redis_is_up(w.redis));
}

static uint64_t fetch(void)
{
    struct wr_fleet_key key = {.key = {++w.card, 1}, .time_ms = 1700000000000};
    return wr_redis_fetch(w.redis, &key, far.now_ns);
}

static void see_event(void)
{
    struct wr_event event = {.time_ms = 1700000000000};
    event.keys[0].present = true;
    event.fleet_keys[0].lo = ++w.card;
    wr_fleet_add(w.fleet, &event, 0, ++w.sequence);
}

static struct wr_redis_stats stats(void)
{
    struct wr_redis_stats s;
    wr_redis_stats(w.redis, &s);
    return s;
}

/* ── tests ──────────────────────────────────────────────────────────────────────────────────── */
TEST("an answer that repeats the password is not logged")
{
    lines[0] = '\0';
    open_world(ECHOING);
    for (int i = 0; i < 3; i++) {
        turn(MS);
    }
    CHECK(!wr_redis_is_up(w.redis));
    CHECK(strstr(lines, "error redis_refuses ERR in answer to AUTH\n") != NULL);
    CHECK(strstr(lines, "horse") == NULL);
    close_world();
}

TEST("a fetch ends with its answer, also when that comes byte by byte")
{
    for (int piecemeal = 0; piecemeal < 2; piecemeal++) {
        open_world(HONEST);
        far.piecemeal = piecemeal == 1;
        come_up();
        for (int i = 0; i < 500; i++) {
            uint64_t ticket = fetch();
            CHECK(ticket != 0 && wr_redis_done(w.redis) < ticket);
            turn(MS / 10);
            turn(MS / 10);
            CHECK_INT(wr_redis_done(w.redis), ticket);
        }
        CHECK_INT(stats().n_fetches, 500);
        CHECK_INT(stats().n_late + stats().n_failed + stats().n_openings, 0);
        close_world();
    }
}

TEST("a peer that falls silent is given up within 100 ms under load, and nobody waits for it then")
{
    open_world(HONEST);
    come_up();
    far.manner = SILENT;
    int64_t began = far.now_ns;
    while (wr_redis_is_up(w.redis) && far.now_ns - began < 200 * MS) {
        fetch();
        turn(10 * MS); /* few fetches: it is the silence that tells */
    }
    CHECK(far.now_ns - began <= 70 * MS);
    CHECK(!far.open);
    CHECK_INT(fetch(), 0);
    CHECK_INT(wr_redis_done(w.redis), stats().n_fetches); /* those that flew have ended too */
    CHECK_INT(stats().n_openings, 1);
    close_world();
}

TEST("twenty late answers in a row open the breaker, nineteen do not")
{
    open_world(HONEST);
    come_up();
    far.manner = LATE; /* each after 6 ms */
    for (int i = 0; i < 19; i++) {
        fetch();
    }
    for (int i = 0; i < 10; i++) {
        turn(MS);
    }
    CHECK(wr_redis_is_up(w.redis));
    CHECK_INT(stats().n_late, 19);
    fetch();
    for (int i = 0; i < 10; i++) {
        turn(MS);
    }
    CHECK(!wr_redis_is_up(w.redis));
    CHECK_INT(stats().n_openings, 1);
    close_world();
}

TEST("so do twenty answers in a row that are full of forged tiles, however many come at once")
{
    open_world(HONEST);
    come_up();
    far.manner = FORGING;
    for (int i = 0; i < 19; i++) {
        fetch();
    }
    for (int i = 0; i < 19 && wr_redis_is_up(w.redis); i++) {
        uint64_t before = stats().bytes_in;
        turn(MS);
        CHECK(stats().bytes_in - before <= 32768); /* of a turn */
    }
    CHECK_INT(stats().n_failed, 19);
    CHECK(wr_redis_is_up(w.redis));
    fetch();
    for (int i = 0; i < 4; i++) {
        turn(MS);
    }
    CHECK(!wr_redis_is_up(w.redis));
    close_world();
}

TEST("half of fifty within a second open it")
{
    open_world(HONEST);
    come_up();
    turn(2000 * (int64_t)MS);
    far.manner = EVERY_OTHER;
    int n = 0;
    while (wr_redis_is_up(w.redis) && n < 200) {
        fetch();
        turn(MS);
        turn(MS);
        n++;
    }
    CHECK_INT(n, 50);
    close_world();
}

TEST("tries are a second apart at least and 1.4 at most, whatever happens")
{
    static const enum manner manners[] = {REFUSING, SILENT, GARBAGE};
    for (size_t m = 0; m < WR_COUNTOF(manners); m++) {
        open_world(manners[m]);
        for (int i = 0; i < 60000; i++) {
            fetch();
            turn(MS);
        }
        CHECK(far.n_connects >= 60 * 10 / 14 - 1 && far.n_connects <= 61);
        int64_t least = INT64_MAX, most = 0;
        for (size_t i = 1; i < far.n_connects; i++) {
            int64_t apart = far.connects[i] - far.connects[i - 1];
            least = WR_MIN(least, apart);
            most = WR_MAX(most, apart);
        }
        CHECK(least >= 1000 * (int64_t)MS && most <= 1902 * (int64_t)MS);
        CHECK(manners[m] != REFUSING || most <= 1401 * (int64_t)MS);
        CHECK(most - least > 100 * MS); /* jitter */
        close_world();
    }
}

TEST("the breaker is closed again within two seconds of the peer's return, at whatever moment")
{
    for (int phase = 0; phase < 40; phase++) {
        open_world(HONEST);
        come_up();
        far.manner = phase % 2 == 0 ? SILENT : REFUSING;
        for (int i = 0; i < 3000 + phase * 37; i++) {
            fetch();
            turn(MS);
        }
        far.manner = HONEST;
        int64_t back = far.now_ns;
        while (!wr_redis_is_up(w.redis) && far.now_ns - back < 5000 * (int64_t)MS) {
            turn(MS);
        }
        CHECK(far.now_ns - back <= 2000 * (int64_t)MS);
        close_world();
    }
}

TEST("at most 256 commands fly and 64 tiles among them, and all tiles arrive")
{
    open_world(HONEST);
    come_up();
    far.manner = SILENT;
    for (int i = 0; i < 3000; i++) {
        fetch();
        see_event();
    }
    for (int i = 0; i < 5; i++) {
        turn(MS);
    }
    CHECK(far.most_flying <= WR_LIMIT_REDIS_FLYING && far.most_flying > 200);
    CHECK(stats().n_unfetched > 0); /* over 2,048 keys */
    far.manner = HONEST;
    for (int i = 0; i < 6000; i++) {
        turn(MS);
    }
    struct wr_fleet_stats fleet;
    wr_fleet_stats(w.fleet, &fleet);
    CHECK_INT(fleet.n_queued, 0);
    CHECK_INT(stats().n_flying, 0);
    CHECK(!stats().settling);
    CHECK_INT(fleet.n_dropped_events, 0);
    close_world();
    open_world(HONEST);
    come_up();
    far.manner = SILENT;
    for (int i = 0; i < 300; i++) {
        see_event();
    }
    turn(MS);
    turn(MS);
    CHECK_INT(far.most_writing, WR_LIMIT_REDIS_WRITING);
    close_world();
}

TEST("when a tile that was there has gone all are written again, once")
{
    enum { TILES = 40 };
    lines[0] = '\0';
    open_world(HONEST);
    come_up();
    for (int i = 0; i < TILES; i++) {
        see_event();
    }
    for (int i = 0; i < 2500; i++) { /* until it has settled */
        turn(MS);
    }
    CHECK_INT(far.n_hset_replies, 2 * TILES);
    CHECK(!stats().settling);
    far.manner = EMPTIED;
    see_event(); /* a new one: it was not there before */
    turn(MS);
    turn(MS);
    CHECK_INT(far.n_hset_replies, 2 * TILES + 1);
    CHECK(!stats().settling);
    w.card--;
    see_event();
    for (int i = 0; i < 5; i++) {
        turn(MS);
    }
    CHECK(stats().settling);
    CHECK(strstr(lines, "warn redis_lost_tiles ") != NULL);
    for (int i = 0; i < 6000; i++) {
        turn(MS);
    }
    CHECK_INT(far.n_hset_replies, 2 * TILES + 2 + TILES + 1);
    CHECK(!stats().settling);
    close_world();
}

TEST("a full Redis is asked to write once a second, not at every turn; reading goes on")
{
    open_world(HONEST);
    come_up();
    far.manner = ERRORS;
    see_event();
    for (int i = 0; i < 3000; i++) {
        turn(MS);
    }
    CHECK(stats().n_writes >= 3 && stats().n_writes <= 8);
    CHECK(stats().n_write_failures >= 3);
    CHECK(wr_redis_is_up(w.redis));
    far.manner = HONEST;
    for (int i = 0; i < 1500; i++) {
        turn(MS);
    }
    struct wr_fleet_stats fleet;
    wr_fleet_stats(w.fleet, &fleet);
    CHECK_INT(fleet.n_queued, 0);
    close_world();
}

TEST("whatever it answers, every fetch ends, and an honest peer is served again")
{
    open_world(HONEST);
    for (int round = 0; round < 40; round++) {
        far.manner = HONEST;
        come_up();
        far.manner = GARBAGE;
        far.x = (uint64_t)round * 7919;
        for (int i = 0; i < 300; i++) {
            fetch();
            see_event();
            turn(MS);
        }
        for (int i = 0; i < 120; i++) {
            turn(MS);
        }
        CHECK(!wr_redis_is_up(w.redis) || wr_redis_done(w.redis) == stats().n_fetches);
    }
    CHECK(stats().n_malformed > 10);
    close_world();
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
