/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding and packing (packed_write.h). */
#include "model/packed_write.h"

#define LEAF_STEPS  65535
#define WEIGHT_MAX  127
#define MIN_WEIGHTS 256u /* smaller matrices stay as they are */
#define RAW_BITS    32u
#define MAX_PARTS   4096u

/* ── walking a program ──────────────────────────────────────────────────────────────────────── */
struct place { /* an array that may become a part */
    enum wr_packed_kind kind;
    uint32_t at, n, wide; /* NODES: the leaves' feature; WEIGHTS: columns */
    bool counting;        /* leaves are rows of a table */
};

static bool constant_floats(const uint32_t *operand)
{
    return (operand[0] & WR_PROGRAM_CONST) != 0 && operand[1] >> 28 == WR_F32 &&
           (operand[1] & WR_PROGRAM_COUNT) >= MIN_WEIGHTS;
}

/* What a step holds that can be packed, if anything. */
static bool place_of(const uint32_t *step, struct place *out)
{
    uint32_t n_out = step[0] >> 16 & 0xff, n_in = step[0] >> 24;
    const uint32_t *in = step + 2 + 2 * n_out, *params = in + 2 * n_in;
    switch (step[0] & 0xff) {
    case WR_STEP_TREES:
        *out = (struct place){WR_PACKED_NODES, in[2] & ~WR_PROGRAM_CONST, in[3] & WR_PROGRAM_COUNT,
                              2 * params[1], params[5] != 0};
        return true;
    case WR_STEP_MATMUL: /* b, its columns side by side */
        *out = (struct place){WR_PACKED_WEIGHTS, in[2] & ~WR_PROGRAM_CONST,
                              in[3] & WR_PROGRAM_COUNT, params[2], false};
        return constant_floats(in + 2) && params[6] == 1 && out->n % out->wide == 0;
    case WR_STEP_GATHER: /* an embedding */
        *out = (struct place){WR_PACKED_WEIGHTS, in[0] & ~WR_PROGRAM_CONST,
                              in[1] & WR_PROGRAM_COUNT, params[2], false};
        return constant_floats(in) && out->n % out->wide == 0;
    default:
        return false;
    }
}

/* ── rounding ───────────────────────────────────────────────────────────────────────────────── */
static float float_of(int32_t key)
{
    float x;
    memcpy(&x, &key, sizeof x);
    return x;
}

static void round_leaves(struct wr_tree_node *nodes, uint32_t n)
{
    double low = 0, high = 0, step;
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        double v = (double)float_of(nodes[i].key);
        if (nodes[i].delta == 0) {
            low = any && low < v ? low : v;
            high = any && high > v ? high : v;
            any = true;
        }
    }
    step = (high - low) / LEAF_STEPS;
    for (uint32_t i = 0; i < n && step > 0; i++) {
        if (nodes[i].delta == 0) {
            double v = (double)float_of(nodes[i].key);
            float rounded = (float)(low + (double)(uint32_t)((v - low) / step + 0.5) * step) + 0.0f;
            memcpy(&nodes[i].key, &rounded, sizeof rounded);
        }
    }
}

/* The scale of a column: a 127th of its greatest magnitude, in 16 bits of mantissa rounded up, so
 * that each multiple is an exact float and the scale is found again from the greatest one. */
static float scale_of(const float *weights, uint32_t n, uint32_t wide, uint32_t j)
{
    float most = 0;
    for (uint32_t i = j; i < n; i += wide) {
        float a = weights[i] < 0 ? -weights[i] : weights[i];
        most = a > most ? a : most;
    }
    float scale = most / WEIGHT_MAX;
    uint32_t bits;
    memcpy(&bits, &scale, sizeof bits);
    if (scale < 0x1p-100f) {
        return 0;
    }
    bits = (bits + 0xff) & ~0xffu;
    memcpy(&scale, &bits, sizeof scale);
    return scale;
}

static int32_t multiple_of(float weight, float scale)
{
    float q = scale > 0 ? weight / scale : 0;
    if (!(q > -WEIGHT_MAX - 1 && q < WEIGHT_MAX + 1)) { /* NaN, or of an infinite column */
        return 0;
    }
    return (int32_t)(q < 0 ? q - 0.5f : q + 0.5f);
}

static void round_weights(float *weights, uint32_t n, uint32_t wide)
{
    for (uint32_t j = 0; j < wide; j++) {
        float scale = scale_of(weights, n, wide, j);
        for (uint32_t i = j; i < n; i += wide) {
            weights[i] = (float)multiple_of(weights[i], scale) * scale;
        }
    }
}

