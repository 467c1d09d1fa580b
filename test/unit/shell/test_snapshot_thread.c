/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots written by a thread of the system, beside a server whose journal is the simulator's:
 * the thread can be held, and the loop must not wait for it. */
#include "world.h"

#include "port/port_linux.h"
#include "shell/journal.h"
#include "shell/server_in.h"
#include "shell/snapshots.h"

#include <stdatomic.h>
#include <unistd.h>

enum { LOOK_US = 200, LOOKS = 25000, ENTRIES = 30 };

struct threaded {
    struct world world;
    const struct wr_port *sim;
    struct wr_port port; /* the system's; a writer that waits for its gate can be held there */
    struct wr_port_linux *native;
    void (*gate_wait)(void *context, struct wr_gate *gate, int64_t timeout_ns);
    atomic_uint held, holding, gave_out; /* the last: so long that somebody must wait for it */
    bool late; /* the thread comes to the ring only when the snapshot is given up */
    char directory[32];
};

static void wait_at_gate(void *context, struct wr_gate *gate, int64_t timeout_ns)
{
    struct threaded *t = context;
    if (gate == &t->world.server->snapshots.gate && atomic_load(&t->held) != 0) {
        atomic_store(&t->holding, 1);
        for (int i = 0; i < LOOKS && atomic_load(&t->held) != 0; i++) {
            usleep(LOOK_US);
        }
        atomic_store(&t->gave_out, atomic_load(&t->held));
    }
    t->gate_wait(NULL, gate, timeout_ns);
}

static void give_way(void *context, int steps)
{
    struct threaded *t = context;
    (void)steps;
    for (int i = 0; i < LOOKS && t->late && atomic_load(&t->world.server->snapshots.dropped) == 0;
         i++) {
        usleep(LOOK_US);
    }
}

static void open_threaded(struct threaded *t)
{
    struct http http;
    char event[512], id[32];
    memset(t, 0, sizeof *t);
    world_init(&t->world, 71, WR_MODE_DURABLE);
    t->world.config.snapshot_every_ns = (int64_t)3600 * 1000000000;
    t->world.config.snapshot_rows = 1000000;
    CHECK(world_start(&t->world));
    http_open(&t->world, &http);
    for (int i = 0; i < ENTRIES; i++) {
        snprintf(id, sizeof id, "e%d", i);
        CHECK_INT(http_ask(&t->world, &http, "POST", "/v1/decisions",
                           world_event(event, id, i % 11, 1 + i)),
                  200);
    }
    http_close(&t->world, &http);
    strcpy(t->directory, "weir-thread-XXXXXX");
    CHECK(mkdtemp(t->directory) != NULL && wr_port_linux_open(&t->port, &t->native) == WR_IO_OK);
    t->gate_wait = t->port.threads.gate_wait;
    t->port.threads.gate_wait = wait_at_gate;
    t->port.threads.give_way = give_way;
    t->port.threads.context = t;
    struct wr_server *server = t->world.server;
    t->sim = server->port;
    server->port = &t->port;
    server->config.state_directory = t->directory;
    server->config.snapshot_rows = 1;
}

static void close_threaded(struct threaded *t)
{
    char command[64];
    struct wr_server *server = t->world.server;
    wr_snapshots_close(server);
    server->port = t->sim;
    server->config.state_directory = WORLD_STATE;
    server->config.snapshot_every_ns = 0;
    world_close(&t->world);
    wr_port_linux_close(t->native);
    snprintf(command, sizeof command, "rm -r %s", t->directory);
    CHECK(system(command) == 0);
}

/* Turns, at most some seconds. */
static bool reaches(struct threaded *t, enum wr_snapshot_stage stage)
{
    struct wr_snapshots *s = &t->world.server->snapshots;
    for (int i = 0; i < LOOKS && s->stage != stage; i++) {
        wr_snapshots_step(t->world.server);
        usleep(s->stage != stage ? LOOK_US : 0);
    }
    return s->stage == stage;
}

static bool begins(struct threaded *t, enum wr_snapshot_stage stage)
{
    t->world.server->now_ns += WR_SNAPSHOT_RETRY_NS;
    return reaches(t, stage);
}

static void hold(struct threaded *t)
{
    atomic_store(&t->holding, 0);
    atomic_store(&t->held, 1);
    for (int i = 0; i < LOOKS && atomic_load(&t->holding) == 0; i++) {
        usleep(LOOK_US);
    }
    CHECK_INT(atomic_load(&t->holding), 1);
}

static void take_row(struct threaded *t)
{
    struct wr_server *server = t->world.server;
    struct wr_row_place place;
    struct wr_str payload;
    struct wr_error error;
    CHECK_INT(wr_journal_fetch_placed(server->journal, server->snapshots.info.sequence, &payload,
                                      &place, &error),
              WR_OK);
    server->snapshots.asked = true;
    wr_snapshots_take_row(server, &place, true);
}

static bool is_there(struct threaded *t, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", t->directory, name);
    return access(path, F_OK) == 0;
}

/* The next one is made, and whole. */
static void make_one(struct threaded *t)
{
    struct wr_server *server = t->world.server;
    struct wr_journal_identity identity = wr_journal_identity(server->journal);
    struct wr_snapshot_place place = {
        .port = &t->port, .directory = t->directory, .keys = {identity.keys[0], identity.keys[1]}};
    struct wr_snapshot_info info;
    struct wr_error error;
    uint64_t made = server->snapshots.stats.n_made;
    CHECK(begins(t, WR_SNAPSHOT_ASKING));
    take_row(t);
    CHECK(reaches(t, WR_SNAPSHOT_IDLE));
    CHECK_INT(server->snapshots.stats.n_made, made + 1);
    CHECK_INT(wr_snapshot_look(&place, ENTRIES, &info, &error), WR_OK);
    CHECK_INT(wr_snapshot_load(&place, &info, NULL, &error), WR_OK);
    CHECK(!is_there(t, "snapshot.new"));
}

