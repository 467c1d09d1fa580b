/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX tensors and attributes: protobuf bytes to constants and lists. */
#include "model/onnx.h"
#include "model/protobuf.h"

enum { /* TensorProto.DataType */
       T_FLOAT = 1,
       T_UINT8,
       T_INT8,
       T_UINT16,
       T_INT16,
       T_INT32,
       T_INT64,
       T_STRING,
       T_BOOL,
       T_HALF,
       T_DOUBLE,
       T_UINT32,
       T_UINT64,
       T_BFLOAT = 16,
};

static void fail_at(struct wr_onnx *o, const struct wr_protobuf *r)
{
    if (r->fault != NULL) {
        o->g->offset = r->fault_at;
        wr_graph_fail(o->g, WR_E_MODEL, "ONNX: %s", r->fault);
    }
}

unsigned wr_onnx_element(struct wr_onnx *o, int64_t data_type)
{
    switch (data_type) {
    case T_FLOAT:
    case T_HALF:
    case T_BFLOAT:
        return WR_F32;
    case T_DOUBLE:
        return WR_F64;
    case T_UINT8:
    case T_INT8:
    case T_UINT16:
    case T_INT16:
    case T_INT32:
    case T_INT64:
    case T_BOOL:
    case T_UINT32:
    case T_UINT64:
    case T_STRING:
        return WR_I64;
    default:
        wr_graph_fail(o->g, WR_E_MODEL, "the element type %lld is not supported",
                      (long long)data_type);
        return WR_F32;
    }
}

static uint32_t raw_size(int64_t data_type)
{
    switch (data_type) {
    case T_UINT8:
    case T_INT8:
    case T_BOOL:
        return 1;
    case T_UINT16:
    case T_INT16:
    case T_HALF:
    case T_BFLOAT:
        return 2;
    case T_FLOAT:
    case T_INT32:
    case T_UINT32:
        return 4;
    default:
        return 8;
    }
}

static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff;
    float value;
    uint32_t bits;
    if (exponent == 0) { /* zero or subnormal: mantissa * 2^-24 */
        value = (float)mantissa * 0x1p-24f;
        return sign != 0 ? -value : value;
    }
    bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | mantissa << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct tensor { /* a TensorProto, as far as it is read */
    struct wr_str name, raw;
    int64_t type;
    uint32_t rank;
    int64_t dims[WR_LIMIT_PROGRAM_RANK];
    uint32_t count; /* elements by dims */
    bool external, has_raw;
    struct wr_str location; /* of external data, with its part of the file */
    uint64_t offset, length;
    bool has_length;
    /* filling */
    uint8_t *to;
    unsigned element;
    uint32_t filled;
};

static bool add_dim(struct wr_onnx *o, struct tensor *t, uint64_t dim)
{
    if (t->rank == WR_LIMIT_PROGRAM_RANK) {
        wr_graph_fail(o->g, WR_E_LIMIT, "a tensor has more than %u dimensions",
                      WR_LIMIT_PROGRAM_RANK);
        return false;
    }
    if (dim > WR_LIMIT_TENSOR_COUNT) {
        wr_graph_fail(o->g, WR_E_MODEL, "dimension %u of a tensor is %lld", t->rank,
                      (long long)dim);
        return false;
    }
    t->dims[t->rank++] = (int64_t)dim;
    return true;
}

static bool read_dims(struct wr_onnx *o, struct tensor *t, const struct wr_field *f)
{
    if (f->wire == WR_WIRE_VARINT) {
        return add_dim(o, t, f->value);
    }
    struct wr_protobuf list = wr_protobuf_over(o->start, f->bytes);
    uint64_t dim;
    while (list.at != list.end && wr_protobuf_varint(&list, &dim)) {
        if (!add_dim(o, t, dim)) {
            return false;
        }
    }
    fail_at(o, &list);
    return list.fault == NULL;
}

