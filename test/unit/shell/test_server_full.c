/* SPDX-License-Identifier: Apache-2.0 */
/* A server that starts on a full disk, as after a kill there: with what is kept for its end, and
 * without it. */
#include "shell/journal.h"
#include "shell/server_in.h"
#include "world.h"

enum { MIB = 1 << 20 };

/* One decision, on a connection of its own; `told` gets the body. */
static int decide(struct world *world, const char *event, char told[2048])
{
    struct http http;
    http_open(world, &http);
    int status = http_ask(world, &http, "POST", "/v1/decisions", event);
    snprintf(told, 2048, "%.*s", WR_FMT(http.body));
    http_close(world, &http);
    return status;
}

static int ask_ready(struct world *world, char told[2048])
{
    struct http http;
    http_open(world, &http);
    int status = http_ask(world, &http, "GET", "/health?ready", "");
    snprintf(told, 2048, "%.*s", WR_FMT(http.body));
    http_close(world, &http);
    return status;
}

/* As wr_reserve_keep makes it where files can be given space ahead. */
static void keep_reserve(struct world *world, size_t n)
{
    static uint8_t zeros[2 * MIB];
    const struct wr_port_disk *disk = &sim_port(world->sim)->disk;
    int32_t file;
    CHECK_INT(
        disk->open(disk->context, WORLD_STATE "/reserve", WR_DISK_WRITE | WR_DISK_CREATE, &file),
        WR_IO_OK);
    CHECK_INT(disk->write_at(disk->context, file, zeros, n, 0), WR_IO_OK);
    CHECK_INT(disk->sync(disk->context, file), WR_IO_OK);
    CHECK_INT(disk->sync_directory(disk->context, WORLD_STATE), WR_IO_OK);
    disk->close(disk->context, file);
}

/* Decides until a disk with so much room is full, then the process is killed, or the power is gone.
 * Returns how many events had an answer, `first` being that of the first. */
static int die_full_of(struct world *world, uint64_t room, bool power_loss, char first[2048])
{
    char event[512], id[32], told[2048];
    struct http http;
    int n = 0;
    CHECK_INT(decide(world, world_event(event, "e0", 0, 1), first), 200);
    sim_faults(world->sim)->disk_room = sim_disk_used(world->sim) + room;
    http_open(world, &http);
    do {
        snprintf(id, sizeof id, "e%d", ++n);
    } while (n < 9999 && http_ask(world, &http, "POST", "/v1/decisions",
                                  world_event(event, id, n % 9, 1)) == 200);
    http_close(world, &http);
    CHECK(n > 5 && n < 9999);
    CHECK_INT(ask_ready(world, told), 503);
    CHECK(strstr(told, "\"journal\":\"full\"") != NULL);
    world_die(world, power_loss);
    return n;
}

static int die_full(struct world *world, bool power_loss, char first[2048])
{
    return die_full_of(world, 50000, power_loss, first);
}

TEST("a node that was killed on a full disk begins with what was kept for its end")
{
    struct world world;
    char event[512], first[2048], told[2048];
    world_open(&world, 21, WR_MODE_DURABLE);
    keep_reserve(&world, 2 * MIB);
    int n = die_full(&world, true, first);
    sim_faults(world.sim)->disk_room = sim_disk_used(world.sim);
    CHECK(world_start(&world));
    if (world.server != NULL) {
        CHECK_INT(ask_ready(&world, told), 200);
        CHECK(wr_server_sequence(world.server) >= (uint64_t)n);
        CHECK_INT(decide(&world, world_event(event, "e0", 0, 1), told), 200);
        CHECK_TEXT(told, strlen(told), first);
        CHECK_INT(decide(&world, world_event(event, "more", 0, 1), told), 200);
        CHECK_INT(decide(&world, world_event(event, "e3", 3, 1), told), 200);
    }
    world_close(&world);
}

TEST("without it the node answers that its journal is full, and begins when there is room")
{
    for (uint64_t room = 0; room < 4000; room += 100) { /* a start writes more than once */
        struct world world;
        char event[512], first[2048], told[2048];
        world_open(&world, 22 + room, room % 200 == 0 ? WR_MODE_DURABLE : WR_MODE_FAST);
        int n = die_full(&world, room % 300 == 0 && room % 200 == 0, first);
        sim_faults(world.sim)->disk_room = sim_disk_used(world.sim) + room;
        CHECK(world_start(&world));
        if (world.server == NULL) {
            world_close(&world);
            break;
        }
        bool was_ready = ask_ready(&world, told) == 200;
        CHECK(was_ready || strstr(told, "\"journal\":\"full\"") != NULL);
        CHECK(room >= 128 || !was_ready);
        for (int i = 0; i < 50 && !was_ready; i++) {
            wr_server_step(world.server, 100000000);
        }
        if (!was_ready) {
            CHECK_INT(decide(&world, world_event(event, "more", 0, 1), told), 503);
            CHECK(strstr(told, "\"code\":\"journal\"") != NULL);
        }
        sim_faults(world.sim)->disk_room = UINT64_MAX;
        for (int i = 0; i < 20; i++) {
            wr_server_step(world.server, 100000000);
        }
        CHECK_INT(ask_ready(&world, told), 200);
        CHECK(wr_server_sequence(world.server) >= (uint64_t)n);
        CHECK_INT(decide(&world, world_event(event, "e0", 0, 1), told), 200);
        CHECK_TEXT(told, strlen(told), first);
        CHECK_INT(decide(&world, world_event(event, "more", 0, 1), told), 200);
        world_close(&world);
    }
}

