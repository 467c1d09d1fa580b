/* SPDX-License-Identifier: Apache-2.0 */
/* A pack from a folder, files of which a test may replace, and an engine over it. */
#ifndef RIG_H
#define RIG_H

#include "check.h"
#include "engine/engine.h"
#include "engine/phrasebook.h"

#define RIG_START INT64_C(1700000000) /* seconds since 1970; a Tuesday evening */
#define RIG_NOW   (RIG_START * 1000000)

/* Memory that can be told to end after so many blocks, and that knows what is out. */
struct rig_memory {
    struct wr_memory source;
    long takes_left; /* -1: no end */
    size_t blocks, bytes;
};

static void *rig_take(void *context, size_t size)
{
    struct rig_memory *memory = context;
    if (memory->takes_left == 0) {
        return NULL;
    }
    memory->takes_left -= memory->takes_left > 0;
    memory->blocks++;
    memory->bytes += size;
    return malloc(size);
}

static void rig_give(void *context, void *block, size_t size)
{
    struct rig_memory *memory = context;
    memory->blocks--;
    memory->bytes -= size;
    free(block);
}

static void rig_memory_init(struct rig_memory *memory)
{
    *memory = (struct rig_memory){{rig_take, rig_give, memory}, -1, 0, 0};
}

/* ── files ──────────────────────────────────────────────────────────────────────────────────── */
enum { RIG_FILES_MAX = 24 };

struct rig_files {
    struct wr_pack_file files[RIG_FILES_MAX];
    size_t n;
    char *texts[RIG_FILES_MAX];
    size_t n_texts;
};

static inline void rig_put_bytes(struct rig_files *files, const char *path, const char *bytes,
                                 size_t n)
{
    char *copy = malloc(n + 1);
    memcpy(copy, bytes, n);
    copy[n] = 0;
    files->texts[files->n_texts++] = copy;
    for (size_t i = 0; i < files->n; i++) {
        if (wr_str_eq(files->files[i].path, wr_str_z(path))) {
            files->files[i].bytes = wr_str_of(copy, n);
            return;
        }
    }
    files->files[files->n].path = wr_str_z(path);
    files->files[files->n++].bytes = wr_str_of(copy, n);
}

static inline void rig_put(struct rig_files *files, const char *path, const char *text)
{
    rig_put_bytes(files, path, text, strlen(text));
}

static inline const char *rig_text(const struct rig_files *files, const char *path)
{
    for (size_t i = 0; i < files->n; i++) {
        if (wr_str_eq(files->files[i].path, wr_str_z(path))) {
            return files->files[i].bytes.p;
        }
    }
    return "";
}

