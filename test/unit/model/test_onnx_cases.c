/* SPDX-License-Identifier: Apache-2.0 */
/* Operator cases in the layout of ONNX's backend tests: model.onnx,
 * test_data_set_0/{in,out}put_K.pb.
 *
 *   conform-onnx                 ../shared/onnx-ml-cases against onnx_cases.txt, which may only
 *                                grow
 *   conform-onnx DIR...          any folders of cases, or of golden models (model.onnx, rows.csv,
 *                                golden.csv); prints those that fail and why
 *
 * A program scores one row, so a case with N rows is scored row by row. Integer inputs that an
 * operator needs while its shapes are worked out (axes, shapes, repeats), and second operands whose
 * first dimension is no batch, are put into the model as constants. Integers, labels and texts must
 * be equal, floats within 1e-5 relative. */
#include "onnx_write.h"
#include "same_bits.h"

#define LIMIT_VALUES 100000
#define LIMIT_PORTS  8
#define LEVEL_ROWS   40 /* a batch that goes through the wide twins */

struct values { /* a TensorProto */
    struct wr_str bytes;
    int64_t type, dims[8];
    uint32_t rank, n;
    double *numbers;
    struct wr_str *texts;
};

static void push(struct values *v, double x)
{
    if (v->n < LIMIT_VALUES) {
        v->numbers[v->n++] = x;
    }
}

static float as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static double half(uint16_t h)
{
    int exponent = h >> 10 & 31;
    double m = h & 1023;
    double x = exponent == 0    ? ldexp(m, -24)
               : exponent == 31 ? (m == 0 ? HUGE_VAL : (double)NAN)
                                : ldexp(m + 1024, exponent - 25);
    return (h & 0x8000) != 0 ? -x : x;
}

static void push_raw(struct values *v, struct wr_str raw)
{
    static const size_t sizes[] = {0, 4, 1, 1, 2, 2, 4, 8, 0, 1, 2, 8, 4, 8};
    size_t size = v->type < 14 ? sizes[v->type] : 0;
    for (size_t i = 0; size != 0 && i + size <= raw.n; i += size) {
        const char *p = raw.p + i;
        uint64_t bits = size == 8 ? wr_get64(p) : size == 4 ? wr_get32(p) : 0;
        double wide;
        memcpy(&wide, &bits, 8);
        push(v, v->type == 1    ? (double)as_float((uint32_t)bits)
                : v->type == 11 ? wide
                : v->type == 10 ? half(wr_get16(p))
                : v->type == 7  ? (double)(int64_t)bits
                : v->type == 6  ? (double)(int32_t)bits
                                : (double)(uint8_t)*p);
    }
}

static void read_field(struct values *v, const struct wr_field *f)
{
    struct wr_protobuf list = wr_protobuf_over(f->bytes.p, f->bytes);
    uint64_t x;
    if (f->number == 1) {
        while (f->wire == WR_WIRE_VARINT ||
               (list.at != list.end && wr_protobuf_varint(&list, &x))) {
            v->dims[v->rank++ & 7] = (int64_t)(f->wire == WR_WIRE_VARINT ? f->value : x);
            if (f->wire == WR_WIRE_VARINT) {
                break;
            }
        }
    } else if (f->number == 2) {
        v->type = (int64_t)f->value;
    } else if (f->number == 4) {
        for (size_t i = 0; f->wire == WR_WIRE_BYTES && i + 4 <= f->bytes.n; i += 4) {
            push(v, (double)as_float(wr_get32(f->bytes.p + i)));
        }
    } else if (f->number == 10) {
        v->type = 11;
        push_raw(v, f->bytes);
    } else if (f->number == 5 || f->number == 7) {
        while (list.at != list.end && wr_protobuf_varint(&list, &x)) {
            push(v, v->type == 10 ? half((uint16_t)x) : (double)(int64_t)x);
        }
    } else if (f->number == 6 && v->n < LIMIT_VALUES) {
        v->texts[v->n++] = f->bytes;
    } else if (f->number == 9) {
        push_raw(v, f->bytes);
    }
}

static bool read_values(struct wr_arena *arena, const char *path, struct values *v)
{
    *v = (struct values){.bytes = test_file(arena, path)};
    if (v->bytes.p == NULL) {
        return false;
    }
    v->numbers = wr_arena_array(arena, LIMIT_VALUES, 8, 8);
    v->texts = wr_arena_array(arena, LIMIT_VALUES, sizeof *v->texts, 8);
    struct wr_protobuf r = wr_protobuf_over(v->bytes.p, v->bytes);
    struct wr_field f;
    while (wr_protobuf_next(&r, &f)) {
        read_field(v, &f);
    }
    return true;
}

