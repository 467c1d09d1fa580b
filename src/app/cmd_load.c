/* SPDX-License-Identifier: Apache-2.0 */
/* weir load: drives a server and measures it. */
#include "app/commands.h"
#include "app/engine_open.h"
#include "app/file.h"
#include "app/load_report.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *connect, *input, *format, *pack, *time, *id_path, *time_path, *path, *label_path;
    const char *wrap, *prefix, *report, *out, *token, *tls_ca, *tls_cert, *tls_key;
    struct wr_option_list headers;
    double rate;
    bool fresh;
    uint64_t connections, outstanding, batch, count, seed, customers, terminals, pattern,
        server_pid;
    int64_t for_ms, warmup_ms, labels_ms, patience_ms;
} options = {.connect = "127.0.0.1:8181",
             .format = "auto",
             .time = "now",
             .id_path = "transaction.id",
             .time_path = "transaction.time",
             .label_path = "/v1/labels",
             .report = "text",
             .connections = 16,
             .outstanding = 0,
             .batch = 1,
             .seed = 1,
             .customers = 100000,
             .terminals = 10000,
             .pattern = 262144,
             .for_ms = 10000,
             .warmup_ms = 0};

static const struct wr_option table[] = {
    {"connect", 'c', WR_OPT_TEXT, "ADDRESS",
     "HOST:PORT, unix:PATH or tls:HOST:PORT (127.0.0.1:8181)", &options.connect},
    {"rate", 'r', WR_OPT_DOUBLE, "X", "open loop: X decisions a second, whatever the server does",
     &options.rate},
    {"outstanding", 'o', WR_OPT_U64, "N",
     "requests of a connection at once (closed loop: 1; open: 64 at most)", &options.outstanding},
    {"connections", 'n', WR_OPT_U64, "N", "connections (16)", &options.connections},
    {"batch", 'b', WR_OPT_U64, "N", "N events a request, to /v1/decisions:batch (1)",
     &options.batch},
    {"for", 0, WR_OPT_DURATION, "10s", "length of the measured stretch (10s)", &options.for_ms},
    {"count", 0, WR_OPT_U64, "N", "or until N events of it are sent", &options.count},
    {"warmup", 'w', WR_OPT_DURATION, "2s", "goes before it and is reported apart (0s)",
     &options.warmup_ms},
    {"input", 'i', WR_OPT_TEXT, "FILE", "CSV or JSON lines, - for standard input (simulated cards)",
     &options.input},
    {"format", 0, WR_OPT_TEXT, "csv|jsonl", "of the input (by the name's end)", &options.format},
    {"pack", 'p', WR_OPT_TEXT, "DIR|FILE", "CSV: the pack that maps its columns", &options.pack},
    {"fresh", 0, WR_OPT_FLAG, NULL, "repeat the input without end, with new ids and times",
     &options.fresh},
    {"time", 't', WR_OPT_TEXT, "now|event|keep",
     "of fresh events: of sending, of the pattern, untouched (now)", &options.time},
    {"id-path", 0, WR_OPT_TEXT, "PATH", "where a fresh event has its id (transaction.id)",
     &options.id_path},
    {"time-path", 0, WR_OPT_TEXT, "PATH", "and its time, in ms (transaction.time)",
     &options.time_path},
    {"prefix", 0, WR_OPT_TEXT, "TEXT", "of fresh ids (from the clock, so that runs differ)",
     &options.prefix},
    {"labels", 0, WR_OPT_DURATION, "1s", "simulation: label each fraud that long after it",
     &options.labels_ms},
    {"seed", 's', WR_OPT_U64, "N", "of the simulation and of the arrivals (1)", &options.seed},
    {"customers", 0, WR_OPT_U64, "N", "simulated (100000)", &options.customers},
    {"terminals", 0, WR_OPT_U64, "N", "simulated (10000)", &options.terminals},
    {"pattern", 0, WR_OPT_U64, "N", "simulated events before they repeat (262144)",
     &options.pattern},
    {"path", 0, WR_OPT_TEXT, "PATH", "of the URL (/v1/decisions, or its batch endpoint)",
     &options.path},
    {"label-path", 0, WR_OPT_TEXT, "PATH", "of the URL for labels (/v1/labels)",
     &options.label_path},
    {"wrap", 0, WR_OPT_TEXT, "NAME", "send {\"NAME\": event}: OPA takes {\"input\": ...}",
     &options.wrap},
    {"header", 'H', WR_OPT_LIST, "'NAME: VALUE'", "a header of every request; repeatable",
     &options.headers},
    {"token", 0, WR_OPT_TEXT, "TOKEN", "bearer token of every request", &options.token},
    {"tls-ca", 0, WR_OPT_TEXT, "FILE", "tls: whom to trust, PEM (the system's)", &options.tls_ca},
    {"tls-cert", 0, WR_OPT_TEXT, "FILE", "tls: a certificate of the client, PEM",
     &options.tls_cert},
    {"tls-key", 0, WR_OPT_TEXT, "FILE", "and its key, PEM", &options.tls_key},
    {"patience", 0, WR_OPT_DURATION, "5s", "dial lost connections again for so long (0s)",
     &options.patience_ms},
    {"server-pid", 0, WR_OPT_U64, "PID", "read the CPU of that local process too",
     &options.server_pid},
    {"report", 0, WR_OPT_TEXT, "text|json|html", "form of the result (text)", &options.report},
    {"out", 0, WR_OPT_TEXT, "FILE", "write it there (standard output)", &options.out},
};

