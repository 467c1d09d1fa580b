/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of features share: a plan from JSON text, and a state over malloc. */
#ifndef FEATURE_FIXTURE_H
#define FEATURE_FIXTURE_H

#include "base/arena.h"
#include "feature/feature.h"
#include "value/json_read.h"

#include "check.h"

struct fixture {
    struct wr_memory memory;
    struct wr_arena arena;
    struct wr_schema *schema;
    struct wr_feature_plan *plan;
    struct wr_feature_state *state;
    struct wr_error error;
};

/* Reads JSON with ' for " so that tests stay readable. */
static inline struct wr_value fixture_json(struct wr_arena *arena, const char *text)
{
    struct wr_str copy = wr_str_copy(arena, wr_str_z(text));
    char *p = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; i < copy.n; i++) {
        p[i] = p[i] == '\'' ? '"' : p[i];
    }
    struct wr_value v = {0};
    struct wr_error error = {0};
    if (wr_json_read(arena, copy, true, NULL, &v, &error) != WR_OK) {
        fprintf(stderr, "the fixture's JSON is broken: %s\n", error.text);
        abort();
    }
    return v;
}

static inline wr_err fixture_plan(struct fixture *f, const char *weir_json)
{
    *f = (struct fixture){.memory = CHECK_MEMORY};
    wr_arena_init(&f->arena, &f->memory, (size_t)64 << 20);
    struct wr_value v = fixture_json(&f->arena, weir_json);
    wr_err err = wr_schema_open(&f->arena, &v, &f->schema, &f->error);
    return err == WR_OK ? wr_feature_plan_open(&f->arena, f->schema, &v, &f->plan, &f->error) : err;
}

static inline void fixture_open(struct fixture *f, const char *weir_json,
                                const struct wr_feature_caps *caps)
{
    if (fixture_plan(f, weir_json) != WR_OK) {
        fprintf(stderr, "the fixture's plan is broken: %s\n", f->error.text);
        abort();
    }
    f->state = wr_feature_state_open(f->plan, &f->memory, caps);
    CHECK(f->state != NULL);
}

static inline void fixture_close(struct fixture *f)
{
    wr_feature_state_close(f->state);
    wr_arena_deinit(&f->arena);
}

#endif
