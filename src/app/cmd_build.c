/* SPDX-License-Identifier: Apache-2.0 */
/* weir build: one OPA bundle of policies and data, with the flags of `opa build`.
 *
 * Modules are formatted, data of all files become one data.json, the manifest names roots and
 * revision. A pack (a bundle with weir.yaml or weir.json) keeps its files as they are, with
 * weir.yaml as weir.json and data.yaml as data.json, so that its digest stays that of the folder.
 */
#include "app/archive.h"
#include "app/bundle_sign.h"
#include "app/commands.h"
#include "app/file.h"
#include "app/pack_load.h"
#include "app/policy_load.h"
#include "app/rego_output.h"
#include "rego/fmt.h"
#include "value/json_write.h"

#include <stdio.h>

static struct {
    const char *output, *revision, *signing_key, *signing_alg, *claims_file, *verification_key,
        *verification_key_id, *scope, *target;
    struct wr_option_list entrypoints, ignore, exclude;
    uint64_t optimize;
    bool bundle, v1;
} options = {.output = "bundle.tar.gz",
             .signing_alg = "RS256",
             .verification_key_id = "default",
             .target = "rego"};

static const struct wr_option table[] = {
    {"bundle", 'b', WR_OPT_FLAG, NULL, "the paths are bundles: keep manifest and signatures",
     &options.bundle},
    {"output", 'o', WR_OPT_TEXT, "FILE", "where the bundle goes (bundle.tar.gz)", &options.output},
    {"revision", 'r', WR_OPT_TEXT, "TEXT", "the manifest's revision", &options.revision},
    {"entrypoint", 'e', WR_OPT_LIST, "a/b", "a rule that must be there", &options.entrypoints},
    {"ignore", 0, WR_OPT_LIST, "PATTERN", "leave out files and folders of this name",
     &options.ignore},
    {"signing-key", 0, WR_OPT_TEXT, "FILE|SECRET", "sign with a private key (PEM) or a secret",
     &options.signing_key},
    {"signing-alg", 0, WR_OPT_TEXT, "RS256", "RS|PS|ES|HS 256|384|512 (RS256)",
     &options.signing_alg},
    {"claims-file", 0, WR_OPT_TEXT, "FILE", "JSON with more claims of the signature",
     &options.claims_file},
    {"verification-key", 0, WR_OPT_TEXT, "FILE|SECRET",
     "the bundles must be signed; with which key (PEM) or secret", &options.verification_key},
    {"verification-key-id", 0, WR_OPT_TEXT, "NAME", "the key's name in signatures (default)",
     &options.verification_key_id},
    {"scope", 0, WR_OPT_TEXT, "TEXT", "the scope that signatures must have", &options.scope},
    {"exclude-files-verify", 0, WR_OPT_LIST, "FILE", "need not be signed", &options.exclude},
    {"target", 't', WR_OPT_TEXT, "rego", "the only one", &options.target},
    {"optimize", 'O', WR_OPT_U64, "0", "partial evaluation is not offered", &options.optimize},
    {"v1-compatible", 0, WR_OPT_FLAG, NULL, "modules are Rego v1", &options.v1},
};

struct build {
    struct wr_arena *arena;
    struct wr_policy_files files;
    struct wr_pack_file *out; /* of the archive */
    size_t n;
    const struct wr_bundle *pack; /* the bundle, when it is a pack; NULL else */
};

static int fail(const char *format, ...) WR_PRINTF(1, 2);
static int fail(const char *format, ...)
{
    char text[WR_LIMIT_ERROR_TEXT * 2];
    struct wr_buf buf = wr_buf_fixed(text, sizeof text - 1);
    va_list args;
    va_start(args, format);
    wr_vformat(&buf, format, args);
    va_end(args);
    fprintf(stderr, "error: %.*s\n", (int)buf.n, buf.p);
    return WR_EXIT_FAILED;
}

