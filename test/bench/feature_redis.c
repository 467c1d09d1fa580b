/* SPDX-License-Identifier: Apache-2.0 */
/* The load of feature_load.h by sorted sets of a Redis server, and by this engine, in one run.
 *
 *   bench_feature_redis PORT PID      a server on loopback that the caller started, and its process
 *
 * Each event is added to two sorted sets (card, merchant; score = time, member = amount and a
 * number that makes it unique), what is older than 30 days is removed, and six windows of each are
 * read: (a) with their members, from which the caller would have to make sum, average and maximum;
 * (b) only counted. 16 events to a pipeline. Only the server's CPU time counts, not this client's.
 */
#include "feature_load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HISTORY_CARDS = 2000, HISTORY_MERCHANTS = 200, EVENTS = 1600 };

struct client {
    int sock;
    char out[1 << 20];
    size_t n_out, n_replies;
    char in[1 << 20];
    size_t at, end;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ── the protocol ───────────────────────────────────────────────────────────────────────────── */
static void add_argument(struct client *c, const char *text)
{
    c->n_out += (size_t)snprintf(c->out + c->n_out, sizeof c->out - c->n_out, "$%zu\r\n%s\r\n",
                                 strlen(text), text);
}

static void command(struct client *c, const char *const *arguments, size_t n)
{
    c->n_out += (size_t)snprintf(c->out + c->n_out, sizeof c->out - c->n_out, "*%zu\r\n", n);
    for (size_t i = 0; i < n; i++) {
        add_argument(c, arguments[i]);
    }
    c->n_replies++;
}

static char next_byte(struct client *c)
{
    if (c->at == c->end) {
        ssize_t n = read(c->sock, c->in, sizeof c->in);
        if (n <= 0) {
            fail("bench: the server hung up");
        }
        c->at = 0;
        c->end = (size_t)n;
    }
    return c->in[c->at++];
}

static long read_number(struct client *c)
{
    char line[64];
    size_t n = 0;
    for (char b = next_byte(c); b != '\n'; b = next_byte(c)) {
        if (n + 1 < sizeof line) {
            line[n++] = b;
        }
    }
    line[n] = 0;
    return strtol(line, NULL, 10);
}

/* Skips one reply, its elements included; returns how many elements it had. */
static uint64_t skip_reply(struct client *c)
{
    uint64_t elements = 0;
    for (uint64_t left = 1; left > 0; left--) {
        char type = next_byte(c);
        long n = read_number(c);
        if (type == '*') {
            left += (uint64_t)n;
            elements += (uint64_t)n;
        } else if (type == '$') {
            for (long i = 0; i < n + 2; i++) {
                (void)next_byte(c);
            }
        } else if (type == '-') {
            fprintf(stderr, "bench: the server refused a command\n");
            exit(1);
        }
    }
    return elements;
}

static uint64_t flush(struct client *c)
{
    uint64_t elements = 0;
    for (size_t at = 0; at < c->n_out;) {
        ssize_t n = write(c->sock, c->out + at, c->n_out - at);
        if (n <= 0) {
            fail("bench: write");
        }
        at += (size_t)n;
    }
    for (; c->n_replies > 0; c->n_replies--) {
        elements += skip_reply(c);
    }
    c->n_out = 0;
    return elements;
}

/* ── one event ──────────────────────────────────────────────────────────────────────────────── */
enum reading { NOTHING, COUNTS, MEMBERS };

static void put_event(struct client *c, const struct wr_event *event, uint64_t n,
                      enum reading reading)
{
    char member[64], score[32], from[32];
    snprintf(score, sizeof score, "%lld", (long long)(event->time_ms / 1000));
    snprintf(member, sizeof member, "%lld:%llu", (long long)event->amount, (unsigned long long)n);
    for (int i = 0; i < 2; i++) {
        char key[32];
        snprintf(key, sizeof key, "%d:%016llx", i, (unsigned long long)event->keys[i].hash);
        command(c, (const char *[]){"ZADD", key, score, member}, 4);
        snprintf(from, sizeof from, "%lld", (long long)(event->time_ms / 1000 - 30 * 86400));
        command(c, (const char *[]){"ZREMRANGEBYSCORE", key, "-inf", from}, 4);
        for (uint32_t w = 0; reading != NOTHING && w < 6; w++) {
            snprintf(from, sizeof from, "(%lld",
                     (long long)(event->time_ms / 1000 - load_window_s(w, 6)));
            command(
                c,
                (const char *[]){reading == COUNTS ? "ZCOUNT" : "ZRANGEBYSCORE", key, from, "+inf"},
                4);
        }
    }
}

static double server_cpu_s(long pid)
{
    char path[64], text[1024];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(text, sizeof text, file) == NULL) {
        fail(path);
    }
    fclose(file);
    const char *p = strrchr(text, ')');
    sscanf(p != NULL ? p + 2 : "", "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
           &kernel);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

/* Events a second of the server's CPU time. */
static double run_server(struct client *c, struct load *l, long pid, uint64_t n,
                         enum reading reading)
{
    uint64_t elements = 0;
    double from = server_cpu_s(pid);
    for (uint64_t done = 0; done < n; done += LOAD_BATCH) {
        load_events(l, LOAD_BATCH);
        for (int i = 0; i < LOAD_BATCH; i++) {
            put_event(c, &l->events[i], ++l->sequence, reading);
        }
        elements += flush(c);
    }
    double spent = server_cpu_s(pid) - from;
    printf("  redis, %s: %llu events, %.2f s of its CPU, %.1f members an event\n",
           reading == NOTHING  ? "history"
           : reading == COUNTS ? "windows counted"
                               : "windows with members",
           (unsigned long long)n, spent, (double)elements / (double)n);
    return (double)n / spent;
}

static double run_engine(struct load *l, uint64_t n)
{
    double spent = 0;
    load_history(l);
    for (uint64_t done = 0; done < n; done += LOAD_EVENTS) {
        load_events(l, LOAD_EVENTS);
        double from = load_ns(CLOCK_THREAD_CPUTIME_ID);
        load_apply(l, 0, LOAD_EVENTS, false);
        spent += load_ns(CLOCK_THREAD_CPUTIME_ID) - from;
    }
    printf("  weir, 48 features read: %llu events, %.2f s of CPU\n", (unsigned long long)n,
           spent / 1e9);
    return (double)n * 1e9 / spent;
}

int main(int argc, char **argv)
{
    static struct client client;
    static const struct load_config config = {
        .cards = HISTORY_CARDS, .merchants = HISTORY_MERCHANTS, .windows = 6, .days = 30};
    struct load l;
    if (argc != 3) {
        fprintf(stderr, "usage: bench_feature_redis PORT PID\n");
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(argv[1])),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int yes = 1;
    long pid = atol(argv[2]);
    client.sock = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client.sock, (struct sockaddr *)&address, sizeof address) != 0) {
        fail("bench: connect");
    }
    setsockopt(client.sock, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    load_open(&l, &config);
    run_server(&client, &l, pid, (uint64_t)HISTORY_CARDS * config.days, NOTHING);
    double members = run_server(&client, &l, pid, EVENTS, MEMBERS);
    double counts = run_server(&client, &l, pid, EVENTS * 10, COUNTS);
    load_restart(&l);
    double weir = run_engine(&l, EVENTS * 400);
    printf(
        "events per CPU-second: weir %.0f, redis with members %.0f (1 : %.0f), counting only %.0f "
        "(1 : %.0f)\n",
        weir, members, weir / members, counts, weir / counts);
    wr_feature_state_close(l.state);
    return 0;
}
