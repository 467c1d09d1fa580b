/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an ONNX model: protobuf to workbench, node by node in the order of the file.
 *
 * The first dimension of an input is the batch when the file leaves it open: a program scores one
 * row. All other dimensions must be fixed. Refused, with the byte offset: broken protobuf, unknown
 * opsets, domains and operators, external data that no one gives, weights that are not finite,
 * names twice, values used before they are made (hence cycles). Subgraphs are never entered: no
 * operator here has one. Source: onnx.proto of ONNX 1.17. */
#include "model/onnx.h"
#include "base/hash.h"
#include "model/protobuf.h"
#include "model/source.h"

static bool sound(struct wr_onnx *o, const struct wr_protobuf *r)
{
    if (r->fault != NULL) {
        o->g->offset = r->fault_at;
        wr_graph_fail(o->g, WR_E_MODEL, "ONNX: %s", r->fault);
    }
    return o->g->code == WR_OK;
}

static bool good_name(struct wr_onnx *o, struct wr_str name)
{
    bool bad = wr_utf8_invalid_at(name.p, name.n) != name.n ||
               (name.n > 0 && memchr(name.p, 0, name.n) != NULL);
    if (bad) {
        o->g->offset = (uint64_t)(name.p - o->start);
        wr_graph_fail(o->g, WR_E_MODEL, "ONNX: a name is not UTF-8 text");
    }
    return !bad;
}

/* ── names of values ────────────────────────────────────────────────────────────────────────── */
static uint32_t slot_of(const struct wr_onnx *o, struct wr_str name)
{
    static const struct wr_hash_key key = {0x6f6e6e78206e616du, 0x65732c206b657965u};
    uint32_t mask = o->table_size - 1;
    uint32_t at = (uint32_t)wr_siphash13(key, name.p, name.n) & mask;
    while (o->names[at].p != NULL && !wr_str_eq(o->names[at], name)) {
        at = (at + 1) & mask;
    }
    return at;
}

static bool grow_names(struct wr_onnx *o)
{
    struct wr_onnx old = *o;
    o->table_size = o->table_size == 0 ? 256 : o->table_size * 2;
    o->names = WR_NEW_ARRAY(o->g->arena, struct wr_str, o->table_size);
    o->tensors = WR_NEW_ARRAY(o->g->arena, uint32_t, o->table_size);
    if (o->names == NULL || o->tensors == NULL) {
        wr_graph_fail(o->g, WR_E_MEMORY, "no memory for %u names", o->table_size);
        return false;
    }
    for (uint32_t i = 0; i < old.table_size; i++) {
        if (old.names[i].p != NULL) {
            uint32_t at = slot_of(o, old.names[i]);
            o->names[at] = old.names[i];
            o->tensors[at] = old.tensors[i];
        }
    }
    return true;
}

static void define(struct wr_onnx *o, struct wr_str name, uint32_t tensor)
{
    if (o->g->code != WR_OK || !good_name(o, name) ||
        (2 * o->n_names >= o->table_size && !grow_names(o))) {
        return;
    }
    uint32_t at = slot_of(o, name);
    if (o->names[at].p != NULL) {
        wr_graph_fail(o->g, WR_E_MODEL, "the value %.*s is made twice", WR_FMT(name));
        return;
    }
    o->names[at] = name;
    o->tensors[at] = tensor;
    o->n_names++;
}

static uint32_t look_up(const struct wr_onnx *o, struct wr_str name)
{
    if (o->table_size == 0) {
        return WR_NO_TENSOR;
    }
    uint32_t at = slot_of(o, name);
    return o->names[at].p != NULL ? o->tensors[at] : WR_NO_TENSOR;
}

/* ── a node's values ────────────────────────────────────────────────────────────────────────── */
uint32_t wr_onnx_in(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t i)
{
    if (i >= node->n_inputs || node->inputs[i].n == 0) {
        return WR_NO_TENSOR;
    }
    return look_up(o, node->inputs[i]); /* presence was checked before the build */
}

