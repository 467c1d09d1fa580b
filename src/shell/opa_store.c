/* SPDX-License-Identifier: Apache-2.0 */
/* Modules and base documents of OPA's API, and the programs made of them.
 *
 *   pack or configuration ─▶ code (texts, program) ─┐
 *                            documents (a value) ───┴─▶ program with documents ─▶ kept queries
 *
 * A change makes the next generation beside the present one and takes its place only when all of it
 * compiles, so a failed change leaves nothing behind. */
#include "shell/opa.h"

#define CODE_ROOM  ((size_t)1 << 30) /* of one generation */
#define QUERY_ROOM ((size_t)64 * 1024 * 1024)

/* ── code ───────────────────────────────────────────────────────────────────────────────────── */
static void close_code(const struct wr_memory *memory, struct wr_opa_code *code)
{
    if (code != NULL) {
        wr_arena_deinit(&code->arena);
        memory->give(memory->context, code, sizeof *code);
    }
}

static struct wr_opa_code *open_code(const struct wr_memory *memory)
{
    struct wr_opa_code *code = memory->take(memory->context, sizeof *code);
    if (code != NULL) {
        memset(code, 0, sizeof *code);
        wr_arena_init(&code->arena, memory, CODE_ROOM);
        code->modules = WR_NEW_ARRAY(&code->arena, struct wr_opa_module, WR_LIMIT_OPA_MODULES);
    }
    if (code != NULL && code->modules == NULL) {
        close_code(memory, code);
        return NULL;
    }
    return code;
}

static wr_err too_much(struct wr_rego_errors *errors, wr_err code, const char *text)
{
    wr_rego_error_add(errors, code, (struct wr_str){0}, NULL, "%s", text);
    return code;
}

/* Puts a module where its id belongs; texts are copied. */
static bool add_module(struct wr_opa_code *code, struct wr_str id, struct wr_str file,
                       struct wr_str text)
{
    uint32_t at = code->n_modules;
    if (at == WR_LIMIT_OPA_MODULES) {
        return false;
    }
    while (at > 0 && wr_str_cmp(code->modules[at - 1].id, id) > 0) {
        at--;
    }
    memmove(&code->modules[at + 1], &code->modules[at],
            (code->n_modules - at) * sizeof code->modules[0]);
    code->modules[at] =
        (struct wr_opa_module){wr_str_copy(&code->arena, id), wr_str_copy(&code->arena, text),
                               wr_str_copy(&code->arena, file), false};
    code->n_modules++;
    code->size += text.n;
    return !wr_arena_failed(&code->arena);
}

/* Compiles all modules of a generation, with the documents for the check of conflicts, in as many
 * steps as are given (0: as ever). */
static wr_err compile(const struct wr_opa *opa, struct wr_opa_code *code, uint32_t steps,
                      struct wr_rego_errors *errors)
{
    struct wr_rego_source *sources =
        WR_NEW_ARRAY(&code->arena, struct wr_rego_source, code->n_modules);
    struct wr_rego_program *program = NULL;
    struct wr_rego_options options = {.v1 = opa->v1, .steps = steps};
    if (sources == NULL) {
        return too_much(errors, WR_E_MEMORY, "no room for the modules");
    }
    for (uint32_t i = 0; i < code->n_modules; i++) {
        sources[i] = (struct wr_rego_source){code->modules[i].file, code->modules[i].text};
    }
    wr_err err = wr_rego_compile(&code->arena, sources, code->n_modules,
                                 opa->documents != NULL ? &opa->documents->root : NULL, &options,
                                 &program, errors);
    code->program = program;
    return err;
}

/* ── documents ──────────────────────────────────────────────────────────────────────────────── */
static void close_documents(const struct wr_memory *memory, struct wr_opa_documents *documents)
{
    if (documents != NULL) {
        wr_arena_deinit(&documents->arena);
        memory->give(memory->context, documents, sizeof *documents);
    }
}

static struct wr_opa_documents *open_documents(const struct wr_opa *opa, struct wr_value root)
{
    const struct wr_memory *memory = opa->memory;
    struct wr_opa_documents *documents = memory->take(memory->context, sizeof *documents);
    if (documents == NULL) {
        return NULL;
    }
    memset(documents, 0, sizeof *documents);
    wr_arena_init(&documents->arena, memory,
                  opa->beside_decisions ? WR_LIMIT_OPA_DATA_NODE : WR_LIMIT_OPA_DATA);
    documents->root = wr_value_copy(&documents->arena, root);
    documents->live = documents->arena.taken;
    if (wr_arena_failed(&documents->arena)) {
        close_documents(memory, documents);
        return NULL;
    }
    return documents;
}

