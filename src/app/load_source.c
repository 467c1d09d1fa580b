/* SPDX-License-Identifier: Apache-2.0 */
#include "app/load_source.h"

#include "app/csv.h"
#include "app/file.h"
#include "app/json_find.h"
#include "app/rowevent.h"
#include "app/simevent.h"
#include "base/num.h"
#include "feature/instant.h"
#include "value/json_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY_MS = 86400000, EVENT_MAX = 256 * 1024 };

struct maker { /* requests in the making */
    const struct wr_load_source_config *config;
    struct wr_load_source *source;
    struct wr_arena *arena;
    struct wr_buf bytes;
    size_t cap;
    struct wr_arena scratch;
    char *rewritten; /* an event with fixed-width id and time */
};

/* ── one request ────────────────────────────────────────────────────────────────────────────── */
void wr_load_digits(char *out, uint64_t v, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        out[i - 1] = (char)('0' + v % 10);
        v /= 10;
    }
}

static wr_err no_room(struct wr_error *error)
{
    return wr_fail(error, WR_E_LIMIT, "a load holds at most %u events and %zu bytes",
                   WR_LIMIT_LOAD_ITEMS, WR_LIMIT_LOAD_BYTES);
}

struct cut { /* what of an event's text is replaced */
    size_t at, n;
    struct wr_str text;
    uint32_t *patch; /* where the digits to patch came to lie */
    size_t digits_at;
};

/* Copies the event with its cuts replaced, which are in order of place. */
static struct wr_str replace(struct maker *maker, struct wr_str event, const struct cut *cuts,
                             size_t n_cuts)
{
    struct wr_buf out = wr_buf_fixed(maker->rewritten, EVENT_MAX);
    size_t from = 0;
    for (size_t i = 0; i < n_cuts; i++) {
        wr_buf_add(&out, event.p + from, cuts[i].at - from);
        *cuts[i].patch = (uint32_t)(out.n + cuts[i].digits_at);
        wr_buf_str(&out, cuts[i].text);
        from = cuts[i].at + cuts[i].n;
    }
    wr_buf_add(&out, event.p + from, event.n - from);
    return out.overflow ? wr_str_of(NULL, 0) : wr_buf_view(&out);
}

/* Gives an event an id and a time of fixed width. */
static wr_err freshen(struct maker *maker, struct wr_load_item *item, struct wr_str *event,
                      struct wr_error *error)
{
    char id[WR_LIMIT_LOAD_PREFIX + WR_LOAD_ID_DIGITS + 8];
    char time[WR_LOAD_TIME_DIGITS + 1] = "0000000000000";
    struct cut cuts[2];
    size_t n = 0;
    struct wr_buf id_text = wr_buf_fixed(id, sizeof id);
    wr_format(&id_text, "\"%.*s", WR_FMT(maker->source->id_prefix));
    cuts[0] = (struct cut){.digits_at = id_text.n, .patch = &item->id_at};
    wr_buf_str(&id_text, WR_STR("000000000000\""));
    cuts[0].text = wr_buf_view(&id_text);
    if (!wr_json_find(*event, maker->config->id_path, &cuts[0].at, &cuts[0].n)) {
        return wr_fail(error, WR_E_FIELD, "there is no %s to give a fresh id (--id-path)",
                       maker->config->id_path);
    }
    n = 1;
    struct cut when = {.patch = &item->time_at, .text = wr_str_of(time, WR_LOAD_TIME_DIGITS)};
    int64_t ms;
    if (maker->config->time != WR_LOAD_TIME_KEEP &&
        wr_json_find(*event, maker->config->time_path, &when.at, &when.n) &&
        wr_num_read_i64(wr_str_of(event->p + when.at, when.n), &ms)) {
        item->time_ms = ms;
        cuts[n++] = when;
        if (cuts[1].at < cuts[0].at) {
            struct cut first = cuts[1];
            cuts[1] = cuts[0];
            cuts[0] = first;
        }
    }
    *event = replace(maker, *event, cuts, n);
    return event->p != NULL ? WR_OK : no_room(error);
}

static void add_head(struct maker *maker, bool is_label, size_t body_n)
{
    const struct wr_load_source_config *config = maker->config;
    wr_format(&maker->bytes,
              "POST %s HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\n%s"
              "Content-Length: %zu\r\n\r\n",
              is_label ? config->label_path : config->path, config->headers, body_n);
}

/* Old tables stay in the arena: as much again. */
static bool grow(struct maker *maker)
{
    size_t cap = maker->cap == 0 ? 4096 : maker->cap * 2;
    struct wr_load_item *items =
        cap <= WR_LIMIT_LOAD_ITEMS
            ? wr_arena_alloc(maker->arena, cap * sizeof *items, alignof(struct wr_load_item))
            : NULL;
    if (items == NULL) {
        return false;
    }
    if (maker->source->n != 0) {
        memcpy(items, maker->source->items, maker->source->n * sizeof *items);
    }
    maker->source->items = items;
    maker->cap = cap;
    return true;
}

