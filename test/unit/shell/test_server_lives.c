/* SPDX-License-Identifier: Apache-2.0 */
/* Lives of a node on a disk that fills up and whose syncs fail: started with room and without, with
 * something kept for its end and without, stopped, killed, or with its power gone. Whatever was
 * answered stays so: asked again, an event has the answer it had. */
#include "world.h"

enum { EVENTS = 400, LIVES = 8, ASKED = 40, ANSWER = 2048 };

struct told {
    int n; /* events that were asked for */
    char answers[EVENTS][ANSWER];
};

static int decide(struct world *world, int event, char answer[ANSWER])
{
    struct http http;
    char id[32], room[512];
    snprintf(id, sizeof id, "s%d", event);
    http_open(world, &http);
    int status = http_ask(world, &http, "POST", "/v1/decisions",
                          world_event(room, id, event % 7, 1 + event % 5));
    snprintf(answer, ANSWER, "%.*s", WR_FMT(http.body));
    http_close(world, &http);
    return status;
}

/* Asks for a new event, or for one of before. */
static void ask(struct world *world, struct told *told)
{
    struct sim *sim = world->sim;
    char answer[ANSWER];
    bool again = told->n == EVENTS || (told->n > 0 && sim_random(sim, 3) == 0);
    int event = again ? (int)sim_random(sim, (uint64_t)told->n) : told->n++;
    bool is_kept = decide(world, event, answer) == 200 &&
                   strstr(answer, "\"what\":\"journal\"") == NULL && !sim_crashed(sim);
    if (is_kept) {
        char *before = told->answers[event];
        CHECK(before[0] == '\0' || strcmp(before, answer) == 0);
        memcpy(before, answer, ANSWER);
    }
}

/* As wr_reserve_keep makes it where files can be given space ahead. */
static void keep_reserve(struct world *world, size_t n)
{
    static uint8_t zeros[2 << 20];
    const struct wr_port_disk *disk = &sim_port(world->sim)->disk;
    int32_t file;
    if (disk->open(disk->context, WORLD_STATE "/reserve", WR_DISK_WRITE | WR_DISK_CREATE, &file) ==
        WR_IO_OK) {
        (void)disk->write_at(disk->context, file, zeros, n, 0);
        disk->close(disk->context, file);
    }
}

static void step(struct world *world, int n)
{
    for (int i = 0; i < n && wr_server_step(world->server, 100000000); i++) {
    }
}

static void live(struct world *world, struct told *told)
{
    struct sim *sim = world->sim;
    struct sim_faults *faults = sim_faults(sim);
    for (int i = 0; i < ASKED && !sim_crashed(sim); i++) {
        ask(world, told);
        if (sim_random(sim, 10) == 0) {
            uint64_t room = sim_disk_used(sim) + sim_random(sim, 20000);
            faults->disk_room = sim_random(sim, 3) == 0 ? UINT64_MAX : room;
        }
        if (sim_random(sim, 12) == 0) {
            faults->sync_fails_at = 1 + sim_random(sim, 3);
        }
        if (sim_random(sim, 6) == 0) {
            step(world, 13); /* time to recover */
        }
        if (sim_random(sim, 25) == 0 && !sim_crashed(sim)) {
            keep_reserve(world, (1 + sim_random(sim, 2)) << 20);
        }
    }
    if (!sim_crashed(sim) && sim_random(sim, 2) == 0) {
        wr_server_stop(world->server);
        step(world, 200);
        world_stop(world);
    }
}

static void begin_life(struct world *world, bool is_first)
{
    struct sim *sim = world->sim;
    struct sim_faults *faults = sim_faults(sim);
    uint64_t room = sim_random(sim, sim_random(sim, 2) == 0 ? 5000 : 400000);
    bool has_room = is_first || sim_random(sim, 3) == 0;
    faults->disk_room = has_room ? UINT64_MAX : sim_disk_used(sim) + room;
    faults->sync_fails_at = sim_random(sim, 3) == 0 ? 1 + sim_random(sim, 12) : 0;
    faults->crash_at = sim_random(sim, 2) == 0 ? 1 + sim_random(sim, 80) : 0;
}

static void check_told(struct world *world, const struct told *told)
{
    char answer[ANSWER];
    for (int i = 0; i < told->n; i++) {
        if (told->answers[i][0] != '\0') {
            CHECK_INT(decide(world, i, answer), 200);
            CHECK_TEXT(answer, strlen(answer), told->answers[i]);
        }
    }
}

static struct wr_port_disk real;

static enum wr_io sync_or_full(void *context, int32_t file)
{
    enum wr_io io = real.sync(context, file);
    return io == WR_IO_FAILED ? WR_IO_FULL : io;
}

static enum wr_io sync_directory_or_full(void *context, const char *path)
{
    enum wr_io io = real.sync_directory(context, path);
    return io == WR_IO_FAILED ? WR_IO_FULL : io;
}

/* Syncs that fail say that there is no space. */
static void lack_room(struct world *world)
{
    struct wr_port *port = (struct wr_port *)(uintptr_t)sim_port(world->sim);
    real = port->disk;
    port->disk.sync = sync_or_full;
    port->disk.sync_directory = sync_directory_or_full;
}

/* With answers that it gave a node starts, whatever its disk lacks. */
static bool must_start(struct world *world, const struct told *told)
{
    return real.sync != NULL && told->answers[0][0] != '\0' && !sim_crashed(world->sim);
}

TEST("lives on a disk that fills up, with failing syncs, keep what was answered")
{
    static struct told told;
    uint64_t n_seeds = getenv("WEIR_TEST_ALL") != NULL ? 3000 : 60;
    int n_waited = 0;
    for (uint64_t seed = 0; seed < n_seeds; seed++) {
        struct world world;
        bool durable = seed % 2 == 0;
        memset(&told, 0, sizeof told);
        memset(&real, 0, sizeof real);
        world_init(&world, 9000 + seed, durable ? WR_MODE_DURABLE : WR_MODE_FAST);
        if (seed / 2 % 2 == 0) {
            lack_room(&world);
        }
        world.quiet = true;
        world.config.keeps_deciding = seed % 4 == 1;
        world.config.segment_max = seed % 3 == 0 ? 20000 : 0;
        world.config.snapshot_every_ns = seed % 5 == 0 ? 0 : 500000000;
        world.config.snapshot_rows = 13;
        struct wr_pack *packs[2] = {world.pack, world_other_pack(&world)};
        for (int life = 0; life < LIVES; life++) {
            world.pack = packs[sim_random(world.sim, 4) == 0];
            begin_life(&world, life == 0);
            if (world_start(&world)) {
                n_waited += strstr(world.last_log, "listening") != NULL; /* and not ready */
                live(&world, &told);
            } else {
                CHECK(!must_start(&world, &told));
            }
            world_die(&world, durable && sim_random(world.sim, 2) == 0);
        }
        sim_faults(world.sim)->disk_room = UINT64_MAX;
        CHECK(world_start(&world));
        if (world.server != NULL) {
            check_told(&world, &told);
        }
        world_close(&world);
    }
    CHECK(n_waited > 20);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
