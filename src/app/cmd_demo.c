/* SPDX-License-Identifier: Apache-2.0 */
/* weir demo: feeds a running server a simulated live stream and shows what it decides. */
#include "app/cardsim.h"
#include "app/client.h"
#include "app/commands.h"
#include "app/demo.h"
#include "app/file.h"
#include "app/simevent.h"
#include "feature/instant.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 256, SHOW_EVERY_NS = 500000000, CONNECT_WAIT_MS = 10000, DRAIN_WAIT_MS = 5000 };

static struct {
    const char *connect;
    double rate;
    int64_t for_ms;
    uint64_t seed;
} options = {.connect = "127.0.0.1:8181", .rate = 5000.0, .seed = 1};

static const struct wr_option table[] = {
    {"connect", 'c', WR_OPT_TEXT, "ADDRESS", "the server (127.0.0.1:8181)", &options.connect},
    {"rate", 'r', WR_OPT_DOUBLE, "X", "transactions a second (5000)", &options.rate},
    {"for", 0, WR_OPT_DURATION, "20s", "stop after that long (with Ctrl-C)", &options.for_ms},
    {"seed", 's', WR_OPT_U64, "N", "of the simulation (1)", &options.seed},
};

struct sent { /* a request whose answer is not here yet */
    int64_t intended_ns;
    bool label, fraud;
};

