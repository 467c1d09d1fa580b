/* SPDX-License-Identifier: Apache-2.0 */
/* Compile, open, ask, score: the public face of the model floor (model.h). */
#include "model/model.h"
#include "model/explain.h"
#include "model/graph.h"
#include "model/kernel_block.h"
#include "model/module.h"
#include "model/packed_write.h"
#include "model/source.h"
#include "value/json_read.h"
#include "value/json_write.h"

struct wr_model {
    const uint8_t *program;
    struct wr_kernel kernel;
    struct wr_program head;
    uint8_t digest[32];
    struct wr_value meta;
    uint64_t work; /* innermost rounds of a row */
    struct wr_model_input *inputs;
    struct wr_model_output *outputs;
    bool *output_is_text;
    struct wr_str *texts; /* by code */
    uint32_t *by_text;    /* codes in the order of their texts */
    uint32_t n_texts;
    size_t module_size;
    bool missing, kernel_known;
};

/* ── compiling ──────────────────────────────────────────────────────────────────────────────── */
static enum wr_model_format guess(struct wr_str source)
{
    if (wr_str_starts(source, WR_STR("tree\n")) || wr_str_starts(source, WR_STR("tree\r\n"))) {
        return WR_MODEL_LIGHTGBM_TEXT;
    }
    for (size_t i = 0; i < source.n && i < 64; i++) {
        char c = source.p[i];
        if (c == '{') {
            /* UBJSON goes on with the type of a key's length, JSON with a quote or space. */
            char next = i + 1 < source.n ? source.p[i + 1] : 0;
            bool binary = next == 'L' || next == 'l' || next == 'i' || next == 'U' || next == 'I';
            return binary ? WR_MODEL_XGBOOST_UBJSON : WR_MODEL_XGBOOST_JSON;
        }
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            break;
        }
    }
    return WR_MODEL_ONNX;
}

/* The packed form when it is wanted and smaller, else the program. */
static struct wr_str pack(struct wr_arena *arena, struct wr_str program,
                          const struct wr_model_options *options)
{
    struct wr_model_report *r = options->report;
    bool wanted = options->packing == WR_MODEL_PACK_ALWAYS ||
                  (options->packing == WR_MODEL_PACK_AUTO && program.n > WR_MODEL_PACK_FROM);
    void *room = wanted ? wr_arena_alloc(arena, program.n, WR_PROGRAM_ALIGN) : NULL;
    struct wr_buf out = wr_buf_fixed(room, room != NULL ? program.n : 0);
    bool packed = room != NULL && wr_program_pack(arena, program, &out);
    if (r != NULL) {
        r->program = (uint32_t)program.n;
        r->packed = packed;
        r->weights -= packed ? (uint32_t)(program.n - out.n) : 0;
    }
    return packed ? wr_buf_view(&out) : program;
}

/* Background rows and metadata that come with a model. */
static wr_err check_knowledge(struct wr_arena *arena, const struct wr_model_options *options,
                              struct wr_error *error)
{
    struct wr_value quality;
    if (options->n_background > WR_LIMIT_MODEL_BACKGROUND ||
        options->quality.n > WR_LIMIT_MODEL_QUALITY) {
        return wr_fail(error, WR_E_LIMIT, "more than %d background rows, or %d bytes of metadata",
                       WR_LIMIT_MODEL_BACKGROUND, WR_LIMIT_MODEL_QUALITY);
    }
    if (options->quality.n == 0) {
        return WR_OK;
    }
    wr_err err = wr_json_read(arena, options->quality, true, NULL, &quality, error);
    return err != WR_OK || wr_is(quality, WR_OBJECT)
               ? err
               : wr_fail(error, WR_E_MODEL, "the metadata is not a JSON object");
}

