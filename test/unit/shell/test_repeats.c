/* SPDX-License-Identifier: Apache-2.0 */
/* Heads that repeat are not read again, nor routed: nobody can tell. The same requests are asked in
 * two worlds, once with a field that is never the same, so that no head repeats: the answers are
 * the same to the byte, and so is all that is counted. */
#include "world.h"

#include "base/hash.h"
#include "shell/server_in.h"

/* So few that no turn has an end within them, which lies behind what is refused together. */
enum { ASKERS = 3, ROUNDS = 12, ASKED = 16, SEEDS = 60 };

#define DECIDES "Authorization: Bearer weir_decides_decides\r\n"
#define LABELS  "Authorization: Bearer weir_labels_labels_l\r\n"
#define LONG    "X-Long: 0123456789012345678901234567890123456789012345678901234567890123456789"

enum body { NONE, EVENT, CHUNKS, ARRAY };

static const struct kind {
    const char *line, *fields;
    enum body body;
} kinds[] = {
    {"POST /v1/decisions HTTP/1.1", DECIDES, EVENT},
    {"POST /v1/decisions?features HTTP/1.1", DECIDES, EVENT},
    {"POST /v1/decisions?featureS HTTP/1.1", DECIDES, EVENT},
    {"POST /v1/decisions HTTP/1.1", LABELS, EVENT},
    {"POST /v1/decisions HTTP/1.1", "", EVENT},
    {"POST /v1/decisionS HTTP/1.1", DECIDES, EVENT},
    {"PUT /v1/decisions HTTP/1.1", DECIDES, EVENT},
    {"POST /v1/decisions HTTP/1.0", DECIDES "Connection: keep-alive\r\n", EVENT},
    {"\r\nPOST /v1/decisions HTTP/1.1", DECIDES, EVENT},
    {"POST /v1/decisions HTTP/1.1", DECIDES "Weir-Deadline-Ms: 4\r\n", EVENT},
    {"POST /v1/decisions HTTP/1.1", DECIDES "Weir-Deadline-Ms: 9\r\n", EVENT},
    {"POST /v1/decisions HTTP/1.1", DECIDES "Expect: 100-continue\r\n", EVENT},
    {"POST /v1/decisions HTTP/1.1", DECIDES, CHUNKS},
    {"POST /v1/decisions HTTP/1.1", DECIDES LONG LONG "\r\n", EVENT},
    {"POST /v1/decisions:batch HTTP/1.1", DECIDES, ARRAY},
    {"POST /v1/labels HTTP/1.1", LABELS, ARRAY},
    {"GET /health HTTP/1.1", "", NONE},
    {"HEAD /health HTTP/1.1", "", NONE},
    {"GET /v1/pack HTTP/1.1", DECIDES, NONE},
    /* the last ones end a connection */
    {"POST /v1/decisions HTTP/1.1", DECIDES "Connection: close\r\n", EVENT},
    {"POST /v1/decisions HTTP/1.0", DECIDES, EVENT},
    {"POST /v1/decisions HTTP/1.1", DECIDES "Host: v\r\n", EVENT},
};

enum { ENDING = 3 };

/* ── what is asked ──────────────────────────────────────────────────────────────────────────── */
struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *dice, uint32_t below)
{
    dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice->state >> 33) % below;
}

struct asker {
    int client;
    uint32_t kind; /* of the last one */
    char *in, *out;
    size_t n_in, n_out; /* asked in this round; answered in all */
};

struct both {
    struct world world;
    struct dice dice;
    bool repeats;
    uint32_t serial;
    char access[512];
    struct asker askers[ASKERS];
};

enum { ROOM_IN = 1 << 16, ROOM_OUT = 1 << 20 };

static size_t write_body(struct both *both, enum body kind, char room[1024])
{
    char event[512], id[32];
    uint32_t serial = both->serial, again = roll(&both->dice, 6);
    snprintf(id, sizeof id, "i%u", again == 0 ? serial / 2 : serial);
    world_event(event, id, (int)roll(&both->dice, 9), roll(&both->dice, 3) == 0 ? 12345 : 5);
    switch (kind) {
    case NONE:
        return 0;
    case EVENT:
        return (size_t)snprintf(room, 1024, "%s", roll(&both->dice, 9) == 0 ? "{}" : event);
    case ARRAY:
        return (size_t)snprintf(room, 1024, "[%s]", event);
    default:
        return (size_t)snprintf(room, 1024, "%zx\r\n%s\r\n0\r\n%s\r\n", strlen(event), event,
                                roll(&both->dice, 2) == 0 ? "" : "x: y\r\n");
    }
}

