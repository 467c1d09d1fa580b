/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing acknowledged is lost: the server in the simulator, crashed at every kind of operation,
 * also while it recovers or changes its pack, with resets, split reads and failing syncs beside.
 * After each life every acknowledged answer must be there with the same bytes, be repeated for its
 * id, be counted once; and the digest that the server told at a sequence must be that of the
 * journal folded to it. */
#include "world.h"

#include "shell/journal.h"

enum { IDS = 400, TOLD = 4096 };

struct acknowledged {
    bool known;
    char document[2048];
};

struct history {
    struct acknowledged answers[IDS];
    char digests[TOLD][65]; /* by sequence; "" = not asked */
    uint64_t n_answers, n_digests, n_lost_allowed;
};

/* mode durable: nothing may change. After power loss in mode fast a suffix may be gone: the caller
 * forgets the history then. */
static void note_answer(struct history *history, int id, const struct http *http)
{
    struct acknowledged *answer = &history->answers[id];
    if (http->status != 200) {
        return;
    }
    if (answer->known) {
        CHECK_TEXT(http->body.p, http->body.n, answer->document);
        return;
    }
    answer->known = true;
    history->n_answers++;
    snprintf(answer->document, sizeof answer->document, "%.*s", WR_FMT(http->body));
}

static void note_digest(struct history *history, const struct http *http)
{
    if (http->status != 200) {
        return;
    }
    size_t at = wr_str_find(http->body, WR_STR("\"sequence\":"), 0);
    uint64_t sequence = strtoull(http->body.p + at + 11, NULL, 10);
    struct wr_str digest = json_member(http->body, "digest");
    CHECK(at != SIZE_MAX && sequence < TOLD && digest.n == 64);
    if (history->digests[sequence][0] != '\0') {
        CHECK_TEXT(digest.p, digest.n, history->digests[sequence]);
    }
    snprintf(history->digests[sequence], 65, "%.*s", WR_FMT(digest));
    history->n_digests++;
}

/* ── packs ──────────────────────────────────────────────────────────────────────────────────── */
static uint64_t n_swaps; /* loads, each of which is another pack */

static wr_err load_pack(void *context, struct wr_loaded_pack *out, struct wr_error *error)
{
    struct world *world = context;
    struct wr_arena *arena = malloc(sizeof *arena);
    struct wr_pack *pack;
    wr_arena_init(arena, &world_memory, 256 << 20);
    struct wr_pack_file files[RIG_FILES_MAX];
    char *data = wr_arena_alloc(arena, 64, 1);
    int n = snprintf(data, 64, "{\"limits\": {\"customer_count_1d\": %d}}", 4 + (int)(n_swaps % 2));
    memcpy(files, world->files.files, world->files.n * sizeof *files);
    for (size_t i = 0; i < world->files.n; i++) {
        if (wr_str_eq(files[i].path, WR_STR("data.json"))) {
            files[i].bytes = wr_str_of(data, (size_t)n);
        }
    }
    CHECK_INT(wr_pack_open(arena, files, world->files.n, NULL, &pack, error), WR_OK);
    n_swaps++;
    *out = (struct wr_loaded_pack){pack, arena};
    return WR_OK;
}

static void give_pack(void *context, struct wr_loaded_pack *loaded)
{
    (void)context;
    wr_arena_deinit(loaded->owner);
    free(loaded->owner);
}

/* Of three seeds one swaps packs, each of which begins a segment. */
static void set_packs(struct world *world, uint64_t seed)
{
    if (seed % 3 == 0) {
        world->config.packs = (struct wr_pack_source){load_pack, give_pack, world};
    }
}

static void live(struct world *world, struct history *history)
{
    struct http https[4];
    int asked[4][8], n_asked[4];
    char event[512], id[32];
    for (int i = 0; i < 4; i++) {
        http_open(world, &https[i]);
    }
    for (int round = 0; round < 12 && !sim_crashed(world->sim); round++) {
        for (int i = 0; i < 4; i++) {
            n_asked[i] = https[i].client < 0 ? 0 : 1 + (int)sim_random(world->sim, 8);
            for (int j = 0; j < n_asked[i]; j++) {
                int which = (int)sim_random(world->sim, IDS);
                asked[i][j] = which;
                snprintf(id, sizeof id, "e%d", which);
                if (which % 20 == 0) {
                    asked[i][j] = -1;
                    http_send(world, &https[i], "GET", "/v1/state", "");
                } else if (which % 20 == 1) {
                    asked[i][j] = -2;
                    snprintf(event, sizeof event, "{\"id\":\"e%d\",\"label\":{\"fraud\":true}}",
                             which + 1);
                    http_send(world, &https[i], "POST", "/v1/labels", event);
                } else {
                    http_send(world, &https[i], "POST", "/v1/decisions",
                              world_event(event, id, which % 11, 1 + which));
                }
            }
        }
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < n_asked[i] && http_wait(world, &https[i]); j++) {
                if (asked[i][j] >= 0) {
                    note_answer(history, asked[i][j], &https[i]);
                } else if (asked[i][j] == -1) {
                    note_digest(history, &https[i]);
                }
            }
            if (https[i].client < 0 || !sim_is_open(world->sim, https[i].client)) {
                http_close(world, &https[i]);
                http_open(world, &https[i]);
            }
        }
        if (world->config.packs.load != NULL && sim_random(world->sim, 4) == 0) {
            sim_ask_reload(world->sim);
        }
        sim_step(world->sim, (int64_t)sim_random(world->sim, 300000000));
    }
    for (int i = 0; i < 4; i++) {
        http_close(world, &https[i]);
    }
}

