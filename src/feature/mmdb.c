/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/mmdb.h"

enum {
    T_POINTER = 1,
    T_TEXT = 2,
    T_DOUBLE = 3,
    T_BYTES = 4,
    T_U16 = 5,
    T_U32 = 6,
    T_MAP = 7,
    T_I32 = 8,
    T_U64 = 9,
    T_U128 = 10,
    T_ARRAY = 11,
    T_BOOL = 14,
    T_FLOAT = 15,
    GAP = 16, /* zeros between the tree and the data */
    METADATA_MAX = 128 * 1024
};

struct reading {
    struct wr_str data;
    uint32_t steps; /* left */
};

struct item { /* a value's head: what it is, and where its bytes begin */
    uint8_t type;
    uint32_t size; /* bytes; of a map or an array: members; of a pointer: where it leads */
    size_t at;
};

static const uint8_t *bytes_of(const struct reading *r, size_t at, size_t n)
{
    return at <= r->data.n && n <= r->data.n - at ? (const uint8_t *)r->data.p + at : NULL;
}

static uint64_t big_endian(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

/* ── values ─────────────────────────────────────────────────────────────────────────────────── */
static bool read_pointer(const struct reading *r, uint8_t control, size_t at, struct item *out)
{
    static const uint32_t from[] = {0, 2048, 526336, 0};
    uint32_t n = (control >> 3 & 3) + 1u, high = control & 7u;
    const uint8_t *p = bytes_of(r, at, n);
    if (p == NULL) {
        return false;
    }
    uint64_t v = big_endian(p, n) | (n < 4 ? (uint64_t)high << (8 * n) : 0);
    *out = (struct item){T_POINTER, (uint32_t)(v + from[n - 1]), at + n};
    return v + from[n - 1] <= UINT32_MAX;
}

static bool read_head(struct reading *r, size_t at, struct item *out)
{
    const uint8_t *p = bytes_of(r, at, 1);
    if (p == NULL || r->steps == 0) {
        return false;
    }
    r->steps--;
    uint8_t control = *p, type = control >> 5;
    at++;
    if (type == T_POINTER) {
        return read_pointer(r, control, at, out);
    }
    if (type == 0) { /* extended */
        p = bytes_of(r, at++, 1);
        if (p == NULL || *p > T_FLOAT - 7) {
            return false;
        }
        type = (uint8_t)(7 + *p);
    }
    uint32_t size = control & 31u;
    if (size >= 29) {
        static const uint32_t from[] = {29, 285, 65821};
        uint32_t n = size - 28;
        p = bytes_of(r, at, n);
        if (p == NULL) {
            return false;
        }
        size = from[n - 1] + (uint32_t)big_endian(p, n);
        at += n;
    }
    *out = (struct item){type, size, at};
    return true;
}

/* The head of a value, where a pointer leads if it is one: never to another pointer. */
static bool read_value(struct reading *r, size_t at, struct item *out)
{
    return read_head(r, at, out) &&
           (out->type != T_POINTER || (read_head(r, out->size, out) && out->type != T_POINTER));
}

static bool has_bytes(uint8_t type)
{
    return type != T_MAP && type != T_ARRAY && type != T_BOOL && type != T_POINTER;
}

/* Where the value that begins at `at` ends. */
static bool skip(struct reading *r, size_t *at)
{
    for (uint64_t left = 1; left > 0; left--) {
        struct item item;
        if (!read_head(r, *at, &item)) {
            return false;
        }
        left += item.type == T_MAP ? 2 * (uint64_t)item.size : item.type == T_ARRAY ? item.size : 0;
        *at = item.at + (has_bytes(item.type) ? item.size : 0);
    }
    return true;
}

/* Goes from a map to the value of one of its keys. */
static bool enter(struct reading *r, size_t *at, struct wr_str name)
{
    struct item map, key;
    if (!read_value(r, *at, &map) || map.type != T_MAP) {
        return false;
    }
    size_t next = map.at;
    for (uint32_t i = 0; i < map.size; i++) {
        size_t from = next;
        if (!read_value(r, from, &key) || key.type != T_TEXT || !skip(r, &next)) {
            return false;
        }
        const uint8_t *text = bytes_of(r, key.at, key.size);
        if (text == NULL) {
            return false;
        }
        if (wr_str_eq(wr_str_of((const char *)text, key.size), name)) {
            *at = next;
            return true;
        }
        if (!skip(r, &next)) {
            return false;
        }
    }
    return false;
}

static struct wr_value number(const uint8_t *p, uint32_t n, uint32_t n_max)
{
    uint64_t v = n <= n_max ? big_endian(p, n) : UINT64_MAX;
    return v <= INT64_MAX ? wr_int((int64_t)v) : wr_undefined();
}

static struct wr_value value_at(struct reading *r, size_t at, struct wr_arena *arena)
{
    struct item item;
    if (!read_value(r, at, &item)) {
        return wr_undefined();
    }
    const uint8_t *p = bytes_of(r, item.at, has_bytes(item.type) ? item.size : 0);
    if (p == NULL) {
        return wr_undefined();
    }
    struct wr_str text = wr_str_of((const char *)p, item.size);
    switch (item.type) {
    case T_TEXT:
        return wr_utf8_invalid_at(text.p, text.n) == text.n ? wr_string(text) : wr_undefined();
    case T_U16:
        return number(p, item.size, 2);
    case T_U32:
        return number(p, item.size, 4);
    case T_U64:
        return number(p, item.size, 8);
    case T_I32:
        return item.size <= 4 ? wr_int((int32_t)(uint32_t)big_endian(p, item.size))
                              : wr_undefined();
    case T_BOOL:
        return wr_bool(item.size != 0);
    case T_DOUBLE: {
        uint64_t bits = big_endian(p, WR_MIN(item.size, 8u));
        double d;
        memcpy(&d, &bits, sizeof d);
        return item.size == 8 && arena != NULL ? wr_number_double(arena, d) : wr_undefined();
    }
    default:
        return wr_undefined();
    }
}

/* ── the tree ───────────────────────────────────────────────────────────────────────────────── */
static uint32_t child(const struct wr_mmdb *db, uint32_t node, unsigned side)
{
    const uint8_t *p = (const uint8_t *)db->tree.p + (size_t)node * (db->record_bits / 4);
    switch (db->record_bits) {
    case 24:
        return (uint32_t)big_endian(p + 3 * side, 3);
    case 28:
        return (uint32_t)(side == 0 ? (uint64_t)(p[3] >> 4) << 24 | big_endian(p, 3)
                                    : (uint64_t)(p[3] & 15) << 24 | big_endian(p + 4, 3));
    default:
        return (uint32_t)big_endian(p + 4 * side, 4);
    }
}

struct wr_value wr_mmdb_find(const struct wr_mmdb *db, const struct wr_ip *ip,
                             const struct wr_str *names, uint32_t n, struct wr_arena *arena)
{
    struct reading r = {.data = db->data, .steps = WR_LIMIT_MMDB_STEPS};
    uint32_t node = ip->is_v4 ? db->v4_root : 0;
    if (!ip->is_v4 && !db->is_v6) {
        return wr_undefined();
    }
    for (unsigned bit = 0; node < db->n_nodes && bit < (ip->is_v4 ? 32u : 128u); bit++) {
        node = child(db, node, ip->bytes[bit / 8] >> (7 - bit % 8) & 1u);
    }
    if (node < (uint64_t)db->n_nodes + GAP) { /* n_nodes itself: nothing is known */
        return wr_undefined();
    }
    size_t at = (size_t)node - db->n_nodes - GAP;
    for (uint32_t i = 0; i < n; i++) {
        if (!enter(&r, &at, names[i])) {
            return wr_undefined();
        }
    }
    return value_at(&r, at, arena);
}

/* ── opening ────────────────────────────────────────────────────────────────────────────────── */
static wr_err broken(struct wr_error *error, const char *what)
{
    return wr_fail(error, WR_E_PACK, "no MaxMind database: %s", what);
}

/* The metadata stand behind the last mark, at the end of the file. */
static bool find_metadata(struct wr_str bytes, size_t *at)
{
    static const char mark[] = "\xab\xcd\xefMaxMind.com";
    size_t n = sizeof mark - 1, low = bytes.n > METADATA_MAX ? bytes.n - METADATA_MAX : 0;
    for (size_t i = bytes.n >= n ? bytes.n - n + 1 : 0; i-- > low;) {
        if (memcmp(bytes.p + i, mark, n) == 0) {
            *at = i;
            return true;
        }
    }
    return false;
}

static bool metadata_number(struct wr_str data, const char *name, uint64_t *out)
{
    struct reading r = {.data = data, .steps = WR_LIMIT_MMDB_STEPS};
    size_t at = 0;
    int64_t n;
    if (!enter(&r, &at, wr_str_z(name))) {
        return false;
    }
    struct wr_value v = value_at(&r, at, NULL);
    *out = wr_is(v, WR_NUMBER) && wr_number_to_i64(&v, &n) && n >= 0 ? (uint64_t)n : 0;
    return wr_is(v, WR_NUMBER);
}

static uint32_t find_v4(const struct wr_mmdb *db)
{
    uint32_t node = 0;
    for (unsigned bit = 0; db->is_v6 && bit < 96 && node < db->n_nodes; bit++) {
        node = child(db, node, 0);
    }
    return node;
}

wr_err wr_mmdb_open(struct wr_str bytes, struct wr_mmdb *out, struct wr_error *error)
{
    enum { MARK = 14 };
    size_t at;
    uint64_t n_nodes, bits, version, major;
    if (!find_metadata(bytes, &at)) {
        return broken(error, "its metadata are missing");
    }
    struct wr_str metadata = wr_str_of(bytes.p + at + MARK, bytes.n - at - MARK);
    if (!metadata_number(metadata, "node_count", &n_nodes) ||
        !metadata_number(metadata, "record_size", &bits) ||
        !metadata_number(metadata, "ip_version", &version) ||
        !metadata_number(metadata, "binary_format_major_version", &major)) {
        return broken(error, "its metadata are broken");
    }
    if (major != 2 || (bits != 24 && bits != 28 && bits != 32) || (version != 4 && version != 6)) {
        return broken(error, "it is of another version");
    }
    uint64_t size = n_nodes * (bits / 4);
    if (n_nodes == 0 || n_nodes > UINT32_MAX / 2 || size + GAP > at) {
        return broken(error, "it is cut off");
    }
    *out = (struct wr_mmdb){
        .tree = wr_str_of(bytes.p, (size_t)size),
        .data = wr_str_of(bytes.p + size + GAP, at - (size_t)size - GAP),
        .n_nodes = (uint32_t)n_nodes,
        .record_bits = (uint32_t)bits,
        .is_v6 = version == 6,
    };
    out->v4_root = find_v4(out);
    return WR_OK;
}