TEST("one that is stopped before there is room leaves the directory as it was")
{
    struct world world;
    char event[512], first[2048], told[2048];
    world_open(&world, 23, WR_MODE_DURABLE);
    die_full(&world, false, first);
    for (int i = 0; i < 3; i++) {
        sim_faults(world.sim)->disk_room = sim_disk_used(world.sim);
        CHECK(world_start(&world));
        world_stop(&world);
    }
    sim_faults(world.sim)->disk_room = UINT64_MAX;
    CHECK(world_start(&world));
    if (world.server != NULL) {
        CHECK_INT(decide(&world, world_event(event, "e0", 0, 1), told), 200);
        CHECK_TEXT(told, strlen(told), first);
    }
    world_close(&world);
}

TEST("a first start without room fails and says so")
{
    struct world world;
    struct wr_error error = {0};
    world_init(&world, 24, WR_MODE_FAST);
    sim_faults(world.sim)->disk_room = 100;
    CHECK_INT(wr_server_open(sim_port(world.sim), world.pack, &world.config, &world.server, &error),
              WR_E_STATE);
    CHECK(strstr(error.text, "cannot begin a segment: no space left") != NULL);
    world.server = NULL;
    world_close(&world);
}

static uint64_t reserved; /* bytes that were asked for last */

static enum wr_io note_reserve(void *context, int32_t file, uint64_t offset, uint64_t n)
{
    (void)context;
    (void)file;
    reserved = offset + n;
    return WR_IO_OK;
}

/* A node waits for room, and finds so much when it begins. */
static void begin_late(struct world *world, struct wr_port *port, uint64_t seed, uint64_t room)
{
    struct wr_error error = {0};
    char path[256], first[2048], told[2048];
    world_open(world, seed, WR_MODE_DURABLE);
    die_full(world, false, first);
    *port = *sim_port(world->sim);
    const struct wr_port_disk *disk = &port->disk;
    port->disk.reserve = note_reserve;
    reserved = 0;
    struct wr_str digest = wr_pack_digest_text(world->pack);
    snprintf(path, sizeof path, WORLD_STATE "/packs/%.*s.tar", WR_FMT(digest));
    CHECK_INT(disk->remove(disk->context, path), WR_IO_OK);
    sim_faults(world->sim)->disk_room = 1;
    CHECK_INT(wr_server_open(port, world->pack, &world->config, &world->server, &error), WR_OK);
    CHECK_INT(ask_ready(world, told), 503);
    CHECK_INT(reserved, 0);
    CHECK_INT(disk->exists(disk->context, WORLD_STATE "/reserve"), WR_IO_ABSENT);
    sim_faults(world->sim)->disk_room = room;
    for (int i = 0; i < 20; i++) {
        wr_server_step(world->server, 100000000);
    }
    CHECK_INT(ask_ready(world, told), 200);
    CHECK_INT(disk->exists(disk->context, path), WR_IO_OK);
}

TEST("a node that waits keeps its pack, and the least for its end, when it has begun")
{
    struct world world;
    struct wr_port port;
    begin_late(&world, &port, 26, 20 * MIB);
    CHECK_INT(reserved, MIB);
    world_close(&world);
}

TEST("with much room it keeps as much for its end as any other")
{
    struct world world;
    struct wr_port port;
    begin_late(&world, &port, 30, UINT64_MAX);
    CHECK_INT(reserved, 16 * MIB);
    world_close(&world);
}

TEST("what it keeps grows behind a snapshot when as much is left beside it")
{
    struct world world;
    struct wr_port port;
    char event[512], id[32], told[2048];
    begin_late(&world, &port, 31, 20 * MIB);
    world.server->config.snapshot_every_ns = 1000000000;
    for (int i = 0; i < 3; i++) {
        reserved = 0;
        sim_faults(world.sim)->disk_room = sim_disk_used(world.sim) + (i == 0 ? 31u : 33u) * MIB;
        snprintf(id, sizeof id, "later%d", i);
        CHECK_INT(decide(&world, world_event(event, id, 0, 1), told), 200);
        for (int step = 0; step < 20; step++) {
            wr_server_step(world.server, 100000000);
        }
        CHECK_INT(world.server->snapshots.stats.n_made, i + 1);
        CHECK_INT(reserved, i == 1 ? 16 * MIB : 0);
    }
    world_close(&world);
}

