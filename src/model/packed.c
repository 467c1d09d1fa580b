/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking (packed.h). It trusts nothing: every offset, code and count is followed. */
#include "model/packed.h"

struct bits {
    const uint8_t *at, *end;
    uint64_t held;
    uint32_t n;
    bool over; /* more was asked for than there is */
};

/* The next `count` bits, at most 32; the lowest come first. */
static inline uint32_t take(struct bits *b, uint32_t count)
{
    if (b->n < count) {
        if (b->end - b->at >= 4) {
            uint32_t word;
            memcpy(&word, b->at, 4);
            b->held |= (uint64_t)word << b->n;
            b->at += 4;
            b->n += 32;
        }
        for (; b->n < count; b->n += 8) {
            b->over = b->over || b->at == b->end;
            b->held |= (uint64_t)(b->at == b->end ? 0 : *b->at++) << b->n;
        }
    }
    uint32_t value = (uint32_t)(b->held & ((1ull << count) - 1));
    b->held >>= count;
    b->n -= count;
    return value;
}

static bool inside(const struct wr_packed *p, uint32_t at, uint64_t size, uint32_t align)
{
    return at % align == 0 && at >= sizeof *p && at <= p->size && size <= p->size - at;
}

static bool sound_table(const uint8_t *packed, const struct wr_packed_table *t, bool leaves)
{
    const struct wr_packed *p = (const void *)packed;
    if (t->n == 0) {
        return t->bits == 32 || (leaves && t->bits == 0);
    }
    return t->bits <= 31 && inside(p, t->keys, (uint64_t)t->n * 4, 4) && t->feature <= UINT16_MAX;
}

struct keys {
    const uint8_t *packed;
    const struct wr_packed_table *tables; /* the last one is the leaves' */
    uint32_t n_codes, code_bits, leaf, rows;
    bool bad;
};

static inline int32_t key_of(struct keys *k, struct bits *b, const struct wr_packed_table *t)
{
    if (t->bits == 0 && t->n == 0) {
        return (int32_t)k->rows++;
    }
    uint32_t rank = take(b, t->bits);
    if (t->n == 0) {
        return (int32_t)rank;
    }
    if (rank >= t->n) {
        k->bad = true;
        return 0;
    }
    return ((const int32_t *)(const void *)(k->packed + t->keys))[rank];
}

/* One tree from node `at` on; returns its end, or 0 when it is broken. */
static uint32_t unpack_tree(struct keys *k, struct bits *b, struct wr_tree_node *nodes, uint32_t at,
                            uint32_t n)
{
    uint32_t end = at + 1;
    for (; at < end; at++) {
        if (take(b, 1) != 0) {
            nodes[at].key = key_of(k, b, &k->tables[k->n_codes]);
            nodes[at].feature = (uint16_t)k->leaf;
            nodes[at].delta = 0;
            continue;
        }
        uint32_t code = k->code_bits > 0 ? take(b, k->code_bits) : 0;
        if (code >= k->n_codes || n < 2 || end > n - 2 || end - at > UINT16_MAX) {
            return 0;
        }
        nodes[at].key = key_of(k, b, &k->tables[code]);
        nodes[at].feature = (uint16_t)k->tables[code].feature;
        nodes[at].delta = (uint16_t)(end - at);
        end += 2;
    }
    return end;
}

static const char *unpack_nodes(const uint8_t *packed, const struct wr_packed_part *part,
                                uint8_t *image)
{
    const struct wr_packed *p = (const void *)packed;
    uint64_t n_tables = (uint64_t)part->n_codes + 1;
    if (part->n_codes > UINT16_MAX || part->code_bits > 16 || part->wide > UINT16_MAX ||
        !inside(p, part->tables, n_tables * sizeof(struct wr_packed_table), 4)) {
        return "the columns of packed trees are beyond the limits";
    }
    struct keys k = {.packed = packed,
                     .tables = (const void *)(packed + part->tables),
                     .n_codes = part->n_codes,
                     .code_bits = part->code_bits,
                     .leaf = part->wide};
    for (uint32_t i = 0; i < n_tables; i++) {
        if (!sound_table(packed, &k.tables[i], i == part->n_codes)) {
            return "a table of packed trees lies outside";
        }
    }
    struct wr_tree_node *nodes = (struct wr_tree_node *)(void *)(image + part->at);
    struct bits b = {.at = packed + part->data, .end = packed + part->data + part->data_size};
    for (uint32_t at = 0; at < part->n;) {
        at = unpack_tree(&k, &b, nodes, at, part->n);
        if (at == 0 || k.bad || b.over) {
            return "packed trees are broken";
        }
    }
    return NULL;
}

static const char *unpack_weights(const uint8_t *packed, const struct wr_packed_part *part,
                                  uint8_t *image)
{
    const struct wr_packed *p = (const void *)packed;
    if (part->wide == 0 || part->data_size != part->n || part->n % part->wide != 0 ||
        !inside(p, part->tables, (uint64_t)part->wide * 4, 4)) {
        return "packed weights are broken";
    }
    const float *scales = (const float *)(const void *)(packed + part->tables);
    const int8_t *q = (const int8_t *)(packed + part->data);
    float *to = (float *)(void *)(image + part->at);
    for (uint32_t at = 0; at < part->n; at += part->wide) {
        for (uint32_t j = 0; j < part->wide; j++) {
            to[at + j] = (float)q[at + j] * scales[j];
        }
    }
    return NULL;
}

const char *wr_unpack(const uint8_t *packed, size_t size, uint8_t *image)
{
    const struct wr_packed *p = (const void *)packed;
    if (size < sizeof *p || p->magic != WR_PACKED_MAGIC || p->version != WR_PACKED_VERSION ||
        p->size != size || p->image < sizeof(struct wr_program) ||
        p->image > WR_LIMIT_PROGRAM_SIZE || p->image % WR_PROGRAM_ALIGN != 0 ||
        !inside(p, p->parts, (uint64_t)p->n_parts * sizeof(struct wr_packed_part), 4)) {
        return "the header of a packed program is wrong";
    }
    const struct wr_packed_part *part = (const void *)(packed + p->parts);
    uint32_t at = 0, plain = p->plain;
    for (uint32_t i = 0; i <= p->n_parts; i++, part++) {
        bool last = i == p->n_parts;
        uint32_t next = last ? p->image : part->at;
        uint64_t own = last ? 0 : (uint64_t)part->n * (part->kind == WR_PACKED_NODES ? 8 : 4);
        if (next < at || next > p->image || own > p->image - next || next % 8 != 0 ||
            !inside(p, plain, next - at, 1)) {
            return "a part of a packed program lies outside";
        }
        memcpy(image + at, packed + plain, next - at);
        plain += next - at;
        at = next + (uint32_t)own;
        if (last) {
            break;
        }
        if (!inside(p, part->data, part->data_size, 1) || part->kind > WR_PACKED_WEIGHTS) {
            return "a part of a packed program lies outside";
        }
        const char *fault = part->kind == WR_PACKED_NODES ? unpack_nodes(packed, part, image)
                                                          : unpack_weights(packed, part, image);
        if (fault != NULL) {
            return fault;
        }
    }
    return NULL;
}
