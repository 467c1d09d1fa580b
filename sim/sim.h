/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated world behind port.h: clock, network, disk and entropy in memory, from one seed.
 *
 * The same seed and the same calls give the same run, to the byte. Nothing happens by itself: the
 * test steps the clock, plays the clients and says when the machine crashes.
 *
 * Disk. A file has what the processes see (the page cache) and what a power loss leaves. Writes and
 * truncations wait until the file is synced; creations, removals and renames until their directory
 * is. sim_crash takes, for each waiting write, all of it, none of it or some of its 512-byte
 * sectors, and of the waiting directory operations a prefix. A failed sync dooms what it should
 * have saved: as on Linux, later syncs of the file report success and do not save it.
 *
 * Network. Each connection is two byte queues. With `net_split` reads and writes move random parts;
 * `net_window` bounds what waits for a client, so that one who does not read stops the server.
 *
 * It does not: run threads (threads.start is NULL), or simulate delays of single packets. */
#ifndef SIM_H
#define SIM_H

#include "port/port.h"

enum { SIM_CONNECTIONS = 512, SIM_LISTENERS = 4, SIM_FILES = 1024, SIM_PATH = 256 };

/* Chances are out of 1000 per operation. */
struct sim_faults {
    uint32_t net_split;    /* a read or write moves only a part */
    uint32_t net_reset;    /* a read or write finds the connection reset */
    uint32_t accept_fails; /* LIMIT */
    size_t net_window;     /* bytes that wait for a client at most */
    bool peers_are_remote; /* accepted connections come from elsewhere */
    uint64_t peer;         /* the address that connections are made from; 0: it cannot be told */
    uint64_t disk_room;    /* bytes of all files together; more is FULL */
    uint32_t write_fails;  /* a write fails after a random part */
    uint32_t sync_fails;
    uint64_t sync_fails_at;  /* the n-th sync from now fails, counting from 1; 0 = none */
    uint64_t write_fails_at; /* likewise for writes */
    uint64_t crash_at; /* the n-th disk operation that changes something from now is the last one:
                          it happens or not, and all later ones fail, until sim_crash; 0 = none */
};

struct sim;

struct sim *sim_open(uint64_t seed);
void sim_close(struct sim *sim);
const struct wr_port *sim_port(struct sim *sim);
struct sim_faults *sim_faults(struct sim *sim);
uint64_t sim_random(struct sim *sim, uint64_t below);

/* ── time and process ───────────────────────────────────────────────────────────────────────── */
void sim_step(struct sim *sim, int64_t ns);      /* both clocks */
void sim_wall_jump(struct sim *sim, int64_t ns); /* the wall clock alone */
void sim_stop(struct sim *sim);                  /* a termination signal */
void sim_ask_reload(struct sim *sim);            /* a hang-up signal */
bool sim_crashed(const struct sim *sim);         /* crash_at has been reached */
/* Power loss: the disk keeps what it must and some of the rest, all handles, locks and connections
 * are gone. The caller has dropped the program's memory. Faults are cleared. */
void sim_crash(struct sim *sim);
/* The process is killed: as a crash, but the disk keeps all that was written. */
void sim_kill(struct sim *sim);

/* ── clients ────────────────────────────────────────────────────────────────────────────────── */
/* Connects to an address somebody listens on; -1 when nobody does. */
int sim_connect(struct sim *sim, const char *address);
void sim_send(struct sim *sim, int client, const void *bytes, size_t n);
/* Takes up to n bytes of what the server wrote. */
size_t sim_receive(struct sim *sim, int client, void *bytes, size_t n);
bool sim_is_open(const struct sim *sim, int client); /* the server has not closed or lost it */
void sim_hang_up(struct sim *sim, int client);       /* end of stream after what was sent */
void sim_reset(struct sim *sim, int client);

/* ── disk, seen from outside ────────────────────────────────────────────────────────────────── */
uint64_t sim_n_syncs(const struct sim *sim);
uint64_t sim_n_changes(const struct sim *sim); /* operations that crash_at counts */
uint64_t sim_disk_used(const struct sim *sim);
/* Flips a bit of a file, as decaying media do. False when there is no such byte. */
bool sim_rot(struct sim *sim, const char *path, uint64_t offset);
/* Digest of all files as the processes see them; for comparing runs. */
uint64_t sim_disk_digest(const struct sim *sim);

#endif