/* ── constants put into the model ───────────────────────────────────────────────────────────── */
/* The graph's input names, in order. */
static uint32_t input_names(struct wr_str graph, struct wr_str *names)
{
    struct wr_protobuf r = wr_protobuf_over(graph.p, graph);
    struct wr_field f, inner;
    uint32_t n = 0;
    while (wr_protobuf_next(&r, &f)) {
        if (f.number == 11 && n < LIMIT_PORTS) {
            struct wr_protobuf info = wr_protobuf_over(f.bytes.p, f.bytes);
            while (wr_protobuf_next(&info, &inner)) {
                if (inner.number == 1) {
                    names[n] = inner.bytes;
                }
            }
            n++;
        }
    }
    return n;
}

/* The model with inputs `bound` (bits) as initializers. */
static struct wr_str with_constants(struct wr_arena *arena, struct wr_str model,
                                    const struct values *inputs, unsigned bound)
{
    struct wr_buf out = wr_buf_in(arena, model.n + 65536);
    struct wr_protobuf r = wr_protobuf_over(model.p, model);
    struct wr_field f;
    const char *from = model.p;
    while (wr_protobuf_next(&r, &f)) {
        if (f.number != 7) {
            wr_buf_add(&out, from, (size_t)(r.at - from));
        } else {
            struct wr_buf graph = wr_buf_in(arena, f.bytes.n + 65536);
            struct wr_str names[LIMIT_PORTS];
            uint32_t n = input_names(f.bytes, names);
            wr_buf_str(&graph, f.bytes);
            for (uint32_t i = 0; i < n; i++) {
                if ((bound >> i & 1) != 0) {
                    struct wr_buf tensor = wr_buf_in(arena, inputs[i].bytes.n + 256);
                    wr_buf_str(&tensor, inputs[i].bytes);
                    put_bytes(&tensor, 8, names[i]);
                    put_bytes(&graph, 5, wr_buf_view(&tensor));
                }
            }
            put_bytes(&out, 7, wr_buf_view(&graph));
        }
        from = r.at;
    }
    return wr_buf_view(&out);
}

/* ── one case ───────────────────────────────────────────────────────────────────────────────── */
struct onnx_case {
    struct values inputs[LIMIT_PORTS], outputs[LIMIT_PORTS];
    uint32_t n_inputs, n_outputs;
    unsigned bound;
    bool warned, refused; /* by the last attempt */
    char why[256];
};

static bool close_enough(double got, double want)
{
    return got == want || (isnan(got) && isnan(want)) ||
           fabs(got - want) <= 1e-5 * fabs(want) + 1e-7;
}

/* Rows: 1 when the tensors fill the model's columns at once. */
static uint32_t rows_of(const struct onnx_case *c, size_t n_columns)
{
    size_t total = 0;
    uint32_t first = 0;
    while (first < c->n_inputs && (c->bound >> first & 1) != 0) {
        first++;
    }
    for (uint32_t i = 0; i < c->n_inputs; i++) {
        total += (c->bound >> i & 1) != 0 ? 0 : c->inputs[i].n;
    }
    return total == n_columns || first == c->n_inputs ? 1 : (uint32_t)c->inputs[first].dims[0];
}

static void fill_row(struct onnx_case *c, struct test_model *m, uint32_t row, uint32_t rows)
{
    size_t at = 0, n_columns = wr_model_n_inputs(m->model);
    for (uint32_t i = 0; i < c->n_inputs; i++) {
        const struct values *v = &c->inputs[i];
        bool shared = v->rank == 0 || v->dims[0] != rows;
        uint32_t n = shared ? v->n : v->n / rows, from = shared ? 0 : row * n;
        for (uint32_t k = 0; (c->bound >> i & 1) == 0 && k < n && at < n_columns; k++, at++) {
            m->row[at] = v->type == 8 ? wr_model_category(m->model, at, v->texts[from + k])
                                      : v->numbers[from + k];
        }
    }
}