/* Copies what is alive once most of the arena is not: amortised, a write costs what it writes. */
static bool compact(struct wr_opa *opa)
{
    struct wr_opa_documents *old = opa->documents;
    size_t taken = old->arena.taken;
    if (taken <= 2 * old->live + ((size_t)1 << 20) && taken <= old->arena.cap / 2) {
        return true;
    }
    struct wr_opa_documents *fresh = open_documents(opa, old->root);
    if (fresh != NULL) {
        opa->documents = fresh;
        close_documents(opa->memory, old);
    }
    return fresh != NULL;
}

/* ── the program with its documents ─────────────────────────────────────────────────────────── */
static wr_err renew(struct wr_opa *opa, const struct wr_opa_code *code, struct wr_value root,
                    struct wr_rego_errors *errors)
{
    struct wr_rego_program *program = NULL;
    opa->n_queries = 0;
    wr_arena_reset(&opa->arena);
    wr_err err = wr_rego_with_data(&opa->arena, code->program, &root, &program, errors);
    if (err == WR_OK) {
        opa->program = program;
    }
    return err;
}

/* As before a change that failed: it did compile once. */
static void go_back(struct wr_opa *opa)
{
    struct wr_rego_errors errors;
    struct wr_arena scratch;
    wr_arena_init(&scratch, opa->memory, (size_t)1 << 20);
    wr_rego_errors_init(&errors, &scratch);
    if (renew(opa, opa->code, opa->documents->root, &errors) != WR_OK) {
        opa->program = opa->code->program; /* without documents rather than without rules */
    }
    wr_arena_deinit(&scratch);
}

wr_err wr_opa_commit(struct wr_opa *opa, struct wr_value root, struct wr_rego_errors *errors)
{
    wr_err err = renew(opa, opa->code, root, errors);
    if (err != WR_OK) {
        go_back(opa);
        return err;
    }
    opa->documents->root = root;
    opa->changed = true;
    if (!compact(opa)) {
        return WR_OK; /* no room to tidy up: the next write will tell */
    }
    return renew(opa, opa->code, opa->documents->root, errors);
}

/* ── modules ────────────────────────────────────────────────────────────────────────────────── */
const struct wr_opa_module *wr_opa_find_module(const struct wr_opa *opa, struct wr_str id,
                                               uint32_t *at)
{
    for (uint32_t i = 0; i < opa->code->n_modules; i++) {
        if (wr_str_eq(opa->code->modules[i].id, id)) {
            *at = i;
            return &opa->code->modules[i];
        }
    }
    return NULL;
}

uint32_t wr_opa_tree_of(const struct wr_opa *opa, uint32_t at)
{
    const struct wr_rego_program *program = opa->code->program;
    uint32_t n = wr_rego_module_count(program);
    for (uint32_t i = 0; i < n; i++) {
        if (wr_str_eq(wr_rego_module(program, i)->file, opa->code->modules[at].file)) {
            return i;
        }
    }
    WR_ASSERT(false); /* each was compiled under this name */
    return 0;
}

static bool copy_modules(struct wr_opa_code *to, const struct wr_opa_code *from, struct wr_str but)
{
    for (uint32_t i = 0; i < from->n_modules; i++) {
        const struct wr_opa_module *m = &from->modules[i];
        if (wr_str_eq(m->id, but)) {
            continue;
        }
        if (!add_module(to, m->id, m->file, m->text)) {
            return false;
        }
        to->modules[to->n_modules - 1].by_client = m->by_client; /* they come in order */
    }
    return true;
}

