/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of a server in the simulator: used when they fit, refused when any bit of them is
 * another, harmless when power goes at any step of writing one. */
#include "world.h"

#include "port/port_linux.h"
#include "shell/journal.h"
#include "shell/snapshot_file.h"
#include "shell/server_in.h"
#include "shell/snapshots.h"
#include "unit/shell/resident.h"

enum { FILE_MAX = 4 << 20 };

static void decide(struct world *world, struct http *http, int from, int n)
{
    char event[512], id[32];
    for (int i = from; i < from + n && !sim_crashed(world->sim); i++) {
        snprintf(id, sizeof id, "e%d", i);
        int status = http_ask(world, http, "POST", "/v1/decisions",
                              world_event(event, id, i % 11, 1 + i % 100));
        CHECK(status == 200 || sim_crashed(world->sim));
    }
}

static void digest_of(struct world *world, char digest[65])
{
    struct http http;
    http_open(world, &http);
    CHECK_INT(http_ask(world, &http, "GET", "/v1/state", ""), 200);
    snprintf(digest, 65, "%.*s", WR_FMT(json_member(http.body, "digest")));
    http_close(world, &http);
}

/* Turns until nothing more is to be written. */
static void settle(struct world *world)
{
    for (int i = 0; i < 200 && !sim_crashed(world->sim); i++) {
        wr_server_step(world->server, 10000000);
        sim_step(world->sim, 10000000);
    }
}

static void open_world(struct world *world, uint64_t seed, uint64_t rows)
{
    world_init(world, seed, WR_MODE_DURABLE);
    world->config.snapshot_every_ns = (int64_t)3600 * 1000000000;
    world->config.snapshot_rows = rows;
    CHECK(world_start(world));
}

/* The digest that a fold of the whole journal gives: a start that uses no snapshot. */
static void folded_digest(struct world *world, char digest[65])
{
    int64_t every = world->config.snapshot_every_ns;
    world->config.snapshot_every_ns = 0;
    CHECK(world_start(world));
    CHECK_INT(wr_server_n_folded(world->server), wr_server_sequence(world->server));
    digest_of(world, digest);
    world_stop(world);
    world->config.snapshot_every_ns = every;
}

/* ── files ──────────────────────────────────────────────────────────────────────────────────── */
struct place {
    struct wr_snapshot_place place;
    uint64_t sequences[WR_LIMIT_SNAPSHOTS];
    size_t n;
};

static struct place look(struct world *world)
{
    struct place place = {.place = {.port = sim_port(world->sim), .directory = WORLD_STATE}};
    struct wr_journal *journal = NULL;
    const struct wr_journal_options options = {.read_only = true};
    struct wr_error error;
    CHECK_INT(wr_journal_open(sim_port(world->sim), WORLD_STATE, &options, &journal, &error),
              WR_OK);
    struct wr_journal_identity identity = wr_journal_identity(journal);
    memcpy(place.place.keys, identity.keys, sizeof identity.keys);
    wr_journal_close(journal, false);
    place.n = wr_snapshot_list(&place.place, place.sequences);
    return place;
}

static size_t read_file(struct world *world, const char *path, char *bytes)
{
    const struct wr_port_disk *disk = &sim_port(world->sim)->disk;
    int32_t file;
    size_t got = 0;
    CHECK_INT(disk->open(disk->context, path, WR_DISK_READ, &file), WR_IO_OK);
    CHECK_INT(disk->read_at(disk->context, file, bytes, FILE_MAX, 0, &got), WR_IO_OK);
    disk->close(disk->context, file);
    return got;
}