wr_err wr_model_compile(struct wr_arena *arena, struct wr_str source,
                        const struct wr_model_options *options, struct wr_buf *wasm_out,
                        struct wr_error *error)
{
    static const struct wr_model_options none;
    struct wr_graph *g = WR_NEW(arena, struct wr_graph);
    struct wr_str program;
    if (g == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory to compile a model");
    }
    if (source.n > WR_LIMIT_MODEL_SOURCE) {
        return wr_fail(error, WR_E_LIMIT, "a model file of more than %u bytes",
                       WR_LIMIT_MODEL_SOURCE);
    }
    options = options == NULL ? &none : options;
    wr_err err = check_knowledge(arena, options, error);
    if (err != WR_OK) {
        return err;
    }
    wr_graph_init(g, arena, error);
    g->keep_forests = options->n_background > 0;
    g->plain = options->plain;
    g->external = options->external;
    g->external_context = options->external_context;
    g->release = options->release;
    enum wr_model_format format =
        options->format == WR_MODEL_AUTO ? guess(source) : options->format;
    if (format == WR_MODEL_ONNX) {
        wr_source_onnx(g, source);
    } else if (format == WR_MODEL_LIGHTGBM_TEXT) {
        wr_source_lightgbm(g, source);
    } else {
        wr_source_xgboost(g, source, format == WR_MODEL_XGBOOST_UBJSON);
    }
    wr_err code = wr_graph_write(g, options, &program);
    if (code != WR_OK) {
        return code;
    }
    code = wr_program_check(arena, (const uint8_t *)program.p, program.n, NULL, error);
    if (code != WR_OK) {
        return code;
    }
    if (options->report != NULL) {
        options->report->warnings = wr_buf_view(&g->warnings);
    }
    struct wr_str held = pack(arena, program, options);
    bool in_place = held.p == program.p && wasm_out->n == 0 && wasm_out->arena == arena;
    if (in_place) {
        return wr_module_wrap(program, wasm_out, error);
    }
    code = wr_module_write(program, held, wasm_out, error);
    wr_graph_release(g, program.p, program.n);
    if (held.p != program.p) {
        wr_graph_release(g, held.p, held.n);
    }
    return code;
}

/* ── opening ────────────────────────────────────────────────────────────────────────────────── */
static bool same_bits(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool both_nan = a[i] != a[i] && b[i] != b[i];
        if (!both_nan && memcmp(&a[i], &b[i], sizeof a[i]) != 0) {
            return false;
        }
    }
    return true;
}

static wr_err run_tests(struct wr_arena *arena, const struct wr_model *m, struct wr_error *error)
{
    const struct wr_program *p = &m->head;
    struct wr_arena_mark mark = wr_arena_mark(arena);
    uint8_t *scratch = wr_arena_alloc(arena, m->kernel.scratch, 64); /* one row's part is used */
    double *outputs = wr_arena_array(arena, p->n_outputs, sizeof *outputs, 8);
    wr_err code = WR_OK;
    if (scratch == NULL || outputs == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory to test a model");
    }
    uint64_t spent = 0, most = wr_program_work_limit(p->size);
    for (uint32_t t = 0; t < p->n_tests && spent <= most && code == WR_OK; t++, spent += m->work) {
        const double *row = (const double *)(const void *)(m->program + p->tests) +
                            (size_t)t * ((size_t)p->n_inputs + p->n_outputs);
        if (wr_kernel_score(&m->kernel, row, 1, outputs, scratch) != WR_KERNEL_OK ||
            !same_bits(outputs, row + p->n_inputs, p->n_outputs)) {
            code = wr_fail(error, WR_E_MODEL,
                           "test vector %u of the module gives another score here", t);
        }
    }
    wr_arena_rewind(arena, mark);
    return code;
}

static const struct wr_value *member(const struct wr_value *object, const char *key,
                                     enum wr_type type)
{
    static const struct wr_value none = {.type = WR_UNDEFINED};
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(key));
    return v != NULL && v->type == type ? v : &none;
}

static unsigned name_index(struct wr_str name, const char *const *names, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (wr_str_eq(name, wr_str_z(names[i]))) {
            return i;
        }
    }
    return n - 1;
}