/* Replaces the first `from` of a file by `to`; the test is wrong when there is none. */
static inline void rig_edit(struct rig_files *files, const char *path, const char *from,
                            const char *to)
{
    const char *text = rig_text(files, path), *at = strstr(text, from);
    CHECK(at != NULL);
    if (at != NULL) {
        size_t n = strlen(text) + strlen(to) + 1;
        char *made = malloc(n);
        snprintf(made, n, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
        rig_put(files, path, made);
        free(made);
    }
}

static inline void rig_read(struct rig_files *files, const char *path)
{
    char name[512];
    static char room[1 << 20];
    snprintf(name, sizeof name, WEIR_SOURCE "/test/data/pack-small/%s", path);
    FILE *in = fopen(name, "rb");
    if (in == NULL) {
        perror(name);
        exit(1);
    }
    rig_put_bytes(files, path, room, fread(room, 1, sizeof room, in));
    fclose(in);
}

static inline void rig_files_open(struct rig_files *files)
{
    static const char *const paths[] = {".manifest",     "risk.rego",           "derive.rego",
                                        "data.json",     "weir.json",           "lists/devices.txt",
                                        "lists/vip.csv", "tests/risk_test.rego"};
    memset(files, 0, sizeof *files);
    for (size_t i = 0; i < WR_COUNTOF(paths); i++) {
        rig_read(files, paths[i]);
    }
}

static inline void rig_files_close(struct rig_files *files)
{
    for (size_t i = 0; i < files->n_texts; i++) {
        free(files->texts[i]);
    }
    files->n_texts = files->n = 0;
}

/* ── an engine ──────────────────────────────────────────────────────────────────────────────── */
enum { RIG_RECORDS_MAX = 4096 };

struct rig {
    struct rig_files files;
    struct rig_memory memory;
    struct wr_arena pack_arena, scratch;
    struct wr_pack *pack;
    struct wr_engine *engine;
    struct wr_engine_config config;
    struct wr_answer answer;
    struct wr_error error;
    uint8_t phrases_of[32]; /* digest of a pack */
    struct wr_phrases phrases;
    char *records[RIG_RECORDS_MAX];
    size_t record_sizes[RIG_RECORDS_MAX], n_records;
};

static const struct wr_engine_config rig_config = {
    .node = 0x5f0c3a91d2e4b687, .epoch = 3, .keys = {{1, 2}, {3, 4}}, .card_key = {"key", 3}};

static inline void rig_start(struct rig *rig)
{
    rig->config = rig_config;
    rig_memory_init(&rig->memory);
    wr_arena_init(&rig->pack_arena, &rig->memory.source, 256 << 20);
    wr_arena_init(&rig->scratch, &rig->memory.source, 256 << 20);
    wr_err err = wr_pack_open(&rig->pack_arena, rig->files.files, rig->files.n, NULL, &rig->pack,
                              &rig->error);
    if (err == WR_OK) {
        err =
            wr_engine_open(&rig->memory.source, rig->pack, &rig->config, &rig->engine, &rig->error);
    }
    if (err != WR_OK) {
        fprintf(stderr, "%s: %s\n", rig->error.where, rig->error.text);
        exit(1);
    }
}

static inline void rig_open(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    rig_files_open(&rig->files);
    rig_start(rig);
}

/* The files make no pack, and the error says why with `piece` in it. Gives the files back. */
static inline void rig_check_refused(struct rig *rig, const char *piece)
{
    static const struct wr_memory memory = CHECK_MEMORY;
    wr_arena_init(&rig->pack_arena, &memory, 64 << 20);
    CHECK(wr_pack_open(&rig->pack_arena, rig->files.files, rig->files.n, NULL, &rig->pack,
                       &rig->error) != WR_OK);
    if (strstr(rig->error.text, piece) == NULL) {
        fprintf(stderr, "%s is not in: %s\n", piece, rig->error.text);
    }
    CHECK(strstr(rig->error.text, piece) != NULL);
    wr_arena_deinit(&rig->pack_arena);
    rig_files_close(&rig->files);
}

/* A second engine over the pack of the first, empty. */
static inline struct wr_engine *rig_engine(struct rig *rig)
{
    struct wr_engine *engine = NULL;
    CHECK_INT(wr_engine_open(&rig->memory.source, rig->pack, &rig->config, &engine, NULL), WR_OK);
    return engine;
}

static inline void rig_keep(struct rig *rig, struct wr_str record)
{
    if (record.n != 0 && rig->n_records < RIG_RECORDS_MAX) {
        char *copy = malloc(record.n);
        memcpy(copy, record.p, record.n);
        rig->records[rig->n_records] = copy;
        rig->record_sizes[rig->n_records++] = record.n;
    }
}

static inline struct wr_str rig_record(const struct rig *rig, size_t i)
{
    return wr_str_of(rig->records[i], rig->record_sizes[i]);
}

/* The row, condensed by the phrases of the running pack, expands to itself. */
static inline void rig_check_condensed(struct rig *rig, const struct wr_answer *answer)
{
    const struct wr_pack *pack = wr_engine_pack(rig->engine);
    struct wr_str row = answer->record, table;
    if (memcmp(rig->phrases_of, wr_pack_digest(pack), 32) != 0) {
        CHECK_INT(wr_pack_phrases(&rig->pack_arena, pack, &table, NULL), WR_OK);
        CHECK_INT(wr_phrases_read(&rig->pack_arena, table, &rig->phrases, NULL), WR_OK);
        memcpy(rig->phrases_of, wr_pack_digest(pack), 32);
    }
    struct wr_str condensed = answer->condensed;
    if (condensed.n == 0) { /* too long for both to be kept */
        CHECK(row.n > 8192);
        return;
    }
    char *plain = malloc(row.n);
    CHECK(condensed.n < row.n);
    CHECK_INT(wr_expanded_size(condensed, WR_LIMIT_RECORD_SIZE), row.n);
    CHECK_INT(wr_expand(&rig->phrases, condensed, plain, row.n, NULL), WR_OK);
    CHECK(memcmp(plain, row.p, row.n) == 0);
    free(plain);
}

/* Decides one request; the answer lives until the next call. */
static inline struct wr_answer *rig_decide(struct rig *rig, struct wr_request request)
{
    wr_arena_reset(&rig->scratch);
    wr_err err = wr_engine_batch(rig->engine, &request, 1, &rig->scratch, &rig->answer, NULL);
    CHECK_INT(err, WR_OK);
    if (rig->answer.record.n != 0) {
        rig_check_condensed(rig, &rig->answer);
    }
    rig_keep(rig, rig->answer.record);
    return &rig->answer;
}

static inline struct wr_answer *rig_send(struct rig *rig, const char *body)
{
    return rig_decide(rig, (struct wr_request){.body = wr_str_z(body), .now_us = RIG_NOW});
}

static inline void rig_close(struct rig *rig)
{
    for (size_t i = 0; i < rig->n_records; i++) {
        free(rig->records[i]);
    }
    wr_engine_close(rig->engine);
    wr_arena_deinit(&rig->scratch);
    wr_arena_deinit(&rig->pack_arena);
    rig_files_close(&rig->files);
    CHECK_INT(rig->memory.blocks, 0);
    CHECK_INT(rig->memory.bytes, 0);
}

/* Does the text hold this piece? */
static inline bool rig_has(struct wr_str text, const char *piece)
{
    return wr_str_find(text, wr_str_z(piece), 0) != SIZE_MAX;
}

#define CHECK_HAS(text, piece)                                                                     \
    do {                                                                                           \
        check_count++;                                                                             \
        if (!rig_has((text), (piece))) {                                                           \
            check_failures++;                                                                      \
            fprintf(stderr, "%s:%d: %s\n  is not in\n  %.*s\n", __FILE__, __LINE__, (piece),       \
                    WR_FMT(text));                                                                 \
        }                                                                                          \
    } while (0)

/* Folded and decided again under `pack`, the records give the state of the engine, and themselves.
 */
static inline void rig_check_records(struct rig *rig, const struct wr_pack *pack)
{
    uint8_t live[32], got[32];
    struct wr_engine *folded, *replayed;
    CHECK_INT(wr_engine_open(&rig->memory.source, pack, &rig->config, &folded, NULL), WR_OK);
    CHECK_INT(wr_engine_open(&rig->memory.source, pack, &rig->config, &replayed, NULL), WR_OK);
    for (size_t i = 0; i < rig->n_records; i++) {
        wr_arena_reset(&rig->scratch);
        CHECK_INT(wr_engine_fold(folded, rig_record(rig, i), &rig->scratch, &rig->error), WR_OK);
        CHECK_INT(wr_engine_replay(replayed, rig_record(rig, i), &rig->scratch, &rig->answer, NULL),
                  WR_OK);
        CHECK(rig->answer.record.n == 0 || wr_str_eq(rig->answer.record, rig_record(rig, i)));
    }
    CHECK_INT(wr_engine_digest(rig->engine, live), WR_OK);
    CHECK_INT(wr_engine_digest(folded, got), WR_OK);
    CHECK(memcmp(live, got, 32) == 0);
    CHECK_INT(wr_engine_digest(replayed, got), WR_OK);
    CHECK(memcmp(live, got, 32) == 0);
    wr_engine_close(folded);
    wr_engine_close(replayed);
}

#endif
