/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes on full disks that are late: with much to fold once there is room, or at their end; and
 * starts where only syncs tell that there is none. */
#include "shell/server_in.h"
#include "full_rig.h"
#include "next_packs.h"

/* A row takes its time to be folded. */
enum { ROW_NS = 50000 };
static struct {
    struct world *world;
    int64_t (*mono_ns)(void *context);
} slow;

static int64_t slow_ns(void *context)
{
    return slow.mono_ns(context) + (int64_t)wr_server_n_folded(slow.world->server) * ROW_NS;
}

/* A node with a long history waits for room, and now there is some. Returns its rows. */
static int wait_slowly(struct world *world, uint64_t seed)
{
    char first[2048], told[2048];
    world_open(world, seed, WR_MODE_FAST);
    int n = die_full_of(world, 2 * MIB, false, first);
    CHECK(n > 2000);
    sim_faults(world->sim)->disk_room = 1;
    CHECK(world_start(world));
    CHECK_INT(ask_ready(world, told), 503);
    CHECK(strstr(told, "\"journal\":\"full\"") != NULL);
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world->sim);
    slow.world = world;
    slow.mono_ns = port->clock.mono_ns;
    port->clock.mono_ns = slow_ns;
    sim_faults(world->sim)->disk_room = UINT64_MAX;
    for (int i = 0; i < 20 && wr_server_n_folded(world->server) == 0; i++) {
        wr_server_step(world->server, 100000000);
    }
    return n;
}

TEST("a node that waited and has much to fold answers meanwhile that it is not ready")
{
    struct world world;
    char event[512], told[2048];
    uint64_t n = (uint64_t)wait_slowly(&world, 28);
    CHECK(wr_server_n_folded(world.server) > 0 && wr_server_n_folded(world.server) < n / 4);
    CHECK_INT(decide(&world, world_event(event, "more", 0, 1), told), 503);
    CHECK(strstr(told, "the state is being read from the journal") != NULL);
    int n_turns = 0;
    while (ask_ready(&world, told) == 503 && n_turns < 1000) {
        CHECK(strstr(told, "\"ready\":false") != NULL);
        CHECK_INT(wr_server_sequence(world.server), n);
        wr_server_step(world.server, 0); /* who asked has hung up: nothing happens behind it */
        bool folds = wr_server_n_folded(world.server) < n;
        int64_t before_ns = slow_ns(world.sim);
        wr_server_step(world.server, 100000000);
        CHECK(!folds || slow_ns(world.sim) - before_ns < 20000000);
        n_turns++;
    }
    CHECK(n_turns > 3);
    CHECK(strstr(world.last_log, "info recovered: the journal is ok again at entry ") != NULL);
    check_known(&world, (int)n - 10);
    CHECK_INT(decide(&world, world_event(event, "more", 0, 1), told), 200);
    world_close(&world);
}

TEST("one that is stopped while it folds so leaves all as it was")
{
    struct world world;
    uint64_t n = (uint64_t)wait_slowly(&world, 29);
    CHECK(wr_server_n_folded(world.server) > 0 && wr_server_n_folded(world.server) < n / 4);
    sim_stop(world.sim);
    int n_turns = 0;
    while (wr_server_step(world.server, 100000000) && n_turns < 1000) {
        n_turns++;
    }
    CHECK(n_turns < 4 && wr_server_n_folded(world.server) < n);
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world.sim);
    port->clock.mono_ns = slow.mono_ns;
    world_die(&world, true);
    CHECK(world_start(&world));
    CHECK(wr_server_sequence(world.server) >= n);
    check_known(&world, (int)n - 10);
    world_close(&world);
}

TEST("a pack that comes while it folds so is taken over when that is done")
{
    struct world world;
    struct next_packs next = {0};
    struct http http;
    char told[2048];
    rig_files_open(&next.files);
    uint64_t n = (uint64_t)wait_slowly(&world, 30);
    CHECK(wr_server_n_folded(world.server) > 0 && wr_server_n_folded(world.server) < n / 4);
    world.server->config.packs = (struct wr_pack_source){next_load, next_give, &next};
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/pack:reload", ""), 200); /* it runs */
    CHECK_HAS(http.body, "\"changed\":false");
    http_close(&world, &http);
    CHECK(wr_server_n_folded(world.server) < n);
    rig_put(&next.files, "more.rego", "package more\n\nnumber := 1\n");
    sim_ask_reload(world.sim);
    for (int i = 0; i < 1000 && ask_ready(&world, told) == 503; i++) {
        wr_server_step(world.server, 100000000);
    }
    wr_server_step(world.server, 0);
    CHECK_INT(ask_ready(&world, told), 200);
    CHECK_INT(next.n_out, 1);
    CHECK_INT(world.server->metrics.n_packs_activated, 1);
    CHECK_INT(world.server->metrics.n_packs_refused, 0);
    check_known(&world, (int)n - 10);
    world_close(&world);
    CHECK_INT(next.n_out, 0);
    rig_files_close(&next.files);
}