wr_err wr_opa_set_module(struct wr_opa *opa, struct wr_str id, const struct wr_str *text,
                         struct wr_rego_errors *errors)
{
    size_t size_max = opa->beside_decisions ? WR_LIMIT_OPA_CODE_NODE : WR_LIMIT_OPA_CODE;
    struct wr_opa_code *code = open_code(opa->memory);
    if (code == NULL || !copy_modules(code, opa->code, id) ||
        (text != NULL && !add_module(code, id, id, *text))) {
        close_code(opa->memory, code);
        return too_much(errors, WR_E_LIMIT, "no room for another module");
    }
    if (text != NULL && code->size > size_max) {
        close_code(opa->memory, code);
        return too_much(errors, WR_E_LIMIT,
                        opa->beside_decisions
                            ? "the modules are larger than a deciding node compiles (256 KiB)"
                            : "the modules are larger than 64 MiB");
    }
    bool bounded = text != NULL && opa->beside_decisions;
    wr_err err = compile(opa, code, bounded ? WR_LIMIT_OPA_STEPS_NODE : 0, errors);
    err = err == WR_OK ? renew(opa, code, opa->documents->root, errors) : err;
    if (err != WR_OK) {
        close_code(opa->memory, code);
        go_back(opa);
        return err;
    }
    close_code(opa->memory, opa->code);
    opa->code = code;
    opa->changed = true;
    uint32_t at;
    if (text != NULL && wr_opa_find_module(opa, id, &at) != NULL) {
        code->modules[at].by_client = true;
    }
    return WR_OK;
}

/* ── who owns what ──────────────────────────────────────────────────────────────────────────── */
/* One is a prefix of the other, by segments. */
static bool overlaps(const struct wr_str *path, size_t n, struct wr_str root)
{
    for (size_t i = 0; i < n && root.n > 0; i++) {
        size_t end = WR_MIN(wr_str_find(root, WR_STR("/"), 0), root.n);
        if (!wr_str_eq(path[i], wr_str_of(root.p, end))) {
            return false;
        }
        end += end < root.n;
        root = wr_str_of(root.p + end, root.n - end);
    }
    return true;
}

static void write_path(struct wr_buf *out, const struct wr_str *path, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        wr_format(out, "%s%.*s", i > 0 ? "/" : "", WR_FMT(path[i]));
    }
}

bool wr_opa_is_owned(const struct wr_opa *opa, const struct wr_str *path, size_t n,
                     struct wr_buf *message)
{
    if (n == 0 && opa->n_bundles > 0) {
        wr_buf_str(message, WR_STR("can't write to document root with bundle roots configured"));
        return true;
    }
    for (size_t b = 0; b < opa->n_bundles; b++) {
        const struct wr_opa_bundle *bundle = &opa->bundles[b];
        for (size_t r = 0; r < bundle->n_roots; r++) {
            if (bundle->roots[r].n == 0) {
                wr_format(message, "all paths owned by bundle \"%.*s\"", WR_FMT(bundle->name));
                return true;
            }
            if (overlaps(path, n, bundle->roots[r])) {
                wr_buf_str(message, WR_STR("path "));
                write_path(message, path, n);
                wr_format(message, " is owned by bundle \"%.*s\"", WR_FMT(bundle->name));
                return true;
            }
        }
    }
    return false;
}

/* ── queries ────────────────────────────────────────────────────────────────────────────────── */
static struct wr_rego_query *prepare(struct wr_opa *opa, struct wr_str key,
                                     const struct wr_str *segments, size_t n)
{
    struct wr_rego_query *query = NULL;
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, &opa->arena);
    struct wr_str *kept = WR_NEW_ARRAY(&opa->arena, struct wr_str, n + 1);
    struct wr_str kept_key = wr_str_copy(&opa->arena, key);
    for (size_t i = 0; kept != NULL && i < n; i++) {
        kept[i] = wr_str_copy(&opa->arena, segments[i]);
    }
    if (kept == NULL || opa->n_queries == WR_LIMIT_OPA_QUERIES ||
        wr_rego_prepare_path(opa->program, &opa->arena, kept, n, &query, &errors) != WR_OK ||
        wr_arena_failed(&opa->arena)) {
        return NULL;
    }
    opa->queries[opa->n_queries++] = (struct wr_opa_query){kept_key, query};
    return query;
}

struct wr_rego_query *wr_opa_query(struct wr_opa *opa, struct wr_str key,
                                   const struct wr_str *segments, size_t n, bool *hit)
{
    for (uint32_t i = 0; i < opa->n_queries; i++) {
        if (wr_str_eq(opa->queries[i].key, key)) {
            *hit = true;
            return opa->queries[i].query;
        }
    }
    *hit = false;
    struct wr_rego_query *query = prepare(opa, key, segments, n);
    if (query == NULL) { /* full: begin anew */
        go_back(opa);
        query = prepare(opa, key, segments, n);
    }
    return query;
}

