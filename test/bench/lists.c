/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: bytes of a million entries, and what putting and looking up cost.
 *
 *   bench_lists [ENTRIES]        1,000,000 exact entries of 16 bytes with owner and reason
 *
 * Each figure is the least of five rounds, of the processor's time. "Warm" asks for one entry again
 * and again; "random" for any of them, so that it pays for the cache. */
#include "base/rng.h"
#include "feature/list_table.h"
#include "feature/mmdb.h"

#include "app/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STEP = 1000, ROUNDS = 5, ASKED = 1 << 20 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void key_of(char out[20], unsigned i)
{
    snprintf(out, 20, "dev-%012u", i);
}

static double fill(struct wr_list_table *table, unsigned n, double *worst)
{
    static char keys[STEP][20];
    static struct wr_list_entry entries[STEP];
    double all = 0;
    *worst = 0;
    for (unsigned at = 0; at < n; at += STEP) {
        for (unsigned i = 0; i < STEP; i++) {
            key_of(keys[i], at + i);
            entries[i] = (struct wr_list_entry){.key = wr_str_of(keys[i], 16),
                                                .created_s = 1700000000,
                                                .owner = WR_STR("fraud desk"),
                                                .reason = WR_STR("import of 2026-11-28")};
        }
        double start = now();
        if (!wr_list_table_room(table, entries, STEP)) {
            exit(1);
        }
        for (unsigned i = 0; i < STEP; i++) {
            wr_list_table_put(table, &entries[i]);
        }
        wr_list_table_tidy(table);
        double took = now() - start;
        all += took;
        *worst = took > *worst ? took : *worst;
    }
    return all / n;
}

/* Nanoseconds a lookup of `n` keys, asked in turn until ASKED are. */
static double ask(const struct wr_list_table *table, char (*keys)[20], unsigned n, bool hits)
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned found = 0;
        double start = now();
        for (unsigned i = 0; i < ASKED; i++) {
            found += wr_list_holds(table, NULL, wr_str_of(keys[i % n], 16), 1700000000);
        }
        double took = (now() - start) / ASKED;
        best = took < best ? took : best;
        if (found != (hits ? ASKED : 0)) {
            fprintf(stderr, "bench_lists: found %u\n", found);
            exit(1);
        }
    }
    return best;
}

static void places(const char *path)
{
    struct wr_error error = {0};
    struct wr_arena arena;
    struct wr_str bytes;
    struct wr_mmdb db;
    struct wr_ip ip;
    const struct wr_str names[] = {WR_STR("country"), WR_STR("iso_code")};
    wr_arena_init(&arena, &wr_heap, (size_t)1 << 30);
    if (wr_file_read(&arena, path, (size_t)1 << 29, &bytes, &error) != WR_OK ||
        wr_mmdb_open(bytes, &db, &error) != WR_OK || !wr_ip_read(WR_STR("192.0.2.77"), &ip)) {
        fprintf(stderr, "bench_lists: %s: %s\n", path, error.text);
        exit(1);
    }
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (unsigned i = 0; i < ASKED; i++) {
            if (wr_mmdb_find(&db, &ip, names, 2, &arena).n != 2) {
                exit(1);
            }
        }
        best = (now() - start) / ASKED < best ? (now() - start) / ASKED : best;
    }
    printf("country of an IPv4 address      %8.1f ns (24 bits deep)\n", best);
    wr_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) / STEP * STEP : 1000000;
    struct wr_list_table table;
    struct wr_rng rng;
    double worst;
    char(*keys)[20] = malloc(ASKED * sizeof *keys), one[1][20];
    wr_rng_seed(&rng, 1);
    wr_list_table_open(&table, &wr_heap, WR_LIST_EXACT);
    double each = fill(&table, n, &worst);
    printf("%u exact entries of 16 bytes, owner, reason: %.2f MB (%.1f bytes each)\n", n,
           (double)(table.bytes + sizeof table) / 1e6, (double)table.bytes / n);
    printf("putting one                     %8.1f ns\n", each);
    printf("the worst change of 1,000       %8.1f us\n", worst / 1000);
    key_of(one[0], n / 2);
    printf("one warm lookup, held           %8.1f ns\n", ask(&table, one, 1, true));
    for (unsigned i = 0; i < ASKED; i++) {
        key_of(keys[i], (unsigned)wr_rng_below(&rng, n));
    }
    printf("any of them, held               %8.1f ns\n", ask(&table, keys, ASKED, true));
    for (unsigned i = 0; i < ASKED; i++) {
        key_of(keys[i], n + (unsigned)wr_rng_below(&rng, n));
    }
    printf("any other, not held             %8.1f ns\n", ask(&table, keys, ASKED, false));
    wr_list_table_close(&table);
    free(keys);
    places(WEIR_SOURCE "/test/data/mmdb/geo28.mmdb");
    return 0;
}
