/* SPDX-License-Identifier: Apache-2.0 */
/* The whole pipeline in process: event bytes in, decision and journal record out, on one core.
 *
 *   bench_pipeline [PACK [WARM [COUNT [BATCH]]]]   packs/cards, 400,000 events to warm, 200,000
 *                                                  counted, of several sizes of a batch or of one
 *
 * Prints CPU time per decision for several batch sizes, each over the same stream continued. Labels
 * are left out: they are entries of their own. CPU time of the thread, not wall time: it holds on a
 * shared machine. */
#include "app/cardsim.h"
#include "app/engine_open.h"
#include "app/file.h"
#include "app/simevent.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct wr_simevent stream;

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Makes the next n bodies ahead, so that the simulator is not measured. */
static void prepare(struct wr_arena *arena, struct wr_str *bodies, size_t n)
{
    struct wr_simline line;
    char room[WR_LIMIT_SIM_LINE];
    for (size_t i = 0; i < n; i++) {
        struct wr_buf buf = wr_buf_fixed(room, sizeof room);
        WR_ASSERT(wr_simevent_next(&stream, &line));
        wr_simevent_json(&buf, &line, stream.start_ms);
        bodies[i] = wr_str_copy(arena, wr_buf_view(&buf));
    }
}

static void decide(struct wr_engine *engine, const struct wr_str *bodies, size_t n, size_t batch,
                   struct wr_arena *scratch)
{
    static struct wr_request requests[WR_LIMIT_ENGINE_BATCH];
    static struct wr_answer answers[WR_LIMIT_ENGINE_BATCH];
    struct wr_error error;
    for (size_t at = 0; at < n; at += batch) {
        size_t k = WR_MIN(batch, n - at);
        for (size_t i = 0; i < k; i++) {
            requests[i] =
                (struct wr_request){.body = bodies[at + i], .now_us = WR_NOW_IS_EVENT_TIME};
        }
        WR_ASSERT(wr_engine_batch(engine, requests, k, scratch, answers, &error) == WR_OK);
        for (size_t i = 0; i < k; i++) {
            WR_ASSERT(answers[i].err == WR_OK && answers[i].record.n != 0);
        }
        wr_arena_reset(scratch);
    }
}

int main(int argc, char **argv)
{
    const char *pack = argc > 1 ? argv[1] : WEIR_SOURCE "/packs/cards";
    size_t warm = argc > 2 ? strtoul(argv[2], NULL, 10) : 400000;
    size_t count = argc > 3 ? strtoul(argv[3], NULL, 10) : 200000;
    static const size_t sizes[] = {1, 16, 64, 256};
    const size_t one = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
    const size_t *batches = one != 0 ? &one : sizes;
    WR_ASSERT(one <= WR_LIMIT_ENGINE_BATCH);
    struct wr_opened opened;
    struct wr_arena arena, scratch, population;
    wr_arena_init(&arena, &wr_heap, (size_t)4 << 30);
    wr_arena_init(&scratch, &wr_heap, (size_t)1 << 30);
    wr_arena_init(&population, &wr_heap, (size_t)1 << 30);
    struct wr_cardsim_config config = {1, 5000, 10000, 5.0};
    struct wr_cardsim *sim = wr_cardsim_open(&population, &config);
    if (sim == NULL || !wr_opened_open(&opened, pack, NULL)) {
        return 1;
    }
    wr_simevent_open(&stream, sim, 1522540800000, 0, 0, 0);
    struct wr_str *bodies = malloc(WR_MAX(warm, count) * sizeof *bodies);
    WR_ASSERT(bodies != NULL);
    if (warm != 0) {
        prepare(&arena, bodies, warm);
        decide(opened.engine, bodies, warm, 256, &scratch);
    }
    printf("%s, %zu events before, %zu counted per line\n", pack, warm, count);
    for (size_t i = 0; i < (one != 0 ? 1 : WR_COUNTOF(sizes)); i++) {
        wr_arena_reset(&arena);
        prepare(&arena, bodies, count);
        double start = cpu_s();
        decide(opened.engine, bodies, count, batches[i], &scratch);
        double each = (cpu_s() - start) / (double)count;
        printf("batch %3zu: %7.0f ns of CPU a decision, %8.0f decisions a second on one core\n",
               batches[i], each * 1e9, 1.0 / each);
    }
    struct wr_engine_stats stats;
    wr_engine_stats(opened.engine, &stats);
    printf("state: %llu entities, %llu bytes of features, %llu bytes of ids\n",
           (unsigned long long)stats.n_entities, (unsigned long long)stats.state_bytes,
           (unsigned long long)stats.ids_bytes);
    wr_opened_close(&opened);
    return 0;
}