void wr_onnx_out(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t i, uint32_t tensor)
{
    if (i < node->n_outputs && node->outputs[i].n != 0 && o->g->code == WR_OK &&
        tensor != WR_NO_TENSOR) {
        o->g->tensors[tensor].once = false; /* should an operator pass its input on */
        define(o, node->outputs[i], tensor);
    }
}

bool wr_onnx_list(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t i, const char *name,
                  const int64_t **values, uint32_t *n)
{
    uint32_t t = wr_onnx_in(o, node, i);
    int64_t *own;
    if (t != WR_NO_TENSOR) {
        *values = wr_graph_data(o->g, t);
        *n = wr_onnx_tensor(o, t)->count;
        if (*values == NULL || wr_onnx_tensor(o, t)->type != WR_I64) {
            wr_graph_fail(o->g, WR_E_MODEL, "input %u (%s) must be constant integers", i, name);
            return false;
        }
        return true;
    }
    if (!wr_onnx_ints(o, node, name, &own, n) || *n == 0) {
        return false;
    }
    *values = own;
    return true;
}

uint32_t wr_onnx_axis(struct wr_onnx *o, int64_t axis, uint32_t rank)
{
    if (axis < -(int64_t)rank || axis >= (int64_t)rank) {
        wr_graph_fail(o->g, WR_E_MODEL, "axis %lld of a tensor with %u dimensions", (long long)axis,
                      rank);
        return 0;
    }
    return (uint32_t)(axis < 0 ? axis + rank : axis);
}

uint32_t wr_onnx_float_in(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t i)
{
    uint32_t t = wr_onnx_in(o, node, i);
    if (t == WR_NO_TENSOR || wr_onnx_tensor(o, t)->text) {
        return wr_graph_fail(o->g, WR_E_MODEL, "input %u is missing or a text", i);
    }
    return wr_onnx_tensor(o, t)->type == WR_I64 ? wr_graph_map(o->g, WR_MAP_COPY, t, WR_F32, 0, 0)
                                                : t;
}

/* ── inputs and outputs of the graph ────────────────────────────────────────────────────────── */
struct value_info {
    struct wr_str name;
    int64_t type;
    bool tensor, shaped;
    struct wr_shape shape;
};

static bool field_in(struct wr_onnx *o, struct wr_str message, uint32_t number,
                     struct wr_field *out)
{
    struct wr_protobuf r = wr_protobuf_over(o->start, message);
    struct wr_field f;
    bool found = false;
    while (wr_protobuf_next(&r, &f)) {
        if (f.number == number) {
            *out = f;
            found = true;
        }
    }
    return sound(o, &r) && found;
}

static void read_dim(struct wr_onnx *o, struct value_info *v, struct wr_str dim)
{
    struct wr_field f;
    uint32_t d = v->shape.rank;
    bool fixed = field_in(o, dim, 1, &f);
    if (d == WR_LIMIT_PROGRAM_RANK) {
        wr_graph_fail(o->g, WR_E_LIMIT, "input %.*s has more than %u dimensions", WR_FMT(v->name),
                      WR_LIMIT_PROGRAM_RANK);
    } else if (!fixed && d > 0) {
        wr_graph_fail(o->g, WR_E_MODEL, "dimension %u of input %.*s has no fixed size", d,
                      WR_FMT(v->name));
    } else if (fixed && f.value > WR_LIMIT_TENSOR_COUNT) {
        wr_graph_fail(o->g, WR_E_MODEL, "dimension %u of input %.*s is %lld", d, WR_FMT(v->name),
                      (long long)f.value);
    } else {
        v->shape.dims[v->shape.rank++] = fixed ? (uint32_t)f.value : 1;
    }
}