/* ── opening ────────────────────────────────────────────────────────────────────────────────── */
static bool take_pack(struct wr_opa *opa, const struct wr_pack *pack)
{
    size_t n;
    const struct wr_pack_file *files = wr_pack_files(pack, &n);
    for (size_t i = 0; i < n; i++) {
        struct wr_str path = files[i].path;
        if (wr_str_ends(path, WR_STR(".rego")) && !wr_str_ends(path, WR_STR("_test.rego")) &&
            !add_module(opa->code, path, path, files[i].bytes)) {
            return false;
        }
    }
    return true;
}

static bool take_modules(struct wr_opa *opa, const struct wr_opa_config *config)
{
    for (size_t i = 0; i < config->n_modules; i++) {
        const struct wr_opa_source *m = &config->modules[i];
        if (!add_module(opa->code, m->id, m->file, m->text)) {
            return false;
        }
    }
    return true;
}

/* A version 4 UUID (RFC 9562) of random bits. */
static void make_id(struct wr_opa *opa, const struct wr_port *port)
{
    uint8_t bits[16] = {0};
    if (port->entropy.fill(port->entropy.context, bits, sizeof bits) != WR_IO_OK) {
        memset(bits, 0, sizeof bits);
    }
    bits[6] = (uint8_t)((bits[6] & 0x0F) | 0x40);
    bits[8] = (uint8_t)((bits[8] & 0x3F) | 0x80);
    struct wr_buf out = wr_buf_fixed(opa->id, sizeof opa->id);
    for (size_t i = 0; i < 16; i++) {
        wr_buf_str(&out, i == 4 || i == 6 || i == 8 || i == 10 ? WR_STR("-") : WR_STR(""));
        wr_buf_hex(&out, &bits[i], 1);
    }
    wr_buf_char(&out, '\0');
}

static wr_err fill(struct wr_opa *opa, struct wr_server *server, struct wr_error *error)
{
    const struct wr_opa_config *config = &server->config.opa;
    struct wr_rego_errors errors;
    struct wr_value root = config->data.type == WR_OBJECT ? config->data : wr_object_from(NULL, 0);
    wr_rego_errors_init(&errors, &server->scratch);
    if (server->pack != NULL) {
        root = wr_pack_data(server->pack);
        opa->v1 = wr_pack_is_v1(server->pack);
        opa->own = (struct wr_opa_bundle){.name = WR_STR("pack"),
                                          .revision = wr_pack_revision(server->pack)};
        opa->own.roots = wr_pack_roots(server->pack, &opa->own.n_roots);
        opa->bundles = &opa->own;
        opa->n_bundles = 1;
    }
    opa->code = open_code(opa->memory);
    opa->documents = open_documents(opa, root);
    if (opa->code == NULL || opa->documents == NULL ||
        !(server->pack != NULL ? take_pack(opa, server->pack) : take_modules(opa, config))) {
        return wr_fail(error, WR_E_LIMIT, "no room for the modules and data of OPA's API");
    }
    wr_err err = WR_OK;
    if (server->pack != NULL) {
        opa->code->program = wr_pack_program(server->pack); /* compiled once is enough */
    } else {
        err = compile(opa, opa->code, 0, &errors);
    }
    err = err == WR_OK ? renew(opa, opa->code, opa->documents->root, &errors) : err;
    return err == WR_OK ? WR_OK : wr_rego_errors_to_error(&errors, error);
}

struct wr_opa *wr_opa_store(struct wr_server *server, struct wr_error *error)
{
    const struct wr_memory *memory = &server->port->memory;
    if (server->opa != NULL) {
        return server->opa;
    }
    struct wr_opa *opa = memory->take(memory->context, sizeof *opa);
    if (opa == NULL) {
        wr_err err = wr_fail(error, WR_E_MEMORY, "no memory for OPA's API");
        WR_ASSERT(err != WR_OK);
        return NULL;
    }
    memset(opa, 0, sizeof *opa);
    opa->memory = memory;
    opa->writable = server->config.opa.writable;
    opa->beside_decisions = server->pack != NULL;
    opa->v1 = server->config.opa.v1;
    opa->bundles = server->config.opa.bundles;
    opa->n_bundles = server->config.opa.n_bundles;
    wr_arena_init(&opa->arena, memory, QUERY_ROOM);
    make_id(opa, server->port);
    server->opa = opa;
    if (fill(opa, server, error) != WR_OK) {
        wr_opa_free(server);
    }
    return server->opa;
}