TEST("a node that waited and finds damage says so, and is not full")
{
    struct world world;
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    struct wr_journal_options options = {.read_only = true};
    char first[2048], told[2048];
    world_open(&world, 27, WR_MODE_DURABLE);
    uint64_t n = (uint64_t)die_full(&world, false, first);
    CHECK_INT(wr_journal_open(sim_port(world.sim), WORLD_STATE, &options, &journal, &error), WR_OK);
    uint64_t end = wr_journal_log_size(journal);
    wr_journal_close(journal, false);
    CHECK(sim_rot(world.sim, WORLD_STATE "/journal-0000000000000001.log", end - 4000));
    sim_faults(world.sim)->disk_room = 1;
    CHECK(world_start(&world));
    CHECK_INT(wr_server_sequence(world.server), n);
    sim_faults(world.sim)->disk_room = UINT64_MAX;
    for (int i = 0; i < 30; i++) {
        wr_server_step(world.server, 100000000);
    }
    CHECK_INT(ask_ready(&world, told), 503);
    CHECK(strstr(told, "\"journal\":\"broken\"") != NULL);
    CHECK(strstr(world.last_log, "recovery_failed: the journal is broken: row ") != NULL);
    world_stop(&world);
    world.quiet = true;
    CHECK(!world_start(&world));
    world_close(&world);
}

static struct {
    struct wr_port_disk real;
    bool sync_is_full, rename_is_full; /* the next one */
} once;

static enum wr_io sync_or_full(void *context, int32_t file)
{
    bool is_full = once.sync_is_full;
    once.sync_is_full = false;
    return is_full ? WR_IO_FULL : once.real.sync(context, file);
}

static enum wr_io rename_or_full(void *context, const char *from, const char *to)
{
    bool is_full = once.rename_is_full;
    once.rename_is_full = false;
    return is_full ? WR_IO_FULL : once.real.rename(context, from, to);
}

TEST("a first start that finds no room for its segment's name begins when there is some")
{
    for (int i = 0; i < 2; i++) {
        struct world world;
        struct wr_error error = {0};
        char told[2048];
        world_init(&world, 25, WR_MODE_FAST);
        struct wr_port port = *sim_port(world.sim);
        once.real = port.disk;
        once.sync_is_full = i == 0;
        once.rename_is_full = i == 1;
        port.disk.sync = sync_or_full;
        port.disk.rename = rename_or_full;
        CHECK_INT(wr_server_open(&port, world.pack, &world.config, &world.server, &error), WR_OK);
        CHECK_INT(ask_ready(&world, told), 503);
        CHECK(strstr(told, "\"journal\":\"full\"") != NULL);
        struct wr_str node = json_member(wr_str_z(told), "node");
        char before[32], event[512];
        snprintf(before, sizeof before, "%.*s", WR_FMT(node));
        for (int step = 0; step < 20; step++) {
            wr_server_step(world.server, 100000000);
        }
        CHECK_INT(ask_ready(&world, told), 200);
        CHECK(wr_str_eq(json_member(wr_str_z(told), "node"), wr_str_z(before)));
        CHECK_INT(decide(&world, world_event(event, "e0", 0, 1), told), 200);
        world_stop(&world);
        CHECK(world_start(&world));
        CHECK_INT(ask_ready(&world, told), 200);
        CHECK(wr_str_eq(json_member(wr_str_z(told), "node"), wr_str_z(before)));
        world_close(&world);
    }
}

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

/* The answer to an event of the first life, where it was row n + 1, is what it was. */
static void check_known(struct world *world, int n)
{
    char id[32], event[512], row[32], told[2048];
    snprintf(id, sizeof id, "e%d", n);
    snprintf(row, sizeof row, "-1-%d\"", n + 1);
    CHECK_INT(decide(world, world_event(event, id, n % 9, 1), told), 200);
    CHECK(strstr(told, row) != NULL);
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
        int64_t before_ns = slow_ns(world.sim);
        wr_server_step(world.server, 100000000);
        CHECK(slow_ns(world.sim) - before_ns < 20000000);
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

static void edit_pack(struct world *world)
{
    struct wr_error error = {0};
    rig_edit(&world->files, "weir.json", "\"is_big\": {",
             "\"n_again\": {\"entity\": \"customer\", \"count\": true, \"window\": \"1h\"}, "
             "\"is_big\": {");
    CHECK_INT(
        wr_pack_open(&world->arena, world->files.files, world->files.n, NULL, &world->pack, &error),
        WR_OK);
}

/* False: a start has fewer syncs. */
static bool fail_sync(uint64_t n, bool lasts, bool other_pack, bool power_loss)
{
    struct world world;
    char told[2048];
    live_and_die(&world, 100 + n, power_loss);
    if (other_pack) { /* which a start writes a row about */
        edit_pack(&world);
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