static bool is_finite(float x)
{
    return x - x == 0;
}

bool wr_program_is_finite(const uint8_t *program, bool leaves)
{
    const struct wr_program *p = (const void *)program;
    const uint32_t *step = (const void *)(program + p->steps);
    bool finite = true;
    for (uint32_t i = 0; i < p->n_steps; i++, step += step[1]) {
        struct place place;
        if (!place_of(step, &place) || place.counting ||
            place.kind != (leaves ? WR_PACKED_NODES : WR_PACKED_WEIGHTS)) {
            continue;
        }
        const struct wr_tree_node *nodes = (const void *)(program + place.at);
        const float *weights = (const void *)(program + place.at);
        for (uint32_t k = 0; k < place.n; k++) {
            finite = finite && (leaves ? nodes[k].delta != 0 || is_finite(float_of(nodes[k].key))
                                       : is_finite(weights[k]));
        }
    }
    return finite;
}

static bool round_all(uint8_t *program, enum wr_packed_kind kind)
{
    const struct wr_program *p = (const void *)program;
    const uint32_t *step = (const void *)(program + p->steps);
    bool any = false;
    for (uint32_t i = 0; i < p->n_steps; i++, step += step[1]) {
        struct place place;
        if (!place_of(step, &place) || place.kind != kind || place.counting) {
            continue;
        }
        any = true;
        if (kind == WR_PACKED_NODES) {
            round_leaves((void *)(program + place.at), place.n);
        } else {
            round_weights((void *)(program + place.at), place.n, place.wide);
        }
    }
    return any;
}

bool wr_program_round_leaves(uint8_t *program)
{
    return round_all(program, WR_PACKED_NODES);
}

bool wr_program_round_weights(uint8_t *program)
{
    return round_all(program, WR_PACKED_WEIGHTS);
}

/* ── packing: output ────────────────────────────────────────────────────────────────────────── */
struct packer {
    struct wr_arena *arena;
    const uint8_t *program;
    struct wr_buf *out;
    size_t start; /* of the packed bytes in out */
    uint64_t held;
    uint32_t n_held;
};

static void put_bits(struct packer *p, uint32_t value, uint32_t n)
{
    p->held |= (uint64_t)value << p->n_held;
    for (p->n_held += n; p->n_held >= 8; p->n_held -= 8, p->held >>= 8) {
        wr_buf_char(p->out, (char)(p->held & 0xff));
    }
}

static void end_bits(struct packer *p)
{
    put_bits(p, 0, (8 - p->n_held) & 7);
    p->held = p->n_held = 0;
}

/* Where the next byte goes, at a multiple of 4. */
static uint32_t here(struct packer *p)
{
    while ((p->out->n - p->start) % 4 != 0) {
        wr_buf_char(p->out, 0);
    }
    return (uint32_t)(p->out->n - p->start);
}

static uint32_t bits_for(uint32_t n)
{
    uint32_t bits = 0;
    while (bits < 32 && n > 1u << bits) {
        bits++;
    }
    return bits;
}

/* ── packing: keys ──────────────────────────────────────────────────────────────────────────── */
/* Sorts by four passes over bytes; `other` is as long. */
static void sort_keys(int32_t *keys, int32_t *other, uint32_t n)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        uint32_t counts[257] = {0};
        for (uint32_t i = 0; i < n; i++) {
            counts[1 + (((uint32_t)keys[i] ^ 0x80000000u) >> shift & 0xff)]++;
        }
        for (unsigned b = 0; b < 256; b++) {
            counts[b + 1] += counts[b];
        }
        for (uint32_t i = 0; i < n; i++) {
            other[counts[((uint32_t)keys[i] ^ 0x80000000u) >> shift & 0xff]++] = keys[i];
        }
        int32_t *swap = keys;
        keys = other;
        other = swap;
    }
}

struct column {
    int32_t *keys; /* sorted, without repeats; NULL: as they are */
    uint32_t n, bits, code;
};

/* A table when it costs less than the keys themselves. */
static void plan_column(struct column *c, int32_t *keys, int32_t *other, uint32_t n)
{
    uint32_t kept = 0;
    sort_keys(keys, other, n);
    for (uint32_t i = 0; i < n; i++) {
        if (i == 0 || keys[i] != keys[kept - 1]) {
            keys[kept++] = keys[i];
        }
    }
    uint32_t bits = bits_for(kept);
    bool pays = (uint64_t)n * bits + (uint64_t)kept * 32 < (uint64_t)n * 32;
    *c = pays ? (struct column){keys, kept, bits, c->code} : (struct column){NULL, 0, 32, c->code};
}