static bool check_row(struct onnx_case *c, struct test_model *m, uint32_t row, uint32_t rows)
{
    size_t at = 0, n_columns = wr_model_n_outputs(m->model);
    for (uint32_t o = 0; o < c->n_outputs; o++) {
        const struct values *v = &c->outputs[o];
        uint32_t n = v->n / rows;
        for (uint32_t k = 0; k < n; k++, at++) {
            if (at == n_columns) {
                snprintf(c->why, sizeof c->why, "fewer outputs than expected");
                return false;
            }
            double got = m->outputs[at], want = v->type == 8 ? 0 : v->numbers[row * n + k];
            bool good = v->type == 8 ? wr_str_eq(wr_model_label_text(m->model, at, got),
                                                 v->texts[row * n + k])
                                     : close_enough(got, want);
            if (!good) {
                snprintf(c->why, sizeof c->why, "row %u, output %u[%u] is %.9g, not %.9g", row, o,
                         k, got, want);
                return false;
            }
        }
    }
    if (at != n_columns) {
        snprintf(c->why, sizeof c->why, "%zu outputs, not %zu", n_columns, at);
    }
    return at == n_columns;
}

static FILE *for_node; /* modules, rows and scores to be run there at the end, a line each */
static unsigned n_for_node;

static const char *node_file(unsigned i, const char *end)
{
    static char name[3][64];
    static unsigned turn;
    snprintf(name[++turn % 3], sizeof name[0], "onnx-case-%u.%s", i, end);
    return name[turn % 3];
}

static void leave_for_node(struct test_model *m, const double *rows)
{
    size_t n_in = wr_model_n_inputs(m->model), n_out = wr_model_n_outputs(m->model);
    double *scores = wr_arena_array(&m->arena, LEVEL_ROWS * n_out, 8, 8);
    unsigned i = n_for_node++;
    CHECK(scores != NULL &&
          wr_model_score_batch(m->model, rows, LEVEL_ROWS, scores, m->scratch) == WR_OK);
    test_write(node_file(i, "wasm"), m->wasm.p, m->wasm.n);
    test_write(node_file(i, "rows"), rows, LEVEL_ROWS * n_in * 8);
    test_write(node_file(i, "scores"), scores, LEVEL_ROWS * n_out * 8);
    fprintf(for_node, "%s %s %s\n", node_file(i, "wasm"), node_file(i, "rows"),
            node_file(i, "scores"));
}

static void run_under_node(const char *list)
{
    static const char *const ends[] = {"wasm", "rows", "scores"};
    char command[4096];
    fclose(for_node);
    for_node = NULL;
    snprintf(command, sizeof command, "node %s/test/e2e/model_wasm.mjs --list %s %s", WEIR_SOURCE,
             list, test_scalar_kernel());
    CHECK_INT(system(command), 0);
    for (unsigned i = 0; i < n_for_node; i++) {
        for (size_t e = 0; e < WR_COUNTOF(ends); e++) {
            remove(node_file(i, ends[e]));
        }
    }
    remove(list);
}

/* The rows of the case over and over, enough of them for a batch. */
static void compare_bits(struct onnx_case *c, struct test_model *m, uint32_t rows)
{
    size_t n_in = wr_model_n_inputs(m->model);
    double *all = wr_arena_array(&m->arena, LEVEL_ROWS * n_in, 8, 8);
    CHECK(all != NULL);
    for (uint32_t row = 0; row < LEVEL_ROWS; row++) {
        fill_row(c, m, row % rows, rows);
        memcpy(all + row * n_in, m->row, n_in * 8);
    }
    check_levels(m, all, LEVEL_ROWS);
    if (for_node != NULL) {
        leave_for_node(m, all);
    }
}

static bool score_case(struct onnx_case *c, struct test_model *m)
{
    uint32_t rows = rows_of(c, wr_model_n_inputs(m->model));
    if (rows == 0) {
        snprintf(c->why, sizeof c->why, "there is no row");
        return false;
    }
    for (uint32_t row = 0; row < rows; row++) {
        fill_row(c, m, row, rows);
        if (wr_model_score(m->model, m->row, m->outputs, m->scratch) != WR_OK) {
            snprintf(c->why, sizeof c->why, "the row cannot be scored");
            return false;
        }
        if (!check_row(c, m, row, rows)) {
            return false;
        }
    }
    compare_bits(c, m, rows);
    return true;
}

static struct onnx_case current;

