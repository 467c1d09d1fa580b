/* SPDX-License-Identifier: Apache-2.0 */
#include "app/onnxcase.h"
#include "app/file.h"
#include "model/protobuf.h"

#include <math.h>
#include <stdio.h>

#define CASE_MEMORY   WR_GIB(1)
#define PATH_ROOM     1400
#define CONSTANT_ROOM 256

enum tensor_type { /* of onnx.proto */
                   FLOAT = 1,
                   INT32 = 6,
                   INT64 = 7,
                   TEXT = 8,
                   HALF = 10,
                   DOUBLE = 11,
};

struct values { /* a TensorProto */
    struct wr_str bytes;
    int64_t type, first; /* the first dimension */
    uint32_t rank, n, room;
    double *numbers;
    struct wr_str *texts;
};

struct onnx_case {
    struct wr_arena arena;
    struct wr_str source;
    struct values inputs[WR_LIMIT_CASE_PORTS], outputs[WR_LIMIT_CASE_PORTS];
    uint32_t n_inputs, n_outputs;
    unsigned bound; /* bits of inputs that are constants of the model */
    struct wr_onnx_case *out;
};

/* A module of the case, opened, with room to score. */
struct opened {
    struct wr_buf module;
    struct wr_model *model;
    double *rows, *outputs;
    void *scratch;
};

static bool fail(struct wr_onnx_case *out, const char *why)
{
    snprintf(out->why, sizeof out->why, "%.250s", why);
    return false;
}

/* ── tensors ────────────────────────────────────────────────────────────────────────────────── */
static void push(struct values *v, double x)
{
    if (v->n < v->room) {
        v->numbers[v->n++] = x;
    }
}

static double as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return (double)x;
}

static double as_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

static double as_half(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double m = bits & 1023;
    double x = exponent == 0    ? ldexp(m, -24)
               : exponent == 31 ? (m == 0 ? HUGE_VAL : (double)NAN)
                                : ldexp(m + 1024, exponent - 25);
    return (bits & 0x8000) != 0 ? -x : x;
}

static void push_raw(struct values *v, struct wr_str raw)
{
    static const size_t sizes[] = {0, 4, 1, 1, 2, 2, 4, 8, 0, 1, 2, 8, 4, 8};
    size_t size = v->type >= 0 && v->type < 14 ? sizes[v->type] : 0;
    for (size_t i = 0; size != 0 && i + size <= raw.n; i += size) {
        const char *p = raw.p + i;
        push(v, v->type == FLOAT    ? as_float(wr_get32(p))
                : v->type == DOUBLE ? as_double(wr_get64(p))
                : v->type == HALF   ? as_half(wr_get16(p))
                : v->type == INT64  ? (double)(int64_t)wr_get64(p)
                : v->type == INT32  ? (double)(int32_t)wr_get32(p)
                                    : (double)(uint8_t)*p);
    }
}

static void read_dimension(struct values *v, uint64_t x)
{
    v->first = v->rank == 0 ? (int64_t)x : v->first;
    v->rank++;
}

/* The fields of a TensorProto: 1 dimensions, 2 type, 4 floats, 5 and 7 integers, 6 texts, 9 raw
 * bytes, 10 doubles. */
static void read_field(struct values *v, const struct wr_field *f)
{
    struct wr_protobuf list = wr_protobuf_over(f->bytes.p, f->bytes);
    uint64_t x;
    if (f->number == 1 && f->wire == WR_WIRE_VARINT) {
        read_dimension(v, f->value);
    } else if (f->number == 1) {
        while (list.at != list.end && wr_protobuf_varint(&list, &x)) {
            read_dimension(v, x);
        }
    } else if (f->number == 2) {
        v->type = (int64_t)f->value;
    } else if (f->number == 4 || f->number == 10) {
        v->type = f->number == 4 ? FLOAT : DOUBLE;
        push_raw(v, f->bytes);
    } else if (f->number == 5 || f->number == 7) {
        while (list.at != list.end && wr_protobuf_varint(&list, &x)) {
            push(v, v->type == HALF ? as_half((uint16_t)x) : (double)(int64_t)x);
        }
    } else if (f->number == 6 && v->n < v->room) {
        v->texts[v->n++] = f->bytes;
    } else if (f->number == 9) {
        push_raw(v, f->bytes);
    }
}