static bool read_columns(struct wr_arena *arena, struct wr_model *m)
{
    static const char *const kinds[] = {"integer", "category", "number"};
    static const char *const roles[] = {"label", "probability", "score"};
    static const enum wr_model_kind kind_of[] = {WR_MODEL_INTEGER, WR_MODEL_CATEGORY,
                                                 WR_MODEL_NUMBER};
    const struct wr_value *in = member(&m->meta, "inputs", WR_ARRAY);
    const struct wr_value *out = member(&m->meta, "outputs", WR_ARRAY);
    m->inputs = WR_NEW_ARRAY(arena, struct wr_model_input, m->head.n_inputs);
    m->outputs = WR_NEW_ARRAY(arena, struct wr_model_output, m->head.n_outputs);
    m->output_is_text = WR_NEW_ARRAY(arena, bool, m->head.n_outputs);
    if (m->inputs == NULL || m->outputs == NULL || m->output_is_text == NULL ||
        in->n != m->head.n_inputs || out->n != m->head.n_outputs) {
        return false;
    }
    for (uint32_t i = 0; i < in->n; i++) {
        m->inputs[i].name = wr_text(*member(&in->items[i], "name", WR_STRING));
        m->inputs[i].kind =
            kind_of[name_index(wr_text(*member(&in->items[i], "kind", WR_STRING)), kinds, 3)];
    }
    for (uint32_t i = 0; i < out->n; i++) {
        m->outputs[i].name = wr_text(*member(&out->items[i], "name", WR_STRING));
        m->outputs[i].role = (enum wr_model_role)name_index(
            wr_text(*member(&out->items[i], "role", WR_STRING)), roles, 3);
        m->output_is_text[i] = wr_is_true(*member(&out->items[i], "text", WR_BOOL));
    }
    return true;
}