static bool add(struct build *b, struct wr_str path, struct wr_str bytes)
{
    if (path.p == NULL || bytes.p == NULL) {
        return false;
    }
    b->out[b->n++] = (struct wr_pack_file){path, bytes};
    return true;
}

/* ── parts ──────────────────────────────────────────────────────────────────────────────────── */
static bool add_data(struct build *b)
{
    struct wr_buf json = wr_buf_in(b->arena, 4096);
    wr_json_write(&json, &b->files.data, WR_JSON_HTML_SAFE);
    wr_buf_char(&json, '\n');
    return !json.overflow && add(b, WR_STR("/data.json"), wr_buf_view(&json));
}

static bool add_modules(struct build *b, struct wr_rego_errors *errors)
{
    for (size_t i = 0; i < b->files.n; i++) {
        const struct wr_rego_source *source = &b->files.sources[i];
        struct wr_buf path = wr_buf_in(b->arena, source->file.n + 2);
        struct wr_str text;
        wr_buf_str(&path,
                   source->file.n > 0 && source->file.p[0] == '/' ? WR_STR("") : WR_STR("/"));
        wr_buf_str(&path, source->file);
        enum wr_rego_style style = options.v1 ? WR_FORMAT_V1 : WR_FORMAT_AS_IT_IS;
        if (wr_rego_format_text(b->arena, source->file, source->text, style, &text, errors) !=
            WR_OK) {
            return false;
        }
        if (!add(b, wr_buf_view(&path), text)) {
            return false;
        }
    }
    return true;
}

/* {"revision":..,"roots":[..],"metadata":..} of the bundles, or of everything. */
static bool add_manifest(struct build *b)
{
    struct wr_buf json = wr_buf_in(b->arena, 512);
    const struct wr_bundle *first = b->files.n_bundles > 0 ? &b->files.bundles[0] : NULL;
    struct wr_str revision = options.revision != NULL ? wr_str_z(options.revision)
                             : first != NULL          ? first->revision
                                                      : WR_STR("");
    bool any = false;
    if (first == NULL && revision.n == 0) {
        return true; /* it would say nothing */
    }
    wr_buf_str(&json, WR_STR("{\"revision\":"));
    wr_json_write_string(&json, revision, WR_JSON_HTML_SAFE);
    wr_buf_str(&json, WR_STR(",\"roots\":["));
    for (size_t i = 0; i < b->files.n_bundles; i++) {
        const struct wr_bundle *bundle = &b->files.bundles[i];
        for (size_t r = 0; r < bundle->n_roots; r++) {
            wr_buf_str(&json, any ? WR_STR(",") : WR_STR(""));
            wr_json_write_string(&json, bundle->roots[r], WR_JSON_HTML_SAFE);
            any = true;
        }
    }
    wr_buf_str(&json, any ? WR_STR("]") : WR_STR("\"\"]"));
    const struct wr_value *metadata = first != NULL && first->manifest.type == WR_OBJECT
                                          ? wr_object_get_str(&first->manifest, WR_STR("metadata"))
                                          : NULL;
    if (metadata != NULL) {
        wr_buf_str(&json, WR_STR(",\"metadata\":"));
        wr_json_write(&json, metadata, WR_JSON_HTML_SAFE);
    }
    wr_buf_str(&json, WR_STR("}\n"));
    return !json.overflow && add(b, WR_STR("/.manifest"), wr_buf_view(&json));
}

/* The pack's files as they are; YAML of ours as JSON; old signatures left behind. */
static wr_err add_pack(struct build *b, struct wr_error *error)
{
    for (size_t i = 0; i < b->pack->n_files; i++) {
        struct wr_pack_file file = b->pack->files[i];
        if (wr_str_eq(file.path, WR_STR(".signatures.json")) ||
            (options.revision != NULL && wr_str_eq(file.path, WR_STR(".manifest")))) {
            continue;
        }
        wr_err code = wr_pack_file_from_yaml(b->arena, &file, error);
        if (code != WR_OK) {
            return code;
        }
        b->out[b->n++] = file;
    }
    return options.revision == NULL || add_manifest(b)
               ? WR_OK
               : wr_fail(error, WR_E_MEMORY, "no room for the manifest");
}