/* Every value takes a byte of the file or more, which bounds how many there can be. */
static bool read_values(struct onnx_case *c, const char *path, struct values *v)
{
    struct wr_error error = {0};
    *v = (struct values){0};
    if (wr_file_read(&c->arena, path, WR_LIMIT_CASE_BYTES, &v->bytes, &error) != WR_OK) {
        return fail(c->out, error.text);
    }
    v->room = (uint32_t)WR_MIN(v->bytes.n, WR_LIMIT_CASE_VALUES);
    v->numbers = wr_arena_zalloc(&c->arena, v->room * sizeof *v->numbers, 8);
    v->texts = wr_arena_zalloc(&c->arena, v->room * sizeof *v->texts, 8);
    if (v->numbers == NULL || v->texts == NULL) {
        return fail(c->out, "no memory");
    }
    struct wr_protobuf r = wr_protobuf_over(v->bytes.p, v->bytes);
    struct wr_field f;
    while (wr_protobuf_next(&r, &f)) {
        read_field(v, &f);
    }
    return v->n < WR_LIMIT_CASE_VALUES && r.fault == NULL
               ? true
               : fail(c->out, r.fault != NULL ? r.fault : "a tensor of too many values");
}

/* input_0.pb, input_1.pb, ...: as many as there are. */
static bool read_ports(struct onnx_case *c, const char *folder, const char *kind,
                       struct values ports[WR_LIMIT_CASE_PORTS], uint32_t *n)
{
    for (*n = 0; *n < WR_LIMIT_CASE_PORTS; ++*n) {
        char path[PATH_ROOM];
        snprintf(path, sizeof path, "%s/test_data_set_0/%s_%u.pb", folder, kind, *n);
        if (!wr_file_exists(path)) {
            break;
        }
        if (!read_values(c, path, &ports[*n])) {
            return false;
        }
    }
    return true;
}

/* ── constants put into the model ───────────────────────────────────────────────────────────── */
static void put_varint(struct wr_buf *buf, uint64_t x)
{
    for (; x >= 0x80; x >>= 7) {
        wr_buf_char(buf, (char)(x | 0x80));
    }
    wr_buf_char(buf, (char)x);
}

static void put_bytes(struct wr_buf *buf, uint32_t number, struct wr_str bytes)
{
    put_varint(buf, number << 3 | WR_WIRE_BYTES);
    put_varint(buf, bytes.n);
    wr_buf_str(buf, bytes);
}

/* The graph's input names (field 11, a ValueInfoProto, its field 1), in order. */
static uint32_t input_names(struct wr_str graph, struct wr_str names[WR_LIMIT_CASE_PORTS])
{
    struct wr_protobuf r = wr_protobuf_over(graph.p, graph);
    struct wr_field f, inner;
    uint32_t n = 0;
    while (wr_protobuf_next(&r, &f)) {
        if (f.number != 11 || n == WR_LIMIT_CASE_PORTS) {
            continue;
        }
        struct wr_protobuf info = wr_protobuf_over(f.bytes.p, f.bytes);
        names[n] = (struct wr_str){0};
        while (wr_protobuf_next(&info, &inner)) {
            names[n] = inner.number == 1 ? inner.bytes : names[n];
        }
        n++;
    }
    return n;
}