static void write_file(struct world *world, const char *path, const char *bytes, size_t n)
{
    const struct wr_port_disk *disk = &sim_port(world->sim)->disk;
    int32_t file;
    CHECK_INT(disk->open(disk->context, path, WR_DISK_WRITE | WR_DISK_CREATE, &file), WR_IO_OK);
    CHECK_INT(disk->truncate(disk->context, file, 0), WR_IO_OK);
    CHECK_INT(disk->write_at(disk->context, file, bytes, n, 0), WR_IO_OK);
    CHECK_INT(disk->sync(disk->context, file), WR_IO_OK);
    disk->close(disk->context, file);
    CHECK_INT(disk->sync_directory(disk->context, WORLD_STATE), WR_IO_OK);
}

static void path_of(uint64_t sequence, char path[128])
{
    snprintf(path, 128, WORLD_STATE "/snapshot-%016llx.img", (unsigned long long)sequence);
}

static wr_err verify(const struct place *place, uint64_t sequence, struct wr_error *error)
{
    struct wr_snapshot_info info;
    wr_err err = wr_snapshot_look(&place->place, sequence, &info, error);
    return err != WR_OK ? err : wr_snapshot_load(&place->place, &info, NULL, error);
}

/* ── use ────────────────────────────────────────────────────────────────────────────────────── */
TEST("a start uses the newest snapshot and folds what came after, to the same state")
{
    struct world world;
    struct http http;
    char before[65], after[65], whole[65];
    open_world(&world, 1, 40);
    http_open(&world, &http);
    decide(&world, &http, 0, 100);
    http_close(&world, &http);
    settle(&world);
    digest_of(&world, before);
    world_die(&world, false);
    struct place place = look(&world);
    CHECK_INT(place.n, 2);
    CHECK(place.sequences[0] >= 80 && place.sequences[1] >= 40);
    struct wr_snapshot_info info; /* made behind the thread, and at the end below */
    struct wr_error error;
    CHECK_INT(wr_snapshot_look(&place.place, place.sequences[0], &info, &error), WR_OK);
    CHECK(info.place.segment == 1 && info.place.offset != 0);
    CHECK(world_start(&world));
    CHECK_INT(wr_server_n_folded(world.server), 100 - place.sequences[0]);
    digest_of(&world, after);
    CHECK_TEXT(before, 64, after);
    world_stop(&world); /* a clean end saves the state as it is */
    folded_digest(&world, whole);
    CHECK_TEXT(before, 64, whole);
    CHECK(world_start(&world));
    CHECK_INT(wr_server_n_folded(world.server), 0);
    http_open(&world, &http);
    decide(&world, &http, 90, 20); /* repeats are known, new ones follow */
    CHECK_INT(wr_server_sequence(world.server), 110);
    CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
    CHECK(wr_str_find(http.body, WR_STR("weir_restored_sequence 100\n"), 0) != SIZE_MAX);
    CHECK(wr_str_find(http.body, WR_STR("weir_snapshot_sequence 100\n"), 0) != SIZE_MAX);
    http_close(&world, &http);
    world_close(&world);
}

TEST("a young node that is killed folds few rows")
{
    struct world world;
    struct http http;
    open_world(&world, 9, 0);
    http_open(&world, &http);
    decide(&world, &http, 0, 1990);
    http_close(&world, &http);
    settle(&world);
    world_die(&world, false);
    struct place place = look(&world);
    CHECK(place.n == 2 && place.sequences[0] >= place.sequences[1] + WR_SNAPSHOT_ROWS_MIN);
    CHECK(world_start(&world));
    CHECK(wr_server_n_folded(world.server) <= WR_SNAPSHOT_ROWS_MIN);
    world_close(&world);
}