/* ValueInfoProto { name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 } } } } */
static bool read_value_info(struct wr_onnx *o, struct wr_str bytes, struct value_info *v,
                            bool shape)
{
    struct wr_field f, type, tensor, dims, dim;
    *v = (struct value_info){0};
    if (field_in(o, bytes, 1, &f)) {
        v->name = f.bytes;
    }
    if (o->g->code != WR_OK || !good_name(o, v->name)) {
        return false;
    }
    if (!field_in(o, bytes, 2, &type) || !field_in(o, type.bytes, 1, &tensor)) {
        return o->g->code == WR_OK;
    }
    v->tensor = true;
    v->type = field_in(o, tensor.bytes, 1, &f) ? (int64_t)f.value : 0;
    if (shape && field_in(o, tensor.bytes, 2, &dims)) {
        v->shaped = true;
        struct wr_protobuf r = wr_protobuf_over(o->start, dims.bytes);
        while (o->g->code == WR_OK && wr_protobuf_next(&r, &dim)) {
            if (dim.number == 1 && dim.wire == WR_WIRE_BYTES) {
                read_dim(o, v, dim.bytes);
            }
        }
        sound(o, &r);
    }
    return o->g->code == WR_OK;
}

/* A file that says so may mean an open batch: whoever imports it is told. */
static void warn_of_empty(struct wr_onnx *o, const char *what, struct wr_str name, uint32_t t)
{
    char place[160];
    struct wr_buf buf = wr_buf_fixed(place, sizeof place);
    if (o->g->code != WR_OK || wr_onnx_tensor(o, t)->count != 0) {
        return;
    }
    wr_format(&buf, "ONNX %s %.*s", what, WR_FMT(wr_str_of(name.p, WR_MIN(name.n, 100))));
    o->g->place = wr_buf_view(&buf);
    wr_graph_warn(o->g, "a dimension is 0: it has no elements, and no column belongs to it");
    o->g->place = WR_STR("");
}

static void add_input(struct wr_onnx *o, struct wr_str bytes)
{
    struct value_info v;
    if (!read_value_info(o, bytes, &v, false) || look_up(o, v.name) != WR_NO_TENSOR) {
        return; /* broken, or a default value (initializer) stands for it */
    }
    if (!read_value_info(o, bytes, &v, true)) {
        return;
    }
    if (!v.tensor || !v.shaped) {
        wr_graph_fail(o->g, WR_E_MODEL, "input %.*s is no tensor of known shape", WR_FMT(v.name));
        return;
    }
    unsigned type = wr_onnx_element(o, v.type);
    enum wr_model_kind kind = v.type == 8      ? WR_MODEL_CATEGORY
                              : type == WR_I64 ? WR_MODEL_INTEGER
                                               : WR_MODEL_NUMBER;
    uint32_t t = wr_graph_input(o->g, v.name, type, kind, &v.shape);
    define(o, v.name, t);
    warn_of_empty(o, "input", v.name, t);
}

/* A probability by its last step, or by its name. */
static enum wr_model_role role_of(const struct wr_graph *g, uint32_t t, struct wr_str name)
{
    uint32_t root = g->tensors[t].root;
    if (g->tensors[t].type == WR_I64) {
        return WR_MODEL_LABEL;
    }
    for (size_t i = 0; i + 4 <= name.n; i++) {
        if (memcmp(name.p + i + 1, "rob", 3) == 0 && (name.p[i] | 32) == 'p') {
            return WR_MODEL_PROBABILITY;
        }
    }
    for (uint32_t i = g->n_steps; i-- > 0;) {
        const struct wr_graph_step *s = &g->steps[i];
        if (s->tensors[0] == root) {
            bool curve = (s->kind == WR_STEP_MAP && s->op == WR_MAP_SIGMOID) ||
                         (s->kind == WR_STEP_SOFTMAX && s->op == WR_SOFTMAX);
            return curve ? WR_MODEL_PROBABILITY : WR_MODEL_SCORE;
        }
    }
    return WR_MODEL_SCORE;
}

static void add_output(struct wr_onnx *o, struct wr_str bytes)
{
    struct value_info v;
    if (!read_value_info(o, bytes, &v, false)) {
        return;
    }
    uint32_t t = look_up(o, v.name);
    if (t == WR_NO_TENSOR) {
        wr_graph_fail(o->g, WR_E_MODEL, "output %.*s is never made", WR_FMT(v.name));
        return;
    }
    wr_graph_output(o->g, v.name, t, role_of(o->g, t, v.name));
    warn_of_empty(o, "output", v.name, t);
}