static bool run_case(const char *folder, char *why, size_t room)
{
    struct wr_arena arena;
    struct test_model m;
    char path[1400];
    wr_arena_init(&arena, &test_memory, (size_t)1 << 30);
    memset(&current, 0, sizeof current);
    for (; current.n_inputs < LIMIT_PORTS; current.n_inputs++) {
        snprintf(path, sizeof path, "%s/test_data_set_0/input_%u.pb", folder, current.n_inputs);
        if (!read_values(&arena, path, &current.inputs[current.n_inputs])) {
            break;
        }
    }
    for (; current.n_outputs < LIMIT_PORTS; current.n_outputs++) {
        snprintf(path, sizeof path, "%s/test_data_set_0/output_%u.pb", folder, current.n_outputs);
        if (!read_values(&arena, path, &current.outputs[current.n_outputs])) {
            break;
        }
    }
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    struct wr_str model = test_file(&arena, path);
    bool good = false;
    for (unsigned attempt = 0; attempt < 3 && !good; attempt++) {
        current.bound = 0;
        for (uint32_t i = 1; i < current.n_inputs; i++) {
            bool integer = current.inputs[i].type == 7 || current.inputs[i].type == 6;
            current.bound |= attempt == 2 || (attempt == 1 && integer) ? 1u << i : 0;
        }
        if (attempt > 0 && current.bound == 0) {
            continue;
        }
        struct wr_str own = current.bound == 0
                                ? model
                                : with_constants(&arena, model, current.inputs, current.bound);
        struct wr_model_report report = {0};
        bool open = test_open(&m, own, &(struct wr_model_options){.report = &report});
        current.warned = report.warnings.n > 0;
        current.refused = !open;
        if (!open) {
            snprintf(current.why, sizeof current.why, "%.250s", m.error.text);
        }
        good = open && score_case(&current, &m);
        test_close(&m);
    }
    snprintf(why, room, "%s", current.why);
    wr_arena_deinit(&arena);
    return good;
}

/* ── golden models ──────────────────────────────────────────────────────────────────────────── */
static char row_line[1 << 20], golden_line[1 << 20];

/* rows.csv against golden.csv, within 1e-5 or 1e-4 of the value; a label may differ on the cut. */
static bool same_row(struct test_model *m, char *why, size_t room)
{
    char *text = row_line;
    for (size_t i = 0; i < wr_model_n_inputs(m->model); i++) {
        size_t n = strcspn(text, ",\r\n");
        m->row[i] = wr_model_input_at(m->model, i).kind == WR_MODEL_CATEGORY
                        ? wr_model_category(m->model, i, wr_str_of(text, n))
                        : strtod(text, NULL);
        text += n + 1;
    }
    if (wr_model_score(m->model, m->row, m->outputs, m->scratch) != WR_OK) {
        snprintf(why, room, "a row cannot be scored");
        return false;
    }
    text = golden_line;
    for (size_t i = 0; i < wr_model_n_outputs(m->model); i++, text++) {
        double want = strtod(text, &text), got = m->outputs[i], apart = fabs(got - want);
        size_t p = wr_model_output_find(m->model, WR_STR("probability"));
        bool cut = wr_model_output_at(m->model, i).role == WR_MODEL_LABEL && p != SIZE_MAX &&
                   fabs(m->outputs[p] - 0.5) < 1e-5;
        bool same = apart <= 1e-5 || apart <= 1e-4 * fabs(want) || (isnan(got) && isnan(want));
        if (!same && !cut) {
            snprintf(why, room, "output %zu is %.9g, not %.9g", i, got, want);
            return false;
        }
    }
    return true;
}

static bool run_golden(const char *folder, char *why, size_t room)
{
    struct wr_arena arena;
    struct test_model m;
    char path[1400];
    wr_arena_init(&arena, &test_memory, (size_t)1 << 30);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    bool good = test_open(&m, test_file(&arena, path), NULL);
    snprintf(why, room, "%.250s", good ? "" : m.error.text);
    snprintf(path, sizeof path, "%s/rows.csv", folder);
    FILE *rows = fopen(path, "r");
    snprintf(path, sizeof path, "%s/golden.csv", folder);
    FILE *golden = fopen(path, "r");
    unsigned n = 0;
    while (good && rows != NULL && golden != NULL &&
           fgets(row_line, sizeof row_line, rows) != NULL &&
           fgets(golden_line, sizeof golden_line, golden) != NULL) {
        good = n++ == 0 || same_row(&m, why, room); /* the first line names columns */
    }
    good = good && n > 1;
    if (rows != NULL) {
        fclose(rows);
    }
    if (golden != NULL) {
        fclose(golden);
    }
    test_close(&m);
    wr_arena_deinit(&arena);
    return good;
}