static bool number_of(struct wr_str text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || *out > UINT64_MAX / 100) {
            return false;
        }
        *out = *out * 10 + (uint64_t)(text.p[i] - '0');
    }
    return text.n > 0;
}

/* StringStringEntryProto { key 1, value 2 }: location, offset, length; others do not matter. */
static void read_place(struct wr_onnx *o, struct tensor *t, struct wr_str entry)
{
    struct wr_protobuf r = wr_protobuf_over(o->start, entry);
    struct wr_str key = WR_STR(""), value = WR_STR("");
    struct wr_field f;
    bool good = true;
    while (wr_protobuf_next(&r, &f)) {
        key = f.number == 1 ? f.bytes : key;
        value = f.number == 2 ? f.bytes : value;
    }
    fail_at(o, &r);
    if (wr_str_eq(key, WR_STR("location"))) {
        t->location = value;
    } else if (wr_str_eq(key, WR_STR("offset"))) {
        good = number_of(value, &t->offset);
    } else if (wr_str_eq(key, WR_STR("length"))) {
        good = t->has_length = number_of(value, &t->length);
    }
    if (!good) {
        wr_graph_fail(o->g, WR_E_MODEL, "ONNX: offset or length of external data is no number");
    }
}

static void take_external(struct wr_onnx *o, struct tensor *t)
{
    struct wr_graph *g = o->g;
    struct wr_str bytes = WR_STR("");
    if (t->location.n == 0 || g->external == NULL ||
        !g->external(g->external_context, t->location, &bytes)) {
        wr_graph_fail(g, WR_E_MODEL, "tensor %.*s lies in the file %.*s, which is not there",
                      WR_FMT(wr_str_of(t->name.p, WR_MIN(t->name.n, 80))),
                      WR_FMT(wr_str_of(t->location.p, WR_MIN(t->location.n, 80))));
        return;
    }
    uint64_t left = t->offset <= bytes.n ? bytes.n - t->offset : 0;
    uint64_t length = t->has_length ? t->length : left;
    if (t->offset > bytes.n || length > left) {
        wr_graph_fail(g, WR_E_MODEL, "tensor %.*s ends behind the end of the file %.*s",
                      WR_FMT(wr_str_of(t->name.p, WR_MIN(t->name.n, 80))),
                      WR_FMT(wr_str_of(t->location.p, WR_MIN(t->location.n, 80))));
        return;
    }
    wr_graph_reserve(g, bytes.n + bytes.n / 4);
    t->raw = wr_str_of(bytes.p + t->offset, (size_t)length);
    t->has_raw = true;
}

static bool read_head(struct wr_onnx *o, struct tensor *t, struct wr_str bytes)
{
    struct wr_protobuf r = wr_protobuf_over(o->start, bytes);
    struct wr_field f;
    while (o->g->code == WR_OK && wr_protobuf_next(&r, &f)) {
        switch (f.number) {
        case 1:
            read_dims(o, t, &f);
            break;
        case 2:
            t->type = (int64_t)f.value;
            break;
        case 8:
            t->name = f.bytes;
            break;
        case 9:
            t->raw = f.bytes;
            t->has_raw = true;
            break;
        case 13:
            t->external = true;
            read_place(o, t, f.bytes);
            break;
        case 14:
            t->external = t->external || f.value != 0;
            break;
        default:
            break;
        }
    }
    fail_at(o, &r);
    if (o->g->code == WR_OK && t->external) {
        take_external(o, t);
    }
    return o->g->code == WR_OK;
}

static void store_integer(struct tensor *t, int64_t value)
{
    if (t->filled < t->count) {
        int64_t *to = (int64_t *)(void *)t->to;
        to[t->filled] = value;
    }
    t->filled++;
}