static uint32_t rank_of(const struct column *c, int32_t key)
{
    uint32_t low = 0, high = c->n;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        *(c->keys[middle] <= key ? &low : &high) = middle;
    }
    return low;
}

/* ── packing: nodes ─────────────────────────────────────────────────────────────────────────── */
/* Are trees in breadth order, and counting leaves counting? */
static bool in_order(const struct wr_tree_node *nodes, const struct place *place)
{
    int32_t rows = 0;
    for (uint32_t at = 0; at < place->n;) {
        uint32_t end = at + 1;
        for (; at < end; at++) {
            bool leaf = nodes[at].delta == 0;
            if (leaf ? place->counting && nodes[at].key != rows++ : nodes[at].delta != end - at) {
                return false;
            }
            end += leaf ? 0 : 2;
        }
        if (end > place->n) {
            return false;
        }
    }
    return true;
}

/* Gathers the keys of each column (by feature; the leaves' behind) and plans its table. */
static bool plan_columns(struct packer *p, const struct wr_tree_node *nodes,
                         const struct place *place, struct column *columns)
{
    uint32_t n_columns = place->wide + 1;
    uint32_t *starts = wr_arena_array(p->arena, (size_t)n_columns + 1, sizeof *starts, 4);
    int32_t *keys = wr_arena_alloc(p->arena, (size_t)place->n * 4, 4);
    int32_t *other = wr_arena_alloc(p->arena, (size_t)place->n * 4, 4);
    if (starts == NULL || keys == NULL || other == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < place->n; i++) {
        starts[nodes[i].feature + 1]++;
    }
    for (uint32_t c = 0; c < n_columns; c++) {
        starts[c + 1] += starts[c];
    }
    for (uint32_t i = 0; i < place->n; i++) {
        keys[starts[nodes[i].feature]++] = nodes[i].key;
    }
    for (uint32_t c = 0, from = 0, code = 0; c < n_columns; c++) {
        columns[c].code = code;
        if (starts[c] > from) {
            plan_column(&columns[c], keys + from, other, starts[c] - from);
            code += c < place->wide;
        }
        from = starts[c];
    }
    if (place->counting) {
        columns[place->wide] = (struct column){.bits = 0};
    }
    return true;
}

static void put_table(struct packer *p, struct wr_packed_table *t, const struct column *c,
                      uint32_t feature)
{
    *t = (struct wr_packed_table){feature, c->bits, here(p), c->n};
    wr_buf_add(p->out, c->keys, (size_t)c->n * 4);
}

static void put_key(struct packer *p, const struct column *c, int32_t key)
{
    if (c->keys != NULL) {
        put_bits(p, rank_of(c, key), c->bits);
    } else {
        put_bits(p, (uint32_t)key, c->bits);
    }
}

static bool pack_nodes(struct packer *p, const struct place *place, struct wr_packed_part *part)
{
    const struct wr_tree_node *nodes = (const void *)(p->program + place->at);
    struct column *columns = WR_NEW_ARRAY(p->arena, struct column, (size_t)place->wide + 1);
    struct wr_packed_table *tables =
        WR_NEW_ARRAY(p->arena, struct wr_packed_table, (size_t)place->wide + 1);
    if (columns == NULL || tables == NULL || !in_order(nodes, place) ||
        !plan_columns(p, nodes, place, columns)) {
        return false;
    }
    uint32_t n_codes = 0;
    for (uint32_t c = 0; c < place->wide; c++) {
        if (columns[c].bits != 0 || columns[c].keys != NULL) {
            put_table(p, &tables[n_codes++], &columns[c], c);
        }
    }
    const struct column *leaves = &columns[place->wide];
    put_table(p, &tables[n_codes], leaves, place->wide);
    part->n_codes = n_codes;
    part->code_bits = bits_for(n_codes);
    part->wide = place->wide;
    part->tables = here(p);
    wr_buf_add(p->out, tables, ((size_t)n_codes + 1) * sizeof *tables);
    part->data = here(p);
    for (uint32_t i = 0; i < place->n; i++) {
        bool leaf = nodes[i].delta == 0;
        const struct column *c = leaf ? leaves : &columns[nodes[i].feature];
        put_bits(p, leaf, 1);
        put_bits(p, leaf ? 0 : c->code, leaf ? 0 : part->code_bits);
        put_key(p, c, place->counting && leaf ? 0 : nodes[i].key);
    }
    end_bits(p);
    part->data_size = (uint32_t)(p->out->n - p->start) - part->data;
    return true;
}

