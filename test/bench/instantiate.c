/* SPDX-License-Identifier: Apache-2.0 */
/* How long WasmEdge takes from nothing to a module that could run: create, load and validate,
 * instantiate; the start of a container without the container.
 *
 *   instantiate MODULE [RUNS]      median of RUNS (11), each in a new machine; the first apart
 *
 * Built against libwasmedge-dev by test/bench/edge.py, started through the prefix's own loader. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wasmedge/wasmedge.h>

enum { RUNS_MAX = 101, STAGES = 4 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Fills ms[create, load, instantiate, all]; false when the module is refused. */
static int measure(const char *path, double ms[STAGES])
{
    double t0 = now_ms();
    WasmEdge_ConfigureContext *config = WasmEdge_ConfigureCreate();
    WasmEdge_ConfigureAddHostRegistration(config, WasmEdge_HostRegistration_Wasi);
    WasmEdge_VMContext *vm = WasmEdge_VMCreate(config, NULL);
    double t1 = now_ms();
    WasmEdge_Result result = WasmEdge_VMLoadWasmFromFile(vm, path);
    if (WasmEdge_ResultOK(result)) {
        result = WasmEdge_VMValidate(vm);
    }
    double t2 = now_ms();
    if (WasmEdge_ResultOK(result)) {
        result = WasmEdge_VMInstantiate(vm);
    }
    double t3 = now_ms();
    ms[0] = t1 - t0, ms[1] = t2 - t1, ms[2] = t3 - t2, ms[3] = t3 - t0;
    WasmEdge_VMDelete(vm);
    WasmEdge_ConfigureDelete(config);
    if (!WasmEdge_ResultOK(result)) {
        fprintf(stderr, "instantiate: %s: %s\n", path, WasmEdge_ResultGetMessage(result));
    }
    return WasmEdge_ResultOK(result);
}

int main(int argc, char **argv)
{
    static double all[STAGES][RUNS_MAX];
    int runs = argc > 2 ? atoi(argv[2]) : 11;
    if (argc < 2 || runs < 1 || runs > RUNS_MAX) {
        fputs("usage: instantiate MODULE [RUNS]\n", stderr);
        return 2;
    }
    for (int i = -1; i < runs; i++) {
        double ms[STAGES];
        if (!measure(argv[1], ms)) {
            return 1;
        }
        if (i < 0) {
            printf("first %.2f ms; ", ms[3]);
        }
        for (int stage = 0; stage < STAGES && i >= 0; stage++) {
            all[stage][i] = ms[stage];
        }
    }
    for (int stage = 0; stage < STAGES; stage++) {
        qsort(all[stage], (size_t)runs, sizeof all[stage][0], ascending);
    }
    printf("median of %d: create %.2f, load %.2f, instantiate %.2f, together %.2f ms\n", runs,
           all[0][runs / 2], all[1][runs / 2], all[2][runs / 2], all[3][runs / 2]);
    return 0;
}
