/* SPDX-License-Identifier: Apache-2.0 */
/* A restart from a snapshot, measured: the state of the load is written as a snapshot's file while
 * events go on, and restored from it, from the page cache and from a file dropped from it, beside
 * the time of faulting the same bytes in. */
#ifndef FEATURE_RESTART_H
#define FEATURE_RESTART_H

#include "feature/image.h"
#include "feature_load.h"
#include "shell/snapshot_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct restart {
    struct load *l;
    struct wr_snapshot_place place;
    struct wr_snapshot_writer writer;
    struct wr_snapshot_info info;
    char path[128];
};

static inline void *restart_claim(void *context, size_t n)
{
    return wr_snapshot_writer_claim(context, n);
}

static inline size_t restart_room(void *context)
{
    (void)context;
    return SIZE_MAX;
}

/* Copies WR_LIMIT_SNAPSHOT_STEP after each batch of 256 events. Returns the mean of an event's time
 * without the steps, in ns; `steps_ns` gets that of the steps in all. */
static inline double restart_write(struct restart *r, double *steps_ns, double *worst_ns)
{
    struct load *l = r->l;
    struct wr_piece_sink sink = {restart_claim, restart_room, &r->writer};
    double events_ns = 0, n = 0;
    *steps_ns = *worst_ns = 0;
    WR_ASSERT(wr_snapshot_writer_open(&r->writer, &r->place));
    double begun = load_ns(CLOCK_MONOTONIC);
    struct wr_feature_image *image = wr_feature_image_begin(l->state, &sink);
    *worst_ns = load_ns(CLOCK_MONOTONIC) - begun;
    for (bool done = false; !done; n += 256) {
        size_t budget = WR_LIMIT_SNAPSHOT_STEP;
        if ((uint64_t)n % LOAD_EVENTS == 0) {
            load_events(l, LOAD_EVENTS);
        }
        double from = load_ns(CLOCK_MONOTONIC);
        for (size_t i = 0; i < 256; i += LOAD_BATCH) {
            load_apply(l, (uint64_t)n % LOAD_EVENTS + i, LOAD_BATCH, false);
        }
        double between = load_ns(CLOCK_MONOTONIC);
        done = wr_feature_image_step(image, &budget);
        double spent = load_ns(CLOCK_MONOTONIC) - between;
        events_ns += between - from;
        *steps_ns += spent;
    }
    wr_feature_image_end(image);
    r->info.sequence = l->sequence;
    WR_ASSERT(wr_snapshot_writer_finish(&r->writer, &r->info) == WR_IO_OK);
    r->info.n_bytes = r->writer.n_bytes;
    wr_snapshot_writer_close(&r->writer);
    return events_ns / n;
}

/* Seconds to restore from the file: reading, sums, checks, slots. */
static inline double restart_read(const struct restart *r, struct wr_feature_state *state,
                                  double *cpu_s)
{
    static uint8_t block[24 + WR_SNAPSHOT_BLOCK];
    struct wr_feature_restore *restore = wr_feature_restore_begin(state);
    struct wr_error error;
    wr_err err = WR_OK;
    uint64_t number = 0;
    double from = load_ns(CLOCK_MONOTONIC), cpu_from = load_ns(CLOCK_PROCESS_CPUTIME_ID);
    int file = open(r->path, O_RDONLY);
    for (uint64_t at = 0; err == WR_OK && at < r->info.n_bytes; number++) {
        size_t want = (size_t)WR_MIN(r->info.n_bytes - at, (uint64_t)sizeof block);
        struct wr_hash_key key = {r->place.keys[0].k0 ^ number, r->place.keys[1].k1};
        struct wr_piece piece;
        WR_ASSERT(pread(file, block, want, (off_t)at) == (ssize_t)want);
        uint32_t n = wr_get32(block + 4);
        WR_ASSERT(wr_sum64(key, block + 24, n) == wr_get64(block + 16));
        struct wr_str content = wr_str_of((const char *)block + 24, n);
        while (err == WR_OK && wr_piece_take(&content, &piece)) {
            err = wr_feature_restore_piece(restore, &piece, &error);
        }
        at += 24 + n;
    }
    err = err != WR_OK ? err : wr_feature_restore_end(restore, &error);
    double spent = load_ns(CLOCK_MONOTONIC) - from;
    *cpu_s = (load_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_from) / 1e9;
    wr_feature_restore_close(restore);
    close(file);
    if (err != WR_OK) {
        fprintf(stderr, "bench: %s\n", error.text);
        exit(1);
    }
    return spent / 1e9;
}

static inline void restart_drop(const struct restart *r)
{
    int file = open(r->path, O_RDONLY);
    (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
}

/* Seconds to touch each page of the file in a private mapping. */
static inline double restart_fault(const struct restart *r, double *cpu_s)
{
    double from = load_ns(CLOCK_MONOTONIC), cpu_from = load_ns(CLOCK_PROCESS_CPUTIME_ID);
    int file = open(r->path, O_RDONLY);
    volatile uint8_t *p = mmap(NULL, r->info.n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    WR_ASSERT(p != MAP_FAILED);
    for (uint64_t at = 0; at < r->info.n_bytes; at += 4096) {
        p[at] = p[at];
    }
    double spent = load_ns(CLOCK_MONOTONIC) - from;
    *cpu_s = (load_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_from) / 1e9;
    munmap((void *)(uintptr_t)p, r->info.n_bytes);
    close(file);
    return spent / 1e9;
}

static inline void restart(struct load *l, uint32_t runs)
{
    struct restart r = {.l = l, .place = {.port = &l->port, .directory = "/tmp"}};
    struct wr_feature_caps caps = load_caps();
    double steps, begin_ns, warm = 1e9, cold = 1e9, fault = 1e9;
    double cpu, warm_cpu = 1e9, fault_cpu = 1e9;
    load_restart(l);
    load_history(l);
    load_events(l, LOAD_EVENTS);
    double plain = load_ns(CLOCK_MONOTONIC);
    load_apply(l, 0, LOAD_EVENTS, false);
    plain = (load_ns(CLOCK_MONOTONIC) - plain) / LOAD_EVENTS;
    double while_ns = restart_write(&r, &steps, &begin_ns);
    snprintf(r.path, sizeof r.path, "/tmp/snapshot-%016llx.img",
             (unsigned long long)r.info.sequence);
    for (uint32_t run = 0; run < runs; run++) {
        struct wr_feature_state *state = wr_feature_state_open(l->plan, &l->port.memory, &caps);
        double spent = restart_read(&r, state, &cpu);
        warm = WR_MIN(warm, spent);
        warm_cpu = WR_MIN(warm_cpu, cpu);
        wr_feature_state_close(state);
        restart_drop(&r);
        spent = restart_fault(&r, &cpu);
        fault = WR_MIN(fault, spent);
        fault_cpu = WR_MIN(fault_cpu, cpu);
        restart_drop(&r);
        state = wr_feature_state_open(l->plan, &l->port.memory, &caps);
        spent = restart_read(&r, state, &cpu);
        cold = WR_MIN(cold, spent);
        wr_feature_state_close(state);
    }
    unlink(r.path);
    printf("restart: cards=%u MB=%.0f begin_us=%.0f event_ns=%.0f while_ns=%.0f steps_s=%.2f "
           "warm_s=%.3f (CPU %.3f) fault_s=%.3f (CPU %.3f) cold_s=%.3f cold/fault=%.2f\n",
           l->config.cards, (double)r.info.n_bytes / 1e6, begin_ns / 1e3, plain, while_ns,
           steps / 1e9, warm, warm_cpu, fault, fault_cpu, cold, cold / fault);
}

#endif
