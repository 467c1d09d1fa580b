/* SPDX-License-Identifier: Apache-2.0 */
/* Clock, entropy and life of the simulator. The generator is splitmix64 (Steele, Lea, Flood 2014).
 */
#include "sim/sim_in.h"

#include <stdlib.h>

static uint64_t next(struct sim *sim)
{
    sim->random += 0x9e3779b97f4a7c15u;
    uint64_t x = sim->random;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t sim_random(struct sim *sim, uint64_t below)
{
    return below == 0 ? 0 : next(sim) % below;
}

bool sim_chance(struct sim *sim, uint32_t chance)
{
    return chance != 0 && sim_random(sim, 1000) < chance;
}

void *sim_grow(void *old, size_t n)
{
    void *bytes = realloc(old, n == 0 ? 1 : n);
    WR_ASSERT(bytes != NULL);
    return bytes;
}

static int64_t wall_ns(void *context)
{
    return ((struct sim *)context)->wall_ns;
}

static int64_t mono_ns(void *context)
{
    return ((struct sim *)context)->mono_ns;
}

static enum wr_io entropy_fill(void *context, void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)next(context);
    }
    return WR_IO_OK;
}

static uint32_t process_descriptors(void *context)
{
    (void)context;
    return 0;
}

static bool process_stopping(void *context)
{
    return ((struct sim *)context)->stopping;
}

static bool process_reload_asked(void *context)
{
    struct sim *sim = context;
    bool asked = sim->reload_asked;
    sim->reload_asked = false;
    return asked;
}

static uint64_t process_resident(void *context)
{
    (void)context;
    return 0;
}

static int64_t process_cpu(void *context)
{
    (void)context;
    return 0;
}

static void *memory_take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void memory_give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

struct sim *sim_open(uint64_t seed)
{
    struct sim *sim = sim_grow(NULL, sizeof *sim);
    memset(sim, 0, sizeof *sim);
    sim->random = seed;
    sim->wall_ns = 1700000000000000000;
    sim->mono_ns = 1000000000;
    sim->faults.net_window = 1 << 18;
    sim->faults.disk_room = UINT64_MAX;
    sim->port.clock = (struct wr_port_clock){wall_ns, mono_ns, sim};
    sim->port.entropy = (struct wr_port_entropy){entropy_fill, sim};
    sim->port.process = (struct wr_port_process){process_descriptors,
                                                 process_stopping,
                                                 process_reload_asked,
                                                 process_resident,
                                                 process_cpu,
                                                 NULL,
                                                 NULL,
                                                 NULL,
                                                 sim};
    sim->port.memory = (struct wr_memory){memory_take, memory_give, NULL};
    sim->net = sim_net_open(sim);
    sim->disk = sim_disk_open(sim);
    return sim;
}

void sim_close(struct sim *sim)
{
    sim_net_close(sim->net);
    sim_disk_close(sim->disk);
    free(sim);
}

const struct wr_port *sim_port(struct sim *sim)
{
    return &sim->port;
}

struct sim_faults *sim_faults(struct sim *sim)
{
    return &sim->faults;
}

void sim_step(struct sim *sim, int64_t ns)
{
    sim->wall_ns += ns;
    sim->mono_ns += ns;
}

void sim_wall_jump(struct sim *sim, int64_t ns)
{
    sim->wall_ns += ns;
}

void sim_stop(struct sim *sim)
{
    sim->stopping = true;
}

void sim_ask_reload(struct sim *sim)
{
    sim->reload_asked = true;
}

bool sim_crashed(const struct sim *sim)
{
    return sim_disk_stopped(sim->disk);
}

static void restart(struct sim *sim, bool power_loss)
{
    sim_disk_crash(sim->disk, power_loss);
    sim_net_lose_all(sim->net);
    size_t window = sim->faults.net_window;
    sim->faults = (struct sim_faults){.net_window = window, .disk_room = UINT64_MAX};
    sim->stopping = false;
}

void sim_crash(struct sim *sim)
{
    restart(sim, true);
}

void sim_kill(struct sim *sim)
{
    restart(sim, false);
}