static void add_request(struct both *both, struct asker *asker, uint32_t most)
{
    char body[1024], length[64] = "";
    if (roll(&both->dice, 4) == 0) {
        asker->kind = roll(&both->dice, 2) == 0 ? 0 : roll(&both->dice, most);
    }
    const struct kind *kind = &kinds[asker->kind];
    size_t n = write_body(both, kind->body, body);
    if (kind->body == CHUNKS) {
        snprintf(length, sizeof length, "Transfer-Encoding: chunked\r\n");
    } else if (kind->body != NONE) {
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", n);
    }
    int wrote = snprintf(asker->in + asker->n_in, ROOM_IN - asker->n_in,
                         "%s\r\nHost: w\r\n%s%sX-Serial: %06u\r\n\r\n%.*s", kind->line,
                         kind->fields, length, both->repeats ? 0 : both->serial, (int)n, body);
    asker->n_in += (size_t)wrote;
    both->serial++;
}

/* ── the worlds ─────────────────────────────────────────────────────────────────────────────── */
static wr_err give_access(void *context, struct wr_arena *arena, struct wr_str *access,
                          struct wr_error *error)
{
    (void)error;
    *access = wr_str_copy(arena, wr_str_z(context));
    return WR_OK;
}

static void write_access(struct both *both, bool decides)
{
    static const char *const tokens[] = {"weir_decides_decides", "weir_labels_labels_l"};
    struct wr_buf buf = wr_buf_fixed(both->access, sizeof both->access);
    for (size_t i = 0; i < WR_COUNTOF(tokens); i++) {
        uint8_t digest[32];
        wr_sha256_of(tokens[i], strlen(tokens[i]), digest);
        wr_format(&buf, "p%zu %s sha256:", i, i == 0 && decides ? "decide" : "label");
        wr_buf_hex(&buf, digest, sizeof digest);
        wr_buf_char(&buf, '\n');
    }
    wr_buf_char(&buf, '\0');
}

static void open_both(struct both *both, uint64_t seed, bool repeats)
{
    memset(both, 0, sizeof *both);
    both->dice.state = seed;
    both->repeats = repeats;
    write_access(both, true);
    world_init(&both->world, seed, seed % 2 == 0 ? WR_MODE_FAST : WR_MODE_DURABLE);
    both->world.config.access = wr_str_z(both->access);
    both->world.config.credentials = (struct wr_credentials){give_access, both->access};
    CHECK(world_start(&both->world));
    sim_faults(both->world.sim)->net_split = seed % 3 == 0 ? 300 : 0;
    if (seed % 5 == 0) {
        sim_faults(both->world.sim)->net_window = 3000; /* they are slow to read */
    }
    for (int i = 0; i < ASKERS; i++) {
        both->askers[i].client = sim_connect(both->world.sim, "here");
        both->askers[i].in = malloc(ROOM_IN);
        both->askers[i].out = malloc(ROOM_OUT);
    }
    wr_server_step(both->world.server, 0);
}

static void close_both(struct both *both)
{
    for (int i = 0; i < ASKERS; i++) {
        free(both->askers[i].in);
        free(both->askers[i].out);
    }
    world_close(&both->world);
}

/* More was asked than can be decided: one is admitted, the others are passed over. What is known
 * of a connection's requests is a mean, and need not be the same. */
static void plan_turn(struct both *both)
{
    struct wr_server *server = both->world.server;
    struct wr_admission *admission = &server->admission;
    admission->is_over = true;
    admission->wait.since_ns = server->now_ns;
    admission->run_ns = 1000000000;
    admission->run_1024ths = 1024;
    for (uint32_t i = 0; i < server->conns_made; i++) {
        server->conns[i]->request_sixteenths = 300 * 16;
    }
}

static void turn(struct both *both, bool planned)
{
    uint32_t dice = roll(&both->dice, 30);
    if (dice == 0) {
        sim_step(both->world.sim, 5000000);
    } else if (dice < 4) {
        sim_step(both->world.sim, WR_OVERLOAD_LATE_NS + 10000000);
    } else if (dice == 4) {
        write_access(both, roll(&both->dice, 3) != 0);
        sim_ask_reload(both->world.sim);
    }
    if (planned) {
        plan_turn(both);
    }
    wr_server_step(both->world.server, 0);
    both->world.server->admission.is_over = false;
}