/* ── nodes ──────────────────────────────────────────────────────────────────────────────────── */
static const struct wr_onnx_op *find_op(const struct wr_onnx_op *ops, struct wr_str name)
{
    for (; ops->name != NULL; ops++) {
        if (wr_str_eq(name, wr_str_z(ops->name))) {
            return ops;
        }
    }
    return NULL;
}

/* NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7. */
static bool read_node(struct wr_onnx *o, struct wr_str bytes, struct wr_onnx_node *node)
{
    struct wr_protobuf r = wr_protobuf_over(o->start, bytes), again = r;
    struct wr_field f;
    *node = (struct wr_onnx_node){.bytes = bytes};
    while (wr_protobuf_next(&r, &f)) {
        node->n_inputs += f.number == 1;
        node->n_outputs += f.number == 2;
        node->name = f.number == 3 ? f.bytes : node->name;
        node->op = f.number == 4 ? f.bytes : node->op;
        node->domain = f.number == 7 ? f.bytes : node->domain;
    }
    if (!sound(o, &r) || !good_name(o, node->op) || !good_name(o, node->domain) ||
        !good_name(o, node->name)) {
        return false;
    }
    if (node->n_inputs > WR_LIMIT_ONNX_NODE_PORTS || node->n_outputs > WR_LIMIT_ONNX_NODE_PORTS) {
        wr_graph_fail(o->g, WR_E_LIMIT, "a node has more than %u inputs or outputs",
                      WR_LIMIT_ONNX_NODE_PORTS);
        return false;
    }
    node->inputs = WR_NEW_ARRAY(o->g->arena, struct wr_str, node->n_inputs);
    node->outputs = WR_NEW_ARRAY(o->g->arena, struct wr_str, node->n_outputs);
    if (node->inputs == NULL || node->outputs == NULL) {
        wr_graph_fail(o->g, WR_E_MEMORY, "no memory for a node");
        return false;
    }
    for (uint32_t in = 0, out = 0; wr_protobuf_next(&again, &f);) {
        if (f.number == 1) {
            node->inputs[in++] = f.bytes;
        } else if (f.number == 2) {
            node->outputs[out++] = f.bytes;
        }
    }
    return true;
}

static bool inputs_known(struct wr_onnx *o, const struct wr_onnx_node *node, uint32_t needed)
{
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        uint32_t t = node->inputs[i].n != 0 ? look_up(o, node->inputs[i]) : WR_NO_TENSOR;
        if (node->inputs[i].n == 0 && i < needed) {
            wr_graph_fail(o->g, WR_E_MODEL, "its input %u is left out", i);
            return false;
        }
        if (node->inputs[i].n != 0 && t == WR_NO_TENSOR) {
            wr_graph_fail(o->g, WR_E_MODEL, "its input %.*s is not made before it",
                          WR_FMT(node->inputs[i]));
            return false;
        }
        if (node->ml && t != WR_NO_TENSOR && wr_onnx_tensor(o, t)->count == 0) {
            wr_graph_fail(o->g, WR_E_MODEL, "its input %u has no elements", i);
            return false;
        }
    }
    return true;
}

