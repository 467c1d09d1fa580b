/* SPDX-License-Identifier: Apache-2.0 */
/* weir replay: decides a journal again and tells the differences. */
#include "app/commands.h"
#include "app/engine_open.h"
#include "app/file.h"
#include "app/replay.h"
#include "feature/instant.h"

#include <stdlib.h>

static struct {
    const char *pack, *model, *state, *report, *out, *differences, *from, *to, *outcome, *label;
    struct wr_option_list known, where;
    uint64_t first, last, shown, state_cap, ids;
} options = {.report = "text", .first = 1, .last = UINT64_MAX, .shown = 10};

static const struct wr_option table[] = {
    {"state", 's', WR_OPT_TEXT, "DIR", "state directory (or as the argument; a service has ended)",
     &options.state},
    {"pack", 'p', WR_OPT_TEXT, "DIR|FILE", "decide with this pack (those that decided then)",
     &options.pack},
    {"model", 'm', WR_OPT_TEXT, "FILE", "model of the starter pack, with --pack starter",
     &options.model},
    {"known", 0, WR_OPT_LIST, "DIR|FILE", "a pack of then that the directory lacks; repeatable",
     &options.known},
    {"first", 0, WR_OPT_U64, "N", "compare from this sequence on (1)", &options.first},
    {"last", 0, WR_OPT_U64, "N", "up to this sequence (the last)", &options.last},
    {"from", 0, WR_OPT_TEXT, "TIME", "compare decisions from this time on (RFC 3339, UTC)",
     &options.from},
    {"to", 0, WR_OPT_TEXT, "TIME", "and before this one", &options.to},
    {"where", 'w', WR_OPT_LIST, "PATH=VALUE", "compare events with this value; repeatable",
     &options.where},
    {"outcome", 0, WR_OPT_TEXT, "NAME", "compare decisions that had this outcome",
     &options.outcome},
    {"label", 0, WR_OPT_TEXT, "NAME", "the label that means fraud (any that is true)",
     &options.label},
    {"report", 0, WR_OPT_TEXT, "text|json|html", "form of the result (text)", &options.report},
    {"out", 0, WR_OPT_TEXT, "FILE", "write it there (standard output)", &options.out},
    {"differences", 0, WR_OPT_TEXT, "FILE", "write every differing decision there, JSON lines",
     &options.differences},
    {"show", 0, WR_OPT_U64, "N", "differences in the report (10)", &options.shown},
    {"state-cap", 0, WR_OPT_U64, "BYTES", "as the service was given it (the pack's)",
     &options.state_cap},
    {"ids", 0, WR_OPT_U64, "N", "as the service was given it (the pack's)", &options.ids},
};

static bool usage(const char *message)
{
    wr_complain("%s; see weir replay --help", message);
    return false;
}

static bool read_time(const char *text, int64_t *us)
{
    int64_t ms;
    if (text == NULL) {
        return true;
    }
    if (!wr_instant_read(wr_str_z(text), true, &ms)) {
        return usage("--from and --to want a time such as 2026-11-28T10:00:00Z, or a date");
    }
    *us = ms * 1000;
    return true;
}

static bool read_filters(struct wr_replay_config *config)
{
    for (size_t i = 0; i < options.where.n; i++) {
        const char *text = options.where.items[i], *equals = strchr(text, '=');
        struct wr_replay_filter *filter = &config->filters[config->n_filters];
        if (equals == NULL || equals == text || config->n_filters == WR_LIMIT_REPLAY_FILTERS ||
            (size_t)(equals - text) >= sizeof filter->path) {
            return usage("--where wants PATH=VALUE, at most 16 times");
        }
        memcpy(filter->path, text, (size_t)(equals - text));
        filter->path[equals - text] = '\0';
        filter->value = equals + 1;
        config->n_filters++;
    }
    if (options.outcome != NULL && !wr_outcome_read(wr_str_z(options.outcome), &config->outcome)) {
        return usage("--outcome wants approve, review, challenge, hold or decline");
    }
    return true;
}

