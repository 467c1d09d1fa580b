/* SPDX-License-Identifier: Apache-2.0 */
/* The budget of a request: what has passed of its deadline, and what explanations will take. */
#include "unit/engine/rig.h"

#include "model/model.h"
#include "shell/server_in.h"

static struct wr_server server;
static struct wr_h1_head head;

#define MODULE WEIR_SOURCE "/test/unit/model/data/explain/xgb-logit/model.ubj"

/* A pack whose one model is explained, with an engine over it behind the server. */
static void open_rig(struct rig *rig)
{
    static char bytes[1 << 20];
    static const struct wr_memory memory = CHECK_MEMORY;
    struct wr_arena arena;
    struct wr_error error = {0};
    FILE *in = fopen(MODULE, "rb");
    CHECK(in != NULL);
    size_t n = in != NULL ? fread(bytes, 1, sizeof bytes, in) : 0;
    memset(rig, 0, sizeof *rig);
    rig_files_open(&rig->files);
    wr_arena_init(&arena, &memory, 64 << 20);
    struct wr_buf wasm = wr_buf_in(&arena, 1 << 16);
    CHECK_INT(wr_model_compile(&arena, wr_str_of(bytes, n), NULL, &wasm, &error), WR_OK);
    rig_put_bytes(&rig->files, "models/m.wasm", wasm.p, wasm.n);
    wr_arena_deinit(&arena);
    rig_edit(&rig->files, "weir.json", "\"decision\": {",
             "\"models\": {\"fraud\":{\"file\":\"models/m.wasm\",\"inputs\":[\"x.a\",\"x.b\","
             "\"x.c\",\"x.d\",\"x.e\",\"x.f\",\"x.g\",\"x.h\"],"
             "\"explain\":{\"reasons\":{\"x.a\":\"A\"}}}},\n  \"decision\": {");
    rig_start(rig);
    server.engine = rig->engine;
    server.deadline_us = 50000;
    if (in != NULL) {
        fclose(in);
    }
}

static enum wr_budget budget_after(int64_t waited_us, uint32_t n)
{
    server.now_ns = 1000000000 + waited_us * 1000;
    return wr_decide_budget(&server, wr_request_terms(&head).deadline_us, 1000000000, n);
}

TEST("half of the deadline leaves explanations out, nine tenths everything else")
{
    struct rig rig;
    open_rig(&rig);
    CHECK_INT(budget_after(0, 1), WR_BUDGET_FULL);
    CHECK_INT(budget_after(24900, 1), WR_BUDGET_FULL);
    CHECK_INT(budget_after(25000, 1), WR_BUDGET_NO_EXPLAIN);
    CHECK_INT(budget_after(44999, 1), WR_BUDGET_NO_EXPLAIN);
    CHECK_INT(budget_after(45000, 1), WR_BUDGET_FALLBACK);
    rig_close(&rig);
}

TEST("a caller shortens the deadline, and cannot take it away")
{
    struct rig rig;
    static const struct {
        const char *value;
        enum wr_budget budget;
    } asked[] = {{"10", WR_BUDGET_FALLBACK}, {"40", WR_BUDGET_NO_EXPLAIN},
                 {"0", WR_BUDGET_FULL},      {"-1", WR_BUDGET_FULL},
                 {"x", WR_BUDGET_FULL},      {"3600000", WR_BUDGET_FULL}};
    open_rig(&rig);
    for (size_t i = 0; i < WR_COUNTOF(asked); i++) {
        head.fields[0] = (struct wr_h1_field){WR_STR("Weir-Deadline-Ms"), wr_str_z(asked[i].value)};
        head.n_fields = 1;
        CHECK_INT(budget_after(20000, 1), asked[i].budget);
    }
    head.n_fields = 0;
    rig_close(&rig);
}

TEST("what the explanations of a batch will take counts as passed")
{
    struct rig rig;
    open_rig(&rig);
    uint64_t steps = wr_pack_explain_steps(rig.pack);
    CHECK(steps > 100 && steps < 10000);
    uint32_t most = (uint32_t)(25000 / (steps / 100)); /* 10 ns a step */
    CHECK_INT(budget_after(0, most - 1), WR_BUDGET_FULL);
    CHECK_INT(budget_after(0, most + 1), WR_BUDGET_NO_EXPLAIN);
    CHECK_INT(budget_after(20000, most / 4), WR_BUDGET_NO_EXPLAIN);
    CHECK_INT(budget_after(44000, most), WR_BUDGET_NO_EXPLAIN); /* never the fallback for that */
    rig_close(&rig);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
