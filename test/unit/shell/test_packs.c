/* SPDX-License-Identifier: Apache-2.0 */
/* Packs kept beside the journal. */
#include "world.h"

#include "pack/tar.h"
#include "shell/packs.h"

static bool keep(struct world *world, const struct wr_pack *pack, struct wr_error *error)
{
    return wr_packs_keep(sim_port(world->sim), WORLD_STATE, pack, error) == WR_OK;
}

static struct wr_str read_file(struct world *world, const char *name)
{
    static char room[1 << 20];
    const struct wr_port_disk *disk = &sim_port(world->sim)->disk;
    char path[256];
    int32_t file;
    size_t got = 0;
    snprintf(path, sizeof path, WORLD_STATE "/packs/%s", name);
    if (disk->open(disk->context, path, WR_DISK_READ, &file) != WR_IO_OK) {
        return wr_str_of(NULL, 0);
    }
    CHECK(disk->read_at(disk->context, file, room, sizeof room, 0, &got) == WR_IO_OK);
    disk->close(disk->context, file);
    return wr_str_of(room, got);
}

/* The pack of the world with another revision. */
static const struct wr_pack *another(struct world *world, int revision)
{
    char manifest[128];
    struct wr_pack *pack;
    struct wr_error error;
    snprintf(manifest, sizeof manifest, "{\"revision\":\"r%d\",\"roots\":[\"\"]}", revision);
    rig_put(&world->files, ".manifest", manifest);
    struct wr_arena *arena = &world->arena;
    struct wr_pack_file *files = WR_NEW_ARRAY(arena, struct wr_pack_file, world->files.n);
    for (size_t i = 0; i < world->files.n; i++) {
        files[i].path = world->files.files[i].path;
        files[i].bytes = wr_str_copy(arena, world->files.files[i].bytes);
    }
    world->files.n_texts--; /* the copy made for the test is not used again */
    free(world->files.texts[world->files.n_texts]);
    CHECK_INT(wr_pack_open(arena, files, world->files.n, NULL, &pack, &error), WR_OK);
    return pack;
}

static void kept_name(char out[80], const struct wr_pack *pack)
{
    snprintf(out, 80, "%.*s.tar", WR_FMT(wr_pack_digest_text(pack)));
}

static size_t count_files(struct world *world)
{
    struct wr_str order = read_file(world, "order");
    return order.n / 65;
}

TEST("a server keeps the pack it starts with, and it opens to the same digest")
{
    struct world world;
    char name[80];
    world_open(&world, 1, WR_MODE_DURABLE);
    kept_name(name, world.pack);
    struct wr_str archive = read_file(&world, name);
    const struct wr_pack_file *files;
    size_t n;
    struct wr_pack *pack;
    struct wr_error error;
    CHECK(archive.n > 0);
    CHECK_INT(wr_tar_read(&world.arena, archive, &files, &n, &error), WR_OK);
    CHECK_INT(wr_pack_open(&world.arena, files, n, NULL, &pack, &error), WR_OK);
    CHECK(memcmp(wr_pack_digest(pack), wr_pack_digest(world.pack), 32) == 0);
    struct wr_str order = read_file(&world, "order");
    CHECK(order.n == 65 && wr_str_eq(wr_str_of(order.p, 64), wr_pack_digest_text(world.pack)));
    world_close(&world);
}

TEST("at most so many packs are kept, and those longest out of use go first")
{
    struct world world;
    struct wr_error error;
    char name[80];
    world_open(&world, 2, WR_MODE_DURABLE);
    const struct wr_pack *packs[WR_LIMIT_PACKS_KEPT + 2];
    for (int i = 0; i < WR_LIMIT_PACKS_KEPT + 2; i++) {
        packs[i] = another(&world, i);
        CHECK(keep(&world, packs[i], &error));
        CHECK(keep(&world, packs[0], &error)); /* in use all the time */
    }
    CHECK_INT(count_files(&world), WR_LIMIT_PACKS_KEPT);
    kept_name(name, packs[0]);
    CHECK(read_file(&world, name).n > 0);
    kept_name(name, packs[1]);
    CHECK(read_file(&world, name).n == 0);
    kept_name(name, world.pack);
    CHECK(read_file(&world, name).n == 0);
    kept_name(name, packs[WR_LIMIT_PACKS_KEPT + 1]);
    CHECK(read_file(&world, name).n > 0);
    world_close(&world);
}

TEST("a pack that does not fit the disk is told, and leaves nothing")
{
    struct world world;
    struct wr_error error;
    char name[80];
    world_open(&world, 3, WR_MODE_DURABLE);
    const struct wr_pack *pack = another(&world, 1);
    kept_name(name, pack);
    uint64_t room = sim_faults(world.sim)->disk_room;
    sim_faults(world.sim)->disk_room = 1;
    CHECK(!keep(&world, pack, &error));
    CHECK(error.code == WR_E_IO && strstr(error.text, "/packs/") != NULL);
    CHECK(read_file(&world, name).p == NULL);
    CHECK(read_file(&world, "new").p == NULL);
    CHECK_INT(count_files(&world), 1);
    sim_faults(world.sim)->disk_room = room;
    CHECK(keep(&world, pack, &error));
    CHECK_INT(count_files(&world), 2);
    world_close(&world);
}

TEST("what is kept outlives the loss of power")
{
    for (uint64_t seed = 10; seed < 20; seed++) {
        struct world world;
        struct wr_error error;
        char name[80];
        world_open(&world, seed, WR_MODE_FAST);
        const struct wr_pack *pack = another(&world, 1);
        CHECK(keep(&world, pack, &error));
        kept_name(name, pack);
        size_t n = read_file(&world, name).n;
        world_die(&world, true);
        const struct wr_pack_file *files;
        size_t n_files;
        struct wr_str archive = read_file(&world, name);
        CHECK(archive.n == n &&
              wr_tar_read(&world.arena, archive, &files, &n_files, &error) == WR_OK);
        CHECK_INT(count_files(&world), 2);
        world_close(&world);
    }
}

TEST("an order that is damaged is begun anew, without harm")
{
    struct world world;
    struct wr_error error;
    int32_t file;
    world_open(&world, 4, WR_MODE_DURABLE);
    const struct wr_port_disk *disk = &sim_port(world.sim)->disk;
    CHECK(disk->open(disk->context, WORLD_STATE "/packs/order", WR_DISK_WRITE, &file) == WR_IO_OK);
    CHECK(disk->write_at(disk->context, file, "../../etc/x", 11, 0) == WR_IO_OK);
    disk->close(disk->context, file);
    CHECK(keep(&world, another(&world, 1), &error));
    CHECK_INT(count_files(&world), 1);
    world_close(&world);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