static bool make_config(struct wr_replay_config *config, const char *argument)
{
    *config = (struct wr_replay_config){
        .known = &options.known,
        .first = options.first,
        .last = options.last,
        .from_us = INT64_MIN,
        .to_us = INT64_MAX,
        .label = options.label,
        .state_cap = options.state_cap,
        .ids_cap = options.ids,
        .shown = (size_t)WR_MIN(options.shown, (uint64_t)WR_LIMIT_REPLAY_SHOWN),
    };
    const char *source = argument != NULL ? argument : options.state;
    if (source == NULL || (argument != NULL && options.state != NULL)) {
        return usage("wants a state directory or a file of weir journal export");
    }
    if (wr_file_is_directory(source)) {
        config->state = source;
    } else {
        config->file = source;
    }
    if (strcmp(options.report, "text") != 0 && strcmp(options.report, "json") != 0 &&
        strcmp(options.report, "html") != 0) {
        return usage("--report wants text, json or html");
    }
    return read_time(options.from, &config->from_us) && read_time(options.to, &config->to_us) &&
           read_filters(config);
}

static int write_report(const struct wr_replay_config *config,
                        const struct wr_replay_result *result)
{
    FILE *out = wr_report_open(options.out);
    if (out == NULL) {
        return WR_EXIT_FAILED;
    }
    if (strcmp(options.report, "json") == 0) {
        wr_replay_json(out, result);
    } else if (strcmp(options.report, "html") == 0) {
        wr_replay_html(out, config, result);
    } else {
        wr_replay_text(out, config, result);
    }
    if (!wr_report_close(out)) {
        return WR_EXIT_FAILED;
    }
    if (result->n_decisions == 0) {
        return wr_complain("there are no decisions to compare");
    }
    bool same = result->n_same == result->n_decisions && result->n_labels_differ == 0 &&
                result->n_shadow_differ == 0 && result->n_lists_differ == 0;
    return same ? WR_EXIT_OK : WR_EXIT_FAILED;
}

static int replay(struct wr_replay_config *config)
{
    static struct wr_replay_result result;
    struct wr_error error = {0};
    struct wr_arena arena;
    if (options.differences != NULL) {
        config->differences = fopen(options.differences, "wb");
        if (config->differences == NULL) {
            return wr_complain("cannot write %s", options.differences);
        }
    }
    wr_arena_init(&arena, &wr_heap, (size_t)1 << 30);
    wr_err code = wr_replay_run(config, &arena, &result, &error);
    bool written = config->differences == NULL || fclose(config->differences) == 0;
    int exit_code = code == WR_OK          ? write_report(config, &result)
                    : config->file != NULL ? wr_complain_error(config->file, &error)
                                           : wr_complain_journal(config->state, &error);
    wr_arena_deinit(&arena);
    return written ? exit_code : wr_complain("cannot write %s", options.differences);
}

static int run(int argc, char **argv)
{
    struct wr_replay_config config;
    struct wr_arena arena;
    struct wr_pack *pack = NULL;
    if (argc > 1 || !make_config(&config, argc == 1 ? argv[0] : NULL)) {
        return WR_EXIT_USAGE;
    }
    bool starter = options.pack != NULL && strcmp(options.pack, "starter") == 0;
    if (options.pack != NULL &&
        !wr_open_pack(&arena, starter ? NULL : options.pack, options.model, &pack)) {
        return WR_EXIT_FAILED;
    }
    config.pack = pack;
    int exit_code = replay(&config);
    if (pack != NULL) {
        wr_arena_deinit(&arena);
    }
    return exit_code;
}

const struct wr_command wr_command_replay = {
    "replay",
    "Decides a journal again and tells every difference",
    "STATE|EXPORT [OPTIONS]",
    "Without --pack every decision is made again by the pack that made it, with its own time and\n"
    "state: all bytes must be the same. With --pack another pack decides the same events, windows\n"
    "recomputed from the first entry on: a backtest, with precision, recall and money saved where\n"
    "the journal holds labels. EXPORT is a file of `weir journal export`, or - for standard "
    "input.\n"
    "Exit code 0: no difference; 1: some, or none could be told. The service must not be running "
    "on\n"
    "the directory: copy it with `weir journal backup`, and replay the copy.\n\n"
    "examples:\n"
    "  weir replay /var/lib/weir\n"
    "  weir replay /var/lib/weir --pack packs/cards --report html --out replay.html\n"
    "  weir replay /var/lib/weir --pack next.tar.gz --from 2026-11-01 --where user.id=42\n"
    "  weir journal export /var/lib/weir | weir replay - --known packs/cards --report json\n",
    table,
    WR_COUNTOF(table),
    run,
};
