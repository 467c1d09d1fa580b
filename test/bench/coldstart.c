/* SPDX-License-Identifier: Apache-2.0 */
/* Cold start: from fork and exec of `weir serve` to the first decision read, on a Unix socket.
 *
 *   bench_coldstart WEIR PACK [RUNS]
 *
 * RUNS (21) on a new state directory in mode fast; RUNS each on copies of one whose journal holds
 * 10,000 rows, in mode durable, one that ended well (which leaves a snapshot of the state) and one
 * that was killed. The client tries to connect every 100 us. Prints minimum, median and maximum
 * in milliseconds, minimum and median of the server's CPU time (all threads) up to the first
 * answer, which other load on the machine hardly changes, and its resident memory then. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char body[] = "{\"transaction\":{\"id\":\"%d-%ld\",\"time\":%lld,\"amount\":57.16,"
                           "\"terminal_id\":\"3156\"},\"user\":{\"id\":\"596\"}}";

static double now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int dial(const char *path, double until_ms)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof to.sun_path) {
        return -1;
    }
    memcpy(to.sun_path, path, n + 1);
    while (now_ms(CLOCK_MONOTONIC) < until_ms) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
            return fd;
        }
        close(fd);
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return -1;
}

static bool first_decision(int fd)
{
    static int serial; /* every run asks about an event of its own */
    char json[256], request[512], answer[8192];
    int n = snprintf(json, sizeof json, body, serial++, (long)getpid(),
                     (long long)now_ms(CLOCK_REALTIME));
    int m = snprintf(request, sizeof request,
                     "POST /v1/decisions HTTP/1.1\r\nHost: weir\r\nContent-Length: %d\r\n\r\n%s", n,
                     json);
    if (write(fd, request, (size_t)m) != m) {
        return false;
    }
    ssize_t got = read(fd, answer, sizeof answer - 1);
    answer[WR_MAX(got, 0)] = '\0';
    if (got < 12 || memcmp(answer + 9, "200", 3) != 0) {
        fprintf(stderr, "coldstart: no decision: %.300s\n", answer);
        return false;
    }
    return true;
}

/* Puts rows into the journal: decisions in bodies of a hundred. */
static bool fill(int fd, int n)
{
    static char request[100 * 256 + 512], answer[65536];
    for (int at = 0; at < n; at += 100) {
        char json[100 * 256];
        size_t m = 0;
        for (int i = 0; i < 100; i++) {
            m += (size_t)snprintf(json + m, sizeof json - m, body, 1000000 + at + i, (long)getpid(),
                                  (long long)now_ms(CLOCK_REALTIME));
            json[m++] = '\n';
        }
        int head = snprintf(request, sizeof request,
                            "POST /v1/decisions:batch HTTP/1.1\r\nHost: weir\r\nConnection: %s\r\n"
                            "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
                            at + 100 < n ? "keep-alive" : "close", m);
        memcpy(request + head, json, m);
        for (size_t put = 0; put < (size_t)head + m;) {
            ssize_t k = write(fd, request + put, (size_t)head + m - put);
            if (k <= 0) {
                return false;
            }
            put += (size_t)k;
        }
        for (int lines = 0; lines < 100;) { /* every decision is a line with this in it */
            ssize_t got = read(fd, answer, sizeof answer);
            if (got <= 0) {
                return at + 100 >= n;
            }
            for (ssize_t i = 0; i < got; i++) {
                lines += answer[i] == '\n' && i > 0 && answer[i - 1] != '\r';
            }
        }
    }
    return true;
}

static long resident_kb(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *status = fopen(path, "r");
    long kb = 0;
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        sscanf(line, "VmRSS: %ld", &kb);
    }
    if (status != NULL) {
        fclose(status);
    }
    return kb;
}

struct start {
    const char *weir, *pack, *folder;
    const char *mode;
    int signal; /* that ends it */
    double cpu_ms;
    long rss;
};

static double one(struct start *s, int run, int n_rows)
{
    const char *weir = s->weir, *pack = s->pack, *folder = s->folder, *mode = s->mode;
    char state[256], socket_path[256], listen[300];
    snprintf(state, sizeof state, "%s/state-%d", folder, run);
    snprintf(socket_path, sizeof socket_path, "%s/sock-%d", folder, run);
    snprintf(listen, sizeof listen, "unix:%s", socket_path);
    unlink(socket_path);
    double start = now_ms(CLOCK_MONOTONIC);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        execl(weir, "weir", "serve", "--pack", pack, "--state", state, "--listen", listen, "--mode",
              mode, (char *)NULL);
        _exit(127);
    }
    int fd = dial(socket_path, start + 5000);
    bool good = fd >= 0 && first_decision(fd);
    double end = now_ms(CLOCK_MONOTONIC);
    clockid_t clock;
    s->cpu_ms = clock_getcpuclockid(pid, &clock) == 0 ? now_ms(clock) : 0.0;
    s->rss = resident_kb(pid);
    good = good && (n_rows == 0 || fill(fd, n_rows));
    kill(pid, s->signal);
    int status;
    waitpid(pid, &status, 0);
    close(fd);
    return good ? end - start : -1.0;
}

/* A copy of a state directory for one run more. */
static bool copy_state(const char *folder, int from, int to)
{
    char command[256];
    snprintf(command, sizeof command, "cp -r '%s/state-%d' '%s/state-%d'", folder, from, folder,
             to);
    return system(command) == 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench_coldstart WEIR PACK [RUNS]\n");
        return 2;
    }
    int runs = argc > 3 ? atoi(argv[3]) : 21;
    static double ms[1000], cpu[1000];
    char folder[] = "/tmp/weir-cold-XXXXXX";
    if (runs < 1 || runs > 1000 || mkdtemp(folder) == NULL) {
        return 2;
    }
    static const struct {
        const char *what, *mode;
        int rows, first, end;
    } cases[] = {{"new directory", "fast", 0, 1, SIGTERM},
                 {"journal of 10,000 rows, ended well", "durable", 10000, 2000, SIGTERM},
                 {"journal of 10,000 rows, killed", "durable", 10000, 3000, SIGKILL}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct start start = {argv[1], argv[2], folder, cases[c].mode, cases[c].end, 0, 0};
        bool existing = cases[c].rows != 0;
        if (existing && one(&start, cases[c].first, cases[c].rows) < 0.0) {
            return 1;
        }
        for (int i = 0; i < runs; i++) {
            int state = cases[c].first + 1 + i;
            bool there = !existing || copy_state(folder, cases[c].first, state);
            ms[i] = there ? one(&start, state, 0) : -1.0;
            cpu[i] = start.cpu_ms;
            if (ms[i] < 0.0) {
                return 1;
            }
        }
        qsort(ms, (size_t)runs, sizeof *ms, by_value);
        qsort(cpu, (size_t)runs, sizeof *cpu, by_value);
        printf(
            "cold start, %s, mode %s: min %.2f ms, median %.2f ms, max %.2f ms, CPU %.2f, median "
            "%.2f ms, resident %ld KiB\n",
            cases[c].what, cases[c].mode, ms[0], ms[runs / 2], ms[runs - 1], cpu[0], cpu[runs / 2],
            start.rss);
    }
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