TEST("a turn begins and copies a young node's state, and does one stage of a large one")
{
    for (int large = 0; large < 2; large++) {
        struct world world;
        struct http http;
        open_world(&world, 11, 20);
        http_open(&world, &http);
        struct wr_snapshots *s = &world.server->snapshots;
        decide(&world, &http, 0, 20);
        settle(&world);
        CHECK(s->stage == WR_SNAPSHOT_IDLE && s->stats.n_made == 1);
        CHECK(s->stats.n_bytes > 0 && s->stats.n_bytes < WR_SNAPSHOT_YOUNG);
        if (large == 1) {
            s->stats.n_bytes = (uint64_t)WR_SNAPSHOT_YOUNG + 1;
        }
        decide(&world, &http, 20, 19);
        settle(&world);
        CHECK_INT(s->stage, WR_SNAPSHOT_IDLE);
        world.server->config.snapshot_rows = 19;
        wr_snapshots_step(world.server);
        CHECK_INT(s->stage, large == 1 ? WR_SNAPSHOT_COPYING : WR_SNAPSHOT_ASKING);
        CHECK_INT(s->info.sequence, 39);
        settle(&world);
        CHECK(s->stats.n_made == 2 && s->stats.sequence == 39);
        http_close(&world, &http);
        world_stop(&world);
        world_close(&world);
    }
}

static bool has_begun(struct world *world)
{
    const struct wr_port_disk *disk = &sim_port(world->sim)->disk;
    struct place place = {.place = {.port = sim_port(world->sim), .directory = WORLD_STATE}};
    return disk->exists(disk->context, WORLD_STATE "/snapshot.new") == WR_IO_OK ||
           wr_snapshot_list(&place.place, place.sequences) != 0;
}

TEST("one that is given up leaves nothing, and the next one is made")
{
    struct world world;
    struct http http;
    open_world(&world, 58, 20);
    http_open(&world, &http);
    struct wr_snapshots *s = &world.server->snapshots;
    decide(&world, &http, 0, 20);
    for (int i = 0; i < 100 && s->stage != WR_SNAPSHOT_COPYING; i++) {
        wr_server_step(world.server, 1000000);
    }
    CHECK_INT(s->stage, WR_SNAPSHOT_COPYING);
    wr_engine_snapshot_end(world.server->engine); /* as when the ring is full */
    wr_snapshots_step(world.server);
    CHECK_INT(s->stage, WR_SNAPSHOT_ENDING); /* its writer may take its time */
    CHECK_INT(s->stats.n_given_up, 1);
    wr_snapshots_step(world.server);
    CHECK_INT(s->stage, WR_SNAPSHOT_IDLE);
    CHECK(wr_ring_is_empty(&s->ring));
    CHECK_INT(s->stats.n_made, 0);
    sim_step(world.sim, WR_SNAPSHOT_RETRY_NS);
    decide(&world, &http, 20, 20);
    settle(&world);
    CHECK(s->stats.n_made > 0 && s->stats.n_failed == 0);
    http_close(&world, &http);
    world_stop(&world);
    world_close(&world);
}

TEST("what a start has folded is saved after its rest, not beside its first answers")
{
    for (int many = 0; many < 2; many++) {
        struct world world;
        struct http http;
        open_world(&world, 10, 1000000);
        http_open(&world, &http);
        decide(&world, &http, 0, 60);
        http_close(&world, &http);
        world_die(&world, false);
        CHECK_INT(look(&world).n, 0);
        world.config.snapshot_rows = 40;
        CHECK(world_start(&world));
        CHECK_INT(wr_server_n_folded(world.server), 60);
        http_open(&world, &http);
        decide(&world, &http, 60, many == 1 ? 45 : 5);
        CHECK(has_begun(&world) == (many == 1)); /* what is new counts at once */
        sim_step(world.sim, WR_SNAPSHOT_REST_NS);
        decide(&world, &http, 200, 1);
        CHECK(has_begun(&world));
        http_close(&world, &http);
        world_close(&world);
    }
}

