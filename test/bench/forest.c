/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a seeded random forest as exporters of scikit-learn write it, as large as asked for.
 *
 *   bench_forest MEGABYTES SEED OUT.onnx
 *
 * 500 trees over 15 columns, thresholds uniform over the floats of [-4, 4), leaf values random
 * floats whose sum over the trees is a probability (no two alike: the hardest case for packing). */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREES          500u
#define COLUMNS        15u
#define BYTES_PER_LEAF 81u /* of such a file, found by looking */
#define DEEPEST        30u

static uint64_t state;

static uint32_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

struct node {
    uint32_t tree, id, left; /* the right one follows; 0: leaf */
    uint8_t column, depth;
    float value; /* threshold or vote */
};

static struct node *nodes;
static uint32_t n_nodes;

/* Splits a leaf drawn at random until there are enough of them. */
static void grow(uint32_t tree, uint32_t n_leaves)
{
    struct node *own = nodes + n_nodes;
    uint32_t n = 1;
    own[0] = (struct node){.tree = tree};
    for (uint32_t leaves = 1; leaves < n_leaves;) {
        uint32_t at = next() % n;
        if (own[at].left != 0 || own[at].depth == DEEPEST) {
            continue;
        }
        own[at].left = n;
        own[at].column = (uint8_t)(next() % COLUMNS);
        for (unsigned k = 0; k < 2; k++, n++) {
            own[n] = (struct node){.tree = tree, .id = n, .depth = (uint8_t)(own[at].depth + 1)};
        }
        leaves++;
    }
    for (uint32_t i = 0; i < n; i++) {
        double unit = (double)next() / 4294967296.0;
        own[i].value = (float)(own[i].left != 0 ? unit * 8 - 4 : unit / TREES);
    }
    n_nodes += n;
}

/* ── protobuf ───────────────────────────────────────────────────────────────────────────────── */
static FILE *out; /* NULL: only counts */
static uint64_t written;

static void put(const void *bytes, size_t n)
{
    written += n;
    if (out != NULL && fwrite(bytes, 1, n, out) != n) {
        perror("bench_forest");
        exit(1);
    }
}

static void varint(uint64_t x)
{
    uint8_t bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (uint8_t)((x & 0x7f) | (x > 0x7f ? 0x80 : 0));
        x >>= 7;
    } while (x != 0);
    put(bytes, n);
}

static void text(uint32_t field, const char *s)
{
    varint(field << 3 | 2);
    varint(strlen(s));
    put(s, strlen(s));
}

static void integer(uint32_t field, uint64_t x)
{
    varint(field << 3);
    varint(x);
}

/* A message whose bytes `body` writes: first to count them, then to write them. */
static void message(uint32_t field, void (*body)(const void *), const void *context)
{
    FILE *to = out;
    uint64_t start = written;
    out = NULL;
    body(context);
    uint64_t size = written - start;
    written = start;
    out = to;
    varint(field << 3 | 2);
    varint(size);
    if (out != NULL) {
        body(context);
    } else {
        written += size;
    }
}

enum {
    TREE_IDS,
    NODE_IDS,
    COLUMN,
    VALUE,
    HITS,
    MODE,
    YES,
    NO,
    MISSING,
    V_TREE,
    V_NODE,
    V_CLASS,
    V_WEIGHT,
    LABELS,
    POST
};

static const char *const names[] = {
    "nodes_treeids",     "nodes_nodeids",      "nodes_featureids",
    "nodes_values",      "nodes_hitrates",     "nodes_modes",
    "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true",
    "class_treeids",     "class_nodeids",      "class_ids",
    "class_weights",     "classlabels_int64s", "post_transform"};

static void real(float x)
{
    varint(7 << 3 | 5);
    put(&x, 4);
}

static void element(unsigned list, const struct node *p)
{
    bool leaf = p->left == 0;
    switch (list) {
    case TREE_IDS:
    case V_TREE:
        integer(8, p->tree);
        break;
    case NODE_IDS:
    case V_NODE:
        integer(8, p->id);
        break;
    case COLUMN:
        integer(8, leaf ? 0 : p->column);
        break;
    case VALUE:
        real(leaf ? 0 : p->value);
        break;
    case HITS:
        real(1);
        break;
    case MODE:
        text(9, leaf ? "LEAF" : "BRANCH_LEQ");
        break;
    case YES:
    case NO:
        integer(8, leaf ? 0 : p->left + (list == NO));
        break;
    case V_WEIGHT:
        real(p->value);
        break;
    default:
        integer(8, 0);
    }
}

static void attribute(const void *context)
{
    static const uint8_t types[] = {7, 7, 7, 6, 6, 8, 7, 7, 7, 7, 7, 7, 6, 7, 3};
    unsigned list = *(const unsigned *)context;
    text(1, names[list]);
    integer(20, types[list]);
    if (list == POST) {
        text(4, "NONE");
    } else if (list == LABELS) {
        integer(8, 0);
        integer(8, 1);
    }
    for (uint32_t i = 0; list < LABELS && i < n_nodes; i++) {
        if (list < V_TREE || nodes[i].left == 0) {
            element(list, &nodes[i]);
        }
    }
}

static void operator_node(const void *context)
{
    (void)context;
    text(1, "input");
    text(2, "label");
    text(2, "probabilities");
    text(4, "TreeEnsembleClassifier");
    text(7, "ai.onnx.ml");
    for (unsigned i = 0; i <= POST; i++) {
        message(5, attribute, &i);
    }
}

static void dim(const void *context)
{
    integer(1, *(const uint32_t *)context);
}

static void open_dim(const void *context)
{
    (void)context;
    text(2, "N");
}

static void shape(const void *context)
{
    message(1, open_dim, NULL);
    message(1, dim, context);
}

struct port {
    const char *name;
    uint32_t type, columns;
};

static void tensor_type(const void *context)
{
    const struct port *p = context;
    integer(1, p->type);
    message(2, shape, &p->columns);
}

static void type(const void *context)
{
    message(1, tensor_type, context);
}

static void value_info(const void *context)
{
    text(1, ((const struct port *)context)->name);
    message(2, type, context);
}

static void graph(const void *context)
{
    static const struct port ports[] = {
        {"input", 1, COLUMNS}, {"label", 7, 1}, {"probabilities", 1, 2}};
    (void)context;
    message(1, operator_node, NULL);
    text(2, "forest");
    message(11, value_info, &ports[0]);
    message(12, value_info, &ports[1]);
    message(12, value_info, &ports[2]);
}

static void opset(const void *context)
{
    text(1, "ai.onnx.ml");
    integer(2, *(const uint32_t *)context);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: bench_forest MEGABYTES SEED OUT.onnx\n", stderr);
        return 2;
    }
    uint64_t leaves = strtoull(argv[1], NULL, 10) * 1000000 / BYTES_PER_LEAF;
    state = strtoull(argv[2], NULL, 10) * 2654435761u + 88172645463325252u;
    nodes = malloc((2 * leaves + 2 * TREES) * sizeof *nodes);
    out = fopen(argv[3], "wb");
    if (nodes == NULL || out == NULL || leaves < 2 * TREES) {
        perror("bench_forest");
        return 1;
    }
    for (uint32_t t = 0; t < TREES; t++) {
        grow(t, (uint32_t)(leaves / TREES));
    }
    integer(1, 8);
    text(2, "bench_forest");
    message(7, graph, NULL);
    message(8, opset, &(uint32_t){1});
    printf("%u trees, %u nodes, %llu bytes\n", TREES, n_nodes, (unsigned long long)written);
    return fclose(out) != 0;
}