/* Every acknowledged answer, asked for by decision id and by repeating the event. */
static void check_answers(struct world *world, struct history *history)
{
    struct http http;
    char event[512], id[32], path[128];
    uint64_t before = wr_server_sequence(world->server);
    http_open(world, &http);
    for (int i = 0; i < IDS; i++) {
        struct acknowledged *answer = &history->answers[i];
        if (!answer->known) {
            continue;
        }
        snprintf(path, sizeof path, "/v1/decisions/%.*s",
                 WR_FMT(json_member(wr_str_z(answer->document), "decision_id")));
        CHECK_INT(http_ask(world, &http, "GET", path, ""), 200);
        CHECK_TEXT(http.body.p, http.body.n, answer->document);
        snprintf(id, sizeof id, "e%d", i);
        CHECK_INT(
            http_ask(world, &http, "POST", "/v1/decisions", world_event(event, id, i % 11, 1 + i)),
            200);
        CHECK_TEXT(http.body.p, http.body.n, answer->document);
    }
    CHECK_INT(wr_server_sequence(world->server), before);
    http_close(world, &http);
}

struct folder {
    struct wr_engine *engine;
    struct wr_arena scratch;
    const struct history *history;
    uint64_t n_checked;
};

static void check_digest(struct folder *folder, uint64_t sequence)
{
    uint8_t digest[32];
    char text[65];
    struct wr_buf buf = wr_buf_fixed(text, sizeof text);
    if (sequence < TOLD && folder->history->digests[sequence][0] != '\0') {
        CHECK_INT(wr_engine_digest(folder->engine, digest), WR_OK);
        wr_buf_hex(&buf, digest, 32);
        CHECK_TEXT(text, 64, folder->history->digests[sequence]);
        folder->n_checked++;
    }
}

static wr_err fold_one(void *context, uint64_t sequence, struct wr_str payload,
                       struct wr_error *error)
{
    struct folder *folder = context;
    wr_err err = wr_engine_fold(folder->engine, payload, &folder->scratch, error);
    wr_arena_reset(&folder->scratch);
    if (err == WR_OK) {
        check_digest(folder, sequence);
    }
    return err;
}

/* The server is stopped: fold its journal from outside. Returns how many digests were compared. */
static uint64_t check_fold(struct world *world, const struct history *history)
{
    struct wr_journal *journal = NULL;
    struct wr_error error = {0};
    struct folder folder = {.history = history};
    CHECK_INT(wr_journal_open(sim_port(world->sim), WORLD_STATE, NULL, &journal, &error), WR_OK);
    struct wr_journal_identity identity = wr_journal_identity(journal);
    struct wr_engine_config config = {
        .node = identity.node,
        .epoch = identity.epoch,
        .keys = {identity.keys[0], identity.keys[1]},
    };
    wr_arena_init(&folder.scratch, &world_memory, 256 << 20);
    CHECK_INT(wr_engine_open(&world_memory, world->pack, &config, &folder.engine, &error), WR_OK);
    check_digest(&folder, 0);
    CHECK_INT(wr_journal_each(journal, 1, UINT64_MAX, fold_one, &folder, &error), WR_OK);
    CHECK_INT(wr_journal_verify(journal, 1, UINT64_MAX, &error), WR_OK);
    wr_engine_close(folder.engine);
    wr_arena_deinit(&folder.scratch);
    wr_journal_close(journal, true);
    return folder.n_checked;
}

static void draw_faults(struct world *world, bool with_syncs)
{
    struct sim *sim = world->sim;
    struct sim_faults *faults = sim_faults(sim);
    faults->net_split = sim_random(sim, 2) == 0 ? 0 : (uint32_t)sim_random(sim, 900);
    faults->net_reset = sim_random(sim, 3) == 0 ? (uint32_t)sim_random(sim, 20) : 0;
    faults->crash_at = 1 + sim_random(sim, sim_random(sim, 3) == 0 ? 20 : 400);
    if (with_syncs && sim_random(sim, 3) == 0) {
        faults->sync_fails_at = 1 + sim_random(sim, 40);
    }
    if (with_syncs && sim_random(sim, 4) == 0) {
        faults->write_fails_at = 1 + sim_random(sim, 100);
    }
}

static uint64_t n_restored; /* starts from a snapshot */
static uint64_t n_powerless, n_killed;

/* Every other seed makes snapshots, often, so that crashes and failures meet them too. */
static void set_snapshots(struct world *world, uint64_t seed)
{
    if (seed % 2 != 0) {
        world->config.snapshot_every_ns = 500000000;
        world->config.snapshot_rows = 8;
    }
}