TEST("a damaged snapshot is told and removed; the older one, then the journal, is used instead")
{
    struct world world;
    struct http http;
    char before[65], after[65], path[128];
    open_world(&world, 2, 40);
    http_open(&world, &http);
    decide(&world, &http, 0, 130);
    http_close(&world, &http);
    settle(&world);
    digest_of(&world, before);
    world_die(&world, false);
    struct place place = look(&world);
    CHECK_INT(place.n, 2);
    path_of(place.sequences[0], path);
    CHECK(sim_rot(world.sim, path, 5000));
    CHECK(world_start(&world));
    CHECK(wr_server_n_folded(world.server) == 130 - place.sequences[1]);
    digest_of(&world, after);
    CHECK_TEXT(before, 64, after);
    world.config.snapshot_every_ns = 0;
    world_stop(&world);
    world.config.snapshot_every_ns = 1;
    place = look(&world);
    CHECK(place.n >= 1);
    for (size_t i = 0; i < place.n; i++) {
        path_of(place.sequences[i], path);
        CHECK(sim_rot(world.sim, path, 40));
    }
    CHECK(world_start(&world));
    CHECK_INT(wr_server_n_folded(world.server), 130);
    digest_of(&world, after);
    CHECK_TEXT(before, 64, after);
    world_close(&world);
}

TEST("snapshots of another directory, of other features or ahead of the journal are not used")
{
    struct world world, other;
    struct http http;
    static char bytes[FILE_MAX];
    char path[128], before[65], after[65];
    open_world(&world, 3, 1000000);
    http_open(&world, &http);
    decide(&world, &http, 0, 50);
    http_close(&world, &http);
    digest_of(&world, before);
    world_die(&world, false); /* none made */
    open_world(&other, 4, 20);
    http_open(&other, &http);
    decide(&other, &http, 0, 30);
    http_close(&other, &http);
    world_stop(&other);
    path_of(30, path);
    size_t n = read_file(&other, path, bytes);
    write_file(&world, path, bytes, n);
    CHECK(world_start(&world));
    CHECK_INT(wr_server_n_folded(world.server), 50);
    digest_of(&world, after);
    CHECK_TEXT(before, 64, after);
    CHECK_INT(look(&other).n, 2);
    world_close(&world);
    /* Ahead: the journal of the other world is put back to nothing. */
    char log[128];
    snprintf(log, sizeof log, WORLD_STATE "/journal-%016x.log", 1);
    n = read_file(&other, log, bytes);
    size_t table_n = wr_get32((const uint8_t *)bytes + 20); /* behind the head, with its sum */
    write_file(&other, log, bytes, 128 + 32 + ((table_n + 7) & ~(size_t)7)); /* and no rows */
    CHECK(world_start(&other));
    CHECK_INT(wr_server_sequence(other.server), 0);
    world_stop(&other);
    CHECK_INT(look(&other).n, 0); /* it can never be right again */
    world_close(&other);
}

/* ── damage ─────────────────────────────────────────────────────────────────────────────────── */
TEST("every flipped byte and every cut of a snapshot is found")
{
    struct world world;
    struct http http;
    static char bytes[FILE_MAX];
    char path[128];
    struct wr_error error;
    uint64_t n_missed = 0;
    open_world(&world, 5, 1000000);
    http_open(&world, &http);
    decide(&world, &http, 0, 12);
    http_close(&world, &http);
    world_stop(&world);
    struct place place = look(&world);
    CHECK_INT(place.n, 1);
    CHECK_INT(verify(&place, 12, &error), WR_OK);
    path_of(12, path);
    size_t n = read_file(&world, path, bytes);
    /* Most of a small snapshot is one page of entities, empty but for the first rows. */
    size_t step = getenv("WEIR_TEST_ALL") != NULL ? 1 : 7;
    for (size_t at = 0; at < n; at += at < 4096 || n - at < 512 ? 1 : step) {
        char was = bytes[at];
        bytes[at] = (char)(was ^ (1 << at % 8));
        write_file(&world, path, bytes, n);
        n_missed += verify(&place, 12, &error) != WR_E_STATE;
        bytes[at] = was;
    }
    for (size_t cut = 0; cut < n; cut += cut < 4096 || n - cut < 512 ? 1 : 97 * step) {
        write_file(&world, path, bytes, cut);
        n_missed += verify(&place, 12, &error) != WR_E_STATE;
    }
    CHECK_INT(n_missed, 0);
    bytes[n] = 0;
    write_file(&world, path, bytes, n + 1);
    CHECK_INT(verify(&place, 12, &error), WR_E_STATE);
    write_file(&world, path, bytes, n);
    CHECK_INT(verify(&place, 12, &error), WR_OK);
    world_close(&world);
}

