/* SPDX-License-Identifier: Apache-2.0 */
/* Broken and hostile files: refused with a reason and a place, or scored; never a crash. Run it
 * under the sanitizers to make the second half of that sentence mean something. */
#include "base/hash.h"
#include "model/kernel.h"
#include "model/module.h"
#include "model_test.h"

#define DATA WEIR_SOURCE "/test/unit/model/data/"

static struct test_model m;
static const char *const samples[] = {
    DATA "tiny-trees/model.onnx", DATA "tiny-mlp/model.onnx", DATA "tiny-text/model.onnx",
    DATA "tiny-multi/model.onnx", DATA "tiny-xgb/model.json", DATA "tiny-xgb/model.ubj",
};

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint32_t next(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % below;
}

/* Compiles, opens, scores a row if that works; a refusal must have a code and a text. */
static bool survives(struct wr_str source)
{
    bool open = test_open(&m, source, NULL);
    if (open) {
        wr_err code = wr_model_score(m.model, m.row, m.outputs, m.scratch);
        CHECK(code == WR_OK || code == WR_E_MODEL);
    } else {
        CHECK(m.error.code != WR_OK && m.error.text[0] != 0);
    }
    test_close(&m);
    return open;
}

/* Calls `each` with the file and the verdict of every row of a manifest. */
static void walk_manifest(const char *folder,
                          void (*each)(struct wr_str bytes, const char *name, const char *verdict))
{
    char path[1024], line[1024], name[200], verdict[100];
    snprintf(path, sizeof path, "%s/MANIFEST.tsv", folder);
    FILE *manifest = fopen(path, "r");
    if (manifest == NULL) {
        check_skip("../shared/corpora is absent: its files were not read");
        return;
    }
    unsigned n = 0;
    CHECK(fgets(line, sizeof line, manifest) != NULL);
    while (fgets(line, sizeof line, manifest) != NULL) {
        if (sscanf(line, "%199[^\t]\t%*[^\t]\t%99[^\t\n]", name, verdict) == 2) {
            struct wr_arena arena;
            wr_arena_init(&arena, &test_memory, 1 << 24);
            snprintf(path, sizeof path, "%s/%s", folder, name);
            struct wr_str bytes = test_file(&arena, path);
            CHECK(bytes.p != NULL);
            each(bytes, name, verdict);
            wr_arena_deinit(&arena);
            n++;
        }
    }
    CHECK(n > 30);
    fclose(manifest);
}

static void judge_onnx(struct wr_str bytes, const char *name, const char *verdict)
{
    struct wr_model_options onnx = {.format = WR_MODEL_ONNX};
    bool open = test_open(&m, bytes, &onnx);
    bool right = strcmp(verdict, "accept") == 0   ? open
                 : strcmp(verdict, "reject") == 0 ? !open && m.error.code != WR_OK
                                                  : true;
    if (!right) {
        fprintf(stderr, "%s: %s, but %s\n", name, verdict, open ? "accepted" : m.error.text);
    }
    CHECK(right);
    CHECK(open || m.error.text[0] != 0);
    test_close(&m);
}

TEST("the ONNX corpus is judged as its manifest says")
{
    walk_manifest(WEIR_SHARED "/corpora/onnx", judge_onnx);
}

static void judge_wasm(struct wr_str bytes, const char *name, const char *verdict)
{
    struct wr_arena arena;
    struct wr_error error = {0};
    struct wr_model *model = NULL;
    (void)verdict; /* valid modules that hold no model are refused, too */
    wr_arena_init(&arena, &test_memory, 1 << 24);
    wr_err code = wr_model_open(&arena, bytes, &model, &error);
    if (code != WR_E_WASM) {
        fprintf(stderr, "%s: code %d\n", name, (int)code);
    }
    CHECK(code == WR_E_WASM && model == NULL && error.offset != WR_NO_OFFSET);
    wr_arena_deinit(&arena);
}

TEST("no module of the wasm corpus is taken for a model, and each refusal has its offset")
{
    walk_manifest(WEIR_SHARED "/corpora/wasm", judge_wasm);
}

TEST("a source cut short at any length is refused")
{
    for (size_t s = 0; s < WR_COUNTOF(samples); s++) {
        struct wr_arena arena;
        wr_arena_init(&arena, &test_memory, 1 << 24);
        struct wr_str file = test_file(&arena, samples[s]);
        CHECK(file.n > 100);
        size_t whole = samples[s][strlen(samples[s]) - 1] == 'n' ? file.n - 1 : file.n;
        for (size_t n = 0; n < whole; n += n < 300 || n + 300 > whole ? 1 : 41) {
            char *cut = wr_arena_alloc(&arena, n + 1, 1);
            memcpy(cut, file.p, n);
            if (survives(wr_str_of(cut, n)) && n < whole - 200) {
                CHECK_INT(n, -1); /* what is cut off at the very end may be metadata */
            }
        }
        wr_arena_deinit(&arena);
    }
}