TEST("a node that waits for room tells which pack it runs")
{
    struct world world;
    struct next_packs next = {0};
    struct http http;
    char first[2048], told[2048];
    rig_files_open(&next.files);
    world_open(&world, 31, WR_MODE_FAST);
    die_full_of(&world, 50000, false, first);
    sim_faults(world.sim)->disk_room = 1;
    world.config.packs = (struct wr_pack_source){next_load, next_give, &next};
    CHECK(world_start(&world));
    CHECK_INT(ask_ready(&world, told), 503);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/pack:reload", ""), 200);
    CHECK_HAS(http.body, "\"changed\":false");
    rig_put(&next.files, "more.rego", "package more\n\nnumber := 1\n");
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/pack:reload", ""), 503);
    CHECK_HAS(http.body, "the journal is full");
    CHECK_INT(next.n_out, 0);
    http_close(&world, &http);
    world_close(&world);
    rig_files_close(&next.files);
}

static struct {
    struct wr_memory real;
    const struct wr_server *server;
    bool is_out; /* for who folds */
} memory;

static void *take_or_not(void *context, size_t size)
{
    bool lacks = memory.is_out && memory.server->folding.is_under_way;
    return lacks ? NULL : memory.real.take(context, size);
}

TEST("one that has no memory for its state decides nothing, and tries again")
{
    struct world world;
    char event[512], first[2048], told[2048];
    world_open(&world, 32, WR_MODE_FAST);
    world.config.keeps_deciding = true;
    int n = die_full_of(&world, 50000, false, first);
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world.sim);
    memory.real = port->memory;
    memory.is_out = false;
    sim_faults(world.sim)->disk_room = 1;
    CHECK(world_start(&world));
    sim_faults(world.sim)->disk_room = UINT64_MAX;
    memory.server = world.server;
    memory.is_out = true;
    port->memory.take = take_or_not;
    for (int i = 0; i < 30; i++) {
        wr_server_step(world.server, 100000000);
    }
    CHECK(strstr(world.last_log, "error recovery_failed: ") != NULL);
    CHECK_INT(wr_journal_state(world.server->journal), WR_JOURNAL_OK);
    memory.is_out = false;
    CHECK_INT(decide(&world, world_event(event, "more", 0, 1), told), 503);
    for (int i = 0; i < 20; i++) {
        wr_server_step(world.server, 100000000);
    }
    CHECK_INT(ask_ready(&world, told), 200);
    check_known(&world, n - 1);
    world_close(&world);
}

TEST("one that ends on a full disk reads all its rows for its last snapshot, whatever that takes")
{
    struct world world;
    struct http http;
    char event[512], id[32];
    world_open(&world, 34, WR_MODE_FAST);
    world.server->config.snapshot_every_ns = world.config.snapshot_every_ns = INT64_MAX / 4;
    keep_reserve(&world, 2 * MIB);
    sim_faults(world.sim)->disk_room = sim_disk_used(world.sim) + 2 * MIB;
    http_open(&world, &http);
    int n = 0;
    do {
        snprintf(id, sizeof id, "e%d", n++);
    } while (http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, id, n % 9, 1)) ==
             200);
    http_close(&world, &http);
    CHECK(n > 2000);
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world.sim);
    slow.world = &world;
    slow.mono_ns = port->clock.mono_ns;
    port->clock.mono_ns = slow_ns;
    wr_server_stop(world.server);
    while (wr_server_step(world.server, 100000000)) {
    }
    world_stop(&world);
    port->clock.mono_ns = slow.mono_ns;
    sim_faults(world.sim)->disk_room = UINT64_MAX;
    CHECK(world_start(&world));
    CHECK_INT(wr_server_n_folded(world.server), 0);
    CHECK(wr_server_sequence(world.server) >= (uint64_t)n - 1);
    world_close(&world);
}

/* A disk that takes all that is written, and tells by its syncs that it has no place for it: when
 * it holds more than so much, or from the n-th sync on. */
static struct {
    struct wr_port port;
    struct wr_port_disk real;
    struct sim *sim;
    uint64_t room, n, from, until;
} late;

static void use_late(struct world *world, uint64_t from, uint64_t until)
{
    memset(&late, 0, sizeof late);
    late.sim = world->sim;
    late.port = *sim_port(world->sim);
    late.real = late.port.disk;
    late.room = UINT64_MAX;
    late.from = from;
    late.until = until;
}

static bool finds_none(void)
{
    late.n++;
    return sim_disk_used(late.sim) > late.room || (late.n >= late.from && late.n < late.until);
}

