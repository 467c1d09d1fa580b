/* SPDX-License-Identifier: Apache-2.0 */
/* A server that starts on a full disk, as after a kill there: with what is kept for its end, and
 * without it. */
#include "shell/server_in.h"
#include "full_rig.h"

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

static uint64_t reserved; /* bytes that were asked for last, */
static uint64_t given;    /* and the most that are to be had */

static enum wr_io note_reserve(void *context, int32_t file, uint64_t offset, uint64_t n)
{
    (void)context;
    (void)file;
    reserved = offset + n;
    return reserved <= given ? WR_IO_OK : WR_IO_FULL;
}

static uint64_t tell_much(void *context, const char *directory)
{
    (void)context;
    (void)directory;
    return UINT64_MAX;
}

/* A node waits for room, and finds so much when it begins. A quota is not told of. */
static void begin_late(struct world *world, struct wr_port *port, uint64_t seed, uint64_t room,
                       bool by_quota)
{
    struct wr_error error = {0};
    char path[256], first[2048], told[2048];
    world_open(world, seed, WR_MODE_DURABLE);
    die_full(world, false, first);
    *port = *sim_port(world->sim);
    const struct wr_port_disk *disk = &port->disk;
    port->disk.reserve = note_reserve;
    port->disk.room = by_quota ? tell_much : port->disk.room;
    reserved = 0;
    given = UINT64_MAX;
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
    begin_late(&world, &port, 26, 20 * MIB, false);
    CHECK_INT(reserved, MIB);
    world_close(&world);
}

TEST("with much room it keeps as much for its end as any other")
{
    struct world world;
    struct wr_port port;
    begin_late(&world, &port, 30, UINT64_MAX, false);
    CHECK_INT(reserved, 16 * MIB);
    world_close(&world);
}

/* One more decision, and a snapshot with it. Returns what was asked for behind that. */
static uint64_t reserved_behind(struct world *world, int i)
{
    char event[512], id[32], told[2048];
    reserved = 0;
    world->server->config.snapshot_every_ns = 1000000000;
    snprintf(id, sizeof id, "later%d", i);
    CHECK_INT(decide(world, world_event(event, id, 0, 1), told), 200);
    for (int step = 0; step < 20; step++) {
        wr_server_step(world->server, 100000000);
    }
    CHECK_INT(world->server->snapshots.stats.n_made, i + 1);
    return reserved;
}

TEST("what it keeps grows behind a snapshot when as much is left beside it")
{
    struct world world;
    struct wr_port port;
    begin_late(&world, &port, 31, 20 * MIB, false);
    for (int i = 0; i < 3; i++) {
        sim_faults(world.sim)->disk_room = sim_disk_used(world.sim) + (i == 0 ? 31u : 33u) * MIB;
        CHECK_INT(reserved_behind(&world, i), i == 1 ? 16 * MIB : 0);
    }
    world_close(&world);
}

TEST("room that was told of and not given is asked for once")
{
    struct world world;
    struct wr_port port;
    begin_late(&world, &port, 32, 20 * MIB, false);
    sim_faults(world.sim)->disk_room = UINT64_MAX;
    given = 5 * MIB;
    CHECK_INT(reserved_behind(&world, 0), 4 * MIB);
    CHECK_INT(reserved_behind(&world, 1), 0);
    world_close(&world);
}

TEST("who was full beside much room that was told of keeps the least, and does not ask for more")
{
    struct world world;
    struct wr_port port;
    begin_late(&world, &port, 33, 20 * MIB, true);
    CHECK_INT(reserved, MIB);
    CHECK_INT(reserved_behind(&world, 0), 0);
    world_close(&world);
}

/* Dies full, and one of its last rows rots. Returns how many there are. */
static uint64_t die_full_and_rot(struct world *world, uint64_t seed)
{
    struct wr_error error = {0};
    struct wr_journal *journal = NULL;
    struct wr_journal_options options = {.read_only = true};
    char first[2048];
    world_open(world, seed, WR_MODE_DURABLE);
    uint64_t n = (uint64_t)die_full(world, false, first);
    CHECK_INT(wr_journal_open(sim_port(world->sim), WORLD_STATE, &options, &journal, &error),
              WR_OK);
    uint64_t end = wr_journal_log_size(journal);
    wr_journal_close(journal, false);
    CHECK(sim_rot(world->sim, WORLD_STATE "/journal-0000000000000001.log", end - 4000));
    return n;
}

TEST("a node that waited and finds damage says so, and is not full")
{
    struct world world;
    char told[2048];
    uint64_t n = die_full_and_rot(&world, 27);
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

TEST("one that has given up what it kept and finds damage does not wait for room")
{
    struct world world;
    die_full_and_rot(&world, 34);
    keep_reserve(&world, 2 * MIB);
    sim_faults(world.sim)->disk_room = sim_disk_used(world.sim);
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

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