static wr_err add_event(struct maker *maker, struct wr_str event, bool is_label, bool is_fraud,
                        struct wr_error *error)
{
    struct wr_load_source *source = maker->source;
    struct wr_load_item item = {.at = maker->bytes.n, .is_label = is_label, .is_fraud = is_fraud};
    const char *wrap = is_label ? NULL : maker->config->wrap;
    if (source->n == maker->cap && !grow(maker)) {
        return no_room(error);
    }
    if (source->fresh && !is_label) {
        wr_err code = freshen(maker, &item, &event, error);
        if (code != WR_OK) {
            return code;
        }
    }
    size_t around = wrap != NULL ? strlen(wrap) + 5 : 0;
    if (!maker->config->items_only) {
        add_head(maker, is_label, event.n + around);
    }
    if (wrap != NULL) {
        wr_format(&maker->bytes, "{\"%s\":", wrap);
    }
    uint32_t head = (uint32_t)(maker->bytes.n - item.at);
    item.id_at += item.id_at != 0 ? head : 0;
    item.time_at += item.time_at != 0 ? head : 0;
    wr_buf_str(&maker->bytes, event);
    if (wrap != NULL) {
        wr_buf_char(&maker->bytes, '}');
    }
    item.n = (uint32_t)(maker->bytes.n - item.at);
    source->n_max = WR_MAX(source->n_max, item.n);
    source->items[source->n++] = item;
    return maker->bytes.overflow ? no_room(error) : WR_OK;
}

/* ── sources ────────────────────────────────────────────────────────────────────────────────── */
static wr_err simulate(struct maker *maker, struct wr_error *error)
{
    static struct wr_simevent stream;
    const struct wr_load_source_config *config = maker->config;
    struct wr_arena arena;
    int64_t start_ms = 0;
    wr_instant_read(WR_STR("2018-04-01"), true, &start_ms);
    wr_arena_init(&arena, &wr_heap, WR_LIMIT_LOAD_BYTES);
    struct wr_cardsim_config population = {
        .seed = config->seed,
        .customers = (uint32_t)WR_MIN(config->customers, UINT32_MAX),
        .terminals = (uint32_t)WR_MIN(config->terminals, UINT32_MAX),
        /* some eighty terminals within reach, as in the published population */
        .radius = fmin(5.0 * sqrt(10000.0 / (double)config->terminals), 100.0),
    };
    struct wr_cardsim *sim = wr_cardsim_open(&arena, &population);
    wr_err code = sim != NULL ? WR_OK
                              : wr_fail(error, WR_E_LIMIT,
                                        "1 to 1,000,000 simulated customers and terminals");
    struct wr_simline line;
    wr_simevent_open(&stream, sim, start_ms, 0, 0, config->count);
    while (code == WR_OK && wr_simevent_next(&stream, &line)) {
        char room[WR_LIMIT_SIM_LINE];
        struct wr_buf event = wr_buf_fixed(room, sizeof room);
        wr_simevent_json(&event, &line, start_ms);
        code = add_event(maker, wr_buf_view(&event), false, line.tx.scenario != 0, error);
    }
    wr_arena_deinit(&arena);
    return code;
}

static wr_err at_line(wr_err code, uint64_t line, struct wr_error *error)
{
    struct wr_error inner = *error;
    return code == WR_OK
               ? WR_OK
               : wr_fail(error, code, "line %llu: %s", (unsigned long long)line, inner.text);
}

static wr_err read_jsonl(struct maker *maker, struct wr_str text, struct wr_error *error)
{
    uint64_t line = 0;
    for (size_t at = 0; at < text.n;) {
        size_t end = wr_str_find(text, WR_STR("\n"), at);
        end = end == SIZE_MAX ? text.n : end;
        struct wr_str event = wr_str_of(text.p + at, end - at);
        while (event.n != 0 && (event.p[event.n - 1] == '\r' || event.p[event.n - 1] == ' ')) {
            event.n--;
        }
        at = end + 1;
        line++;
        if (event.n == 0) {
            continue;
        }
        struct wr_value v;
        wr_err code = event.n < EVENT_MAX
                          ? wr_json_read(&maker->scratch, event, true, NULL, &v, error)
                          : wr_fail(error, WR_E_TOO_LARGE, "longer than %d bytes", EVENT_MAX);
        bool is_label =
            code == WR_OK && v.type == WR_OBJECT && wr_object_get_str(&v, WR_STR("label")) != NULL;
        wr_arena_reset(&maker->scratch);
        code = code == WR_OK ? add_event(maker, event, is_label, false, error) : code;
        if (code != WR_OK) {
            return at_line(code, line, error);
        }
    }
    return WR_OK;
}