static void on_signal(int signal)
{
    (void)signal;
    wr_load_stop();
}

static bool is_one_of(const char *word, const char *const *words, size_t n, size_t *which)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(word, words[i]) == 0) {
            *which = i;
            return true;
        }
    }
    return false;
}

static bool usage(const char *message)
{
    wr_complain("%s; see weir load --help", message);
    return false;
}

static bool check_numbers(void)
{
    if (options.connections == 0 || options.connections > WR_LIMIT_LOAD_CONNECTIONS) {
        return usage("--connections wants 1 to 10000");
    }
    if (options.outstanding > WR_LIMIT_LOAD_OUTSTANDING) {
        return usage("--outstanding wants 1 to 1024");
    }
    if (options.batch == 0 || options.batch > WR_LIMIT_LOAD_BATCH) {
        return usage("--batch wants 1 to 10000");
    }
    if (!(options.rate >= 0.0 && options.rate <= 1e8)) {
        return usage("--rate wants a number above 0");
    }
    if (options.labels_ms != 0 && options.input != NULL) {
        return usage("--labels goes with the simulation only");
    }
    return true;
}

static bool join_headers(struct wr_buf *headers)
{
    if (options.token != NULL) {
        wr_format(headers, "Authorization: Bearer %s\r\n", options.token);
    }
    for (size_t i = 0; i < options.headers.n; i++) {
        const char *text = options.headers.items[i];
        if (strchr(text, ':') == NULL || strpbrk(text, "\r\n") != NULL) {
            return usage("--header wants 'NAME: VALUE'");
        }
        wr_format(headers, "%s\r\n", text);
    }
    wr_buf_char(headers, '\0');
    return !headers->overflow || usage("the headers are too long");
}

static bool make_source_config(struct wr_load_source_config *config, const char *prefix)
{
    static const char *const times[] = {"now", "event", "keep"}, *const formats[] = {"csv", "jsonl",
                                                                                     "auto"};
    size_t time = 0, format = 0;
    if (!is_one_of(options.time, times, 3, &time)) {
        return usage("--time wants now, event or keep");
    }
    if (!is_one_of(options.format, formats, 3, &format)) {
        return usage("--format wants csv or jsonl");
    }
    if (options.prefix != NULL && (strpbrk(options.prefix, "\"\\") != NULL ||
                                   strlen(options.prefix) > WR_LIMIT_LOAD_PREFIX)) {
        return usage("--prefix wants at most 32 plain characters");
    }
    *config = (struct wr_load_source_config){
        .file = options.input,
        .csv = format == 0 || (format == 2 && options.input != NULL &&
                               wr_str_ends(wr_str_z(options.input), WR_STR(".csv"))),
        .fresh = options.fresh || options.input == NULL,
        .time = (enum wr_load_time)time,
        .prefix = options.prefix != NULL ? options.prefix : prefix,
        .id_path = options.id_path,
        .time_path = options.time_path,
        .wrap = options.wrap,
        .items_only = options.batch > 1,
        .seed = options.seed,
        .customers = options.customers,
        .terminals = options.terminals,
        .count = options.pattern,
    };
    return true;
}

static int report(const struct wr_load_config *config, const struct wr_load_result *result)
{
    FILE *out = wr_report_open(options.out);
    if (out == NULL) {
        return WR_EXIT_FAILED;
    }
    if (strcmp(options.report, "json") == 0) {
        wr_load_json(out, config, result);
    } else if (strcmp(options.report, "html") == 0) {
        wr_load_html(out, config, result);
    } else {
        wr_load_text(out, config, result);
    }
    if (!wr_report_close(out)) {
        return WR_EXIT_FAILED;
    }
    return result->run.n_decisions != 0 ? WR_EXIT_OK
                                        : wr_complain("not one decision was answered with 200");
}

