/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the simulator share. */
#ifndef SIM_IN_H
#define SIM_IN_H

#include "sim/sim.h"

struct sim_net;
struct sim_disk;

struct sim {
    uint64_t random; /* state of the generator */
    int64_t wall_ns, mono_ns;
    bool stopping, reload_asked;
    struct sim_faults faults;
    struct sim_net *net;
    struct sim_disk *disk;
    struct wr_port port;
};

/* True with `chance` out of 1000. */
bool sim_chance(struct sim *sim, uint32_t chance);
void *sim_grow(void *old, size_t n); /* realloc that does not fail */

struct sim_net *sim_net_open(struct sim *sim);
void sim_net_close(struct sim_net *net);
void sim_net_lose_all(struct sim_net *net);

struct sim_disk *sim_disk_open(struct sim *sim);
void sim_disk_close(struct sim_disk *disk);
void sim_disk_crash(struct sim_disk *disk, bool power_loss);
bool sim_disk_stopped(const struct sim_disk *disk);

#endif