TEST("what was read ahead is used instead of the file, and checked like it")
{
    struct world world;
    struct http http;
    struct wr_error error;
    char path[128];
    open_world(&world, 11, 1000000);
    http_open(&world, &http);
    decide(&world, &http, 0, 12);
    http_close(&world, &http);
    world_stop(&world);
    struct place place = look(&world);
    struct wr_snapshot_ahead ahead;
    wr_snapshot_read_ahead(&place.place, &ahead);
    CHECK(ahead.bytes != NULL && ahead.sequence == 12);
    path_of(12, path);
    CHECK(sim_rot(world.sim, path, 1000));
    CHECK_INT(verify(&place, 12, &error), WR_E_STATE);
    place.place.ahead = &ahead;
    CHECK_INT(verify(&place, 12, &error), WR_OK);
    uint64_t n_missed = 0;
    for (size_t at = 0; at < ahead.n - WR_SNAPSHOT_TAIL; at += 1 + at / 40) {
        ahead.bytes[at] ^= 1;
        n_missed += verify(&place, 12, &error) != WR_E_STATE;
        ahead.bytes[at] ^= 1;
    }
    CHECK_INT(n_missed, 0);
    ahead.sequence = 11; /* another one: the file it is */
    CHECK_INT(verify(&place, 12, &error), WR_E_STATE);
    wr_snapshot_drop_ahead(sim_port(world.sim), &ahead);
    CHECK_INT(wr_snapshot_remove(&place.place, 12), WR_IO_OK);
    wr_snapshot_read_ahead(&place.place, &ahead);
    CHECK(ahead.bytes == NULL && ahead.sequence == 0);
    world_close(&world);
}

/* ── losses of power ────────────────────────────────────────────────────────────────────────── */
/* One life: entries, a snapshot, more entries, a clean end; power goes at the n-th change. */
static bool live_until(struct world *world, uint64_t crash_at)
{
    struct http http;
    sim_faults(world->sim)->crash_at = crash_at;
    http_open(world, &http);
    decide(world, &http, 60, 30);
    if (!sim_crashed(world->sim)) {
        settle(world);
    }
    if (!sim_crashed(world->sim)) {
        decide(world, &http, 90, 3);
    }
    http_close(world, &http);
    world_stop(world);
    bool reached = sim_crashed(world->sim);
    world_die(world, true);
    return reached;
}

TEST("power that goes at any step of a snapshot leaves a state that the journal gives")
{
    uint64_t n_runs = 0, n_used = 0;
    for (uint64_t at = 1;; at++) {
        struct world world;
        struct http http;
        char want[65], got[65];
        open_world(&world, 100 + at % 3, 25);
        http_open(&world, &http);
        decide(&world, &http, 0, 60);
        http_close(&world, &http);
        settle(&world);
        bool reached = live_until(&world, at);
        world.quiet = true;
        folded_digest(&world, want);
        CHECK(world_start(&world));
        n_used += wr_server_n_folded(world.server) < 60;
        digest_of(&world, got);
        CHECK_TEXT(want, 64, got);
        world_close(&world);
        n_runs++;
        if (!reached) {
            break;
        }
    }
    CHECK(n_runs > 60);
    CHECK(n_used == n_runs); /* an older one was always there */
}