static int drive(struct wr_load_config *config, struct wr_load_source_config *source_config)
{
    static struct wr_load_result result;
    struct wr_error error = {0};
    struct wr_arena arena, pack_arena;
    struct wr_load_source source;
    struct wr_pack *pack = NULL;
    if (options.pack != NULL && !wr_open_pack(&pack_arena, options.pack, NULL, &pack)) {
        return WR_EXIT_FAILED;
    }
    source_config->pack = pack;
    wr_arena_init(&arena, &wr_heap, 2 * WR_LIMIT_LOAD_BYTES);
    wr_err code = wr_load_source_open(&source, &arena, source_config, &error);
    if (code != WR_OK) {
        wr_complain_error(options.input != NULL ? options.input : "simulation", &error);
    } else {
        config->check = source.fresh && config->batch == 1 && options.path == NULL;
        code = wr_load_run(config, &source, &result, &error);
        if (code != WR_OK) {
            wr_complain_error(options.connect, &error);
        }
    }
    int exit_code = code == WR_OK ? report(config, &result) : WR_EXIT_FAILED;
    wr_arena_deinit(&arena);
    if (pack != NULL) {
        wr_arena_deinit(&pack_arena);
    }
    return exit_code;
}

static int run(int argc, char **argv)
{
    (void)argv;
    static const char *const reports[] = {"text", "json", "html"};
    size_t which;
    char prefix[32], header_room[2048];
    struct wr_load_source_config source;
    struct wr_buf headers = wr_buf_fixed(header_room, sizeof header_room);
    if (argc != 0 || !is_one_of(options.report, reports, 3, &which)) {
        wr_complain("takes no arguments, and --report text, json or html; see weir load --help");
        return WR_EXIT_USAGE;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(prefix, sizeof prefix, "L%llx",
             (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000);
    if (!check_numbers() || !join_headers(&headers) || !make_source_config(&source, prefix)) {
        return WR_EXIT_USAGE;
    }
    source.headers = header_room;
    source.label_path = options.label_path;
    source.path = options.path != NULL ? options.path
                  : options.batch > 1  ? "/v1/decisions:batch"
                                       : "/v1/decisions";
    struct wr_load_config config = {
        .address = options.connect,
        .rate = options.rate,
        .connections = options.connections,
        .outstanding = options.outstanding != 0 ? options.outstanding
                       : options.rate > 0.0     ? 64
                                                : 1,
        .batch = options.batch,
        .warmup_ms = options.warmup_ms,
        .for_ms = options.for_ms,
        .count = options.count,
        .label_delay_ms = options.labels_ms,
        .patience_ms = options.patience_ms,
        .seed = options.seed,
        .server_pid = (int64_t)options.server_pid,
        .path = source.path,
        .label_path = source.label_path,
        .headers = header_room,
    };
    char host[64];
    struct wr_load_tls_config tls = {options.tls_ca, options.tls_cert, options.tls_key, host};
    if (strncmp(options.connect, "tls:", 4) == 0) {
        config.address = options.connect + 4;
        config.tls = &tls;
        const char *colon = strrchr(config.address, ':');
        size_t n = colon != NULL ? (size_t)(colon - config.address) : 0;
        snprintf(host, sizeof host, "%.*s", (int)WR_MIN(n, sizeof host - 1), config.address);
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return drive(&config, &source);
}

const struct wr_command wr_command_load = {
    "load",
    "Drives a server with events, open or closed loop, and measures it",
    "[OPTIONS]",
    "With --rate requests arrive as a Poisson process and latency counts from the moment they "
    "were\n"
    "meant to be sent; without it every connection keeps --outstanding requests under way. Events\n"
    "are a simulation of card transactions that fits packs/cards, or come from a file, each once.\n"
    "The generator tells its own CPU and lateness: when it is short of CPU, figures are its "
    "own.\n\n"
    "examples:\n"
    "  weir load --rate 20000 --warmup 5s --for 30s --connections 64\n"
    "  weir load --connect unix:/run/weir.sock --outstanding 8 --report html --out load.html\n"
    "  weir load --batch 100 --labels 1s --report json\n"
    "  weir load --input history.csv --pack packs/cards --connections 1 --rate 1000\n"
    "  weir load --connect tls:127.0.0.1:8443 --tls-ca ca.pem --token weir_...\n"
    "  weir load --path /v1/data/risk --wrap input --connect 127.0.0.1:8282   (OPA)\n",
    table,
    WR_COUNTOF(table),
    run,
};