static const struct wr_onnx_op *op_of(struct wr_onnx *o, struct wr_onnx_node *node)
{
    const struct wr_onnx_op *op = NULL;
    node->ml = wr_str_eq(node->domain, WR_STR("ai.onnx.ml"));
    bool plain = node->domain.n == 0 || wr_str_eq(node->domain, WR_STR("ai.onnx"));
    node->version = node->ml ? o->ml : o->opset;
    if (!node->ml && !plain) {
        wr_graph_fail(o->g, WR_E_MODEL, "the domain %.*s is not supported", WR_FMT(node->domain));
        return NULL;
    }
    if (node->version == 0) {
        wr_graph_fail(o->g, WR_E_MODEL, "the model imports no opset for this operator's domain");
        return NULL;
    }
    if (node->ml) {
        op = find_op(wr_onnx_ml_ops, node->op);
    } else {
        op = find_op(wr_onnx_math_ops, node->op);
        op = op != NULL ? op : find_op(wr_onnx_shape_ops, node->op);
    }
    if (op == NULL || op->since > node->version) {
        wr_graph_fail(o->g, WR_E_MODEL, "the operator is not supported in opset %lld",
                      (long long)node->version);
        return NULL;
    }
    if (node->n_inputs < op->min_in || (op->max_in != 255 && node->n_inputs > op->max_in)) {
        wr_graph_fail(o->g, WR_E_MODEL, "%u inputs; it takes %u to %u", node->n_inputs, op->min_in,
                      op->max_in);
        return NULL;
    }
    return op;
}

static void add_node(struct wr_onnx *o, struct wr_str bytes)
{
    struct wr_graph *g = o->g;
    struct wr_onnx_node node;
    char place[160];
    struct wr_buf buf = wr_buf_fixed(place, sizeof place);
    g->offset = (uint64_t)(bytes.p - o->start);
    if (!read_node(o, bytes, &node)) {
        return;
    }
    wr_format(&buf, "ONNX operator %.*s, node \"%.*s\"",
              WR_FMT(wr_str_of(node.op.p, WR_MIN(node.op.n, 48))),
              WR_FMT(wr_str_of(node.name.p, WR_MIN(node.name.n, 64))));
    g->place = wr_buf_view(&buf);
    const struct wr_onnx_op *op = op_of(o, &node);
    if (op != NULL && inputs_known(o, &node, op->max_in == 255 ? node.n_inputs : op->min_in)) {
        op->build(o, &node, op->param);
    }
    g->place = WR_STR("");
}

/* ── graph and model ────────────────────────────────────────────────────────────────────────── */
static void add_initializer(struct wr_onnx *o, struct wr_str bytes)
{
    struct wr_str name = {0};
    o->g->offset = (uint64_t)(bytes.p - o->start);
    uint32_t t = wr_onnx_tensor_of(o, bytes, &name, true);
    if (t != WR_NO_TENSOR) {
        define(o, name, t);
    }
}

/* Which initializers one operator reads, and no output of the graph. */
static void count_readers(struct wr_onnx *o, struct wr_str graph)
{
    uint8_t *readers = wr_arena_array(o->g->arena, (size_t)o->g->n_tensors + 1, 1, 1);
    struct wr_protobuf r = wr_protobuf_over(o->start, graph);
    struct wr_field f, part;
    while (readers != NULL && wr_protobuf_next(&r, &f)) {
        if (f.wire != WR_WIRE_BYTES || (f.number != 1 && f.number != 12)) {
            continue;
        }
        /* NodeProto has its inputs, ValueInfoProto its name in field 1. */
        struct wr_protobuf inner = wr_protobuf_over(o->start, f.bytes);
        while (wr_protobuf_next(&inner, &part)) {
            uint32_t t = part.number == 1 && part.wire == WR_WIRE_BYTES ? look_up(o, part.bytes)
                                                                        : WR_NO_TENSOR;
            if (t != WR_NO_TENSOR && readers[t] < 2) {
                readers[t] = f.number == 12 ? 2 : readers[t] + 1;
                o->g->tensors[t].once = readers[t] == 1;
            }
        }
    }
}

/* GraphProto: node 1, initializer 5, input 11, output 12, sparse_initializer 15. One pass each, for
 * fields may come in any order. */