/* A shared model cut at some lengths, with WEIR_TEST_ALL=1 at many; none may crash, or open when
 * more than its end is missing. */
static void cut_shared(const char *name, const char *file)
{
    char path[600];
    struct wr_arena arena;
    wr_arena_init(&arena, &test_memory, 1 << 28);
    snprintf(path, sizeof path, WEIR_SHARED "/models/%s/%s", name, file);
    struct wr_str whole = test_file(&arena, path);
    size_t pieces = getenv("WEIR_TEST_ALL") != NULL ? 1000 : 16;
    char *cut = whole.p != NULL ? wr_arena_alloc(&arena, whole.n, 1) : NULL;
    for (size_t i = 0; cut != NULL && i < pieces; i++) {
        size_t n = i % 2 == 0 ? whole.n * i / pieces : next((uint32_t)whole.n);
        memcpy(cut, whole.p, n);
        if (survives(wr_str_of(cut, n)) && n + 2000 < whole.n) {
            fprintf(stderr, "%s: %zu of %zu bytes are taken for a model\n", path, n, whole.n);
            CHECK(false);
        }
    }
    wr_arena_deinit(&arena);
}

TEST("every shared model cut short is refused")
{
    DIR *dir = opendir(WEIR_SHARED "/models");
    unsigned n = 0;
    if (dir == NULL) {
        check_skip("../shared/models is absent: its models were not cut");
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.') {
            cut_shared(entry->d_name, "model.onnx");
            cut_shared(entry->d_name, "model.json");
            n++;
        }
    }
    closedir(dir);
    CHECK(n >= 13);
}

TEST("a source with changed bytes is refused or scored")
{
    for (size_t s = 0; s < WR_COUNTOF(samples); s++) {
        struct wr_arena arena;
        wr_arena_init(&arena, &test_memory, 1 << 24);
        struct wr_str file = test_file(&arena, samples[s]);
        char *bytes = wr_arena_alloc(&arena, file.n, 1);
        for (unsigned round = 0; round < 400; round++) {
            memcpy(bytes, file.p, file.n);
            for (unsigned k = 0; k <= round % 4; k++) {
                bytes[next((uint32_t)file.n)] = (char)next(256);
            }
            survives(wr_str_of(bytes, file.n));
        }
        wr_arena_deinit(&arena);
    }
}

static wr_err open_bytes(struct wr_str wasm)
{
    struct wr_arena arena;
    struct wr_error error = {0};
    struct wr_model *model;
    wr_arena_init(&arena, &test_memory, 1 << 26);
    wr_err code = wr_model_open(&arena, wasm, &model, &error);
    CHECK(code == WR_OK || error.text[0] != 0);
    wr_arena_deinit(&arena);
    return code;
}

TEST("a module cut short or changed in any byte of its program is refused")
{
    struct wr_arena arena;
    wr_arena_init(&arena, &test_memory, 1 << 26);
    CHECK(test_open(&m, test_file(&arena, samples[0]), NULL));
    struct wr_str wasm = wr_buf_view(&m.wasm);
    char *bytes = wr_arena_alloc(&arena, wasm.n + 64, 64);
    memcpy(bytes, wasm.p, wasm.n);
    CHECK(open_bytes(wr_str_of(bytes, wasm.n)) == WR_OK);
    for (size_t n = 0; n < wasm.n; n += n < 100 || n + 100 > wasm.n ? 1 : 97) {
        CHECK(open_bytes(wr_str_of(bytes, n)) == WR_E_WASM);
    }
    struct wr_module module;
    CHECK(wr_module_read(wasm, &module, NULL) == WR_OK);
    CHECK(module.program_at % 64 == 0 && module.kernel_known);
    for (unsigned round = 0; round < 300; round++) {
        size_t at = module.program_at + next((uint32_t)module.program.n);
        bytes[at] ^= 1 << next(8);
        CHECK(open_bytes(wr_str_of(bytes, wasm.n)) == WR_E_WASM);
        bytes[at] = wasm.p[at];
    }
    memmove(bytes + 1, wasm.p, wasm.n); /* crooked in memory: copied, the same model */
    CHECK(open_bytes(wr_str_of(bytes + 1, wasm.n)) == WR_OK);
    test_close(&m);
    wr_arena_deinit(&arena);
}

/* An attacker can compute the digest too: programs are changed and handed to the check; what passes
 * is run. */
