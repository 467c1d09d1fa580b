/* SPDX-License-Identifier: Apache-2.0 */
/* kill -9 under load, again and again, on one state directory.
 *
 *   kill WEIR PACK [CYCLES [SEED]]
 *
 * Each cycle starts the real server in mode durable or fast, loads it over a Unix socket with new
 * events, repeated ones, labels and questions for the state's digest, and kills it at a random
 * moment, sometimes while it still starts, sometimes just after its pack was changed; segments are
 * so short that many lives begin one under load. Then the journal is opened from outside and must
 * hold: every acknowledged answer with the same bytes, every event id in one decision only, an
 * unbroken chain, and at every sequence for which the server told a digest, the digest of the fold
 * to it. What a process kill cannot show (loss of power) is in test/unit/shell/test_server_crash.c.
 */
#include "app/pack_load.h"
#include "base/num.h"
#include "engine/engine.h"
#include "port/port_linux.h"
#include "shell/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS = 8,
    OUTSTANDING = 8,
    IDS_MAX = 1 << 21,
    SEQUENCES_MAX = 1 << 22,
    DIGESTS_MAX = 1 << 14,
    ROOM = 1 << 16,
    LIFE_MS_MAX = 350,
    COMPLAINTS_MAX = 10, /* told in full; one loss can show in thousands of rows */
};
enum asked_kind { ASKED_DECISION, ASKED_LABEL, ASKED_STATE };
enum phase { IN_START, IN_SWAP, IN_CHECKPOINT, IN_SEGMENT, UNDER_LOAD, PHASES };

struct asked {
    enum asked_kind kind;
    uint32_t id;
};

struct client {
    int fd;
    struct asked asked[OUTSTANDING];
    unsigned first, n;
    char in[ROOM], out[ROOM];
    size_t in_n, out_n;
};

struct digest { /* of this life; earlier ones have been compared */
    uint64_t sequence;
    char text[65];
};

static struct {
    const char *weir, *pack_path;
    char folder[64], state[80], socket_path[80], served_pack[80];
    unsigned which_pack;
    struct wr_arena arena;
    struct wr_pack *pack;
    uint64_t *by_id;       /* hash of the acknowledged document; 0 = none */
    uint64_t *by_sequence; /* likewise */
    uint32_t *seen_in;     /* sequence of the decision on an id, in this check */
    struct digest digests[DIGESTS_MAX];
    uint32_t n_digests;
    uint32_t *digest_at; /* by sequence: number in digests plus 1 */
    uint32_t n_ids;
    uint64_t random;
    long time_s;
    unsigned long n_acknowledged, n_repeated, n_states, n_labels, n_failed, n_refused, n_changes;
    unsigned long n_lives[2], killed[2][PHASES]; /* in mode fast, in mode durable; by phase */
    char first_refusal[200];
} run;

static uint64_t draw(uint64_t below)
{
    run.random = run.random * 6364136223846793005u + 1442695040888963407u;
    return (run.random >> 33) % below;
}

static void complain(const char *what, unsigned long long a, unsigned long long b)
{
    if (run.n_failed++ < COMPLAINTS_MAX) {
        fprintf(stderr, "kill: %s (%llu, %llu)\n", what, a, b);
    }
}

static uint64_t hash_of(struct wr_str text)
{
    uint64_t hash = wr_siphash13((struct wr_hash_key){1, 2}, text.p, text.n);
    return hash == 0 ? 1 : hash;
}

/* ── what is asked ──────────────────────────────────────────────────────────────────────────── */
static void put_request(struct client *client, const char *method, const char *path,
                        const char *body)
{
    client->out_n += (size_t)snprintf(client->out + client->out_n, ROOM - client->out_n,
                                      "%s %s HTTP/1.1\r\nHost: w\r\nContent-Length: %zu\r\n\r\n%s",
                                      method, path, strlen(body), body);
}

static void ask(struct client *client)
{
    char body[512];
    struct asked *asked = &client->asked[(client->first + client->n++) % OUTSTANDING];
    uint64_t kind = draw(100);
    if (kind == 0) {
        *asked = (struct asked){ASKED_STATE, 0};
        put_request(client, "GET", "/v1/state", "");
        return;
    }
    bool is_new = run.n_ids == 0 || (kind < 75 && run.n_ids < IDS_MAX);
    uint32_t id = is_new ? run.n_ids++ : (uint32_t)draw(run.n_ids);
    if (!is_new && kind > 92) {
        *asked = (struct asked){ASKED_LABEL, id};
        snprintf(body, sizeof body, "{\"id\":\"k%u\",\"label\":{\"fraud\":true}}", id);
        put_request(client, "POST", "/v1/labels", body);
        return;
    }
    *asked = (struct asked){ASKED_DECISION, id};
    snprintf(body, sizeof body,
             "{\"transaction\":{\"id\":\"k%u\",\"time\":%ld,\"amount\":%u.25,\"terminal\":\"t%u\","
             "\"online\":true},\"user\":{\"id\":\"c%u\"},\"policy\":{\"allow\":true}}",
             id, run.time_s, 1 + id % 900, id % 97, id % 511);
    put_request(client, "POST", "/v1/decisions", body);
}