/* The texts in order, by merging, so that a category is found by halving. */
static bool sort_texts(struct wr_arena *arena, struct wr_model *m)
{
    uint32_t n = m->n_texts;
    uint32_t *order = WR_NEW_ARRAY(arena, uint32_t, n), *other = WR_NEW_ARRAY(arena, uint32_t, n);
    if (order == NULL || other == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (uint64_t width = 1; width < n; width *= 2) {
        for (uint64_t from = 0; from < n; from += 2 * width) {
            uint64_t i = from, middle = WR_MIN(from + width, n), j = middle;
            uint64_t end = WR_MIN(from + 2 * width, n);
            for (uint64_t to = from; to < end; to++) {
                bool right = i == middle ||
                             (j < end && wr_str_cmp(m->texts[order[j]], m->texts[order[i]]) < 0);
                other[to] = right ? order[j++] : order[i++];
            }
        }
        uint32_t *swap = order;
        order = other;
        other = swap;
    }
    m->by_text = order;
    return true;
}

static wr_err read_meta(struct wr_arena *arena, struct wr_model *m, struct wr_error *error)
{
    const struct wr_program *p = &m->head;
    struct wr_str text = wr_str_of((const char *)m->program + p->meta, p->meta_size);
    wr_err code = wr_json_read(arena, text, true, NULL, &m->meta, error);
    if (code == WR_E_MEMORY) {
        return code;
    }
    if (code != WR_OK || m->meta.type != WR_OBJECT || !read_columns(arena, m)) {
        return wr_fail_at(error, arena->failed ? WR_E_MEMORY : WR_E_WASM, p->meta,
                          "the model's metadata does not describe its columns");
    }
    const struct wr_value *texts = member(&m->meta, "texts", WR_ARRAY);
    m->missing = wr_is_true(*member(&m->meta, "missing", WR_BOOL));
    m->n_texts = texts->n;
    m->texts = WR_NEW_ARRAY(arena, struct wr_str, texts->n);
    if (m->texts == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for the model's texts");
    }
    for (uint32_t i = 0; i < texts->n; i++) {
        m->texts[i] = texts->items[i].type == WR_STRING ? wr_text(texts->items[i]) : WR_STR("");
    }
    return sort_texts(arena, m) ? WR_OK : wr_fail(error, WR_E_MEMORY, "no memory for texts");
}

/* The program as the kernel runs it: in place, or copied to be aligned, or unpacked. */
static wr_err place_program(struct wr_arena *arena, struct wr_model *m,
                            const struct wr_module *module, size_t *size, struct wr_error *error)
{
    m->program = (const uint8_t *)module->program.p;
    if ((uintptr_t)m->program % WR_PROGRAM_ALIGN != 0) {
        uint8_t *copy = wr_arena_alloc(arena, *size, WR_PROGRAM_ALIGN);
        if (copy == NULL) {
            return wr_fail(error, WR_E_MEMORY, "no memory for a model of %zu bytes", *size);
        }
        memcpy(copy, module->program.p, *size);
        m->program = copy;
    }
    if (*size < sizeof(struct wr_packed) || !wr_is_packed(m->program)) {
        return WR_OK;
    }
    const struct wr_packed *packed = (const void *)m->program;
    *size = packed->image;
    uint8_t *image = packed->image <= WR_LIMIT_PROGRAM_SIZE
                         ? wr_arena_alloc(arena, packed->image, WR_PROGRAM_ALIGN)
                         : NULL;
    if (image == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for a model of %u bytes", packed->image);
    }
    const char *fault = wr_unpack(m->program, module->program.n, image);
    m->program = image;
    return fault != NULL ? wr_fail_at(error, WR_E_WASM, module->program_at, "%s", fault) : WR_OK;
}

wr_err wr_model_open(struct wr_arena *arena, struct wr_str wasm, struct wr_model **model,
                     struct wr_error *error)
{
    struct wr_module module;
    struct wr_model *m = WR_NEW(arena, struct wr_model);
    if (m == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory to open a model");
    }
    wr_err code = wr_module_read(wasm, &module, error);
    if (code != WR_OK) {
        return code;
    }
    size_t size = module.program.n;
    code = place_program(arena, m, &module, &size, error);
    code = code == WR_OK ? wr_program_check(arena, m->program, size, &m->work, error) : code;
    if (code != WR_OK) {
        return code;
    }
    memcpy(&m->head, m->program, sizeof m->head);
    wr_kernel_open(&m->kernel, m->program, wr_kernel_best());
    if (wr_blocks_make(&m->kernel, arena, WR_LIMIT_MODEL_BLOCKS) != WR_OK) {
        return wr_fail(error, WR_E_MEMORY, "no memory for the trees of a model");
    }
    memcpy(m->digest, module.digest, sizeof m->digest);
    m->module_size = wasm.n;
    m->kernel_known = module.kernel_known;
    code = read_meta(arena, m, error);
    if (code == WR_OK) {
        code = run_tests(arena, m, error);
    }
    *model = code == WR_OK ? m : NULL;
    return code;
}

/* ── asking ─────────────────────────────────────────────────────────────────────────────────── */
struct wr_str wr_model_name(const struct wr_model *model)
{
    return wr_text(*member(&model->meta, "name", WR_STRING));
}

size_t wr_model_n_inputs(const struct wr_model *model)
{
    return model->head.n_inputs;
}

size_t wr_model_n_outputs(const struct wr_model *model)
{
    return model->head.n_outputs;
}

struct wr_model_input wr_model_input_at(const struct wr_model *model, size_t i)
{
    WR_ASSERT(i < model->head.n_inputs);
    return model->inputs[i];
}

struct wr_model_output wr_model_output_at(const struct wr_model *model, size_t i)
{
    WR_ASSERT(i < model->head.n_outputs);
    return model->outputs[i];
}

/* The last output of a role (the positive class), or for a label the first. */
static size_t output_of_role(const struct wr_model *m, enum wr_model_role role)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < m->head.n_outputs; i++) {
        if (m->outputs[i].role == role && (role != WR_MODEL_LABEL || found == SIZE_MAX)) {
            found = i;
        }
    }
    return found;
}

size_t wr_model_output_find(const struct wr_model *model, struct wr_str name)
{
    for (size_t i = 0; i < model->head.n_outputs; i++) {
        if (wr_str_eq(model->outputs[i].name, name)) {
            return i;
        }
    }
    size_t probability = output_of_role(model, WR_MODEL_PROBABILITY);
    size_t score = output_of_role(model, WR_MODEL_SCORE);
    if (wr_str_eq(name, WR_STR("label"))) {
        return output_of_role(model, WR_MODEL_LABEL);
    }
    if (wr_str_eq(name, WR_STR("probability"))) {
        return probability;
    }
    if (wr_str_eq(name, WR_STR("score"))) {
        return probability != SIZE_MAX ? probability : score;
    }
    return SIZE_MAX;
}