static wr_err add_signature(struct build *b, struct wr_error *error)
{
    struct wr_bundle_signer signer = {
        .key = options.signing_key,
        .algorithm = options.signing_alg,
        .claims_file = options.claims_file,
        .key_id = options.verification_key_id,
    };
    struct wr_pack_file *plain = WR_NEW_ARRAY(b->arena, struct wr_pack_file, b->n);
    struct wr_str text;
    if (plain == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the signature");
    }
    for (size_t i = 0; i < b->n; i++) { /* names in signatures have no leading slash */
        plain[i] = b->out[i];
        if (plain[i].path.p[0] == '/') {
            plain[i].path = wr_str_of(plain[i].path.p + 1, plain[i].path.n - 1);
        }
    }
    wr_err code = wr_bundle_sign(b->arena, plain, b->n, &signer, &text, error);
    if (code == WR_OK) {
        add(b, b->pack != NULL ? WR_STR(".signatures.json") : WR_STR("/.signatures.json"), text);
    }
    return code;
}

/* ── the whole ──────────────────────────────────────────────────────────────────────────────── */
/* Everything must compile, and the entry points must be there. */
static int check(struct build *b)
{
    struct wr_rego_options how = {.v1 = options.v1};
    struct wr_rego_program *program;
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, b->arena);
    if (wr_rego_compile(b->arena, b->files.sources, b->files.n, &b->files.data, &how, &program,
                        &errors) != WR_OK) {
        fputs("error: ", stderr);
        wr_rego_errors_print(b->arena, &errors, false, stderr);
        return WR_EXIT_FAILED;
    }
    for (size_t i = 0; i < options.entrypoints.n; i++) {
        struct wr_str path = wr_str_z(options.entrypoints.items[i]), parts[32];
        size_t n = 0;
        for (size_t at = 0; at <= path.n && n < WR_COUNTOF(parts);) {
            size_t end = WR_MIN(wr_str_find(path, WR_STR("/"), at), path.n);
            parts[n++] = wr_str_of(path.p + at, end - at);
            at = end + 1;
        }
        if (!wr_rego_has_rule(program, parts, n)) {
            return fail("entrypoint %s: no rule stands there", options.entrypoints.items[i]);
        }
    }
    return WR_EXIT_OK;
}

static const struct wr_bundle *find_pack(const struct build *b)
{
    for (size_t i = 0; b->files.n_bundles == 1 && i < b->files.bundles[0].n_files; i++) {
        struct wr_str path = b->files.bundles[0].files[i].path;
        if (wr_str_eq(path, WR_STR("weir.yaml")) || wr_str_eq(path, WR_STR("weir.yml")) ||
            wr_str_eq(path, WR_STR("weir.json"))) {
            return &b->files.bundles[0];
        }
    }
    return NULL;
}

static int write_bundle(struct build *b)
{
    struct wr_rego_errors errors;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    size_t size;
    wr_err code = WR_OK;
    wr_rego_errors_init(&errors, b->arena);
    b->pack = find_pack(b);
    size_t cap = b->files.n + 4 + (b->pack != NULL ? b->pack->n_files : 0);
    b->out = WR_NEW_ARRAY(b->arena, struct wr_pack_file, cap);
    if (b->out == NULL) {
        return fail("no room for the bundle");
    }
    if (b->pack != NULL) {
        code = add_pack(b, &error);
    } else if (!add_data(b) || !add_modules(b, &errors) || !add_manifest(b)) {
        code = errors.n > 0 ? wr_rego_errors_to_error(&errors, &error)
                            : wr_fail(&error, WR_E_MEMORY, "no room for the bundle");
    }
    if (code == WR_OK && options.signing_key != NULL) {
        code = add_signature(b, &error);
    }
    code = code == WR_OK ? wr_archive_write(b->arena, options.output, b->out, b->n, &size, &error)
                         : code;
    return code == WR_OK ? WR_EXIT_OK : fail("%s", error.text);
}