/* The graph with its bound inputs as initializers too (field 5), named by their field 8. */
static struct wr_str graph_with_constants(struct onnx_case *c, struct wr_str graph)
{
    struct wr_buf out = wr_buf_in(&c->arena, graph.n + CONSTANT_ROOM);
    struct wr_str names[WR_LIMIT_CASE_PORTS];
    uint32_t n = input_names(graph, names);
    wr_buf_str(&out, graph);
    for (uint32_t i = 0; i < n && i < c->n_inputs; i++) {
        if ((c->bound >> i & 1) != 0) {
            struct wr_buf tensor = wr_buf_in(&c->arena, c->inputs[i].bytes.n + CONSTANT_ROOM);
            wr_buf_str(&tensor, c->inputs[i].bytes);
            put_bytes(&tensor, 8, names[i]);
            put_bytes(&out, 5, wr_buf_view(&tensor));
        }
    }
    return wr_buf_view(&out);
}

static struct wr_str with_constants(struct onnx_case *c)
{
    struct wr_str model = c->source;
    struct wr_buf out = wr_buf_in(&c->arena, model.n + CONSTANT_ROOM);
    struct wr_protobuf r = wr_protobuf_over(model.p, model);
    struct wr_field f;
    for (const char *from = model.p; wr_protobuf_next(&r, &f); from = r.at) {
        if (f.number == 7) {
            put_bytes(&out, 7, graph_with_constants(c, f.bytes));
        } else {
            wr_buf_add(&out, from, (size_t)(r.at - from));
        }
    }
    return wr_buf_view(&out);
}

/* ── rows ───────────────────────────────────────────────────────────────────────────────────── */
static bool is_bound(const struct onnx_case *c, uint32_t input)
{
    return (c->bound >> input & 1) != 0;
}

/* 1 when the tensors fill the model's columns at once; 0 when there is no row. */
static uint32_t rows_of(const struct onnx_case *c, size_t n_columns)
{
    size_t total = 0;
    const struct values *first = NULL;
    for (uint32_t i = 0; i < c->n_inputs; i++) {
        if (!is_bound(c, i)) {
            first = first == NULL ? &c->inputs[i] : first;
            total += c->inputs[i].n;
        }
    }
    if (total == n_columns || first == NULL) {
        return 1;
    }
    return first->first > 0 && first->first <= first->n ? (uint32_t)first->first : 0;
}

static void fill_row(const struct onnx_case *c, const struct wr_model *model, uint32_t row,
                     uint32_t rows, double *to)
{
    size_t at = 0, n_columns = wr_model_n_inputs(model);
    for (uint32_t i = 0; i < c->n_inputs; i++) {
        const struct values *v = &c->inputs[i];
        bool shared = v->rank == 0 || v->first != rows;
        uint32_t n = shared ? v->n : v->n / rows, from = shared ? 0 : row * n;
        for (uint32_t k = 0; !is_bound(c, i) && k < n && at < n_columns; k++, at++) {
            to[at] = v->type == TEXT ? wr_model_category(model, at, v->texts[from + k])
                                     : v->numbers[from + k];
        }
    }
}

static bool close_enough(double got, double want)
{
    return got == want || (isnan(got) && isnan(want)) ||
           fabs(got - want) <= WR_CASE_RELATIVE * fabs(want) + WR_CASE_ABSOLUTE;
}

static bool check_row(const struct onnx_case *c, const struct opened *o, uint32_t row,
                      uint32_t rows)
{
    size_t at = 0, n_columns = wr_model_n_outputs(o->model);
    for (uint32_t port = 0; port < c->n_outputs; port++) {
        const struct values *v = &c->outputs[port];
        uint32_t n = v->n / rows;
        for (uint32_t k = 0; k < n; k++, at++) {
            if (at == n_columns) {
                return fail(c->out, "fewer outputs than expected");
            }
            uint32_t i = row * n + k;
            double got = o->outputs[at];
            struct wr_str label = wr_model_label_text(o->model, at, got);
            if (!(v->type == TEXT ? wr_str_eq(label, v->texts[i])
                                  : close_enough(got, v->numbers[i]))) {
                snprintf(c->out->why, sizeof c->out->why, "row %u, output %u[%u] is %.9g, not %.9g",
                         row, port, k, got, v->numbers[i]);
                return false;
            }
        }
    }
    return at == n_columns ? true : fail(c->out, "more outputs than expected");
}