TEST("the loop does not wait for the writer of a snapshot that is given up")
{
    struct threaded t;
    open_threaded(&t);
    struct wr_server *server = t.world.server;
    struct wr_snapshots *s = &server->snapshots;
    CHECK(begins(&t, WR_SNAPSHOT_WARMING));
    hold(&t);
    CHECK(reaches(&t, WR_SNAPSHOT_COPYING));
    wr_engine_snapshot_end(server->engine); /* as when the ring is full */
    for (int i = 0; i < 3; i++) {
        wr_snapshots_step(server);
        CHECK_INT(s->stage, WR_SNAPSHOT_ENDING);
        CHECK_INT(atomic_load(&s->outcome), WR_SNAPSHOT_PENDING);
    }
    CHECK_INT(atomic_load(&t.gave_out), 0);
    atomic_store(&t.held, 0);
    CHECK(reaches(&t, WR_SNAPSHOT_IDLE));
    CHECK(wr_ring_is_empty(&s->ring) && !is_there(&t, "snapshot.new"));
    CHECK(s->stats.n_given_up == 1 && s->stats.n_failed == 0 && s->stats.n_made == 0);
    make_one(&t);
    close_threaded(&t);
}

TEST("nor does it wait for room in a full ring when all is copied")
{
    struct threaded t;
    open_threaded(&t);
    struct wr_server *server = t.world.server;
    struct wr_snapshots *s = &server->snapshots;
    CHECK(begins(&t, WR_SNAPSHOT_ASKING));
    hold(&t);
    for (uint32_t n = 1 << 16; n >= 8; n /= 2) {
        for (uint8_t *piece; (piece = wr_ring_claim(&s->ring, 1, n)) != NULL;) {
            memset(piece, 0, n);
        }
    }
    take_row(&t);
    CHECK(s->stage == WR_SNAPSHOT_ASKING && !s->asked);
    CHECK_INT(atomic_load(&t.gave_out), 0);
    atomic_store(&t.held, 0);
    for (int i = 0; i < LOOKS && s->stage == WR_SNAPSHOT_ASKING; i++) {
        usleep(LOOK_US);
        take_row(&t);
    }
    CHECK(reaches(&t, WR_SNAPSHOT_IDLE));
    CHECK(s->stats.n_made == 1 && s->stats.n_failed == 0 && s->stats.n_given_up == 0);
    close_threaded(&t);
}

TEST("a snapshot that is stopped in any stage ends, and leaves nothing")
{
    struct threaded t;
    open_threaded(&t);
    struct wr_server *server = t.world.server;
    struct wr_snapshots *s = &server->snapshots;
    for (int round = 0; round < 8; round++) {
        for (int stage = WR_SNAPSHOT_WARMING; stage <= WR_SNAPSHOT_ENDING; stage++) {
            bool given_up = stage == WR_SNAPSHOT_ENDING;
            CHECK(begins(&t, given_up ? WR_SNAPSHOT_COPYING : (enum wr_snapshot_stage)stage));
            if (given_up) {
                wr_engine_snapshot_end(server->engine);
                wr_snapshots_step(server);
                CHECK(s->stage == WR_SNAPSHOT_ENDING || s->stage == WR_SNAPSHOT_IDLE);
            }
            wr_snapshots_stop(server);
            CHECK(s->stage == WR_SNAPSHOT_IDLE && !s->has_thread);
            CHECK(wr_ring_is_empty(&s->ring) && !is_there(&t, "snapshot.new"));
            if (stage == WR_SNAPSHOT_WARMING && round % 2 == 0) {
                wr_snapshots_close(server); /* a new ring has to be warmed again */
            }
        }
    }
    CHECK_INT(s->stats.n_given_up, 8 * 4);
    make_one(&t);
    close_threaded(&t);
}

TEST("who stops a snapshot does not wait until its ring is warm")
{
    struct threaded t;
    open_threaded(&t);
    struct wr_snapshots *s = &t.world.server->snapshots;
    t.late = true;
    CHECK(begins(&t, WR_SNAPSHOT_WARMING));
    wr_snapshots_stop(t.world.server);
    CHECK(s->stage == WR_SNAPSHOT_IDLE && !s->ring_is_warm);
    t.late = false;
    make_one(&t);
    CHECK(s->ring_is_warm);
    close_threaded(&t);
}

static void *take_nothing(void *context, size_t n)
{
    (void)context;
    (void)n;
    return NULL;
}

TEST("a snapshot that cannot be begun says why, and the next one is made")
{
    struct threaded t;
    open_threaded(&t);
    struct wr_server *server = t.world.server;
    struct wr_snapshots *s = &server->snapshots;
    void *(*take)(void *context, size_t n) = t.port.memory.take;
    for (int what = 0; what < 2; what++) {
        t.port.memory.take = what == 0 ? take_nothing : take;
        server->config.state_directory = what == 0 ? t.directory : "weir-thread-none";
        server->now_ns += WR_SNAPSHOT_RETRY_NS;
        wr_snapshots_step(server);
        CHECK(s->stage == WR_SNAPSHOT_IDLE && !s->has_thread);
        CHECK_INT(s->stats.n_failed, what + 1);
        const char *why = wr_io_text(what == 0 ? WR_IO_LIMIT : WR_IO_ABSENT);
        CHECK(strstr(t.world.last_log, why) != NULL);
    }
    server->config.state_directory = t.directory;
    make_one(&t);
    close_threaded(&t);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