static void store_float(struct tensor *t, double value)
{
    if (t->filled < t->count) {
        if (t->element == WR_F32) {
            ((float *)(void *)t->to)[t->filled] = (float)value;
        } else {
            ((double *)(void *)t->to)[t->filled] = value;
        }
    }
    t->filled++;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void store_raw(struct tensor *t, const char *p)
{
    switch (t->type) {
    case T_FLOAT:
        store_float(t, (double)float_of(wr_get32(p)));
        break;
    case T_DOUBLE:
        store_float(t, double_of(wr_get64(p)));
        break;
    case T_HALF:
        store_float(t, (double)half_to_float(wr_get16(p)));
        break;
    case T_BFLOAT:
        store_float(t, (double)float_of((uint32_t)wr_get16(p) << 16));
        break;
    case T_INT8:
        store_integer(t, (int8_t)*p);
        break;
    case T_UINT8:
        store_integer(t, (uint8_t)*p);
        break;
    case T_BOOL:
        store_integer(t, *p != 0);
        break;
    case T_INT16:
        store_integer(t, (int16_t)wr_get16(p));
        break;
    case T_UINT16:
        store_integer(t, wr_get16(p));
        break;
    case T_INT32:
        store_integer(t, (int32_t)wr_get32(p));
        break;
    case T_UINT32:
        store_integer(t, wr_get32(p));
        break;
    default:
        store_integer(t, (int64_t)wr_get64(p));
    }
}

static void store_varint(struct tensor *t, uint64_t value)
{
    switch (t->type) {
    case T_HALF:
        store_float(t, (double)half_to_float((uint16_t)value));
        break;
    case T_BFLOAT:
        store_float(t, (double)float_of((uint32_t)value << 16));
        break;
    case T_BOOL:
        store_integer(t, value != 0);
        break;
    default:
        store_integer(t, (int64_t)value);
    }
}

/* float_data 4, int32_data 5, string_data 6, int64_data 7, double_data 10, uint64_data 11 */
static void read_typed(struct wr_onnx *o, struct tensor *t, const struct wr_field *f)
{
    struct wr_protobuf list = wr_protobuf_over(o->start, f->bytes);
    uint64_t value;
    if (f->number == 6) {
        store_integer(t, wr_graph_text(o->g, f->bytes));
    } else if (f->wire == WR_WIRE_VARINT) {
        store_varint(t, f->value);
    } else if (f->wire == WR_WIRE_32) {
        store_float(t, (double)float_of((uint32_t)f->value));
    } else if (f->wire == WR_WIRE_64) {
        store_float(t, double_of(f->value));
    } else if (f->number == 4) {
        for (size_t i = 0; i + 4 <= f->bytes.n; i += 4) {
            store_float(t, (double)float_of(wr_get32(f->bytes.p + i)));
        }
    } else if (f->number == 10) {
        for (size_t i = 0; i + 8 <= f->bytes.n; i += 8) {
            store_float(t, double_of(wr_get64(f->bytes.p + i)));
        }
    } else {
        while (list.at != list.end && wr_protobuf_varint(&list, &value)) {
            store_varint(t, value);
        }
        fail_at(o, &list);
    }
}

/* The field that may carry elements of the type, besides raw_data. */
static uint32_t typed_field(int64_t type)
{
    switch (type) {
    case T_FLOAT:
        return 4;
    case T_STRING:
        return 6;
    case T_INT64:
        return 7;
    case T_DOUBLE:
        return 10;
    case T_UINT32:
    case T_UINT64:
        return 11;
    default:
        return 5;
    }
}

static bool enough_bytes(const struct tensor *t, struct wr_str bytes)
{
    if (t->has_raw) {
        return t->type != T_STRING && t->raw.n == (size_t)t->count * raw_size(t->type);
    }
    return t->count <= bytes.n; /* each element takes a byte at least */
}

static void fill(struct wr_onnx *o, struct tensor *t, struct wr_str bytes)
{
    struct wr_protobuf r = wr_protobuf_over(o->start, bytes);
    struct wr_field f;
    uint32_t wanted = typed_field(t->type), size = raw_size(t->type);
    if (t->has_raw) {
        for (uint32_t i = 0; i < t->count; i++) {
            store_raw(t, t->raw.p + (size_t)i * size);
        }
        wr_graph_release(o->g, t->raw.p, t->raw.n);
        return;
    }
    while (o->g->code == WR_OK && wr_protobuf_next(&r, &f)) {
        if (f.number == wanted) {
            read_typed(o, t, &f);
        }
    }
    fail_at(o, &r);
}

static bool all_finite(const struct tensor *t)
{
    for (uint32_t i = 0; i < t->count && t->element != WR_I64; i++) {
        double x = t->element == WR_F32 ? (double)((const float *)(const void *)t->to)[i]
                                        : ((const double *)(const void *)t->to)[i];
        if (x - x != 0) {
            return false;
        }
    }
    return true;
}

uint32_t wr_onnx_tensor_of(struct wr_onnx *o, struct wr_str bytes, struct wr_str *name, bool finite)
{
    struct tensor t = {.count = 1};
    struct wr_graph *g = o->g;
    void *to;
    if (!read_head(o, &t, bytes)) {
        return WR_NO_TENSOR;
    }
    *name = t.name;
    struct wr_shape shape = {.rank = t.rank};
    for (uint32_t d = 0; d < t.rank; d++) {
        shape.dims[d] = (uint32_t)t.dims[d];
    }
    t.count = wr_shape_count(&shape);
    t.element = wr_onnx_element(o, t.type);
    if (g->code == WR_OK && (t.count == WR_NO_COUNT || !enough_bytes(&t, bytes))) {
        wr_graph_fail(g, WR_E_MODEL, "tensor %.*s: its data and its dimensions differ",
                      WR_FMT(t.name));
    }
    uint32_t id = g->code == WR_OK ? wr_graph_constant(g, t.element, &shape, &to) : WR_NO_TENSOR;
    if (id == WR_NO_TENSOR) {
        return id;
    }
    t.to = to;
    g->tensors[id].text = t.type == T_STRING;
    fill(o, &t, bytes);
    if (g->code == WR_OK && t.filled != t.count) {
        wr_graph_fail(g, WR_E_MODEL, "tensor %.*s has %u elements, not %u", WR_FMT(t.name),
                      t.filled, t.count);
    }
    if (g->code == WR_OK && finite && !all_finite(&t)) {
        wr_graph_fail(g, WR_E_MODEL, "tensor %.*s holds NaN or infinity", WR_FMT(t.name));
    }
    return g->code == WR_OK ? id : WR_NO_TENSOR;
}

/* ── attributes ─────────────────────────────────────────────────────────────────────────────── */
static bool find_attribute(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                           struct wr_protobuf *out)
{
    struct wr_protobuf r = wr_protobuf_over(o->start, node->bytes);
    struct wr_str wanted = wr_str_z(name);
    struct wr_field f, inner;
    while (wr_protobuf_next(&r, &f)) {
        if (f.number != 5 || f.wire != WR_WIRE_BYTES) {
            continue;
        }
        struct wr_protobuf a = wr_protobuf_over(o->start, f.bytes);
        while (wr_protobuf_next(&a, &inner)) {
            if (inner.number == 1 && wr_str_eq(inner.bytes, wanted)) {
                *out = wr_protobuf_over(o->start, f.bytes);
                return true;
            }
        }
        fail_at(o, &a);
    }
    return false;
}

bool wr_onnx_has(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name)
{
    struct wr_protobuf a;
    return find_attribute(o, node, name, &a);
}

/* The last field of a number in an attribute, as protobuf reads a single value. */
static bool attribute_field(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                            uint32_t number, struct wr_field *out)
{
    struct wr_protobuf a;
    struct wr_field f;
    bool found = false;
    if (!find_attribute(o, node, name, &a)) {
        return false;
    }
    while (wr_protobuf_next(&a, &f)) {
        if (f.number == number) {
            *out = f;
            found = true;
        }
    }
    fail_at(o, &a);
    return found && o->g->code == WR_OK;
}

int64_t wr_onnx_int(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                    int64_t absent)
{
    struct wr_field f;
    return attribute_field(o, node, name, 3, &f) ? (int64_t)f.value : absent;
}

double wr_onnx_float(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                     double absent)
{
    struct wr_field f;
    return attribute_field(o, node, name, 2, &f) ? (double)float_of((uint32_t)f.value) : absent;
}

struct wr_str wr_onnx_text(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                           const char *absent)
{
    struct wr_field f;
    return attribute_field(o, node, name, 4, &f) ? f.bytes : wr_str_z(absent);
}

/* Walks the repeated field `number` of an attribute: first to count, then to fill. */
struct list {
    int64_t *integers;
    double *floats;
    uint64_t n;
};

static void list_element(struct wr_onnx *o, struct list *l, const struct wr_field *f)
{
    struct wr_protobuf packed = wr_protobuf_over(o->start, f->bytes);
    uint64_t value;
    if (f->number == 9) {
        if (l->integers != NULL) {
            l->integers[l->n] = wr_graph_text(o->g, f->bytes);
        }
        l->n++;
    } else if (f->number == 8) {
        while (f->wire == WR_WIRE_VARINT || packed.at != packed.end) {
            value = f->value;
            if (f->wire != WR_WIRE_VARINT && !wr_protobuf_varint(&packed, &value)) {
                break;
            }
            if (l->integers != NULL) {
                l->integers[l->n] = (int64_t)value;
            }
            l->n++;
            if (f->wire == WR_WIRE_VARINT) {
                break;
            }
        }
        fail_at(o, &packed);
    } else if (f->wire == WR_WIRE_32) {
        if (l->floats != NULL) {
            l->floats[l->n] = (double)float_of((uint32_t)f->value);
        }
        l->n++;
    } else {
        for (size_t i = 0; i + 4 <= f->bytes.n; i += 4, l->n++) {
            if (l->floats != NULL) {
                l->floats[l->n] = (double)float_of(wr_get32(f->bytes.p + i));
            }
        }
    }
}

static bool read_list(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                      uint32_t number, struct list *l)
{
    struct wr_protobuf a, again;
    struct wr_field f;
    void *nothing = wr_arena_zalloc(o->g->arena, 8, 8);
    *l = (struct list){nothing, nothing, 0};
    if (nothing == NULL) {
        wr_graph_fail(o->g, WR_E_MEMORY, "no memory for attribute %s", name);
        return false;
    }
    if (!find_attribute(o, node, name, &a)) {
        return o->g->code == WR_OK;
    }
    again = a;
    struct list count = {NULL, NULL, 0};
    while (wr_protobuf_next(&a, &f)) {
        if (f.number == number) {
            list_element(o, &count, &f);
        }
    }
    fail_at(o, &a);
    if (o->g->code != WR_OK || count.n == 0) {
        return o->g->code == WR_OK;
    }
    void *room = wr_arena_array(o->g->arena, (size_t)count.n, 8, 8);
    if (room == NULL || count.n > UINT32_MAX) {
        wr_graph_fail(o->g, WR_E_MEMORY, "no memory for attribute %s", name);
        return false;
    }
    *l = number == 7 ? (struct list){NULL, room, 0} : (struct list){room, NULL, 0};
    while (wr_protobuf_next(&again, &f)) {
        if (f.number == number) {
            list_element(o, l, &f);
        }
    }
    return o->g->code == WR_OK;
}

bool wr_onnx_ints(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                  int64_t **values, uint32_t *n)
{
    struct list l;
    bool good = read_list(o, node, name, 8, &l);
    *values = l.integers;
    *n = (uint32_t)l.n;
    return good;
}

bool wr_onnx_floats(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                    double **values, uint32_t *n)
{
    struct list l;
    bool good = read_list(o, node, name, 7, &l);
    *values = l.floats;
    *n = (uint32_t)l.n;
    return good;
}

bool wr_onnx_texts(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                   int64_t **values, uint32_t *n)
{
    struct list l;
    bool good = read_list(o, node, name, 9, &l);
    *values = l.integers;
    *n = (uint32_t)l.n;
    return good;
}

uint32_t wr_onnx_attr_tensor(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name)
{
    struct wr_field f;
    struct wr_str ignored;
    if (!attribute_field(o, node, name, 5, &f)) {
        return WR_NO_TENSOR;
    }
    return wr_onnx_tensor_of(o, f.bytes, &ignored, false);
}

bool wr_onnx_attr_doubles(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                          double **values, uint32_t *n, bool *wide)
{
    uint32_t t = wr_onnx_attr_tensor(o, node, name);
    *n = 0;
    *wide = false;
    if (t == WR_NO_TENSOR) {
        return o->g->code == WR_OK;
    }
    const struct wr_tensor *tensor = wr_onnx_tensor(o, t);
    const void *data = wr_graph_data(o->g, t);
    double *to = wr_arena_array(o->g->arena, tensor->count, sizeof *to, 8);
    if (to == NULL) {
        wr_graph_fail(o->g, WR_E_MEMORY, "no memory for attribute %s", name);
        return false;
    }
    for (uint32_t i = 0; i < tensor->count; i++) {
        to[i] = tensor->type == WR_F32   ? (double)((const float *)data)[i]
                : tensor->type == WR_F64 ? ((const double *)data)[i]
                                         : (double)((const int64_t *)data)[i];
    }
    *values = to;
    *n = tensor->count;
    *wide = tensor->type == WR_F64;
    return true;
}

/* ── lists read once ────────────────────────────────────────────────────────────────────────── */
bool wr_onnx_cursor_open(struct wr_onnx *o, const struct wr_onnx_node *node, const char *name,
                         uint32_t field, struct wr_onnx_cursor *c)
{
    *c = (struct wr_onnx_cursor){.field = field};
    c->attribute = c->packed = wr_protobuf_over(o->start, WR_STR(""));
    return find_attribute(o, node, name, &c->attribute);
}

/* The next field with elements: packed ones become the inner list, a single one is given. */
static bool next_field(struct wr_onnx_cursor *c, struct wr_field *f)
{
    while (wr_protobuf_next(&c->attribute, f)) {
        if (f->number != c->field) {
            continue;
        }
        if (f->wire == WR_WIRE_BYTES && c->field != 9) {
            c->packed = wr_protobuf_over(c->attribute.start, f->bytes);
        }
        return true;
    }
    return false;
}

bool wr_onnx_cursor_int(struct wr_onnx_cursor *c, int64_t *out)
{
    struct wr_field f;
    uint64_t value;
    while (c->packed.at == c->packed.end) {
        if (!next_field(c, &f)) {
            return false;
        }
        if (f.wire == WR_WIRE_VARINT) {
            *out = (int64_t)f.value;
            return true;
        }
    }
    if (!wr_protobuf_varint(&c->packed, &value)) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

bool wr_onnx_cursor_float(struct wr_onnx_cursor *c, double *out)
{
    struct wr_field f;
    while (c->packed.end - c->packed.at < 4) {
        if (!next_field(c, &f)) {
            return false;
        }
        if (f.wire == WR_WIRE_32) {
            *out = (double)float_of((uint32_t)f.value);
            return true;
        }
    }
    *out = (double)float_of(wr_get32(c->packed.at));
    c->packed.at += 4;
    return true;
}

bool wr_onnx_cursor_text(struct wr_onnx_cursor *c, struct wr_str *out)
{
    struct wr_field f;
    bool there = next_field(c, &f);
    *out = there ? f.bytes : WR_STR("");
    return there;
}

uint64_t wr_onnx_cursor_count(struct wr_onnx_cursor *c)
{
    struct wr_str text;
    int64_t integer;
    double number;
    uint64_t n = 0;
    while (c->field == 9   ? wr_onnx_cursor_text(c, &text)
           : c->field == 8 ? wr_onnx_cursor_int(c, &integer)
                           : wr_onnx_cursor_float(c, &number)) {
        n++;
    }
    return n;
}