static enum wr_io sync_late(void *context, int32_t file)
{
    if (!finds_none()) {
        return late.real.sync(context, file);
    }
    sim_faults(late.sim)->sync_fails_at = 1;
    return late.real.sync(context, file) == WR_IO_FAILED ? WR_IO_FULL : WR_IO_FAILED;
}

static enum wr_io sync_directory_late(void *context, const char *path)
{
    bool is_state = strcmp(path, WORLD_STATE) == 0;
    return is_state && finds_none() ? WR_IO_FULL : late.real.sync_directory(context, path);
}

static bool start_late(struct world *world)
{
    struct wr_error error = {0};
    late.port.disk.sync = sync_late;
    late.port.disk.sync_directory = sync_directory_late;
    wr_err err = wr_server_open(&late.port, world->pack, &world->config, &world->server, &error);
    CHECK_INT(err, WR_OK);
    if (err != WR_OK) {
        fprintf(stderr, "sync %d: %s\n", (int)late.from, error.text);
        world->server = NULL;
    }
    return err == WR_OK;
}

static void step(struct world *world, int n)
{
    for (int i = 0; i < n; i++) {
        wr_server_step(world->server, 100000000);
    }
}

static void live_and_die(struct world *world, uint64_t seed, bool power_loss)
{
    char event[512], id[32], told[2048];
    world_open(world, seed, power_loss ? WR_MODE_DURABLE : WR_MODE_FAST);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "e%d", i);
        CHECK_INT(decide(world, world_event(event, id, i % 9, 1), told), 200);
    }
    world_die(world, power_loss);
}

/* Waits for room, and takes none meanwhile. */
static void check_waits(struct world *world)
{
    char event[512], told[2048];
    CHECK_INT(ask_ready(world, told), 503);
    CHECK(strstr(told, "\"journal\":\"full\"") != NULL);
    uint64_t used = sim_disk_used(world->sim);
    step(world, 30);
    CHECK(sim_disk_used(world->sim) <= used);
    CHECK_INT(ask_ready(world, told), 503);
    CHECK(strstr(told, "\"journal\":\"full\"") != NULL);
    CHECK_INT(decide(world, world_event(event, "more", 0, 1), told), 503);
}

/* What was answered in the first life stands, and what is answered now does when this one ends. */
static void check_begun(struct world *world, bool power_loss)
{
    char event[512], more[2048], told[2048];
    step(world, 20);
    CHECK_INT(ask_ready(world, told), 200);
    check_known(world, 0);
    check_known(world, 19);
    CHECK_INT(decide(world, world_event(event, "more", 0, 1), more), 200);
    world_die(world, power_loss);
    CHECK(world_start(world));
    check_known(world, 0);
    check_known(world, 19);
    CHECK_INT(decide(world, world_event(event, "more", 0, 1), told), 200);
    CHECK_TEXT(told, strlen(told), more);
}

/* False: a start has fewer syncs. */
static bool fail_sync(uint64_t n, bool lasts, bool other_pack, bool power_loss)
{
    struct world world;
    char told[2048];
    live_and_die(&world, 100 + n, power_loss);
    if (other_pack) { /* which a start writes a row about */
        world.pack = world_other_pack(&world);
    }
    use_late(&world, n, lasts ? UINT64_MAX : n + 1);
    bool touched = true;
    if (start_late(&world)) {
        touched = late.n >= n;
        bool is_ready = ask_ready(&world, told) == 200; /* it was not the journal's, or the last */
        if (!is_ready && lasts) {
            check_waits(&world);
        }
        CHECK(n > 2 || !is_ready); /* the segment's and its name's */
        late.until = 0;
        check_begun(&world, power_loss);
    }
    world_close(&world);
    return touched;
}

TEST("a start of which a sync finds no space, whichever, is one on a full disk")
{
    for (int i = 0; i < 8; i++) {
        uint64_t n = 1;
        while (fail_sync(n, i % 2 == 0, i / 2 % 2 == 0, i / 4 == 0)) {
            n++;
        }
        CHECK(n >= (i / 2 % 2 == 0 ? 6 : 3));
    }
}

TEST("where only syncs tell of a full disk, a start takes what is kept, or waits for room to sync")
{
    for (int kept = 0; kept < 2; kept++) {
        struct world world;
        char told[2048];
        live_and_die(&world, 200, true);
        if (kept) {
            keep_reserve(&world, 2 * MIB);
        }
        use_late(&world, UINT64_MAX, 0);
        late.room = sim_disk_used(world.sim);
        CHECK(start_late(&world));
        CHECK(kept == (ask_ready(&world, told) == 200));
        if (!kept) {
            check_waits(&world);
            late.room += MIB / 2;
            check_waits(&world);
            late.room += MIB;
        }
        check_begun(&world, true);
        world_close(&world);
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
