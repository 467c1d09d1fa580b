/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator itself: what it loses, what it keeps, and that a seed decides everything. */
#include "check.h"
#include "sim/sim.h"

static int32_t make(const struct wr_port_disk *disk, const char *path, const char *text)
{
    int32_t file = -1;
    CHECK_INT(disk->open(disk->context, path, WR_DISK_WRITE | WR_DISK_CREATE, &file), WR_IO_OK);
    CHECK_INT(disk->write_at(disk->context, file, text, strlen(text), 0), WR_IO_OK);
    return file;
}

static bool holds(const struct wr_port_disk *disk, const char *path, const char *text)
{
    int32_t file;
    char bytes[64] = "";
    size_t got = 0;
    if (disk->open(disk->context, path, WR_DISK_READ, &file) != WR_IO_OK) {
        return false;
    }
    CHECK_INT(disk->read_at(disk->context, file, bytes, sizeof bytes, 0, &got), WR_IO_OK);
    disk->close(disk->context, file);
    return got == strlen(text) && memcmp(bytes, text, got) == 0;
}

TEST("synced files in synced directories survive power loss, others sometimes")
{
    int without_sync = 0, without_directory = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct sim *sim = sim_open(seed);
        const struct wr_port_disk *disk = &sim_port(sim)->disk;
        disk->make_directory(disk->context, "/d");
        disk->sync_directory(disk->context, "/");
        int32_t safe = make(disk, "/d/safe", "safe"), not_synced = make(disk, "/d/loose", "loose");
        (void)not_synced;
        disk->sync(disk->context, safe);
        CHECK_INT(disk->sync_directory(disk->context, "/d"), WR_IO_OK);
        disk->sync(disk->context, make(disk, "/d/nameless", "nameless"));
        sim_crash(sim);
        CHECK_INT(disk->exists(disk->context, "/d"), WR_IO_OK);
        CHECK(holds(disk, "/d/safe", "safe"));
        without_sync += holds(disk, "/d/loose", "loose");
        without_directory += holds(disk, "/d/nameless", "nameless");
        sim_close(sim);
    }
    CHECK(without_sync > 5 && without_sync < 55);
    CHECK(without_directory > 5 && without_directory < 55);
}

TEST("after a failed sync a later one reports success and saves nothing of the first")
{
    int kept = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct sim *sim = sim_open(seed);
        const struct wr_port_disk *disk = &sim_port(sim)->disk;
        int32_t file = make(disk, "/f", "first");
        sim_faults(sim)->sync_fails_at = 1;
        CHECK_INT(disk->sync(disk->context, file), WR_IO_FAILED);
        CHECK_INT(disk->sync(disk->context, file), WR_IO_OK);
        disk->sync_directory(disk->context, "");
        sim_crash(sim);
        kept += holds(disk, "/f", "first");
        sim_close(sim);
    }
    CHECK(kept > 5 && kept < 55);
}

TEST("a kill keeps all that was written")
{
    struct sim *sim = sim_open(3);
    const struct wr_port_disk *disk = &sim_port(sim)->disk;
    make(disk, "/f", "written");
    CHECK_INT(disk->rename(disk->context, "/f", "/g"), WR_IO_OK);
    sim_kill(sim);
    CHECK(holds(disk, "/g", "written") && !holds(disk, "/f", "written"));
    sim_close(sim);
}

TEST("a lock is held until unlock or death")
{
    struct sim *sim = sim_open(4);
    const struct wr_port_disk *disk = &sim_port(sim)->disk;
    int32_t lock, other;
    CHECK_INT(disk->lock(disk->context, "/lock", &lock), WR_IO_OK);
    CHECK_INT(disk->lock(disk->context, "/lock", &other), WR_IO_BUSY);
    disk->unlock(disk->context, lock);
    CHECK_INT(disk->lock(disk->context, "/lock", &lock), WR_IO_OK);
    sim_kill(sim);
    CHECK_INT(disk->lock(disk->context, "/lock", &lock), WR_IO_OK);
    sim_close(sim);
}

TEST("the network splits, bounds and resets as told")
{
    struct sim *sim = sim_open(5);
    const struct wr_port_net *net = &sim_port(sim)->net;
    int32_t listener, sock;
    bool local;
    size_t n;
    char bytes[100];
    CHECK_INT(net->listen(net->context, "here", &listener), WR_IO_OK);
    CHECK_INT(net->accept(net->context, listener, &sock, &local), WR_IO_AGAIN);
    int client = sim_connect(sim, "here");
    CHECK_INT(net->accept(net->context, listener, &sock, &local), WR_IO_OK);
    CHECK_INT(net->read(net->context, sock, bytes, sizeof bytes, &n), WR_IO_AGAIN);
    sim_faults(sim)->net_split = 1000;
    sim_send(sim, client, "hello, server", 13);
    struct wr_str all = {bytes, 0};
    while (net->read(net->context, sock, bytes + all.n, sizeof bytes - all.n, &n) == WR_IO_OK) {
        CHECK(n >= 1);
        all.n += n;
    }
    CHECK_TEXT(all.p, all.n, "hello, server");
    sim_faults(sim)->net_split = 0;
    sim_faults(sim)->net_window = 10;
    CHECK_INT(net->write(net->context, sock, "0123456789abc", 13, &n), WR_IO_OK);
    CHECK_INT(n, 10);
    CHECK_INT(net->write(net->context, sock, "abc", 3, &n), WR_IO_AGAIN);
    CHECK_INT(sim_receive(sim, client, bytes, sizeof bytes), 10);
    sim_reset(sim, client);
    CHECK_INT(net->write(net->context, sock, "abc", 3, &n), WR_IO_CLOSED);
    sim_close(sim);
}

static uint64_t run(uint64_t seed)
{
    struct sim *sim = sim_open(seed);
    const struct wr_port_disk *disk = &sim_port(sim)->disk;
    sim_faults(sim)->write_fails = 200;
    int32_t file = make(disk, "/f", "");
    char block[2000];
    for (int i = 0; i < 40; i++) {
        memset(block, 'a' + (int)sim_random(sim, 26), sizeof block);
        if (disk->write_at(disk->context, file, block, sizeof block, sim_random(sim, 20000)) ==
                WR_IO_OK &&
            sim_random(sim, 5) == 0) {
            disk->sync(disk->context, file);
        }
    }
    disk->sync_directory(disk->context, "");
    sim_crash(sim);
    uint64_t digest = sim_disk_digest(sim);
    sim_close(sim);
    return digest;
}

TEST("the same seed gives the same run, another seed another")
{
    CHECK(run(7) == run(7));
    CHECK(run(7) != run(8));
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