static void receive(struct both *both)
{
    for (int i = 0; i < ASKERS; i++) {
        struct asker *asker = &both->askers[i];
        size_t got;
        do {
            got = sim_receive(both->world.sim, asker->client, asker->out + asker->n_out,
                              ROOM_OUT - asker->n_out);
            asker->n_out += got;
        } while (got > 0);
    }
}

/* Each asks some, in pieces of up to `most` bytes, and all is answered. */
static void play_round(struct both *both, bool drains)
{
    static const uint32_t sizes[] = {ROOM_IN, ROOM_IN, 2000, 400, 7};
    uint32_t most = sizes[roll(&both->dice, WR_COUNTOF(sizes))];
    bool planned = roll(&both->dice, 2) == 0;
    size_t sent[ASKERS] = {0}, left = 0;
    for (int i = 0; i < ASKERS; i++) {
        struct asker *asker = &both->askers[i];
        uint32_t n = 1 + roll(&both->dice, ASKED);
        uint32_t n_kinds = roll(&both->dice, 4) == 0 ? 0 : ENDING;
        asker->n_in = 0;
        for (uint32_t k = 0; k < n; k++) {
            add_request(both, asker, (uint32_t)WR_COUNTOF(kinds) - n_kinds);
        }
        left += asker->n_in;
    }
    while (left > 0) {
        for (int i = 0; i < ASKERS; i++) {
            struct asker *asker = &both->askers[i];
            size_t n = most == ROOM_IN ? ROOM_IN : roll(&both->dice, most) + 1;
            n = WR_MIN(n, asker->n_in - sent[i]);
            sim_send(both->world.sim, asker->client, asker->in + sent[i], n);
            sent[i] += n;
            left -= n;
        }
        turn(both, planned);
        receive(both);
        if (drains) {
            wr_server_stop(both->world.server);
        }
    }
    for (int i = 0; i < 100; i++) {
        turn(both, planned && i < 3);
        receive(both);
    }
    sim_step(both->world.sim, WR_DEADLINE_LINGER_NS + WR_SWEEP_NS);
    turn(both, false);
    for (int i = 0; i < ASKERS; i++) {
        struct asker *asker = &both->askers[i];
        if (!sim_is_open(both->world.sim, asker->client)) {
            sim_hang_up(both->world.sim, asker->client);
            asker->client = sim_connect(both->world.sim, "here");
        }
    }
    turn(both, false);
}

static void compare(const struct both *a, const struct both *b)
{
    const struct wr_server *one = a->world.server, *two = b->world.server;
    for (int i = 0; i < ASKERS; i++) {
        CHECK_INT(a->askers[i].n_out, b->askers[i].n_out);
        CHECK(a->askers[i].n_out == b->askers[i].n_out &&
              memcmp(a->askers[i].out, b->askers[i].out, a->askers[i].n_out) == 0);
    }
    CHECK(memcmp(&one->metrics, &two->metrics, sizeof one->metrics) == 0);
    CHECK(memcmp(&one->admission.wait, &two->admission.wait, sizeof one->admission.wait) == 0);
    CHECK_INT(one->admission.n_late, two->admission.n_late);
    CHECK_INT(one->admission.n_turned_away, two->admission.n_turned_away);
    for (uint32_t i = 0; i < one->conns_made && i < two->conns_made; i++) {
        const struct wr_wait *wait = &one->conns[i]->wait;
        CHECK(memcmp(wait, &two->conns[i]->wait, sizeof *wait) == 0);
    }
    CHECK_INT(one->conns_made, two->conns_made);
    CHECK_INT(one->n_refused, two->n_refused);
    CHECK_INT(wr_server_sequence(a->world.server), wr_server_sequence(b->world.server));
}

TEST("a head that repeats is answered and counted as one that does not")
{
    static struct both same, other;
    uint64_t n_refused = 0, n_decided = 0, n_forbidden = 0, n_late = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        open_both(&same, seed, true);
        open_both(&other, seed, false);
        for (int round = 0; round < ROUNDS; round++) {
            bool drains = round == ROUNDS - 1 && seed % 2 == 0;
            play_round(&same, drains);
            play_round(&other, drains);
            compare(&same, &other);
            n_late += same.world.server->admission.n_late;
        }
        n_refused += same.world.server->n_refused;
        n_decided += wr_server_sequence(same.world.server);
        n_forbidden += same.world.server->metrics.errors[WR_E_SCOPE];
        close_both(&same);
        close_both(&other);
    }
    CHECK(n_refused > 1000);
    CHECK(n_decided > 1000);
    CHECK(n_forbidden > 1000);
    CHECK(n_late > 100);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
