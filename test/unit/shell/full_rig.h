/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes on full disks: what tests of their starts share. */
#ifndef FULL_RIG_H
#define FULL_RIG_H

#include "world.h"

enum { MIB = 1 << 20 };

/* One decision, on a connection of its own; `told` gets the body. */
static inline int decide(struct world *world, const char *event, char told[2048])
{
    struct http http;
    http_open(world, &http);
    int status = http_ask(world, &http, "POST", "/v1/decisions", event);
    snprintf(told, 2048, "%.*s", WR_FMT(http.body));
    http_close(world, &http);
    return status;
}

static inline int ask_ready(struct world *world, char told[2048])
{
    struct http http;
    http_open(world, &http);
    int status = http_ask(world, &http, "GET", "/health?ready", "");
    snprintf(told, 2048, "%.*s", WR_FMT(http.body));
    http_close(world, &http);
    return status;
}

/* As wr_reserve_keep makes it where files can be given space ahead. */
static inline void keep_reserve(struct world *world, size_t n)
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
static inline int die_full_of(struct world *world, uint64_t room, bool power_loss, char first[2048])
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

/* The answer to an event of the first life, where it was row n + 1, is what it was. */
static inline void check_known(struct world *world, int n)
{
    char id[32], event[512], row[32], told[2048];
    snprintf(id, sizeof id, "e%d", n);
    snprintf(row, sizeof row, "-1-%d\"", n + 1);
    CHECK_INT(decide(world, world_event(event, id, n % 9, 1), told), 200);
    CHECK(strstr(told, row) != NULL);
}

#endif
