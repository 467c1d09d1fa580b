/* SPDX-License-Identifier: Apache-2.0 */
/* Images of features behind their checksums. The input is a list of changes to a good image with
 * small tapes, trees, tallies, labels, a dictionary, free pieces and lost entities: three bytes of
 * place, one of value; a first byte of 255 takes the rest as pieces instead. Property: an image is
 * refused, or the state made of it can be used: events, labels, evictions, a digest, another image.
 * Nothing reads or writes outside of it. */
#include "fuzz.h"

#include "feature/image.h"
#include "base/hash.h"
#include "value/json_read.h"

static const char plan_text[] =
    "{\"event\":{\"id\":\"id\",\"time\":{\"path\":\"t\",\"unit\":\"s\"}},"
    "\"entities\":{\"card\":\"card\",\"shop\":\"shop\"},"
    "\"features\":{"
    "\"a\":{\"entity\":\"card\",\"count\":true,\"window\":\"1h\"},"
    "\"b\":{\"entity\":\"card\",\"max\":\"v\",\"window\":\"1d\"},"
    "\"c\":{\"entity\":\"card\",\"distinct\":\"device\",\"window\":\"1d\"},"
    "\"d\":{\"entity\":\"shop\",\"distinct\":\"device\",\"window\":\"10m\"},"
    "\"e\":{\"entity\":\"shop\",\"share\":\"label.fraud\",\"window\":\"1d\",\"delay\":\"1h\"},"
    "\"f\":{\"entity\":\"shop\",\"median\":\"v\",\"window\":\"1h\"},"
    "\"g\":{\"entity\":\"shop\",\"stddev\":\"v\",\"window\":\"6h\"}}}";

static const struct wr_feature_caps caps = {
    .entities_max = 60, .bytes_max = 4 << 20, .warming_since_ms = INT64_MIN};
static struct wr_feature_plan *plan;

/* ── pieces in memory ───────────────────────────────────────────────────────────────────────── */
enum { ROOM = 8 << 20 };
static char pieces[ROOM], good[ROOM];
static size_t n_pieces, n_good;

static void *claim(void *context, size_t n)
{
    (void)context;
    demand(n_pieces + n <= ROOM);
    n_pieces += n;
    return pieces + n_pieces - n;
}

static size_t room(void *context)
{
    (void)context;
    return SIZE_MAX;
}

static const struct wr_piece_sink sink = {claim, room, NULL};

/* ── events ─────────────────────────────────────────────────────────────────────────────────── */
static void apply(struct wr_feature_state *state, uint64_t from, uint64_t n)
{
    struct wr_feature_value values[16];
    struct wr_event event;
    for (uint64_t i = from; i < from + n; i++) {
        uint64_t r = wr_mix64(i + 1);
        struct wr_feature_vector vector = {.values = r % 3 == 0 ? NULL : values};
        memset(&event, 0, sizeof event);
        event.time_ms = (1700000000 + (int64_t)i * 7 - (int64_t)(r >> 60)) * 1000;
        event.keys[0] = (struct wr_event_key){1 + r % 100, 7, true};
        event.keys[1] = (struct wr_event_key){1000 + (r >> 8) % 2, 7, true};
        for (uint32_t f = 0; f < plan->schema->n_fields; f++) {
            event.fields[f].present = (r >> (16 + f)) % 8 != 0;
            event.fields[f].units = (int64_t)((r >> 20) % 100000);
            event.fields[f].hash = 1 + (r >> 30) % 40;
        }
        wr_feature_update(state, &event, 0, i + 1, &vector);
        if (r % 5 == 0 && vector.place != WR_PLACE_NONE) {
            wr_feature_label(state, &event, vector.place, 0, true);
        }
    }
}

static void begin(void)
{
    static struct wr_arena arena;
    struct wr_schema *schema;
    struct wr_value v;
    struct wr_error error;
    size_t budget = SIZE_MAX;
    wr_arena_init(&arena, &fuzz_memory, (size_t)64 << 20);
    demand(wr_json_read(&arena, wr_str_z(plan_text), true, NULL, &v, &error) == WR_OK);
    demand(wr_schema_open(&arena, &v, &schema, &error) == WR_OK);
    demand(wr_feature_plan_open(&arena, schema, &v, &plan, &error) == WR_OK);
    struct wr_feature_state *state = wr_feature_state_open(plan, &fuzz_memory, &caps);
    apply(state, 0, 1200);
    struct wr_feature_image *image = wr_feature_image_begin(state, &sink);
    demand(image != NULL && wr_feature_image_step(image, &budget));
    wr_feature_image_end(image);
    wr_feature_state_close(state);
    n_good = n_pieces;
    memcpy(good, pieces, n_good);
}

/* ── one input ──────────────────────────────────────────────────────────────────────────────── */
static void change(const uint8_t *data, size_t size)
{
    memcpy(pieces, good, n_good);
    n_pieces = n_good;
    for (size_t i = 0; i + 4 <= size; i += 4) {
        size_t at = (data[i] | (size_t)data[i + 1] << 8 | (size_t)data[i + 2] << 16) % n_good;
        pieces[at] = (char)data[i + 3];
    }
}

static wr_err restore(struct wr_feature_state *state)
{
    struct wr_feature_restore *r = wr_feature_restore_begin(state);
    struct wr_str bytes = wr_str_of(pieces, n_pieces);
    struct wr_piece piece;
    struct wr_error error;
    wr_err err = WR_OK;
    while (err == WR_OK && wr_piece_take(&bytes, &piece)) {
        err = wr_feature_restore_piece(r, &piece, &error);
    }
    err = err != WR_OK ? err : wr_feature_restore_end(r, &error);
    wr_feature_restore_close(r);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t digest[32];
    size_t budget = SIZE_MAX;
    if (plan == NULL) {
        begin();
    }
    if (size > 0 && data[0] == 255) {
        n_pieces = WR_MIN(size - 1, (size_t)ROOM);
        memcpy(pieces, data + 1, n_pieces);
    } else {
        change(data, size);
    }
    struct wr_feature_state *state = wr_feature_state_open(plan, &fuzz_memory, &caps);
    demand(state != NULL);
    wr_err err = restore(state);
    demand(err == WR_OK || size != 0); /* the image itself is good */
    if (err == WR_OK) {
        n_pieces = 0;
        struct wr_feature_image *image = wr_feature_image_begin(state, &sink);
        apply(state, 1200, 40);
        demand(image != NULL && wr_feature_image_step(image, &budget));
        wr_feature_image_end(image);
        wr_feature_digest(state, digest);
    }
    wr_feature_state_close(state);
    return 0;
}