/* ── folders and the passing list ───────────────────────────────────────────────────────────── */
static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char list[65536];
static int passed, failed, lost;

static bool listed(const char *name)
{
    char line[300];
    snprintf(line, sizeof line, "\n%s\n", name);
    return strstr(list, line) != NULL;
}

static void run_folder(const char *root, const char *part, bool judge)
{
    char folder[1024], name[300], why[256], *names[1000];
    size_t n = 0;
    snprintf(folder, sizeof folder, "%s/%s", root, part);
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL && n < 1000;) {
        char model[1400];
        snprintf(model, sizeof model, "%s/%.200s/model.onnx", folder, e->d_name);
        if (e->d_name[0] != '.' && test_exists(model)) {
            names[n++] = strdup(e->d_name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        snprintf(folder, sizeof folder, "%s/%s/%.200s", root, part, names[i]);
        snprintf(name, sizeof name, "%.60s/%.200s", part, names[i]);
        char golden[1400];
        snprintf(golden, sizeof golden, "%s/golden.csv", folder);
        bool good = test_exists(golden) ? run_golden(folder, why, sizeof why)
                                        : run_case(folder, why, sizeof why);
        passed += good;
        failed += !good;
        if (!good && (!judge || listed(name))) {
            fprintf(stderr, "%s: %s\n", name, why);
            lost++;
        } else if (good && judge && !listed(name)) {
            fprintf(stderr, "passes and is not listed: %s\n", name);
        }
        free(names[i]);
    }
}

/* Rounding of a norm, or of an approximation, below what the text defines. */
static const char *const uncertain[] = {"normalizer_l2", "tree_cls_tri_probit_basen"};

TEST("where we do not answer as ONNX Runtime does, importing warns or refuses")
{
    char folder[1024], why[256];
    unsigned n = 0, apart = 0;
    DIR *dir = opendir(WEIR_SHARED "/onnx-ml-cases/quirks");
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') {
            continue;
        }
        snprintf(folder, sizeof folder, "%s/onnx-ml-cases/quirks/%.200s", WEIR_SHARED, e->d_name);
        bool good = run_case(folder, why, sizeof why), known = current.warned || current.refused;
        for (size_t i = 0; i < WR_COUNTOF(uncertain); i++) {
            known = known || strcmp(uncertain[i], e->d_name) == 0;
        }
        if (!good && !known) {
            fprintf(stderr, "%s: %s, and no warning\n", e->d_name, why);
        }
        CHECK(good || known);
        n++;
        apart += !good;
    }
    if (dir != NULL) {
        closedir(dir);
        fprintf(stderr, "quirks: %u of %u answered otherwise than by ONNX Runtime 1.21\n", apart,
                n);
        CHECK(n > 50);
    }
}

TEST("every operator case of the passing list passes, with the same bits on every level and under "
     "Node")
{
    struct wr_arena arena;
    wr_arena_init(&arena, &test_memory, 1 << 20);
    struct wr_str file = test_file(&arena, WEIR_SOURCE "/test/unit/model/onnx_cases.txt");
    CHECK(file.p != NULL && file.n + 2 < sizeof list);
    snprintf(list, sizeof list, "\n%.*s", (int)file.n, file.p);
    wr_arena_deinit(&arena);
    if (!test_exists(WEIR_SHARED "/onnx-ml-cases")) {
        check_skip(WEIR_SHARED "/onnx-ml-cases is absent: no operator case was run");
        return;
    }
    for_node = test_has_node() ? fopen("onnx-cases.list", "w") : NULL;
    run_folder(WEIR_SHARED "/onnx-ml-cases", "official", true);
    run_folder(WEIR_SHARED "/onnx-ml-cases", "generated", true);
    if (for_node != NULL) {
        run_under_node("onnx-cases.list");
    }
    fprintf(stderr, "operator cases: %d of %d pass\n", passed, passed + failed);
    CHECK_INT(lost, 0);
    CHECK(passed > 0);
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        return check_main(argc, argv);
    }
    for (int i = 1; i < argc; i++) {
        run_folder(argv[i], ".", false);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0 || passed == 0; /* folders without a case prove nothing */
}
