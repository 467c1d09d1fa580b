/* SPDX-License-Identifier: Apache-2.0 */
/* weir reconcile: lays the journals of several nodes side by side. */
#include "app/commands.h"
#include "app/engine_open.h"
#include "app/file.h"
#include "app/reconcile.h"

static struct {
    const char *pack, *report, *out;
    uint64_t shown;
} options = {.report = "text", .shown = 10};

static const struct wr_option table[] = {
    {"pack", 'p', WR_OPT_TEXT, "DIR|FILE",
     "decide with this pack (the last one of the first journal)", &options.pack},
    {"report", 0, WR_OPT_TEXT, "text|json", "form of the result (text)", &options.report},
    {"out", 0, WR_OPT_TEXT, "FILE", "write it there (standard output)", &options.out},
    {"show", 0, WR_OPT_U64, "N", "ids and decisions in the report, of each kind (10)",
     &options.shown},
};

static int write_report(const struct wr_reconcile_result *result)
{
    FILE *out = wr_report_open(options.out);
    if (out == NULL) {
        return WR_EXIT_FAILED;
    }
    if (strcmp(options.report, "json") == 0) {
        wr_reconcile_json(out, result);
    } else {
        wr_reconcile_text(out, result);
    }
    if (!wr_report_close(out)) {
        return WR_EXIT_FAILED;
    }
    return result->n_twice_nodes + result->n_twice_node == 0 ? WR_EXIT_OK : WR_EXIT_FAILED;
}

static int reconcile(const char *const *states, size_t n, const struct wr_pack *pack)
{
    static struct wr_reconcile_result result;
    struct wr_error error = {0};
    struct wr_arena arena;
    wr_arena_init(&arena, &wr_heap, (size_t)1 << 30);
    wr_err err = wr_reconcile_run(states, n, pack, (size_t)options.shown, &arena, &result, &error);
    int code = err == WR_OK
                   ? write_report(&result)
                   : wr_complain_journal(error.where[0] != '\0' ? error.where : states[0], &error);
    wr_arena_deinit(&arena);
    return code;
}

static int run(int argc, char **argv)
{
    const char *states[WR_LIMIT_RECONCILE_NODES];
    struct wr_arena arena;
    struct wr_pack *pack = NULL;
    bool text = strcmp(options.report, "text") == 0;
    if (argc < 1 || argc > WR_LIMIT_RECONCILE_NODES) {
        wr_complain("wants 1 to %d state directories; see weir reconcile --help",
                    WR_LIMIT_RECONCILE_NODES);
        return WR_EXIT_USAGE;
    }
    if (!text && strcmp(options.report, "json") != 0) {
        wr_complain("--report wants text or json, not %s", options.report);
        return WR_EXIT_USAGE;
    }
    if (options.shown > WR_LIMIT_RECONCILE_SHOWN) {
        wr_complain("--show goes up to %d", WR_LIMIT_RECONCILE_SHOWN);
        return WR_EXIT_USAGE;
    }
    if (options.pack != NULL && !wr_open_pack(&arena, options.pack, NULL, &pack)) {
        return WR_EXIT_FAILED;
    }
    for (int i = 0; i < argc; i++) {
        states[i] = argv[i];
    }
    int code = reconcile(states, (size_t)argc, pack);
    if (pack != NULL) {
        wr_arena_deinit(&arena);
    }
    return code;
}

const struct wr_command wr_command_reconcile = {
    "reconcile",
    "Lays the journals of several nodes side by side",
    "STATE... [OPTIONS]",
    "Reports totals by node; ids that were decided twice, on two nodes (a caller who got no "
    "answer\n"
    "went to another) or on one; and the decisions that one node would have taken otherwise, had "
    "it\n"
    "seen everything: all events go through one engine in the order of the nodes' clocks, an id\n"
    "that comes again left out, and all windows cover all nodes.\n"
    "Exit code 0: no id was decided twice; 1: some were, or it failed. The services must not be\n"
    "running on the directories: take copies (weir journal backup).\n\n"
    "examples:\n"
    "  weir reconcile /backup/node-1 /backup/node-2 /backup/node-3\n"
    "  weir reconcile /backup/node-* --report json --show 1000 --out reconcile.json\n"
    "  weir reconcile /backup/node-* --pack packs/fleet\n",
    table,
    WR_COUNTOF(table),
    run,
};
