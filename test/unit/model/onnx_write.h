/* SPDX-License-Identifier: Apache-2.0 */
/* Writes protobuf fields and small ONNX models, for tests. */
#ifndef WEIR_TEST_ONNX_WRITE_H
#define WEIR_TEST_ONNX_WRITE_H

#include "model/protobuf.h"
#include "model_test.h"

static inline void put_varint(struct wr_buf *buf, uint64_t x)
{
    while (x >= 0x80) {
        wr_buf_char(buf, (char)(x | 0x80));
        x >>= 7;
    }
    wr_buf_char(buf, (char)x);
}

static inline void put_bytes(struct wr_buf *buf, uint32_t number, struct wr_str bytes)
{
    put_varint(buf, number << 3 | WR_WIRE_BYTES);
    put_varint(buf, bytes.n);
    wr_buf_str(buf, bytes);
}

static inline void put_number(struct wr_buf *buf, uint32_t number, uint64_t x)
{
    put_varint(buf, number << 3 | WR_WIRE_VARINT);
    put_varint(buf, x);
}

/* op|inputs|outputs|attribute=integer, nodes apart by ';'. The row is x [1, 3]; lists of integers
 * are named after what they hold: "i" none, "i0" 0, "i1_0" 1 and 0, "im1" -1. */
struct text { /* a part of a graph's text */
    const char *p;
    size_t n;
};

static inline struct text part(const char **at, char end)
{
    struct text t = {*at, strcspn(*at, end == ';' ? ";" : "|;")};
    *at += t.n;
    *at += **at == end;
    return t;
}

static inline void put_names(struct wr_buf *node, uint32_t number, struct text names)
{
    while (names.n > 0) {
        size_t n = 0;
        while (n < names.n && names.p[n] != ',') {
            n++;
        }
        put_bytes(node, number, wr_str_of(names.p, n));
        names.p += n + (n < names.n);
        names.n -= n + (n < names.n);
    }
}

static inline void put_attribute(struct wr_arena *arena, struct wr_buf *node, struct text t)
{
    const char *equals = memchr(t.p, '=', t.n);
    if (t.n == 0 || equals == NULL) {
        return;
    }
    struct wr_buf own = wr_buf_in(arena, 64);
    put_bytes(&own, 1, wr_str_of(t.p, (size_t)(equals - t.p)));
    put_number(&own, 3, (uint64_t)(int64_t)atoi(equals + 1));
    put_number(&own, 20, 2);
    put_bytes(node, 5, wr_buf_view(&own));
}

static inline void put_node(struct wr_arena *arena, struct wr_buf *graph, struct text t)
{
    const char *at = t.p;
    struct wr_buf node = wr_buf_in(arena, 256);
    struct text op = part(&at, '|'), in = part(&at, '|'), out = part(&at, '|');
    bool ml = op.n == 6 && memcmp(op.p, "Scaler", 6) == 0;
    put_names(&node, 1, in);
    put_names(&node, 2, out);
    put_bytes(&node, 4, wr_str_of(op.p, op.n));
    put_attribute(arena, &node, part(&at, '|'));
    put_bytes(&node, 7, ml ? WR_STR("ai.onnx.ml") : WR_STR(""));
    put_bytes(graph, 1, wr_buf_view(&node));
}

static inline void put_list(struct wr_arena *arena, struct wr_buf *graph, const char *name)
{
    struct wr_buf tensor = wr_buf_in(arena, 128), values = wr_buf_in(arena, 64);
    uint32_t n = 0;
    for (const char *at = name + 1; *at != 0; n++) {
        int sign = *at == 'm' ? -1 : 1;
        char *end;
        put_varint(&values, (uint64_t)(int64_t)(sign * strtol(at + (sign < 0), &end, 10)));
        at = end + (*end == '_');
    }
    put_number(&tensor, 1, n);
    put_number(&tensor, 2, 7);
    put_bytes(&tensor, 7, wr_buf_view(&values));
    put_bytes(&tensor, 8, wr_str_z(name));
    put_bytes(graph, 5, wr_buf_view(&tensor));
}

/* ValueInfoProto of a float tensor [rows, 3]. */
static inline void put_port(struct wr_arena *arena, struct wr_buf *graph, uint32_t number,
                            const char *name, unsigned rows)
{
    struct wr_buf info = wr_buf_in(arena, 128), type = wr_buf_in(arena, 128);
    struct wr_buf tensor = wr_buf_in(arena, 64), shape = wr_buf_in(arena, 64);
    for (unsigned d = 0; d < 2; d++) {
        struct wr_buf dim = wr_buf_in(arena, 16);
        put_number(&dim, 1, d == 0 ? rows : 3);
        put_bytes(&shape, 1, wr_buf_view(&dim));
    }
    put_number(&tensor, 1, 1);
    put_bytes(&tensor, 2, wr_buf_view(&shape));
    put_bytes(&type, 1, wr_buf_view(&tensor));
    put_bytes(&info, 1, wr_str_z(name));
    put_bytes(&info, 2, wr_buf_view(&type));
    put_bytes(graph, number, wr_buf_view(&info));
}

/* The whole model; `before` is put in front of its nodes, fields of a GraphProto. */
static inline struct wr_str onnx_model(struct wr_arena *arena, const char *nodes, unsigned rows,
                                       struct wr_str before)
{
    static const char *const lists[] = {"i",    "i0",   "i1",   "i2",   "i3",   "i0_2",
                                        "i0_3", "i0_5", "i1_0", "i3_0", "im1_0"};
    struct wr_buf graph = wr_buf_in(arena, 4096), model = wr_buf_in(arena, 4096);
    struct wr_buf plain = wr_buf_in(arena, 16), ml = wr_buf_in(arena, 32);
    wr_buf_str(&graph, before);
    while (*nodes != 0) {
        put_node(arena, &graph, part(&nodes, ';'));
    }
    for (size_t i = 0; i < WR_COUNTOF(lists); i++) {
        put_list(arena, &graph, lists[i]);
    }
    put_port(arena, &graph, 11, "x", rows);
    put_port(arena, &graph, 12, "y", rows);
    put_number(&plain, 2, 18);
    put_bytes(&ml, 1, WR_STR("ai.onnx.ml"));
    put_number(&ml, 2, 3);
    put_number(&model, 1, 8);
    put_bytes(&model, 7, wr_buf_view(&graph));
    put_bytes(&model, 8, wr_buf_view(&plain));
    put_bytes(&model, 8, wr_buf_view(&ml));
    return wr_buf_view(&model);
}

#endif