/* ── packing: weights ───────────────────────────────────────────────────────────────────────── */
static bool pack_weights(struct packer *p, const struct place *place, struct wr_packed_part *part)
{
    const float *weights = (const void *)(p->program + place->at);
    float *scales = wr_arena_array(p->arena, place->wide, sizeof *scales, 4);
    if (scales == NULL) {
        return false;
    }
    for (uint32_t j = 0; j < place->wide; j++) {
        scales[j] = scale_of(weights, place->n, place->wide, j);
    }
    for (uint32_t i = 0; i < place->n; i++) {
        float scale = scales[i % place->wide], back = (float)multiple_of(weights[i], scale) * scale;
        if (memcmp(&back, &weights[i], sizeof back) != 0) {
            return false; /* not rounded: it stays as it is */
        }
    }
    part->wide = place->wide;
    part->tables = here(p);
    wr_buf_add(p->out, scales, (size_t)place->wide * sizeof *scales);
    part->data = here(p);
    part->data_size = place->n;
    for (uint32_t i = 0; i < place->n; i++) {
        wr_buf_char(p->out, (char)multiple_of(weights[i], scales[i % place->wide]));
    }
    return true;
}

/* ── packing: the whole ─────────────────────────────────────────────────────────────────────── */
/* The places of a program by offset, each once. */
static uint32_t find_places(const uint8_t *program, struct place *places)
{
    const struct wr_program *p = (const void *)program;
    const uint32_t *step = (const void *)(program + p->steps);
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_steps && n < MAX_PARTS; i++, step += step[1]) {
        struct place place;
        uint32_t at = n;
        if (!place_of(step, &place)) {
            continue;
        }
        while (at > 0 && places[at - 1].at > place.at) {
            at--;
        }
        if (at == 0 || places[at - 1].at != place.at) {
            memmove(places + at + 1, places + at, (n - at) * sizeof *places);
            places[at] = place;
            n++;
        }
    }
    return n;
}

bool wr_program_pack(struct wr_arena *arena, struct wr_str program, struct wr_buf *out)
{
    struct packer p = {
        .arena = arena, .program = (const uint8_t *)program.p, .out = out, .start = out->n};
    struct place *places = WR_NEW_ARRAY(arena, struct place, MAX_PARTS + 1);
    struct wr_packed_part *parts = WR_NEW_ARRAY(arena, struct wr_packed_part, MAX_PARTS);
    struct wr_packed head = {
        .magic = WR_PACKED_MAGIC, .version = WR_PACKED_VERSION, .image = (uint32_t)program.n};
    if (places == NULL || parts == NULL) {
        return false;
    }
    uint32_t n = find_places(p.program, places);
    wr_buf_add(out, &head, sizeof head);
    for (uint32_t i = 0; i < n; i++) {
        struct wr_packed_part *part = &parts[head.n_parts];
        struct wr_arena_mark mark = wr_arena_mark(arena);
        *part =
            (struct wr_packed_part){.kind = places[i].kind, .at = places[i].at, .n = places[i].n};
        head.n_parts += places[i].kind == WR_PACKED_NODES ? pack_nodes(&p, &places[i], part)
                                                          : pack_weights(&p, &places[i], part);
        wr_arena_rewind(arena, mark);
    }
    if (head.n_parts == 0) { /* nothing is smaller: the rest need not be copied */
        out->n = p.start;
        return false;
    }
    head.parts = here(&p);
    wr_buf_add(out, parts, head.n_parts * sizeof *parts);
    head.plain = here(&p);
    uint32_t at = 0;
    for (uint32_t i = 0; i < head.n_parts; i++) {
        wr_buf_add(out, p.program + at, parts[i].at - at);
        at = parts[i].at + parts[i].n * (parts[i].kind == WR_PACKED_NODES ? 8 : 4);
    }
    wr_buf_add(out, p.program + at, program.n - at);
    while ((out->n - p.start) % WR_PROGRAM_ALIGN != 0) {
        wr_buf_char(out, 0);
    }
    head.size = (uint32_t)(out->n - p.start);
    if (out->overflow) {
        out->n = p.start;
        return false;
    }
    memcpy(out->p + p.start, &head, sizeof head);
    return true;
}