/* ── what is answered ───────────────────────────────────────────────────────────────────────── */
static struct wr_str member(struct wr_str json, const char *key)
{
    size_t at = wr_str_find(json, wr_str_z(key), 0);
    if (at == SIZE_MAX) {
        return wr_str_of("", 0);
    }
    at += strlen(key);
    size_t end = at;
    while (end < json.n && json.p[end] != '"' && json.p[end] != ',' && json.p[end] != '}') {
        end++;
    }
    return wr_str_of(json.p + at, end - at);
}

static void take_decision(uint32_t id, struct wr_str body)
{
    uint64_t node, sequence, hash;
    uint32_t epoch;
    if (body.n == 0 || body.p[--body.n] != '\n') { /* behind the document, as the row has it */
        complain("an answer without a line end", id, 0);
        return;
    }
    hash = hash_of(body);
    if (!wr_decision_id_read(member(body, "\"decision_id\":\""), &node, &epoch, &sequence) ||
        sequence >= SEQUENCES_MAX) {
        complain("an answer without a decision id", id, 0);
        return;
    }
    if (run.by_id[id] != 0) {
        run.n_repeated++;
        if (run.by_id[id] != hash) {
            complain("a repeated id got other bytes", id, sequence);
        }
    }
    run.by_id[id] = hash;
    run.by_sequence[sequence] = hash;
    run.n_acknowledged++;
}

static void take_state(struct wr_str body)
{
    struct digest *digest = &run.digests[run.n_digests];
    struct wr_str text = member(body, "\"digest\":\"");
    if (text.n != 64 || !wr_num_read_u64(member(body, "\"sequence\":"), &digest->sequence) ||
        digest->sequence >= SEQUENCES_MAX) {
        complain("a state without digest", 0, 0);
        return;
    }
    snprintf(digest->text, sizeof digest->text, "%.*s", WR_FMT(text));
    uint32_t before = run.digest_at[digest->sequence];
    run.n_states++;
    if (before != 0 && memcmp(run.digests[before - 1].text, digest->text, 64) != 0) {
        complain("two digests for one sequence", digest->sequence, 0);
    } else if (before == 0 && digest->sequence != 0 && run.n_digests + 1 < DIGESTS_MAX) {
        run.digest_at[digest->sequence] = ++run.n_digests;
    }
}

static bool take_answer(struct client *client)
{
    struct wr_str have = wr_str_of(client->in, client->in_n);
    size_t end = wr_str_find(have, WR_STR("\r\n\r\n"), 0);
    uint64_t n = 0, status = 0;
    if (end == SIZE_MAX || client->n == 0) {
        return false;
    }
    struct wr_str head = wr_str_of(have.p, end + 2), length = {"\r\nContent-Length: ", 18};
    size_t at = wr_str_find(head, length, 0);
    size_t stop = at == SIZE_MAX ? SIZE_MAX : wr_str_find(head, WR_STR("\r\n"), at + length.n);
    if (stop == SIZE_MAX || !wr_num_read_u64(wr_str_of(have.p + 9, 3), &status) ||
        !wr_num_read_u64(wr_str_of(head.p + at + length.n, stop - at - length.n), &n)) {
        complain("an answer that is not HTTP", 0, 0);
        return false;
    }
    if (have.n < end + 4 + n) {
        return false;
    }
    struct asked asked = client->asked[client->first];
    struct wr_str body = wr_str_of(have.p + end + 4, n);
    client->first = (client->first + 1) % OUTSTANDING;
    client->n--;
    if (status != 200) {
        body.n -= body.n > 0 && body.p[body.n - 1] == '\n';
        if (run.n_refused++ == 0) {
            snprintf(run.first_refusal, sizeof run.first_refusal, "%d: %.*s", (int)status,
                     WR_FMT(body));
        }
    } else if (asked.kind == ASKED_DECISION) {
        take_decision(asked.id, body);
    } else if (asked.kind == ASKED_STATE) {
        take_state(body);
    } else {
        run.n_labels++;
    }
    memmove(client->in, client->in + end + 4 + n, client->in_n - (end + 4 + n));
    client->in_n -= end + 4 + n;
    return true;
}