static wr_err read_csv(struct maker *maker, FILE *in, struct wr_error *error)
{
    static struct wr_csv_reader reader;
    static char room[WR_LIMIT_CSV_ROW * 2];
    struct wr_rowevent row;
    const struct wr_csv *map =
        maker->config->pack != NULL ? wr_pack_csv(maker->config->pack) : NULL;
    if (map == NULL) {
        return wr_fail(error, WR_E_PACK,
                       "CSV wants --pack with a pack whose weir.yaml maps columns (`csv`)");
    }
    struct wr_arena arena;
    wr_arena_init(&arena, &wr_heap, 1 << 24);
    wr_err code = wr_csv_open(&reader, in, error);
    code = code == WR_OK ? wr_rowevent_open(&row, &arena, map, &reader, error) : code;
    for (bool end = false; code == WR_OK;) {
        bool fraud = false;
        struct wr_buf body = wr_buf_fixed(room, sizeof room);
        code = wr_csv_next(&reader, &end, error);
        if (end) {
            break;
        }
        code = code == WR_OK ? wr_rowevent_write(&row, &body, error) : code;
        code = code == WR_OK ? wr_rowevent_label(&row, &fraud, error) : code;
        code = code == WR_OK ? add_event(maker, wr_buf_view(&body), false, fraud, error) : code;
        code = at_line(code, reader.line, error);
    }
    wr_csv_close(&reader);
    wr_arena_deinit(&arena);
    return code;
}

static wr_err read_file(struct maker *maker, struct wr_error *error)
{
    const struct wr_load_source_config *config = maker->config;
    if (config->csv) {
        bool standard = strcmp(config->file, "-") == 0;
        FILE *in = standard ? stdin : fopen(config->file, "rb");
        if (in == NULL) {
            return wr_fail(error, WR_E_IO, "cannot open %s", config->file);
        }
        wr_err code = read_csv(maker, in, error);
        if (!standard) {
            fclose(in);
        }
        return code;
    }
    struct wr_arena arena;
    struct wr_str text;
    wr_arena_init(&arena, &wr_heap, WR_LIMIT_LOAD_BYTES);
    wr_err code = wr_file_read(&arena, config->file, WR_LIMIT_LOAD_BYTES / 2, &text, error);
    code = code == WR_OK ? read_jsonl(maker, text, error) : code;
    wr_arena_deinit(&arena);
    return code;
}

/* Repeats shift by whole days, so that hours and weekdays of the pattern stay near. */
static int64_t span_of(const struct wr_load_source *source)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < source->n; i++) {
        if (source->items[i].time_at != 0) {
            first = WR_MIN(first, source->items[i].time_ms);
            last = WR_MAX(last, source->items[i].time_ms);
        }
    }
    return first > last ? 0 : ((last - first) / DAY_MS + 1) * DAY_MS;
}

wr_err wr_load_source_open(struct wr_load_source *source, struct wr_arena *arena,
                           const struct wr_load_source_config *config, struct wr_error *error)
{
    struct maker maker = {.config = config, .source = source, .arena = arena};
    maker.bytes = wr_buf_in(arena, 1 << 20);
    *source = (struct wr_load_source){.fresh = config->fresh || config->file == NULL,
                                      .time = config->time};
    char *prefix = wr_arena_alloc(arena, WR_LIMIT_LOAD_PREFIX + 2, 1);
    if ((config->file == NULL && (config->count == 0 || config->count > WR_LIMIT_LOAD_ITEMS)) ||
        strlen(config->prefix) > WR_LIMIT_LOAD_PREFIX) {
        return no_room(error);
    }
    maker.rewritten = malloc(EVENT_MAX);
    if (maker.rewritten == NULL || prefix == NULL) {
        free(maker.rewritten);
        return wr_fail(error, WR_E_MEMORY, "no memory for the load");
    }
    struct wr_buf text = wr_buf_fixed(prefix, WR_LIMIT_LOAD_PREFIX + 2);
    wr_format(&text, "%s-", config->prefix);
    source->id_prefix = wr_buf_view(&text);
    wr_arena_init(&maker.scratch, &wr_heap, 1 << 26);
    wr_err code = config->file == NULL ? simulate(&maker, error) : read_file(&maker, error);
    wr_arena_deinit(&maker.scratch);
    free(maker.rewritten);
    source->bytes = maker.bytes.p;
    source->span_ms = span_of(source);
    if (code == WR_OK && source->n == 0) {
        return wr_fail(error, WR_E_USAGE, "%s holds no event", config->file);
    }
    return code;
}

uint32_t wr_load_source_write(const struct wr_load_source *source, uint64_t serial, int64_t now_ms,
                              char *out)
{
    const struct wr_load_item *item = wr_load_source_item(source, serial);
    memcpy(out, source->bytes + item->at, item->n);
    if (item->id_at != 0) {
        wr_load_digits(out + item->id_at, serial, WR_LOAD_ID_DIGITS);
    }
    if (item->time_at != 0) {
        int64_t ms = source->time == WR_LOAD_TIME_NOW
                         ? now_ms
                         : item->time_ms + (int64_t)(serial / source->n) * source->span_ms;
        wr_load_digits(out + item->time_at, (uint64_t)ms, WR_LOAD_TIME_DIGITS);
    }
    return item->n;
}