/* As in OPA the bundle holds policy and data alone: who meant the pack hears of it. */
static void warn_of_pack(const char *folder)
{
    static const char *const names[] = {"weir.yaml", "weir.yml", "weir.json"};
    char path[4096];
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        int n = snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (n > 0 && (size_t)n < sizeof path && wr_file_exists(path)) {
            fprintf(stderr,
                    "note: %s holds policy and data of the pack alone; --bundle keeps all\n",
                    options.output);
            return;
        }
    }
}

static int build(struct wr_arena *arena, int argc, char **argv)
{
    struct build b = {.arena = arena};
    struct wr_bundle_verifier verifier = {
        .key = options.verification_key,
        .key_id = options.verification_key_id,
        .algorithm = options.signing_alg,
        .scope = options.scope,
        .exclude = &options.exclude,
    };
    struct wr_policy_paths paths = {
        .ignore = &options.ignore,
        .v1 = options.v1,
        .verifier = options.verification_key != NULL ? &verifier : NULL,
    };
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, arena);
    wr_policy_paths_take(&paths, argc, argv, options.bundle);
    if (!wr_policy_load(&b.files, arena, &paths, &errors)) {
        struct wr_str why = errors.items[0].message;
        if (wr_str_starts(why, WR_STR("loading error: "))) {
            why = wr_str_of(why.p + 15, why.n - 15);
        }
        return fail("load error: %.*s", WR_FMT(why));
    }
    int exit_code = check(&b);
    exit_code = exit_code == WR_EXIT_OK ? write_bundle(&b) : exit_code;
    for (int i = 0; i < argc && exit_code == WR_EXIT_OK && !options.bundle; i++) {
        warn_of_pack(argv[i]);
    }
    return exit_code;
}

static int run(int argc, char **argv)
{
    bool signs = options.signing_key != NULL || options.verification_key != NULL;
    if (argc == 0) {
        wr_complain("wants files or folders");
        return WR_EXIT_USAGE;
    }
    if (strcmp(options.target, "rego") != 0 || options.optimize != 0) {
        wr_complain(options.optimize != 0
                        ? "--optimize is not offered: there is no partial evaluation"
                        : "--target is not offered but for rego");
        return WR_EXIT_USAGE;
    }
    if (options.signing_key == NULL && options.claims_file != NULL) {
        wr_complain("--claims-file wants --signing-key");
        return WR_EXIT_USAGE;
    }
    if (signs && !options.bundle) {
        return fail("enable bundle mode (ie. --bundle) to verify or sign bundle files or "
                    "directories");
    }
    struct wr_arena arena;
    wr_arena_init(&arena, &wr_heap, WR_GIB(4));
    int exit_code = build(&arena, argc, argv);
    wr_arena_deinit(&arena);
    return exit_code;
}

const struct wr_command wr_command_build = {
    "build",
    "Makes one OPA bundle of policies and data, signed if wanted",
    "[OPTIONS] PATH...",
    "Modules are formatted and data merged, as opa build does it. With --bundle a pack keeps all\n"
    "of its files, with weir.yaml as weir.json: the archive is a pack and a bundle.\n\n"
    "examples:\n"
    "  weir build -o policy.tar.gz -r 2026-11 policy.rego data.json\n"
    "  weir build --bundle packs/cards -o cards.tar.gz\n"
    "  weir build --bundle packs/cards --signing-alg HS256 --signing-key secret -o signed.tar.gz\n"
    "  weir build --bundle signed.tar.gz --signing-alg HS256 --verification-key secret -o "
    "again.tar.gz\n",
    table,
    WR_COUNTOF(table),
    run,
};