/* ── one attempt ────────────────────────────────────────────────────────────────────────────── */
static bool open_case(struct onnx_case *c, struct opened *o)
{
    struct wr_error error = {0};
    struct wr_model_report report = {0};
    struct wr_str source = c->bound == 0 ? c->source : with_constants(c);
    o->module = wr_buf_in(&c->arena, 65536);
    wr_err code = wr_model_compile(&c->arena, source, &(struct wr_model_options){.report = &report},
                                   &o->module, &error);
    code =
        code == WR_OK ? wr_model_open(&c->arena, wr_buf_view(&o->module), &o->model, &error) : code;
    c->out->warned = report.warnings.n > 0;
    c->out->refused = code != WR_OK;
    return code == WR_OK ? true : fail(c->out, error.text);
}

static bool score_rows(struct onnx_case *c, struct opened *o, uint32_t rows)
{
    size_t n_in = wr_model_n_inputs(o->model);
    o->rows = wr_arena_array(&c->arena, rows * n_in + 1, sizeof *o->rows, 8);
    o->outputs = wr_arena_array(&c->arena, wr_model_n_outputs(o->model) + 1, sizeof(double), 8);
    o->scratch = wr_arena_zalloc(&c->arena, wr_model_scratch_size(o->model) + 64, 64);
    if (o->rows == NULL || o->outputs == NULL || o->scratch == NULL) {
        return fail(c->out, "no memory");
    }
    memset(o->rows, 0, (rows * n_in + 1) * sizeof *o->rows);
    for (uint32_t row = 0; row < rows; row++) {
        double *to = o->rows + row * n_in;
        fill_row(c, o->model, row, rows, to);
        if (wr_model_score(o->model, to, o->outputs, o->scratch) != WR_OK) {
            return fail(c->out, "the row cannot be scored");
        }
        if (!check_row(c, o, row, rows)) {
            return false;
        }
    }
    return true;
}

static bool attempt(struct onnx_case *c, wr_onnx_case_seen *seen, void *context)
{
    struct opened o = {0};
    if (!open_case(c, &o)) {
        return false;
    }
    uint32_t rows = rows_of(c, wr_model_n_inputs(o.model));
    if (rows == 0) {
        return fail(c->out, "there is no row");
    }
    bool good = score_rows(c, &o, rows);
    if (good && seen != NULL) {
        seen(context, &(struct wr_onnx_scored){wr_buf_view(&o.module), o.model, o.rows, rows});
    }
    return good;
}

/* Inputs but the first that become constants: none, the integers, all. */
static unsigned bound_at(const struct onnx_case *c, unsigned turn)
{
    unsigned bound = 0;
    for (uint32_t i = 1; i < c->n_inputs; i++) {
        bool integer = c->inputs[i].type == INT64 || c->inputs[i].type == INT32;
        bound |= turn == 2 || (turn == 1 && integer) ? 1u << i : 0;
    }
    return bound;
}

void wr_onnx_case_run(const char *folder, wr_onnx_case_seen *seen, void *context,
                      struct wr_onnx_case *out)
{
    struct onnx_case c = {.out = out};
    struct wr_error error = {0};
    char path[PATH_ROOM];
    *out = (struct wr_onnx_case){0};
    wr_arena_init(&c.arena, &wr_heap, CASE_MEMORY);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    bool ready = read_ports(&c, folder, "input", c.inputs, &c.n_inputs) &&
                 read_ports(&c, folder, "output", c.outputs, &c.n_outputs);
    if (ready && c.n_outputs == 0) {
        ready = fail(out, "there is no test_data_set_0/output_0.pb");
    }
    if (ready && wr_file_read(&c.arena, path, WR_LIMIT_MODEL_SOURCE, &c.source, &error) != WR_OK) {
        ready = fail(out, error.text);
    }
    for (unsigned turn = 0; ready && turn < 3 && !out->passed; turn++) {
        c.bound = bound_at(&c, turn);
        if (turn == 0 || c.bound != 0) {
            out->passed = attempt(&c, seen, context);
        }
    }
    wr_arena_deinit(&c.arena);
}