TEST("a disk that is full or fails spoils a snapshot and nothing else")
{
    struct world world;
    struct http http;
    open_world(&world, 6, 20);
    http_open(&world, &http);
    decide(&world, &http, 0, 19);
    sim_faults(world.sim)->disk_room = sim_disk_used(world.sim) + 20000;
    decide(&world, &http, 19, 5);
    settle(&world);
    CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
    CHECK(wr_str_find(http.body, WR_STR("{result=\"failed\"} 1\n"), 0) != SIZE_MAX);
    CHECK(wr_str_find(http.body, WR_STR("weir_journal_state{state=\"ok\"} 1"), 0) != SIZE_MAX);
    sim_faults(world.sim)->disk_room = UINT64_MAX;
    sim_step(world.sim, 31000000000);
    http_close(&world, &http);
    http_open(&world, &http);
    decide(&world, &http, 24, 1);
    settle(&world);
    CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
    CHECK(wr_str_find(http.body, WR_STR("{result=\"made\"} 1\n"), 0) != SIZE_MAX);
    http_close(&world, &http);
    world_close(&world);
}

/* ── retention ──────────────────────────────────────────────────────────────────────────────── */
static bool has_warming(struct world *world, const char *id)
{
    struct http http;
    char event[512], path[128];
    http_open(world, &http);
    CHECK_INT(http_ask(world, &http, "POST", "/v1/decisions", world_event(event, id, 1, 5)), 200);
    snprintf(path, sizeof path, "/v1/decisions/%.*s?features=true",
             WR_FMT(json_member(http.body, "decision_id")));
    CHECK_INT(http_ask(world, &http, "GET", path, ""), 200);
    bool warming = wr_str_find(http.body, WR_STR("warming"), 0) != SIZE_MAX;
    http_close(world, &http);
    return warming;
}

static uint64_t first_row(struct world *world)
{
    struct wr_journal *journal = NULL;
    const struct wr_journal_options options = {.read_only = true};
    struct wr_error error;
    CHECK_INT(wr_journal_open(sim_port(world->sim), WORLD_STATE, &options, &journal, &error),
              WR_OK);
    uint64_t first = wr_journal_first(journal);
    wr_journal_close(journal, false);
    return first;
}

TEST("retention drops what snapshots hold, and the windows go on")
{
    for (int with = 0; with < 2; with++) {
        struct world world;
        struct http http;
        world_init(&world, 7, WR_MODE_DURABLE);
        world.config.snapshot_every_ns = with == 1 ? (int64_t)3600 * 1000000000 : 0;
        world.config.snapshot_rows = 50;
        world.config.segment_max = 10000;
        world.config.retain_bytes = 60000;
        CHECK(world_start(&world));
        http_open(&world, &http);
        for (int i = 0; i < 400; i += 10) {
            decide(&world, &http, i, 10);
            sim_step(world.sim, 300000000);
            wr_server_step(world.server, 0);
            if (i % 50 == 40) {
                settle(&world);
            }
        }
        http_close(&world, &http);
        world_die(&world, false);
        CHECK(first_row(&world) > 200); /* not only from twice the bytes on */
        CHECK(world_start(&world));
        CHECK(has_warming(&world, "again") == (with == 0));
        world_close(&world);
    }
}

TEST("retention spares rows that are in no snapshot, up to twice its bytes")
{
    struct world world;
    struct http http;
    world_init(&world, 8, WR_MODE_DURABLE);
    world.config.snapshot_every_ns = (int64_t)3600 * 1000000000;
    world.config.snapshot_rows = 1000000; /* none comes */
    world.config.segment_max = 30000;
    world.config.retain_bytes = 120000;
    CHECK(world_start(&world));
    http_open(&world, &http);
    bool spared = false;
    for (int i = 0; i < 400; i += 10) {
        decide(&world, &http, i, 10);
        sim_step(world.sim, 300000000);
        wr_server_step(world.server, 0);
        CHECK_INT(http_ask(&world, &http, "GET", "/metrics", ""), 200);
        bool whole = wr_str_find(http.body, WR_STR("weir_journal_first 1\n"), 0) != SIZE_MAX;
        uint64_t used = sim_disk_used(world.sim);
        spared = spared || (whole && used > 200000);
        CHECK(used < 330000); /* the packs count too */
    }
    CHECK(spared);
    http_close(&world, &http);
    world_close(&world);
}