/* False when the connection is gone. */
static bool receive(struct client *client)
{
    for (;;) {
        ssize_t got =
            recv(client->fd, client->in + client->in_n, ROOM - client->in_n, MSG_DONTWAIT);
        if (got <= 0) {
            return got < 0 && errno == EAGAIN;
        }
        client->in_n += (size_t)got;
        while (take_answer(client)) {
        }
    }
}

static bool transmit(struct client *client)
{
    while (client->n < OUTSTANDING && client->out_n < ROOM / 2) {
        ask(client);
    }
    if (client->out_n > 0) {
        ssize_t put = send(client->fd, client->out, client->out_n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0) {
            return errno == EAGAIN;
        }
        memmove(client->out, client->out + put, client->out_n - (size_t)put);
        client->out_n -= (size_t)put;
    }
    return true;
}

/* ── a life of the server ───────────────────────────────────────────────────────────────────── */
static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static pid_t start(bool durable)
{
    char listen[100];
    snprintf(listen, sizeof listen, "unix:%s", run.socket_path);
    pid_t pid = fork();
    if (pid == 0) {
        int log = open("/dev/null", O_WRONLY);
        dup2(log, 1);
        execl(run.weir, "weir", "serve", "--pack", run.served_pack, "--state", run.state,
              "--listen", listen, "--mode", durable ? "durable" : "fast", "--segment-bytes",
              "400000", "--snapshot-rows", "400", (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Two packs that differ in a comment only: the state goes on, the digest does not. */
static bool make_packs(void)
{
    char command[600];
    snprintf(command, sizeof command,
             "cp -r '%s' '%s/pack-0' && cp -r '%s' '%s/pack-1' && echo '# another' >>'%s/pack-1/"
             "risk.rego' && ln -s pack-0 '%s'",
             run.pack_path, run.folder, run.pack_path, run.folder, run.folder, run.served_pack);
    return system(command) == 0;
}

static void change_pack(pid_t pid)
{
    char target[16], next[100];
    run.which_pack ^= 1;
    snprintf(target, sizeof target, "pack-%u", run.which_pack);
    snprintf(next, sizeof next, "%s.next", run.served_pack);
    if (symlink(target, next) != 0 || rename(next, run.served_pack) != 0) {
        complain("the pack cannot be changed", (unsigned)errno, 0);
    }
    kill(pid, SIGHUP);
    run.n_changes++;
}

static int connect_once(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", run.socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool connect_all(struct client *clients, pid_t pid, int64_t until_ms)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        clients[i].fd = -1;
    }
    for (int i = 0; i < CONNECTIONS;) {
        clients[i].fd = connect_once();
        int status;
        if (clients[i].fd >= 0) {
            i++;
        } else if (now_ms() >= until_ms || waitpid(pid, &status, WNOHANG) == pid) {
            return false;
        } else {
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
    }
    return true;
}

static void load(struct client *clients, int64_t until_ms)
{
    while (now_ms() < until_ms) {
        struct pollfd polls[CONNECTIONS];
        for (int i = 0; i < CONNECTIONS; i++) {
            if (!transmit(&clients[i])) {
                complain("the server closed a connection while it lived", (unsigned)i, 0);
                return;
            }
            polls[i] = (struct pollfd){clients[i].fd, POLLIN, 0};
        }
        int64_t left = until_ms - now_ms();
        poll(polls, CONNECTIONS, (int)(left < 0 ? 0 : left));
        for (int i = 0; i < CONNECTIONS; i++) {
            if ((polls[i].revents & POLLIN) != 0 && !receive(&clients[i])) {
                complain("the server closed a connection while it lived", (unsigned)i, 1);
                return;
            }
        }
    }
}

/* Whether the life that began at a time left this file unfinished; earlier ones may have too. */
static bool left(const char *name, const struct timespec *begun)
{
    char path[120];
    struct stat found;
    snprintf(path, sizeof path, "%s/%s", run.state, name);
    return stat(path, &found) == 0 &&
           (found.st_mtim.tv_sec > begun->tv_sec ||
            (found.st_mtim.tv_sec == begun->tv_sec && found.st_mtim.tv_nsec >= begun->tv_nsec));
}

/* One kill may meet several phases. */
static void note_phases(bool durable, bool connected, bool swapped, const struct timespec *begun)
{
    bool met[PHASES] = {
        [IN_START] = !connected,
        [IN_SWAP] = swapped,
        [IN_CHECKPOINT] = left("snapshot.new", begun),
        [IN_SEGMENT] = left("segment.new", begun),
    };
    met[UNDER_LOAD] = connected && !swapped && !met[IN_CHECKPOINT] && !met[IN_SEGMENT];
    for (int i = 0; i < PHASES; i++) {
        run.killed[durable][i] += met[i];
    }
    run.n_lives[durable]++;
}

static void live(unsigned cycle)
{
    static struct client clients[CONNECTIONS];
    memset(clients, 0, sizeof clients);
    struct timespec begun; /* by the clock that stamps files */
    clock_gettime(CLOCK_REALTIME_COARSE, &begun);
    bool durable = cycle % 2 == 0, swapped = false;
    pid_t pid = start(durable);
    int64_t started = now_ms();
    bool at_start = cycle % 7 == 6; /* while it opens, folds or recovers */
    int64_t until = started + (at_start ? (int64_t)draw(25) : 10000);
    bool connected = connect_all(clients, pid, until);
    if (connected) {
        load(clients, now_ms() + (int64_t)draw(LIFE_MS_MAX));
        if (cycle % 3 == 1) {
            change_pack(pid);
            swapped = true;
            load(clients, now_ms() + (int64_t)draw(30));
        }
    } else if (!at_start) {
        complain("the server did not start", cycle, 0);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    note_phases(durable, connected, swapped, &begun);
    for (int i = 0; i < CONNECTIONS; i++) { /* what had left before it died counts */
        if (clients[i].fd >= 0) {
            receive(&clients[i]);
            close(clients[i].fd);
        }
    }
}

/* ── the journal from outside ───────────────────────────────────────────────────────────────── */
struct check {
    struct wr_engine *engine;
    struct wr_arena scratch;
    size_t n_digests;
};

static void check_decision(const struct wr_record *record)
{
    uint64_t id = IDS_MAX;
    if (record->id.n < 2 || !wr_num_read_u64(wr_str_of(record->id.p + 1, record->id.n - 1), &id) ||
        id >= IDS_MAX) {
        complain("a row with a strange id", record->sequence, id);
        return;
    }
    if (run.seen_in[id] != 0) {
        complain("an id was decided twice", id, record->sequence);
    }
    run.seen_in[id] = (uint32_t)record->sequence;
    uint64_t hash = hash_of(record->document);
    if (run.by_id[id] != 0 && run.by_id[id] != hash) {
        complain("a row has other bytes than its answer had", id, record->sequence);
    }
    if (run.by_sequence[record->sequence] != 0 && run.by_sequence[record->sequence] != hash) {
        complain("a sequence has another decision than was answered", id, record->sequence);
    }
}

static wr_err check_row(void *context, uint64_t sequence, struct wr_str payload,
                        struct wr_error *error)
{
    struct check *check = context;
    struct wr_record record;
    wr_err err = wr_record_decode(payload, &record, error);
    if (err == WR_OK && record.kind == WR_RECORD_DECISION) {
        check_decision(&record);
    }
    err = err != WR_OK ? err : wr_engine_fold(check->engine, payload, &check->scratch, error);
    wr_arena_reset(&check->scratch);
    uint32_t told = run.digest_at[sequence];
    if (err == WR_OK && told != 0) {
        uint8_t digest[32];
        char text[65];
        struct wr_buf buf = wr_buf_fixed(text, 64);
        err = wr_engine_digest(check->engine, digest);
        wr_buf_hex(&buf, digest, 32);
        check->n_digests++;
        run.digest_at[sequence] = 0;
        if (memcmp(text, run.digests[told - 1].text, 64) != 0) {
            complain("the fold has another digest than the server told", sequence, 0);
        }
    }
    return err;
}

static void check_all_there(uint64_t last)
{
    for (uint32_t id = 0; id < run.n_ids; id++) {
        if (run.by_id[id] != 0 && run.seen_in[id] == 0) {
            complain("an acknowledged decision is not in the journal", id, last);
        }
    }
}

static void check_journal(const struct wr_port *port)
{
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct check check = {0};
    if (wr_journal_open(port, run.state, NULL, &journal, &error) != WR_OK) {
        fprintf(stderr, "kill: %s\n", error.text);
        run.n_failed++;
        return;
    }
    struct wr_journal_identity identity = wr_journal_identity(journal);
    struct wr_engine_config config = {.node = identity.node,
                                      .epoch = identity.epoch,
                                      .keys = {identity.keys[0], identity.keys[1]}};
    memset(run.seen_in, 0, IDS_MAX * sizeof *run.seen_in);
    wr_arena_init(&check.scratch, &port->memory, 256 << 20);
    wr_err err = wr_engine_open(&port->memory, run.pack, &config, &check.engine, &error);
    err = err != WR_OK ? err : wr_journal_verify(journal, 1, UINT64_MAX, &error);
    err = err != WR_OK ? err : wr_journal_each(journal, 1, UINT64_MAX, check_row, &check, &error);
    if (err != WR_OK) {
        fprintf(stderr, "kill: %s\n", error.text);
        run.n_failed++;
    }
    check_all_there(wr_journal_last(journal));
    if (check.n_digests != run.n_digests) {
        complain("digests were told for sequences that are gone", check.n_digests, run.n_digests);
    }
    run.n_digests = 0;
    if (check.engine != NULL) {
        wr_engine_close(check.engine);
    }
    wr_arena_deinit(&check.scratch);
    wr_journal_close(journal, draw(2) == 0);
}

static bool prepare(const struct wr_port *port)
{
    struct wr_error error = {0};
    snprintf(run.folder, sizeof run.folder, "/tmp/weir-kill-XXXXXX");
    if (mkdtemp(run.folder) == NULL) {
        return false;
    }
    snprintf(run.state, sizeof run.state, "%s/state", run.folder);
    snprintf(run.socket_path, sizeof run.socket_path, "%s/sock", run.folder);
    snprintf(run.served_pack, sizeof run.served_pack, "%s/pack", run.folder);
    wr_arena_init(&run.arena, &port->memory, (size_t)1 << 30);
    if (!make_packs()) {
        return false;
    }
    if (wr_pack_load(&run.arena, run.pack_path, NULL, &run.pack, &error) != WR_OK) {
        fprintf(stderr, "kill: %s: %s\n", error.where, error.text);
        return false;
    }
    run.by_id = calloc(IDS_MAX, sizeof *run.by_id);
    run.by_sequence = calloc(SEQUENCES_MAX, sizeof *run.by_sequence);
    run.seen_in = calloc(IDS_MAX, sizeof *run.seen_in);
    run.digest_at = calloc(SEQUENCES_MAX, sizeof *run.digest_at);
    return run.by_id != NULL && run.by_sequence != NULL && run.seen_in != NULL &&
           run.digest_at != NULL;
}

static void tell_mode(bool durable)
{
    static const char *const names[PHASES] = {
        [IN_START] = "before it listened",   [IN_SWAP] = "within 30 ms of a swap of packs",
        [IN_CHECKPOINT] = "in a checkpoint", [IN_SEGMENT] = "at the start of a segment",
        [UNDER_LOAD] = "else under load",
    };
    printf("kill: mode %s: %lu kills", durable ? "durable" : "fast", run.n_lives[durable]);
    for (int i = 0; i < PHASES; i++) {
        printf(", %lu %s", run.killed[durable][i], names[i]);
    }
    printf("\n");
}

static void tell_all(unsigned long long seed)
{
    printf("kill: seed %llu: %lu kills, %lu answers acknowledged, %lu repeated, %lu labels, "
           "%lu digests, %lu changes of the pack, %lu refused%s%s, %lu failures\n",
           seed, run.n_lives[0] + run.n_lives[1], run.n_acknowledged, run.n_repeated, run.n_labels,
           run.n_states, run.n_changes, run.n_refused,
           run.n_refused != 0 ? ", the first with " : "", run.first_refusal, run.n_failed);
}

int main(int argc, char **argv)
{
    struct wr_port port;
    struct wr_port_linux *native;
    unsigned cycles = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 50;
    if (getenv("WEIR_TEST_ALL") != NULL) {
        cycles = WR_MAX(cycles, 500U);
    }
    if (argc < 3 || wr_port_linux_open(&port, &native) != WR_IO_OK) {
        fprintf(stderr, "usage: kill WEIR PACK [CYCLES [SEED]]\n");
        return 2;
    }
    run.weir = argv[1];
    run.pack_path = argv[2];
    run.time_s = (long)time(NULL);
    unsigned long long seed = argc > 4 ? strtoull(argv[4], NULL, 10) : (uint64_t)time(NULL);
    run.random = seed;
    if (!prepare(&port)) {
        return 1;
    }
    for (unsigned cycle = 0; cycle < cycles && run.n_failed == 0; cycle++) {
        live(cycle);
        check_journal(&port);
    }
    tell_mode(false);
    tell_mode(true);
    tell_all(seed);
    wr_port_linux_close(native);
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", run.folder);
    return system(command) == 0 && run.n_failed == 0 && run.n_acknowledged > 0 ? 0 : 1;
}