bool wr_model_handles_missing(const struct wr_model *model)
{
    return model->missing;
}

double wr_model_category(const struct wr_model *model, size_t input, struct wr_str text)
{
    uint32_t low = 0, high = model->n_texts;
    WR_ASSERT(input < model->head.n_inputs);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wr_str_cmp(model->texts[model->by_text[middle]], text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < model->n_texts && wr_str_eq(model->texts[model->by_text[low]], text);
    return found ? (double)model->by_text[low] : -1.0;
}

struct wr_str wr_model_label_text(const struct wr_model *model, size_t output, double label)
{
    WR_ASSERT(output < model->head.n_outputs);
    if (!model->output_is_text[output] || !(label >= 0 && label < model->n_texts)) {
        return WR_STR("");
    }
    return model->texts[(uint32_t)label];
}

const uint8_t *wr_model_digest(const struct wr_model *model)
{
    return model->digest;
}

/* "operators":{"trees":1,"map":2}: how many steps of each kind. */
static void put_operators(struct wr_buf *json, const struct wr_model *m)
{
    static const char *const names[WR_STEP_KINDS] = {
        [WR_STEP_MAP] = "map",
        [WR_STEP_ZIP] = "zip",
        [WR_STEP_WHERE] = "where",
        [WR_STEP_MOVE] = "move",
        [WR_STEP_CONCAT] = "concat",
        [WR_STEP_GATHER] = "gather",
        [WR_STEP_REDUCE] = "reduce",
        [WR_STEP_ARG] = "arg",
        [WR_STEP_SOFTMAX] = "softmax",
        [WR_STEP_MATMUL] = "matmul",
        [WR_STEP_TREES] = "trees",
        [WR_STEP_WALK] = "walk",
        [WR_STEP_NORMALIZE] = "normalize",
        [WR_STEP_LOOKUP] = "lookup",
        [WR_STEP_ONE_HOT] = "one_hot",
        [WR_STEP_TOP] = "top",
        [WR_STEP_KERNEL] = "kernel",
    };
    uint32_t counts[WR_STEP_KINDS] = {0};
    const uint32_t *step = (const void *)(m->program + m->head.steps);
    for (uint32_t i = 0; i < m->head.n_steps; i++, step += step[1]) {
        counts[step[0] & 0xff]++;
    }
    wr_buf_str(json, WR_STR("\"operators\":{"));
    for (uint32_t k = 0, n = 0; k < WR_STEP_KINDS; k++) {
        if (counts[k] > 0) {
            wr_format(json, "%s\"%s\":%u", n++ > 0 ? "," : "",
                      names[k] != NULL ? names[k] : "other", counts[k]);
        }
    }
    wr_buf_str(json, WR_STR("},"));
}

/* Rounds of the innermost loops for a row, steps of an explanation, and the memory both take. */
static void put_costs(struct wr_buf *json, const struct wr_model *m)
{
    wr_format(json,
              "\"cost\":{\"rounds_a_row\":%llu,\"explain_steps\":%llu,\"batch_bytes\":%zu,"
              "\"explain_bytes\":%zu},",
              (unsigned long long)m->work, (unsigned long long)wr_model_explain_steps(m),
              wr_model_scratch_size(m),
              m->head.explain != 0 ? wr_model_explain_scratch_size(m) : 0);
}

size_t wr_model_opened_size(const struct wr_model *model)
{
    return model->head.size + wr_blocks_size(&model->kernel);
}

void wr_model_info(const struct wr_model *model, struct wr_buf *json)
{
    static const char *const shown[] = {"name",       "source", "producer", "missing", "trees",
                                        "tree_nodes", "inputs", "outputs",  "explain", "quality"};
    const struct wr_program *p = &model->head;
    wr_buf_char(json, '{');
    for (size_t i = 0; i < WR_COUNTOF(shown); i++) {
        const struct wr_value *v = wr_object_get_str(&model->meta, wr_str_z(shown[i]));
        if (v != NULL) {
            wr_format(json, "\"%s\":", shown[i]);
            wr_json_write(json, v, WR_JSON_COMPACT);
            wr_buf_char(json, ',');
        }
    }
    put_operators(json, model);
    put_costs(json, model);
    wr_format(json,
              "\"steps\":%u,\"texts\":%u,\"test_vectors\":%u,\"program_bytes\":%u,"
              "\"block_bytes\":%zu,\"module_bytes\":%zu,\"scratch_bytes\":%u,\"kernel\":\"%s\","
              "\"sha256\":\"",
              p->n_steps, model->n_texts, p->n_tests, p->size, wr_blocks_size(&model->kernel),
              model->module_size, p->scratch,
              model->kernel_known ? "of this build" : "of another build");
    wr_buf_hex(json, model->digest, sizeof model->digest);
    wr_buf_str(json, WR_STR("\"}"));
}

/* ── scoring ────────────────────────────────────────────────────────────────────────────────── */
size_t wr_model_scratch_size(const struct wr_model *model)
{
    return model->kernel.scratch;
}

wr_err wr_model_score(const struct wr_model *model, const double *row, double *outputs,
                      void *scratch)
{
    WR_CHECK_SLOW((uintptr_t)scratch % 64 == 0);
    int status = wr_kernel_score(&model->kernel, row, 1, outputs, scratch);
    return status == WR_KERNEL_OK ? WR_OK : WR_E_MODEL;
}

wr_err wr_model_score_batch(const struct wr_model *model, const double *rows, size_t n,
                            double *outputs, void *scratch)
{
    WR_CHECK_SLOW((uintptr_t)scratch % 64 == 0);
    int status = wr_kernel_score(&model->kernel, rows, n, outputs, scratch);
    return status == WR_KERNEL_OK ? WR_OK : WR_E_MODEL;
}

/* ── explaining ─────────────────────────────────────────────────────────────────────────────── */
static const struct wr_explain *explanation(const struct wr_model *m)
{
    return m->head.explain != 0 ? wr_explain_of((const void *)m->program) : NULL;
}

enum wr_model_explanation wr_model_explanation(const struct wr_model *model, struct wr_str *why)
{
    const struct wr_explain *e = explanation(model);
    if (why != NULL) {
        *why = wr_text(*member(member(&model->meta, "explain", WR_OBJECT), "why", WR_STRING));
    }
    return e != NULL ? (enum wr_model_explanation)e->method : WR_MODEL_UNEXPLAINED;
}

bool wr_model_explains(const struct wr_model *model, size_t output)
{
    return model->head.explain != 0 &&
           wr_explain_find((const void *)model->program, output) != NULL;
}

struct wr_str wr_model_explain_unit(const struct wr_model *model)
{
    return wr_text(*member(member(&model->meta, "explain", WR_OBJECT), "unit", WR_STRING));
}

uint64_t wr_model_explain_steps(const struct wr_model *model)
{
    const struct wr_explain *e = explanation(model);
    if (e == NULL) {
        return 0;
    }
    return e->method == WR_EXPLAIN_TREES ? model->work + (uint64_t)e->n_nodes * e->blocks
                                         : model->work * ((uint64_t)model->head.n_inputs + 1);
}

static uint64_t own_room(const struct wr_model *m)
{
    return ((uint64_t)m->head.scratch + 63) & ~(uint64_t)63;
}

size_t wr_model_explain_scratch_size(const struct wr_model *model)
{
    const struct wr_explain *e = explanation(model);
    return (size_t)(own_room(model) + (e != NULL ? wr_explain_room(&model->head, e) : 0));
}

wr_err wr_model_explain(const struct wr_model *model, const double *row, size_t output,
                        double *contributions, void *scratch)
{
    WR_CHECK_SLOW((uintptr_t)scratch % 64 == 0);
    uint8_t *room = (uint8_t *)scratch + own_room(model);
    int status =
        wr_kernel_explain(model->program, row, (uint32_t)output, contributions, scratch, room);
    return status == WR_KERNEL_OK ? WR_OK : WR_E_MODEL;
}