static bool start(struct world *world)
{
    bool started = world_start(world);
    n_restored += started && wr_server_n_folded(world->server) < wr_server_sequence(world->server);
    return started;
}

static void run_seed(uint64_t seed, enum wr_server_mode mode, bool power_loss)
{
    struct world world;
    struct history *history = calloc(1, sizeof *history);
    uint64_t n_crashes = 0;
    int failures = check_failures;
    world_init(&world, seed, mode);
    world.quiet = true;
    world.config.segment_max = 100000;
    set_snapshots(&world, seed);
    set_packs(&world, seed);
    for (int life = 0; life < 6; life++) {
        draw_faults(&world, mode == WR_MODE_DURABLE);
        if (start(&world)) {
            live(&world, history);
        }
        n_crashes += sim_crashed(world.sim);
        if (!sim_crashed(world.sim) && life % 3 == 2) {
            world_stop(&world); /* a clean end, which may meet a failure yet */
        }
        world_die(&world, power_loss);
        *(power_loss ? &n_powerless : &n_killed) += 1;
    }
    world.config.packs.load = NULL;
    CHECK(start(&world));
    if (world.server != NULL) {
        check_answers(&world, history);
    }
    world_stop(&world);
    uint64_t n_checked = check_fold(&world, history);
    CHECK(n_checked > 0 || history->n_digests == 0);
    CHECK(n_crashes > 0 || history->n_answers > 0);
    world_close(&world);
    free(history);
    if (check_failures != failures) {
        printf("that was seed %llu\n", (unsigned long long)seed);
    }
}

/* Behind `./dev test --all`: 15 times as many, more than 5,000 losses of power. */
static uint64_t campaign(uint64_t n)
{
    return getenv("WEIR_TEST_ALL") != NULL ? n * 15 : n;
}

TEST("durable answers survive any loss of power")
{
    for (uint64_t seed = 0; seed < campaign(60); seed++) {
        run_seed(7000 + seed, WR_MODE_DURABLE, true);
    }
}

TEST("fast answers survive any kill of the process")
{
    for (uint64_t seed = 0; seed < campaign(30); seed++) {
        run_seed(8000 + seed, WR_MODE_FAST, false);
    }
    CHECK(n_restored > 20); /* of both tests */
    CHECK(n_swaps > 200);
    printf("%llu starts from a snapshot\n", (unsigned long long)n_restored);
}

/* With power loss, mode fast may lose what was answered in the last moments, as a suffix: what is
 * left is still a journal without holes. */
TEST("fast answers lost with the power are a suffix of at most 250 ms")
{
    for (uint64_t seed = 0; seed < campaign(30); seed++) {
        struct world world;
        struct http http;
        char event[512], id[32], ids[300][64];
        int64_t answered_ms[300];
        world_init(&world, 9000 + seed, WR_MODE_FAST);
        set_snapshots(&world, seed);
        CHECK(world_start(&world));
        http_open(&world, &http);
        int n = 50 + (int)sim_random(world.sim, 250);
        int64_t ms = 0;
        for (int i = 0; i < n; i++) {
            snprintf(id, sizeof id, "e%d", i);
            CHECK_INT(
                http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, id, i % 11, 1)),
                200);
            snprintf(ids[i], sizeof ids[i], "/v1/decisions/%.*s",
                     WR_FMT(json_member(http.body, "decision_id")));
            answered_ms[i] = sim_port(world.sim)->clock.mono_ns(world.sim) / 1000000;
            wr_server_step(world.server, (int64_t)sim_random(world.sim, 20) * 1000000);
            ms = sim_port(world.sim)->clock.mono_ns(world.sim) / 1000000;
        }
        http_close(&world, &http);
        world_die(&world, true);
        n_powerless++;
        CHECK(world_start(&world));
        uint64_t kept = wr_server_sequence(world.server);
        http_open(&world, &http);
        for (int i = 0; i < n; i++) {
            bool there = (uint64_t)i < kept;
            CHECK_INT(http_ask(&world, &http, "GET", ids[i], ""), there ? 200 : 404);
            CHECK(there || ms - answered_ms[i] <= 250);
        }
        http_close(&world, &http);
        world_close(&world);
    }
    CHECK(n_powerless >= (getenv("WEIR_TEST_ALL") != NULL ? 5000 : 350));
    printf("%llu losses of power, %llu kills\n", (unsigned long long)n_powerless,
           (unsigned long long)n_killed);
}

static uint64_t run_once(uint64_t seed)
{
    struct world world;
    struct history *history = calloc(1, sizeof *history);
    world_init(&world, seed, WR_MODE_DURABLE);
    world.quiet = true;
    set_snapshots(&world, seed);
    draw_faults(&world, true);
    if (world_start(&world)) {
        live(&world, history);
    }
    world_die(&world, true);
    uint64_t digest = sim_disk_digest(world.sim);
    world_close(&world);
    free(history);
    return digest;
}

TEST("the same seed gives the same run of the whole server")
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        CHECK(run_once(seed) == run_once(seed));
    }
    CHECK(run_once(1) != run_once(2));
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
