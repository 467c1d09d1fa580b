/* SPDX-License-Identifier: Apache-2.0 */
#include "app/eval_env.h"
#include "app/file.h"
#include "base/hash.h"
#include "shell/crypto.h"

#include <stdio.h>

#define ZONE_FILE_MAX (1u << 20)

/* A zone's name is a relative path without "..": nothing else of the disk can be named. */
static bool is_zone_name(struct wr_str name)
{
    if (name.n == 0 || name.n > 128 || name.p[0] == '/' ||
        wr_str_find(name, WR_STR(".."), 0) != SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && c != '/' && c != '_' && c != '-' && c != '+') {
            return false;
        }
    }
    return true;
}

static bool load_zone(void *context, struct wr_arena *arena, struct wr_str name,
                      struct wr_str *bytes)
{
    (void)context;
    char path[256];
    if (!is_zone_name(name)) {
        return false;
    }
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", WR_FMT(name));
    return !wr_file_is_directory(path) &&
           wr_file_read(arena, path, ZONE_FILE_MAX, bytes, NULL) == WR_OK;
}

struct wr_builtin_env wr_eval_env(int64_t now_ns)
{
    return (struct wr_builtin_env){
        .now_ns = now_ns,
        .seed = wr_mix64((uint64_t)now_ns),
        .zones = {.load = load_zone},
        .crypto = wr_crypto_table(),
    };
}

#ifdef __wasi__ /* no signals there */
void wr_stop_after(int64_t ms, volatile int *flag)
{
    (void)ms;
    (void)flag;
}
#else
#include <signal.h>
#include <sys/time.h>

static volatile int *stop_flag;

static void stop(int signal)
{
    (void)signal;
    *stop_flag = 1;
}

void wr_stop_after(int64_t ms, volatile int *flag)
{
    struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    stop_flag = flag;
    if (ms > 0) {
        signal(SIGALRM, stop);
        setitimer(ITIMER_REAL, &timer, NULL);
    }
}
#endif