TEST("a changed program is refused by the check, or runs within its memory")
{
    unsigned passed = 0;
    for (size_t s = 0; s < WR_COUNTOF(samples); s++) {
        struct wr_arena arena;
        struct wr_module module;
        wr_arena_init(&arena, &test_memory, 1 << 26);
        CHECK(test_open(&m, test_file(&arena, samples[s]), NULL));
        CHECK(wr_module_read(wr_buf_view(&m.wasm), &module, NULL) == WR_OK);
        size_t n = module.program.n;
        struct wr_program head;
        memcpy(&head, module.program.p, sizeof head);
        for (unsigned round = 0; round < 1500; round++) {
            struct wr_arena_mark mark = wr_arena_mark(&arena);
            uint8_t *program = aligned_alloc(64, n);
            memcpy(program, module.program.p, n);
            uint32_t end = round % 2 == 0 ? head.meta : (uint32_t)n;
            uint32_t at = next(end) & ~3u;
            uint32_t old = wr_get32(program + at);
            const uint32_t values[] = {old + 1, old - 1,    old ^ 1u << next(32),
                                       0,       UINT32_MAX, next(1 << 16)};
            wr_put32(program + at, values[next(6)]);
            struct wr_error error = {0};
            if (wr_program_check(&arena, program, n, NULL, &error) == WR_OK) {
                struct wr_program *p = (void *)program;
                double *row = calloc(p->n_inputs, 8), *outputs = calloc(p->n_outputs, 8);
                uint8_t *scratch = aligned_alloc(64, (p->scratch + 63u) & ~63u);
                memset(scratch, 0x5a, p->scratch);
                wr_kernel_run(program, row, outputs, scratch);
                free(row);
                free(outputs);
                free(scratch);
                passed++;
            } else {
                CHECK(error.text[0] != 0);
            }
            free(program);
            wr_arena_rewind(&arena, mark);
        }
        test_close(&m);
        wr_arena_deinit(&arena);
    }
    CHECK(passed > 100);
}

TEST("an operator that is not known is refused by its name, node and offset")
{
    struct wr_arena arena;
    wr_arena_init(&arena, &test_memory, 1 << 20);
    struct wr_str file = test_file(&arena, DATA "tiny-mlp/model.onnx");
    size_t at = wr_str_find(file, WR_STR("Tanh"), 0);
    char *bytes = wr_arena_alloc(&arena, file.n, 1);
    memcpy(bytes, file.p, file.n);
    memcpy(bytes + at, "Tank", 4);
    CHECK(!survives(wr_str_of(bytes, file.n)));
    CHECK(strstr(m.error.text, "Tank") != NULL && m.error.offset < at && m.error.offset + 60 > at);
    CHECK(m.error.code == WR_E_MODEL);
    wr_arena_deinit(&arena);
}

TEST("what XGBoost JSON holds and we do not support is refused by name")
{
    static const struct {
        const char *from, *to, *says;
    } changes[] = {
        {"binary:logistic", "binary:logistoc", "binary:logistoc"},
        {"\"name\":\"gbtree\"", "\"name\":\"gblint\"", "gblint"},
        {"\"split_type\":[0,", "\"split_type\":[1,", "categorical"},
        {"\"left_children\":[1,", "\"left_children\":[0,", "reached twice"},
        {"\"left_children\":[1,", "\"left_children\":[99", "differ"},
        {"\"base_score\":\"5E-1\"", "\"base_score\":\"5E+1\"", "base_score"},
        {"\"base_score\":\"5E-1\"", "\"base_score\":\".4,.\"", "base_score"},
        {"\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"2\"", "vector leaves"},
    };
    for (size_t i = 0; i < WR_COUNTOF(changes); i++) {
        struct wr_arena arena;
        wr_arena_init(&arena, &test_memory, 1 << 20);
        struct wr_str file = test_file(&arena, DATA "tiny-xgb/model.json");
        size_t at = wr_str_find(file, wr_str_z(changes[i].from), 0);
        CHECK(at != SIZE_MAX);
        char *bytes = wr_arena_alloc(&arena, file.n, 1);
        memcpy(bytes, file.p, file.n);
        memcpy(bytes + at, changes[i].to, strlen(changes[i].to));
        CHECK(!survives(wr_str_of(bytes, file.n)));
        if (strstr(m.error.text, changes[i].says) == NULL) {
            fprintf(stderr, "%s: %s\n", changes[i].to, m.error.text);
            CHECK(false);
        }
        wr_arena_deinit(&arena);
    }
}

TEST("the embedded kernel is what its sources give")
{
    int status = system(WEIR_SOURCE "/tools/make-kernel-wasm.sh model-kernel.inc");
    if (status == 77 << 8) {
        fprintf(stderr, "the kernel was not compiled anew\n");
        return;
    }
    CHECK_INT(status, 0);
    CHECK_INT(system("cmp model-kernel.inc " WEIR_SOURCE "/src/model/kernel_wasm.inc"), 0);
    remove("model-kernel.inc");
}

TEST("the fast walk over trees is compiled without branches")
{
    int status = system(WEIR_SOURCE "/tools/model_branches.sh");
    if (status == 77 << 8) {
        fprintf(stderr, "no compiler's output was looked at\n");
        return;
    }
    CHECK_INT(status, 0);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
