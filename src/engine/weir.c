/* SPDX-License-Identifier: Apache-2.0 */
/* The public C interface: a pack, an engine and two arenas behind one pointer. */
#include "weir/weir.h"

#include "engine/engine.h"

enum { PACK_CAP = 1024 * 1024 * 1024, SCRATCH_CAP = 64 * 1024 * 1024, OWN_CAP = 64 * 1024 };

struct weir {
    struct wr_memory memory;
    struct wr_arena own, pack_arena, scratch; /* `own` holds this struct */
    struct wr_pack *pack;
    struct wr_engine *engine;
};

_Static_assert(WEIR_ERROR_SIZE >= WR_LIMIT_ERROR_TEXT + WR_LIMIT_ERROR_WHERE, "room for an error");

static int tell(const struct wr_error *error, char *why)
{
    if (why != NULL) {
        size_t n = strlen(error->text);
        memcpy(why, error->text, n + 1);
    }
    return (int)error->code;
}

static wr_err open_pack(struct weir *weir, const struct weir_file *files, size_t n,
                        const struct weir_config *config, struct wr_error *error)
{
    struct wr_pack_options options = {.rego_v1 = config->rego_v1 != 0};
    struct wr_pack_file *list = WR_NEW_ARRAY(&weir->pack_arena, struct wr_pack_file, n);
    if (list == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room to open a pack");
    }
    for (size_t i = 0; i < n; i++) {
        list[i] =
            (struct wr_pack_file){wr_str_z(files[i].path), wr_str_of(files[i].bytes, files[i].n)};
    }
    return wr_pack_open(&weir->pack_arena, list, n, &options, &weir->pack, error);
}

static wr_err open_engine(struct weir *weir, const struct weir_config *config,
                          struct wr_error *error)
{
    const struct wr_engine_config engine_config = {
        .node = config->node,
        .epoch = config->epoch,
        .keys = {{config->secret[0], config->secret[1]}, {config->secret[2], config->secret[3]}},
        .card_key = wr_str_of(config->card_key, config->card_key_n),
    };
    return wr_engine_open(&weir->memory, weir->pack, &engine_config, &weir->engine, error);
}

int weir_open(const struct weir_file *files, size_t n_files, const struct weir_config *config,
              struct weir **out, char why[WEIR_ERROR_SIZE])
{
    struct wr_error error = {0};
    const struct wr_memory memory = {config->memory.take, config->memory.give,
                                     config->memory.context};
    struct wr_arena own;
    *out = NULL;
    wr_arena_init(&own, &memory, OWN_CAP);
    struct weir *weir = WR_NEW(&own, struct weir);
    if (weir == NULL) {
        wr_arena_deinit(&own);
        wr_fail(&error, WR_E_MEMORY, "no room to open a pack");
        return tell(&error, why);
    }
    weir->memory = memory;
    weir->own = own;
    weir->own.memory = &weir->memory;
    wr_arena_init(&weir->pack_arena, &weir->memory, PACK_CAP);
    wr_arena_init(&weir->scratch, &weir->memory, SCRATCH_CAP);
    wr_err err = open_pack(weir, files, n_files, config, &error);
    err = err != WR_OK ? err : open_engine(weir, config, &error);
    if (err != WR_OK) {
        weir_close(weir);
        return tell(&error, why);
    }
    *out = weir;
    return 0;
}

void weir_close(struct weir *weir)
{
    if (weir == NULL) {
        return;
    }
    wr_engine_close(weir->engine);
    wr_arena_deinit(&weir->scratch);
    wr_arena_deinit(&weir->pack_arena);
    struct wr_memory memory = weir->memory; /* both lie in the block that goes now */
    struct wr_arena own = weir->own;
    own.memory = &memory;
    wr_arena_deinit(&own);
}

int weir_decide(struct weir *weir, const void *body, size_t n, int64_t now_us,
                struct weir_answer *answer)
{
    const struct wr_request request = {.body = wr_str_of(body, n), .now_us = now_us};
    struct wr_answer got;
    struct wr_error error = {0};
    *answer = (struct weir_answer){.outcome = wr_outcome_name(WR_OUTCOME_NONE)};
    wr_arena_reset(&weir->scratch);
    if (wr_engine_batch(weir->engine, &request, 1, &weir->scratch, &got, &error) != WR_OK) {
        return tell(&error, answer->why);
    }
    if (got.err != WR_OK) {
        return tell(&got.error, answer->why);
    }
    answer->outcome = wr_outcome_name(got.outcome);
    answer->document = got.document.p;
    answer->document_n = got.document.n;
    answer->features = got.features.p;
    answer->features_n = got.features.n;
    answer->record = got.record.p;
    answer->record_n = got.record.n;
    answer->sequence = got.sequence;
    answer->replayed = got.replayed;
    return 0;
}

int weir_fold(struct weir *weir, const void *record, size_t n, char why[WEIR_ERROR_SIZE])
{
    struct wr_error error = {0};
    wr_arena_reset(&weir->scratch);
    wr_err err = wr_engine_fold(weir->engine, wr_str_of(record, n), &weir->scratch, &error);
    return err == WR_OK ? 0 : tell(&error, why);
}

int weir_digest(struct weir *weir, uint8_t out[32])
{
    return (int)wr_engine_digest(weir->engine, out);
}