/* The disk of the system, where writes past its memory go well, are not to be had, or fail from the
 * third one on, as on a file system that cannot. */
enum way { DIRECT, NEVER, FAILS, WAYS };
static struct wr_port_disk system_disk;
static int32_t direct_file;
static int n_direct;

static enum wr_io open_direct(void *context, const char *path, int32_t *file)
{
    enum wr_io io = system_disk.open_direct(context, path, file);
    direct_file = io == WR_IO_OK ? *file : -1;
    return io;
}

static enum wr_io write_at(void *context, int32_t file, const void *bytes, size_t n,
                           uint64_t offset)
{
    if (file == direct_file && ++n_direct > 2) {
        return WR_IO_FAILED;
    }
    return system_disk.write_at(context, file, bytes, n, offset);
}

static void choose(struct wr_port_disk *disk, enum way way)
{
    system_disk = *disk;
    direct_file = -1;
    n_direct = 0;
    disk->open_direct = way == NEVER ? NULL : way == FAILS ? open_direct : disk->open_direct;
    disk->write_at = way == FAILS ? write_at : disk->write_at;
}

static void *claim(void *context, size_t n)
{
    return wr_snapshot_writer_claim(context, n);
}

static void write_large(const struct wr_snapshot_place *place, struct wr_snapshot_info *info)
{
    enum { PIECE = 65528, PIECES = 700 }; /* no block ends at a page */
    struct wr_snapshot_writer writer;
    const struct wr_piece_sink sink = {claim, NULL, &writer};
    CHECK(wr_snapshot_writer_open(&writer, place));
    for (int i = 0; i < PIECES; i++) {
        uint8_t *piece = wr_piece_add(&sink, WR_PIECE_FEATURES, 1, 0, PIECE);
        CHECK(piece != NULL);
        memset(piece, i, PIECE);
    }
    CHECK_INT(wr_snapshot_writer_finish(&writer, info), WR_IO_OK);
    wr_snapshot_writer_close(&writer);
}

TEST("of a large snapshot the system holds its first part in memory, and no more")
{
    struct wr_port port;
    struct wr_port_linux *native = NULL;
    struct wr_error error;
    char directory[] = "weir-snapshot-XXXXXX", command[64]; /* /tmp may be in memory */
    CHECK(mkdtemp(directory) != NULL && wr_port_linux_open(&port, &native) == WR_IO_OK);
    bool can = resident_lets_go(&port.disk, directory);
    const struct wr_port whole = port;
    for (enum way way = DIRECT; way < WAYS; way++) {
        struct wr_snapshot_info info = {.sequence = 1}, seen;
        struct wr_snapshot_place place = {.port = &port, .directory = directory};
        choose(&port.disk, way);
        write_large(&place, &info);
        port = whole;
        CHECK(way != FAILS || n_direct == (direct_file >= 0 ? 3 : 0));
        size_t held = resident_bytes(&port.disk, directory);
        CHECK(!can || (held >= WR_SNAPSHOT_CACHED && held < WR_SNAPSHOT_CACHED + (8u << 20)));
        CHECK_INT(wr_snapshot_look(&place, 1, &seen, &error), WR_OK);
        CHECK_INT(wr_snapshot_load(&place, &seen, NULL, &error), WR_OK);
        CHECK(seen.n_bytes > 40u << 20);
        CHECK_INT(wr_snapshot_remove(&place, 1), WR_IO_OK);
    }
    wr_port_linux_close(native);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK(system(command) == 0);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