struct demo {
    struct wr_client client;
    struct wr_simevent stream;
    struct wr_demo_stats stats;
    struct wr_arena arena, scratch;
    struct sent sent[WINDOW];
    uint64_t n_sent, n_answered;
    struct wr_simline line; /* the next to send, when has_line */
    bool has_line, terminal;
    char screen[8192];
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static int64_t mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static bool post(struct demo *demo, int64_t intended_ns)
{
    char room[WR_LIMIT_SIM_LINE];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    bool label = demo->line.is_label;
    wr_simevent_json(&body, &demo->line, demo->stream.start_ms);
    struct wr_str path = label ? WR_STR("/v1/labels") : WR_STR("/v1/decisions");
    if (!wr_client_post(&demo->client, path, wr_buf_view(&body))) {
        return false;
    }
    demo->sent[demo->n_sent++ % WINDOW] =
        (struct sent){intended_ns, label, demo->line.tx.scenario != 0};
    demo->stats.event_ms = demo->stream.start_ms + demo->line.tx.time_s * 1000;
    demo->stats.n_sent += !label;
    demo->has_line = false;
    return true;
}

/* Sends all that is due by now; a label goes with the event that follows it. */
static void send_due(struct demo *demo, int64_t now_ns)
{
    while (demo->n_sent - demo->n_answered < WINDOW) {
        if (!demo->has_line) {
            demo->has_line = wr_simevent_next(&demo->stream, &demo->line);
        }
        double after_ns = fmin((double)demo->stats.n_sent * 1e9 / options.rate, 1e18);
        int64_t due_ns = demo->stats.start_ns + (int64_t)after_ns;
        if (!demo->has_line || due_ns > now_ns || !post(demo, due_ns)) {
            return;
        }
    }
}

static void count(struct demo *demo, const struct wr_client_answer *answer)
{
    struct sent sent = demo->sent[demo->n_answered++ % WINDOW];
    if (sent.label) {
        demo->stats.n_labels += answer->status == 200;
        return;
    }
    if (answer->status != 200) {
        demo->stats.n_refused++;
        return;
    }
    int64_t ns = mono_ns() - sent.intended_ns;
    wr_histogram_add(&demo->stats.latency, (uint64_t)WR_MAX(ns, 0));
    wr_demo_count(&demo->stats, &demo->scratch, answer->body, sent.fraud);
    wr_arena_reset(&demo->scratch);
}

static void show(struct demo *demo, bool last)
{
    demo->stats.now_ns = mono_ns();
    if (!last && (!demo->terminal || demo->stats.now_ns - demo->stats.shown_ns < SHOW_EVERY_NS)) {
        return;
    }
    struct wr_buf buf = wr_buf_fixed(demo->screen, sizeof demo->screen);
    if (demo->terminal) {
        wr_buf_str(&buf, WR_STR("\033[H\033[2J\n"));
    }
    wr_demo_write(&buf, &demo->stats, options.connect);
    if (demo->terminal && !last) {
        wr_buf_str(&buf, WR_STR("\n  Ctrl-C ends it.\n"));
    }
    fwrite(buf.p, 1, buf.n, stdout);
    fflush(stdout);
    demo->stats.shown_ns = demo->stats.now_ns;
    demo->stats.n_since_shown = 0;
}

/* Takes answers for at most wait_ms, then all that are here already. */
static wr_err take_answers(struct demo *demo, int64_t wait_ms, struct wr_error *error)
{
    struct wr_client_answer answer;
    bool got = true;
    wr_err code = wr_client_answer(&demo->client, wait_ms, &answer, &got, error);
    while (code == WR_OK && got) {
        count(demo, &answer);
        code = wr_client_answer(&demo->client, 0, &answer, &got, error);
    }
    return code;
}

static wr_err feed(struct demo *demo, struct wr_error *error)
{
    wr_err code = WR_OK;
    int64_t end_ns =
        options.for_ms != 0 ? demo->stats.start_ns + options.for_ms * 1000000 : INT64_MAX;
    while (code == WR_OK && !stopping) {
        int64_t now_ns = mono_ns();
        if (now_ns >= end_ns) {
            break;
        }
        send_due(demo, now_ns);
        code = take_answers(demo, 1, error);
        show(demo, false);
    }
    int64_t give_up_ns = mono_ns() + DRAIN_WAIT_MS * 1000000LL;
    while (code == WR_OK && demo->n_answered < demo->n_sent && mono_ns() < give_up_ns) {
        code = take_answers(demo, 10, error);
    }
    return code;
}

static int run_demo(struct demo *demo)
{
    struct wr_error error = {0};
    int64_t start_ms = 0;
    wr_instant_read(WR_STR("2018-04-01"), true, &start_ms);
    struct wr_cardsim_config config = {options.seed, 5000, 10000, 5.0};
    struct wr_cardsim *sim = wr_cardsim_open(&demo->arena, &config);
    if (sim == NULL) {
        return wr_complain("no memory");
    }
    if (wr_client_open(&demo->client, options.connect, CONNECT_WAIT_MS, &error) != WR_OK) {
        return wr_complain_error("demo", &error);
    }
    wr_simevent_open(&demo->stream, sim, start_ms, WR_SIM_LABEL_DELAY_MS, 0, 0);
    demo->stats.start_ns = demo->stats.shown_ns = mono_ns();
    demo->stats.start_ms = start_ms;
    wr_histogram_init(&demo->stats.latency);
    wr_err code = feed(demo, &error);
    show(demo, true);
    if (code != WR_OK) {
        return wr_complain_error(options.connect, &error);
    }
    if (demo->stats.n_refused != 0) { /* overload, which a busy machine may well have */
        fprintf(stderr,
                "demo: %llu were refused, most likely since the machine is busy; see "
                "weir_errors_total of /metrics, or ask for less with --rate\n",
                (unsigned long long)demo->stats.n_refused);
    }
    return demo->stats.n_decided != 0 ? WR_EXIT_OK : wr_complain("nothing was decided");
}

static int run(int argc, char **argv)
{
    (void)argv;
    static struct demo demo;
    if (argc != 0 || !(options.rate > 0.0)) {
        wr_complain("takes no arguments, and a rate above 0");
        return WR_EXIT_USAGE;
    }
    demo.terminal = isatty(STDOUT_FILENO) == 1;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    wr_arena_init(&demo.arena, &wr_heap, WR_GIB(1));
    wr_arena_init(&demo.scratch, &wr_heap, (size_t)1 << 26);
    int exit_code = run_demo(&demo);
    wr_client_close(&demo.client);
    wr_arena_deinit(&demo.scratch);
    wr_arena_deinit(&demo.arena);
    return exit_code;
}

const struct wr_command wr_command_demo = {
    "demo",
    "Feeds a running server a simulated live stream and shows what it decides",
    "[OPTIONS]",
    "The server must take its time from the events, since the simulation runs faster than life:\n"
    "a day of 9,600 transactions passes in two seconds.\n\n"
    "examples:\n"
    "  weir serve --pack packs/cards --clock events &\n"
    "  weir demo --rate 2000 --for 20s\n",
    table,
    WR_COUNTOF(table),
    run,
};