wr_err wr_opa_open(struct wr_server *server, struct wr_error *error)
{
    return wr_opa_store(server, error) != NULL ? WR_OK : error->code;
}

static void close_store(struct wr_opa *opa)
{
    if (opa != NULL) {
        wr_arena_deinit(&opa->arena);
        close_documents(opa->memory, opa->documents);
        close_code(opa->memory, opa->code);
        opa->memory->give(opa->memory->context, opa, sizeof *opa);
    }
}

void wr_opa_free(struct wr_server *server)
{
    close_store(server->opa);
    server->opa = NULL;
}

/* "a/b" to its parts; how many, or more than WR_LIMIT_OPA_SEGMENTS when they do not fit. */
static size_t split_root(struct wr_str root, struct wr_str path[WR_LIMIT_OPA_SEGMENTS])
{
    size_t n = 0;
    while (root.n > 0) {
        size_t end = WR_MIN(wr_str_find(root, WR_STR("/"), 0), root.n);
        if (n == WR_LIMIT_OPA_SEGMENTS) {
            return n + 1;
        }
        path[n++] = wr_str_of(root.p, end);
        end += end < root.n;
        root = wr_str_of(root.p + end, root.n - end);
    }
    return n;
}

/* ── another pack ───────────────────────────────────────────────────────────────────────────── */
/* Modules that clients had set, one by one: one that does not go with the pack is left out. */
static void keep_modules(struct wr_server *server, const struct wr_opa *old)
{
    for (uint32_t i = 0; i < old->code->n_modules; i++) {
        const struct wr_opa_module *m = &old->code->modules[i];
        struct wr_rego_errors errors;
        wr_rego_errors_init(&errors, &server->scratch);
        if (m->by_client && wr_opa_set_module(server->opa, m->id, &m->text, &errors) != WR_OK) {
            wr_server_log(server, "warn", "policy_dropped",
                          "policy %.*s does not compile with the new pack", WR_FMT(m->id));
        }
    }
}

/* The old documents, with what lies under the pack's roots exchanged. */
static bool keep_documents(struct wr_server *server, const struct wr_opa *old)
{
    struct wr_opa *opa = server->opa;
    struct wr_value root = wr_value_copy(&opa->documents->arena, old->documents->root);
    struct wr_value fresh = opa->documents->root;
    struct wr_rego_errors errors;
    char room[WR_LIMIT_OPA_PATH];
    wr_rego_errors_init(&errors, &server->scratch);
    for (size_t pass = 0; pass < 2; pass++) { /* the old roots go, the new ones come */
        const struct wr_opa_bundle *bundle = pass == 0 ? &old->own : &opa->own;
        for (size_t r = 0; r < bundle->n_roots; r++) {
            struct wr_str path[WR_LIMIT_OPA_SEGMENTS];
            struct wr_buf ignored = wr_buf_fixed(room, sizeof room);
            size_t n = split_root(bundle->roots[r], path);
            const struct wr_value *v = wr_opa_read(pass == 0 ? &root : &fresh, path, n, &ignored);
            if (n == 0 || n > WR_LIMIT_OPA_SEGMENTS) {
                return true; /* all is the pack's */
            }
            if (v == NULL) {
                continue;
            }
            enum wr_opa_outcome made = wr_opa_make_parents(opa, &root, path, n, &ignored);
            made = made != WR_OPA_DONE
                       ? made
                       : wr_opa_edit(opa, &root, pass == 0 ? WR_OPA_REMOVE : WR_OPA_ADD, path, n,
                                     pass == 0 ? wr_null() : *v, &ignored);
            if (made != WR_OPA_DONE) {
                return false;
            }
        }
    }
    return wr_opa_commit(opa, root, &errors) == WR_OK;
}

void wr_opa_follow_pack(struct wr_server *server)
{
    struct wr_opa *old = server->opa;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    server->opa = NULL;
    if (old == NULL) {
        return;
    }
    if (!old->changed) { /* made again when it is asked for */
        close_store(old);
        return;
    }
    if (wr_opa_store(server, &error) == NULL) {
        wr_server_log(server, "error", "policies_dropped", "%s", error.text);
    } else {
        if (!keep_documents(server, old)) {
            wr_server_log(server, "warn", "documents_dropped",
                          "documents set over the API do not fit the new pack");
        }
        keep_modules(server, old);
        server->opa->changed = true;
    }
    close_store(old);
}