static void read_graph(struct wr_onnx *o, struct wr_str bytes)
{
    static const uint32_t passes[] = {5, 11, 1, 12};
    uint32_t n_nodes = 0;
    for (size_t pass = 0; pass < WR_COUNTOF(passes); pass++) {
        struct wr_protobuf r = wr_protobuf_over(o->start, bytes);
        if (passes[pass] == 1) {
            count_readers(o, bytes);
        }
        struct wr_field f;
        while (o->g->code == WR_OK && wr_protobuf_next(&r, &f)) {
            if (f.number == 15) {
                o->g->offset = (uint64_t)(f.bytes.p - o->start);
                wr_graph_fail(o->g, WR_E_MODEL, "ONNX: sparse initializers are not supported");
            }
            if (f.number != passes[pass] || f.wire != WR_WIRE_BYTES) {
                continue;
            }
            o->g->offset = (uint64_t)(f.bytes.p - o->start);
            switch (f.number) {
            case 5:
                add_initializer(o, f.bytes);
                break;
            case 11:
                add_input(o, f.bytes);
                break;
            case 1:
                if (++n_nodes > WR_LIMIT_MODEL_NODES) {
                    wr_graph_fail(o->g, WR_E_LIMIT, "ONNX: more than %u nodes",
                                  WR_LIMIT_MODEL_NODES);
                } else {
                    add_node(o, f.bytes);
                }
                break;
            default:
                add_output(o, f.bytes);
            }
        }
        if (!sound(o, &r)) {
            return;
        }
    }
}

/* OperatorSetIdProto: domain 1, version 2. */
static void read_opset(struct wr_onnx *o, struct wr_str bytes)
{
    struct wr_field f;
    struct wr_str domain = WR_STR("");
    if (field_in(o, bytes, 1, &f)) {
        domain = f.bytes;
    }
    int64_t version = field_in(o, bytes, 2, &f) ? (int64_t)f.value : 0;
    bool ml = wr_str_eq(domain, WR_STR("ai.onnx.ml"));
    if (!ml && domain.n != 0 && !wr_str_eq(domain, WR_STR("ai.onnx"))) {
        return; /* matters only if a node uses it */
    }
    if (version < 1 || version > (ml ? WR_ONNX_ML_MAX : WR_ONNX_OPSET_MAX)) {
        wr_graph_fail(o->g, WR_E_MODEL, "ONNX: opset %lld of domain \"%.*s\" is not supported",
                      (long long)version, WR_FMT(domain));
        return;
    }
    *(ml ? &o->ml : &o->opset) = version;
}

/* ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8, functions 25. */
void wr_source_onnx(struct wr_graph *g, struct wr_str bytes)
{
    struct wr_onnx o = {.g = g, .start = bytes.p};
    struct wr_protobuf r = wr_protobuf_over(bytes.p, bytes);
    struct wr_str graph = {0};
    struct wr_field f;
    uint64_t ir_version = 0;
    g->source = WR_STR("onnx");
    if (bytes.n > WR_LIMIT_ONNX_SMALL) {
        wr_graph_reserve(g, bytes.n + bytes.n / 4);
    }
    g->producer = WR_STR("");
    while (g->code == WR_OK && wr_protobuf_next(&r, &f)) {
        g->offset = (uint64_t)(r.at - bytes.p);
        if (f.number == 1) {
            ir_version = f.value;
        } else if (f.number == 2 && wr_utf8_invalid_at(f.bytes.p, f.bytes.n) == f.bytes.n) {
            g->producer = wr_str_of(f.bytes.p, WR_MIN(f.bytes.n, 100));
        } else if (f.number == 7 && f.wire == WR_WIRE_BYTES && graph.p == NULL) {
            graph = f.bytes;
        } else if (f.number == 7 || f.number == 25) {
            wr_graph_fail(g, WR_E_MODEL, "ONNX: a second graph, or functions of its own");
        } else if (f.number == 8) {
            read_opset(&o, f.bytes);
        }
    }
    if (!sound(&o, &r)) {
        return;
    }
    g->offset = 0;
    if (ir_version < 1 || ir_version > 20) {
        wr_graph_fail(g, WR_E_MODEL, "ONNX: ir_version %llu is not supported",
                      (unsigned long long)ir_version);
    } else if (graph.p == NULL || (o.opset == 0 && o.ml == 0)) {
        wr_graph_fail(g, WR_E_MODEL, "ONNX: the file holds no graph or imports no opset");
    } else {
        read_graph(&o, graph);
    }
}
