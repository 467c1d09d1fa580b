/* SPDX-License-Identifier: Apache-2.0 */
/* Index files of event ids, and labels of decisions whose ids were forgotten long ago. */
#include "world.h"

#include "base/rng.h"
#include "port/port_linux.h"
#include "shell/id_finder.h"
#include "shell/journal.h"
#include "shell/server_in.h"

#include <sched.h>
#include <stdatomic.h>

enum { FILE_MAX = 1 << 20, NAMES_MAX = 512 };

/* ── index files ────────────────────────────────────────────────────────────────────────────── */
static char room[WR_ID_ROOM];
static struct wr_breath breath; /* never rests */

static struct wr_id_place place_in(struct sim *sim)
{
    return (struct wr_id_place){.port = sim_port(sim),
                                .directory = "/ids",
                                .node = 7,
                                .keys = {{1, 2}, {3, 4}},
                                .room = room,
                                .breath = &breath};
}

static struct sim *open_disk(uint64_t seed)
{
    struct sim *sim = sim_open(seed);
    const struct wr_port_disk *disk = &sim_port(sim)->disk;
    CHECK_INT(disk->make_directory(disk->context, "/ids"), WR_IO_OK);
    return sim;
}

static int by_hash_and_row(const void *a, const void *b)
{
    const struct wr_id_entry *x = a, *y = b;
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

TEST("entries are sorted, also when one id was decided most of the time")
{
    struct wr_rng rng;
    wr_rng_seed(&rng, 5);
    enum { N = 60000 };
    struct wr_id_entry *mine = malloc(N * sizeof *mine), *want = malloc(N * sizeof *want);
    for (uint64_t kinds = 1; kinds <= (uint64_t)1 << 40; kinds *= 1024) {
        for (uint32_t i = 0; i < N; i++) {
            mine[i] = want[i] = (struct wr_id_entry){wr_mix64(wr_rng_below(&rng, kinds)), i};
        }
        wr_id_sort(&breath, mine, N);
        qsort(want, N, sizeof *want, by_hash_and_row);
        uint64_t wrong = 0;
        for (uint32_t i = 0; i < N; i++) {
            wrong += by_hash_and_row(&mine[i], &want[i]) != 0;
        }
        CHECK_INT(wrong, 0);
    }
    free(mine);
    free(want);
}

TEST("a file finds the newest row of every id in it, and no other")
{
    struct sim *sim = open_disk(1);
    struct wr_id_place place = place_in(sim);
    struct wr_segment_meta meta = {.node = 7, .epoch = 3, .first = 1000, .link = {9}};
    static const uint32_t sizes[] = {0, 1, 339, 340, 341, 5000, 100000};
    for (size_t s = 0; s < WR_COUNTOF(sizes); s++) {
        uint32_t n = sizes[s];
        struct wr_id_entry *entries = malloc((n + 1) * sizeof *entries);
        uint64_t kinds = n / 3 + 1, wrong = 0, sequence;
        for (uint32_t i = 0; i < n; i++) { /* each about three times */
            entries[i] = (struct wr_id_entry){wr_mix64(i % kinds), 2 * i};
        }
        struct wr_id_range range = {1000 + s, 1000 + s + 2 * (uint64_t)n};
        CHECK_INT(wr_id_index_write(&place, range, &meta, entries, n), WR_IO_OK);
        for (uint64_t i = 0; i < 2 * kinds; i++) {
            enum wr_id_found found = wr_id_index_find(&place, range, &meta, wr_mix64(i), &sequence);
            uint64_t last = n == 0 || i >= kinds ? 0 : (n - 1 - i) / kinds * kinds + i;
            bool is_in = i < kinds && i < n;
            wrong += found != (is_in ? WR_ID_FOUND : WR_ID_ABSENT) ||
                     (is_in && sequence != range.first + 2 * last);
        }
        CHECK_INT(wrong, 0);
        meta.epoch++; /* another log of the same name */
        CHECK_INT(wr_id_index_find(&place, range, &meta, 1, &sequence), WR_ID_DAMAGED);
        meta.epoch--;
        free(entries);
    }
    sim_close(sim);
}

TEST("a file of as many ids as can have gathered is read")
{
    struct sim *sim = open_disk(1);
    struct wr_id_place place = place_in(sim);
    const struct wr_segment_meta meta = {.node = 7, .epoch = 3, .first = 1};
    const struct wr_id_range range = {1, WR_LIMIT_ID_FILE};
    struct wr_id_entry *entries = malloc(WR_LIMIT_ID_FILE * sizeof *entries);
    static const uint32_t sizes[] = {WR_LIMIT_ID_ENTRIES, WR_LIMIT_ID_ENTRIES + 127,
                                     WR_LIMIT_ID_FILE};
    for (size_t s = 0; s < WR_COUNTOF(sizes); s++) {
        uint64_t wrong = 0, sequence = 0;
        for (uint32_t i = 0; i < sizes[s]; i++) {
            entries[i] = (struct wr_id_entry){wr_mix64(i), i};
        }
        CHECK_INT(wr_id_index_write(&place, range, &meta, entries, sizes[s]), WR_IO_OK);
        for (uint32_t i = 0; i < sizes[s]; i += 9973) {
            wrong +=
                wr_id_index_find(&place, range, &meta, wr_mix64(i), &sequence) != WR_ID_FOUND ||
                sequence != 1 + i;
        }
        CHECK_INT(wrong, 0);
    }
    free(entries);
    sim_close(sim);
}

TEST("no changed byte of a file leads to a wrong row")
{
    enum { N = 1000, SIZE = 4096 * 4 };
    struct sim *sim = open_disk(1);
    struct wr_id_place place = place_in(sim);
    const struct wr_port_disk *disk = &sim_port(sim)->disk;
    const struct wr_segment_meta meta = {.node = 7, .epoch = 3, .first = 1};
    const struct wr_id_range range = {1, N};
    struct wr_id_entry entries[N];
    uint64_t wrong = 0, n_damaged = 0, sequence;
    int32_t file;
    for (uint32_t i = 0; i < N; i++) {
        entries[i] = (struct wr_id_entry){wr_mix64(i), i};
    }
    CHECK_INT(wr_id_index_write(&place, range, &meta, entries, N), WR_IO_OK);
    CHECK_INT(disk->open(disk->context, "/ids/ids-0000000000000001-00000000000003e8.idx",
                         WR_DISK_WRITE, &file),
              WR_IO_OK);
    for (uint64_t at = 0; at < SIZE; at += at < 120 ? 1 : 61) {
        uint8_t byte, other;
        size_t got;
        CHECK_INT(disk->read_at(disk->context, file, &byte, 1, at, &got), WR_IO_OK);
        other = byte ^ 1;
        CHECK_INT(disk->write_at(disk->context, file, &other, 1, at), WR_IO_OK);
        for (uint64_t i = 0; i < N; i += 7) {
            enum wr_id_found found = wr_id_index_find(&place, range, &meta, wr_mix64(i), &sequence);
            wrong += found == WR_ID_ABSENT || (found == WR_ID_FOUND && sequence != 1 + i);
            n_damaged += found == WR_ID_DAMAGED;
        }
        CHECK_INT(disk->write_at(disk->context, file, &byte, 1, at), WR_IO_OK);
    }
    CHECK_INT(wrong, 0);
    CHECK(n_damaged > 1000);
    disk->close(disk->context, file);
    sim_close(sim);
}

/* ── rests ──────────────────────────────────────────────────────────────────────────────────── */
static atomic_uint n_rests;
static void (*wait_there)(void *context, struct wr_gate *gate, int64_t timeout_ns);

static void count_rest(void *context, struct wr_gate *gate, int64_t timeout_ns)
{
    if (timeout_ns == WR_BREATH_REST_NS) {
        atomic_fetch_add(&n_rests, 1);
    } else if (wait_there != NULL) {
        wait_there(context, gate, timeout_ns);
    }
}

static bool always(void *arg)
{
    (void)arg;
    return true;
}

static unsigned rests_of_a_file(struct wr_id_place *place, uint64_t kinds)
{
    enum { N = 100000 };
    const struct wr_segment_meta meta = {.node = 7, .epoch = 3, .first = 1};
    const struct wr_id_range range = {1, N};
    struct wr_id_entry *entries = malloc(N * sizeof *entries);
    for (uint32_t i = 0; i < N; i++) {
        entries[i] = (struct wr_id_entry){wr_mix64(i % kinds), i};
    }
    atomic_store(&n_rests, 0);
    CHECK_INT(wr_id_index_write(place, range, &meta, entries, N), WR_IO_OK);
    free(entries);
    return atomic_load(&n_rests);
}

TEST("who sorts and writes a file rests on the way, but not when somebody waits for it")
{
    struct sim *sim = open_disk(1);
    struct wr_id_place place = place_in(sim);
    const struct wr_port_threads threads = {.gate_wait = count_rest};
    struct wr_breath rests = {.threads = &threads}, waited_for = {&threads, always, NULL, 0};
    wait_there = NULL;
    CHECK_INT(rests_of_a_file(&place, UINT64_MAX), 0); /* all is one thread */
    place.breath = &rests;
    unsigned n = rests_of_a_file(&place, UINT64_MAX);
    CHECK(n >= 30 && n <= 60); /* some 18 of these for 295 blocks */
    n = rests_of_a_file(&place, 1);
    CHECK(n >= 25 && n <= 60);
    place.breath = &waited_for;
    CHECK_INT(rests_of_a_file(&place, UINT64_MAX), 0);
    sim_close(sim);
}

static void tell_many(struct wr_id_finder *finder, uint64_t n)
{
    const struct wr_id_bounds bounds = {.first = 1, .segments = 1};
    struct wr_id_pair pairs[WR_LIMIT_ID_TELL];
    for (uint64_t last = 0; last < n; last += WR_LIMIT_ID_TELL) {
        for (uint64_t i = 0; i < WR_LIMIT_ID_TELL; i++) {
            pairs[i] = (struct wr_id_pair){wr_mix64(last + 1 + i), last + 1 + i};
        }
        while (
            !wr_id_finder_tell(finder, &bounds, last + WR_LIMIT_ID_TELL, pairs, WR_LIMIT_ID_TELL)) {
            sched_yield();
        }
    }
}

TEST("the finder's thread rests while it is told, and not while it is asked")
{
    /* What lies in the ring is not taken yet. Some 20 rests are for what was, 30 for giving it more
     * room, and 80 would be for sorting it. */
    enum { TOLD = 600 * WR_LIMIT_ID_TELL, RESTS = 45, AT_MOST = 10 };
    const struct wr_hash_key keys[2] = {{1, 2}, {3, 4}};
    struct sim *sim = open_disk(1);
    struct wr_port port = *sim_port(sim), linux;
    struct wr_port_linux *native;
    struct wr_id_found_row answer;
    CHECK_INT(wr_port_linux_open(&linux, &native), WR_IO_OK);
    port.threads = linux.threads;
    port.memory = linux.memory;
    port.net = linux.net; /* woken from the thread */
    wait_there = port.threads.gate_wait;
    port.threads.gate_wait = count_rest;
    atomic_store(&n_rests, 0);
    struct wr_id_finder *finder = wr_id_finder_open(&port, "/ids", 7, keys, 0);
    tell_many(finder, TOLD);
    unsigned n = atomic_load(&n_rests);
    CHECK(n >= RESTS);
    CHECK(wr_id_finder_ask(finder, wr_mix64(TOLD), 5));
    while (!wr_id_finder_answer(finder, &answer)) {
        sched_yield();
    }
    CHECK(answer.ticket == 5 && answer.sequence == TOLD);
    n = atomic_load(&n_rests) - n;
    CHECK(n <= AT_MOST);
    wr_id_finder_close(finder);
    wr_port_linux_close(native);
    sim_close(sim);
}

/* ── a server ───────────────────────────────────────────────────────────────────────────────── */
struct names {
    char of[NAMES_MAX][64];
    size_t n;
};

static bool take_name(void *arg, const char *name)
{
    struct names *names = arg;
    struct wr_id_range range;
    if (wr_id_index_name(name, &range) && names->n < NAMES_MAX) {
        snprintf(names->of[names->n++], sizeof names->of[0], "%s", name);
    }
    return true;
}

static struct names *index_files(struct world *world)
{
    static struct names names;
    const struct wr_port_disk *disk = &sim_port(world->sim)->disk;
    names.n = 0;
    CHECK_INT(disk->list(disk->context, WORLD_STATE, take_name, &names), WR_IO_OK);
    return &names;
}

static void open_world(struct world *world, enum wr_server_mode mode)
{
    world_init(world, 3, mode);
    world->config.segment_max = 700; /* a few rows */
    world->config.ids_cap = 8;
    CHECK(world_start(world));
}

static void decide(struct world *world, int from, int n)
{
    char event[512], id[32];
    struct http http;
    http_open(world, &http);
    for (int i = from; i < from + n && !sim_crashed(world->sim); i++) {
        snprintf(id, sizeof id, "e%d", i);
        int status = http_ask(world, &http, "POST", "/v1/decisions",
                              world_event(event, id, i % 11, 1 + i % 100));
        CHECK(status == 200 || sim_crashed(world->sim));
    }
    http_close(world, &http);
}

/* Labels an id; returns what the service says of the effect. */
static const char *label(struct world *world, const char *key, const char *id, const char *value)
{
    static char effect[32];
    char body[256];
    struct http http;
    http_open(world, &http);
    snprintf(body, sizeof body, "{\"%s\":\"%s\",\"label\":{\"fraud\":%s}}", key, id, value);
    CHECK_INT(http_ask(world, &http, "POST", "/v1/labels", body), 200);
    snprintf(effect, sizeof effect, "%.*s", WR_FMT(json_member(http.body, "effect")));
    http_close(world, &http);
    return effect;
}

static void check_label(struct world *world, const char *key, const char *id, const char *value,
                        const char *want)
{
    const char *effect = label(world, key, id, value);
    CHECK_STR(effect, want);
}

static void settle(struct world *world)
{
    for (int i = 0; i < 400 && !sim_crashed(world->sim); i++) {
        wr_server_step(world->server, 10000000);
        sim_step(world->sim, 10000000);
    }
}

static struct asked {
    size_t size;
    unsigned n, n_times;
} asked;

static void ask_ahead(void *context, size_t size, unsigned n)
{
    (void)context;
    asked = (struct asked){size, n, asked.n_times + 1};
}

TEST("memory for ids is asked for before it is needed, and not by a young node")
{
    enum { CHUNK = 16384, ENTRY = 40 };
    struct world world;
    struct wr_error error;
    world_init(&world, 3, WR_MODE_FAST);
    struct wr_port port = *sim_port(world.sim);
    port.process.ahead = ask_ahead;
    CHECK_INT(wr_server_open(&port, world.pack, &world.config, &world.server, &error), WR_OK);
    asked = (struct asked){0};
    decide(&world, 0, CHUNK * 3 / 4 - 100);
    CHECK_INT(asked.n_times, 0);
    decide(&world, CHUNK * 3 / 4 - 100, CHUNK / 4);
    CHECK(asked.n == 1 && asked.size == CHUNK * ENTRY && asked.n_times > 0 && asked.n_times <= 5);
    asked = (struct asked){0};
    world.server->ids_looked = UINT64_MAX / 2; /* as when an engine that knew more was dropped */
    decide(&world, CHUNK - 100, 1);
    CHECK_INT(asked.n_times, 1);
    world_close(&world);
}

TEST("ids are written while decisions never end, and the newest are not synced yet")
{
    enum { CAP = 1024, TOLD = 64, LAG = 100 };
    struct sim *sim = open_disk(5);
    const struct wr_port *port = sim_port(sim);
    struct wr_error error = {0};
    struct wr_journal *journal;
    struct wr_id_pair pairs[TOLD];
    CHECK_INT(wr_journal_open(port, "/ids", NULL, &journal, &error), WR_OK);
    struct wr_journal_identity identity = wr_journal_identity(journal);
    struct wr_id_store *store =
        wr_id_store_open(port, "/ids", identity.node, identity.keys, CAP, &breath);
    CHECK(store != NULL);
    for (uint64_t last = 0; last < UINT64_C(20) * CAP; last += TOLD) {
        for (uint64_t i = 0; i < TOLD; i++) {
            pairs[i] =
                (struct wr_id_pair){(last + 1 + i) * UINT64_C(0x9e3779b97f4a7c15), last + 1 + i};
        }
        wr_id_store_set_bounds(store, &(struct wr_id_bounds){.first = 1,
                                                             .synced = last > LAG ? last - LAG : 0,
                                                             .segments = 1});
        wr_id_store_add(store, last, last + TOLD, pairs, TOLD);
        while (wr_id_store_step(store)) {
        }
    }
    struct wr_id_store_stats stats = wr_id_store_stats(store);
    CHECK(stats.n_written >= 20 && stats.n_written <= 24);
    CHECK_INT(stats.n_rebuilt + stats.n_failed, 0); /* nothing is read from the log again */
    wr_id_store_close(store);
    wr_journal_close(journal, true);
    sim_close(sim);
}

TEST("a label finds its decision a hundred segments back, in the life that made it and in the next")
{
    struct world world;
    open_world(&world, WR_MODE_DURABLE);
    decide(&world, 0, 400);
    settle(&world);
    CHECK(index_files(&world)->n >= 100);
    check_label(&world, "id", "e0", "true", "changed");
    check_label(&world, "id", "e0", "true", "same");
    check_label(&world, "id", "e150", "true", "changed");
    check_label(&world, "id", "e399", "true", "changed");
    check_label(&world, "id", "e400", "true", "unknown");
    world_stop(&world);
    CHECK(world_start(&world));
    check_label(&world, "id", "e0", "true", "same");
    check_label(&world, "id", "e1", "true", "changed");
    check_label(&world, "id", "e380", "true", "changed");
    check_label(&world, "id", "e400", "true", "unknown");
    world_close(&world);
}

TEST("without threads too a label by an old id is answered in the turn that reads it")
{
    struct world world;
    open_world(&world, WR_MODE_FAST);
    decide(&world, 0, 400);
    settle(&world);
    check_label(&world, "id", "e0", "true", "changed");
    struct http http;
    http_open(&world, &http);
    http_send(&world, &http, "POST", "/v1/labels", "{\"id\":\"e150\",\"label\":{\"fraud\":true}}");
    wr_server_step(world.server, 0);
    CHECK(http_take(&world, &http));
    CHECK_INT(http.status, 200);
    http_close(&world, &http);
    world_close(&world);
}

TEST("many labels of old ids come back in order, each with its own decision")
{
    struct world world;
    struct http http;
    open_world(&world, WR_MODE_DURABLE);
    decide(&world, 0, 120);
    char body[8192], want[8192];
    size_t n = 0, m = 0;
    for (int i = 0; i < 120; i++) {
        n += (size_t)snprintf(body + n, sizeof body - n,
                              "%s{\"id\":\"e%d\",\"label\":{\"fraud\":true}}", i == 0 ? "[" : ",",
                              i * 7 % 130);
    }
    snprintf(body + n, sizeof body - n, "]");
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/labels", body), 200);
    for (size_t at = 0;
         (at = wr_str_find(http.body, WR_STR("\"transaction_id\":\""), at)) != SIZE_MAX; at++) {
        m += (size_t)snprintf(
            want + m, sizeof want - m, "%.*s ",
            WR_FMT(json_member(wr_str_of(http.body.p + at, http.body.n - at), "transaction_id")));
    }
    n = 0;
    char all[8192];
    uint64_t unknown = 0;
    for (int i = 0; i < 120; i++) {
        n += (size_t)snprintf(all + n, sizeof all - n, "e%d ", i * 7 % 130);
        unknown += i * 7 % 130 >= 120;
    }
    CHECK_STR(want, all);
    uint64_t found = 0;
    for (size_t at = 0; (at = wr_str_find(http.body, WR_STR("\"unknown\""), at)) != SIZE_MAX;
         at++) {
        found++;
    }
    CHECK_INT(found, unknown);
    http_close(&world, &http);
    world_close(&world);
}

TEST("an id that was used again is known by its newest decision")
{
    struct world world;
    struct http http;
    char event[512], newest[64];
    open_world(&world, WR_MODE_DURABLE);
    decide(&world, 0, 60);
    http_open(&world, &http);
    CHECK_INT(http_ask(&world, &http, "POST", "/v1/decisions", world_event(event, "e3", 5, 77)),
              200);
    snprintf(newest, sizeof newest, "%.*s", WR_FMT(json_member(http.body, "decision_id")));
    http_close(&world, &http);
    decide(&world, 60, 60);
    check_label(&world, "id", "e3", "true", "changed");
    check_label(&world, "decision_id", newest, "true", "same");
    world_stop(&world);
    CHECK(world_start(&world)); /* now from files that were made of logs */
    check_label(&world, "id", "e3", "true", "same");
    world_close(&world);
}

static void path_in(char path[128], const char *name)
{
    snprintf(path, 128, WORLD_STATE "/%s", name);
}

TEST("index files that are gone, cut or have any byte changed are made again")
{
    struct world world;
    open_world(&world, WR_MODE_DURABLE);
    decide(&world, 0, 40);
    settle(&world);
    const struct wr_port_disk *disk = &sim_port(world.sim)->disk;
    static char bytes[FILE_MAX];
    for (size_t at = 0; at < 8192; at += 293) {
        struct names files = *index_files(&world);
        CHECK(files.n >= 8);
        for (size_t i = 0; i < files.n; i++) {
            char path[128];
            int32_t file;
            size_t got = 0;
            path_in(path, files.of[i]);
            if (at == 0) {
                CHECK_INT(disk->remove(disk->context, path), WR_IO_OK);
                continue;
            }
            CHECK_INT(disk->open(disk->context, path, WR_DISK_WRITE, &file), WR_IO_OK);
            CHECK_INT(disk->read_at(disk->context, file, bytes, FILE_MAX, 0, &got), WR_IO_OK);
            if (at < got && at % 3 != 0) {
                bytes[at] = (char)(bytes[at] ^ 0x10);
                CHECK_INT(disk->write_at(disk->context, file, bytes + at, 1, at), WR_IO_OK);
            } else if (at < got) {
                CHECK_INT(disk->truncate(disk->context, file, at), WR_IO_OK);
            }
            disk->close(disk->context, file);
        }
        check_label(&world, "id", "e0", at % 2 == 0 ? "true" : "false", "changed");
        check_label(&world, "id", "nobody", "true", "unknown");
    }
    world_close(&world);
}

TEST("retention removes index files with their segments")
{
    struct world world;
    world_init(&world, 3, WR_MODE_DURABLE);
    world.config.segment_max = 2048;
    world.config.ids_cap = 8;
    world.config.retain_bytes = 40000;
    CHECK(world_start(&world));
    decide(&world, 0, 300);
    settle(&world);
    decide(&world, 300, 20);
    settle(&world);
    settle(&world);
    CHECK(index_files(&world)->n <= 40);
    check_label(&world, "id", "e0", "true", "unknown");
    check_label(&world, "id", "e300", "true", "changed");
    world_close(&world);
}

/* Power, or the process, goes at every step of the disk; what is left says the same. */
static void crash_at(uint64_t step, bool power)
{
    struct world world;
    open_world(&world, power ? WR_MODE_DURABLE : WR_MODE_FAST);
    decide(&world, 0, 30);
    sim_faults(world.sim)->crash_at = step;
    settle(&world);
    if (!sim_crashed(world.sim)) {
        decide(&world, 30, 20);
        settle(&world);
    }
    world_die(&world, power);
    world.config.ids_cap = 8;
    CHECK(world_start(&world));
    const char *effect = label(&world, "id", "e0", "true");
    CHECK(strcmp(effect, "changed") == 0 || strcmp(effect, "same") == 0);
    effect = label(&world, "id", "e20", "true");
    CHECK(strcmp(effect, "changed") == 0 || strcmp(effect, "same") == 0);
    world_close(&world);
}

TEST("a kill or a loss of power while an index file is written does no harm")
{
    for (uint64_t step = 1; step < 160; step++) {
        crash_at(step, step % 2 == 0);
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
