/* SPDX-License-Identifier: Apache-2.0 */
#include "app/bundle_sign.h"
#include "app/file.h"
#include "app/yaml_file.h"
#include "rego/digest.h"
#include "rego/name_map.h"
#include "shell/crypto.h"
#include "value/json_read.h"
#include "value/json_write.h"

#define SIGNATURES_FILE ".signatures.json"
#define KEY_SIZE_MAX    (64u * 1024)

/* ── algorithms ─────────────────────────────────────────────────────────────────────────────── */
static const struct {
    const char *name;
    int alg; /* enum wr_crypto_alg, or -1: HMAC */
    enum wr_digest digest;
} algorithms[] = {
    {"HS256", -1, WR_SHA256},
    {"HS384", -1, WR_SHA384},
    {"HS512", -1, WR_SHA512},
    {"RS256", WR_CRYPTO_RS256, WR_SHA256},
    {"RS384", WR_CRYPTO_RS384, WR_SHA384},
    {"RS512", WR_CRYPTO_RS512, WR_SHA512},
    {"PS256", WR_CRYPTO_PS256, WR_SHA256},
    {"PS384", WR_CRYPTO_PS384, WR_SHA384},
    {"PS512", WR_CRYPTO_PS512, WR_SHA512},
    {"ES256", WR_CRYPTO_ES256, WR_SHA256},
    {"ES384", WR_CRYPTO_ES384, WR_SHA384},
    {"ES512", WR_CRYPTO_ES512, WR_SHA512},
};

static wr_err find_algorithm(const char *name, size_t *out, struct wr_error *error)
{
    for (*out = 0; *out < WR_COUNTOF(algorithms); (*out)++) {
        if (strcmp(algorithms[*out].name, name) == 0) {
            return WR_OK;
        }
    }
    return wr_fail(error, WR_E_USAGE, "unknown signature algorithm: %s", name);
}

static const struct {
    const char *name;
    enum wr_digest digest;
} hashes[] = {
    {"MD5", WR_MD5},
    {"SHA-1", WR_SHA1},
    {"SHA-224", WR_SHA224},
    {"SHA-256", WR_SHA256},
    {"SHA-384", WR_SHA384},
    {"SHA-512", WR_SHA512},
    {"SHA-512-224", WR_SHA512_224},
    {"SHA-512-256", WR_SHA512_256},
};

/* A PEM file, or the text itself when there is no such file, as OPA reads keys. */
static wr_err read_key(struct wr_arena *arena, const char *key, struct wr_str *out,
                       struct wr_error *error)
{
    if (wr_file_exists(key)) {
        return wr_file_read(arena, key, KEY_SIZE_MAX, out, error);
    }
    *out = wr_str_z(key);
    return WR_OK;
}

/* ── base64url (RFC 4648 section 5, no padding) ─────────────────────────────────────────────── */
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct wr_buf *out, struct wr_str s)
{
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t v = (uint32_t)(uint8_t)s.p[i] << 16;
        v |= i + 1 < s.n ? (uint32_t)(uint8_t)s.p[i + 1] << 8 : 0;
        v |= i + 2 < s.n ? (uint32_t)(uint8_t)s.p[i + 2] : 0;
        wr_buf_char(out, digits[v >> 18]);
        wr_buf_char(out, digits[v >> 12 & 63]);
        if (i + 1 < s.n) {
            wr_buf_char(out, digits[v >> 6 & 63]);
        }
        if (i + 2 < s.n) {
            wr_buf_char(out, digits[v & 63]);
        }
    }
}

static bool decode(struct wr_arena *arena, struct wr_str s, struct wr_str *out)
{
    char *room = wr_arena_alloc(arena, s.n + 1, 1);
    uint32_t bits = 0, v = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n && room != NULL; i++) {
        const char *at = s.p[i] != '\0' ? strchr(digits, s.p[i]) : NULL;
        if (at == NULL) {
            return false;
        }
        v = v << 6 | (uint32_t)(at - digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            room[n++] = (char)(v >> bits);
            v &= (1u << bits) - 1;
        }
    }
    *out = wr_str_of(room, n);
    return room != NULL && s.n % 4 != 1 && v == 0;
}

/* ── hashes of files ────────────────────────────────────────────────────────────────────────── */
static bool is_structured(struct wr_str path)
{
    struct wr_str name = wr_base_name(path);
    return wr_str_eq(name, WR_STR("data.json")) || wr_str_eq(name, WR_STR("data.yaml")) ||
           wr_str_eq(name, WR_STR("signatures.json")) || wr_str_eq(name, WR_STR(".manifest"));
}

/* The canonical text: keys in byte order (as the writer has them), compact. */
static wr_err hashed_text(struct wr_arena *arena, const struct wr_pack_file *file,
                          struct wr_str *out, struct wr_error *error)
{
    struct wr_value v;
    *out = file->bytes;
    if (!is_structured(file->path)) {
        return WR_OK;
    }
    bool yaml = wr_str_ends(file->path, WR_STR(".yaml"));
    wr_err code = yaml ? wr_yaml_read_either(arena, file->bytes, &v, error)
                       : wr_json_read(arena, file->bytes, true, &wr_json_as_opa, &v, error);
    if (code != WR_OK) {
        wr_error_where(error, file->path.p, file->path.n);
        return code;
    }
    struct wr_buf text = wr_buf_in(arena, file->bytes.n + 64);
    wr_json_write(&text, &v, WR_JSON_COMPACT);
    *out = wr_buf_view(&text);
    return text.overflow ? wr_fail(error, WR_E_MEMORY, "no room to hash a file") : WR_OK;
}

/* ── verifying ──────────────────────────────────────────────────────────────────────────────── */
struct token {
    struct wr_str head, payload, signature; /* as they stand in the token */
    struct wr_value header, claims;
};

static bool read_part(struct wr_arena *arena, struct wr_str part, struct wr_value *out)
{
    struct wr_str text;
    return decode(arena, part, &text) &&
           wr_json_read(arena, text, true, NULL, out, NULL) == WR_OK && out->type == WR_OBJECT;
}

static wr_err split(struct wr_arena *arena, struct wr_str text, struct token *t,
                    struct wr_error *error)
{
    size_t first = wr_str_find(text, WR_STR("."), 0);
    size_t second = first == SIZE_MAX ? SIZE_MAX : wr_str_find(text, WR_STR("."), first + 1);
    if (second == SIZE_MAX || wr_str_find(text, WR_STR("."), second + 1) != SIZE_MAX) {
        return wr_fail(error, WR_E_PACK, "failed to split compact serialization");
    }
    t->head = wr_str_of(text.p, first);
    t->payload = wr_str_of(text.p + first + 1, second - first - 1);
    t->signature = wr_str_of(text.p + second + 1, text.n - second - 1);
    return read_part(arena, t->head, &t->header) && read_part(arena, t->payload, &t->claims)
               ? WR_OK
               : wr_fail(error, WR_E_PACK, ".signatures.json: the token is malformed");
}

static bool equal_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint8_t difference = 0;
    for (size_t i = 0; i < n; i++) {
        difference |= a[i] ^ b[i];
    }
    return difference == 0;
}

/* By the algorithm that the caller wants; the token's header has no say. */
static wr_err check_token(struct wr_arena *arena, struct wr_str text, const struct token *t,
                          const struct wr_bundle_verifier *verifier, struct wr_error *error)
{
    struct wr_str key, signature, message = wr_str_of(text.p, t->head.n + 1 + t->payload.n);
    size_t at;
    bool valid = false;
    wr_err code = find_algorithm(verifier->algorithm, &at, error);
    code = code == WR_OK ? read_key(arena, verifier->key, &key, error) : code;
    if (code != WR_OK) {
        return code;
    }
    if (!decode(arena, t->signature, &signature)) {
        return wr_fail(error, WR_E_PACK, "failed to decode signature");
    }
    if (algorithms[at].alg < 0) {
        uint8_t mac[WR_DIGEST_SIZE_MAX];
        size_t n = wr_digest_size(algorithms[at].digest);
        wr_hmac_of(algorithms[at].digest, key, message, mac);
        valid = signature.n == n && equal_bytes(mac, (const uint8_t *)signature.p, n);
    } else {
        const struct wr_crypto_table *crypto = wr_crypto_table();
        struct wr_crypto_key public = {.kind = WR_CRYPTO_KEY_PEM, .text = key};
        code = crypto->verify(crypto->context, (enum wr_crypto_alg)algorithms[at].alg, &public,
                              message, signature, &valid, error);
    }
    if (code == WR_OK && !valid) {
        code = wr_fail(error, WR_E_PACK, "failed to verify message: the signature does not fit");
    }
    return code;
}

static struct wr_str member(const struct wr_value *object, const char *name)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(name));
    return v != NULL && v->type == WR_STRING ? wr_text(*v) : WR_STR("");
}

static wr_err check_file(struct wr_arena *arena, const struct wr_pack_file *file,
                         const struct wr_value *entry, struct wr_error *error)
{
    struct wr_str algorithm = member(entry, "algorithm"), want = member(entry, "hash"), text;
    uint8_t digest[WR_DIGEST_SIZE_MAX];
    if (algorithm.n == 0) {
        return wr_fail(error, WR_E_PACK, "no hashing algorithm provided for file %.*s",
                       WR_FMT(file->path));
    }
    size_t at = 0;
    while (at < WR_COUNTOF(hashes) && !wr_str_eq(algorithm, wr_str_z(hashes[at].name))) {
        at++;
    }
    if (at == WR_COUNTOF(hashes)) {
        return wr_fail(error, WR_E_PACK, "unsupported hashing algorithm: %.*s", WR_FMT(algorithm));
    }
    wr_err code = hashed_text(arena, file, &text, error);
    if (code != WR_OK) {
        return code;
    }
    struct wr_buf hex = wr_buf_in(arena, 2 * WR_DIGEST_SIZE_MAX);
    wr_digest_of(hashes[at].digest, text, digest);
    wr_buf_hex(&hex, digest, wr_digest_size(hashes[at].digest));
    bool same = want.n == hex.n;
    for (size_t i = 0; i < hex.n && same; i++) {
        char c = want.p[i];
        same = (c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c) == hex.p[i];
    }
    return same ? WR_OK
                : wr_fail(error, WR_E_PACK, "%.*s: digest mismatch (want: %.*s, got: %.*s)",
                          WR_FMT(file->path), WR_FMT(want), (int)hex.n, hex.p);
}

static bool is_excluded(const struct wr_option_list *exclude, struct wr_str path)
{
    for (size_t i = 0; exclude != NULL && i < exclude->n; i++) {
        struct wr_str name = wr_str_z(exclude->items[i]);
        name = name.n > 0 && name.p[0] == '/' ? wr_str_of(name.p + 1, name.n - 1) : name;
        if (wr_str_eq(name, path)) {
            return true;
        }
    }
    return false;
}

/* The path that an entry of the signature names; "" when it names none. */
static struct wr_str signed_path(const struct wr_value *entry)
{
    struct wr_str name = entry->type == WR_OBJECT ? member(entry, "name") : WR_STR("");
    return name.n > 0 && name.p[0] == '/' ? wr_str_of(name.p + 1, name.n - 1) : name;
}

/* Every signed file is there. */
static wr_err find_files(struct wr_arena *arena, const struct wr_bundle *bundle,
                         const struct wr_value *list, struct wr_error *error)
{
    struct wr_name_map files = {0};
    bool room = true;
    for (size_t i = 0; i < bundle->n_files && room; i++) {
        room = wr_name_map_put(&files, arena, bundle->files[i].path, 1);
    }
    for (uint32_t i = 0; i < list->n && room; i++) {
        const struct wr_value *entry = &list->items[i];
        if (wr_name_map_get(&files, signed_path(entry)) == NULL) {
            return wr_fail(error, WR_E_PACK,
                           "file(s) [%.*s] specified in bundle signatures but not found in the "
                           "target bundle",
                           WR_FMT(entry->type == WR_OBJECT ? member(entry, "name") : WR_STR("")));
        }
    }
    return room ? WR_OK : wr_fail(error, WR_E_MEMORY, "no room for the names of files");
}

/* Every file is signed as it is, and every signed file is there. */
static wr_err check_files(struct wr_arena *arena, const struct wr_bundle *bundle,
                          const struct token *t, const struct wr_option_list *exclude,
                          struct wr_error *error)
{
    static const struct wr_value none = {.type = WR_ARRAY};
    const struct wr_value *list = wr_object_get_str(&t->claims, WR_STR("files"));
    struct wr_name_map entries = {0};
    list = list != NULL && list->type == WR_ARRAY ? list : &none;
    for (uint32_t i = list->n; i-- > 0;) { /* of equal names the first counts */
        if (!wr_name_map_put(&entries, arena, signed_path(&list->items[i]), i)) {
            return wr_fail(error, WR_E_MEMORY, "no room for the names of files");
        }
    }
    for (size_t i = 0; i < bundle->n_files; i++) {
        const struct wr_pack_file *file = &bundle->files[i];
        if (wr_str_eq(file->path, WR_STR(SIGNATURES_FILE)) || is_excluded(exclude, file->path)) {
            continue;
        }
        const uint32_t *at = wr_name_map_get(&entries, file->path);
        wr_err code = at != NULL
                          ? check_file(arena, file, &list->items[*at], error)
                          : wr_fail(error, WR_E_PACK, "file %.*s not included in bundle signature",
                                    WR_FMT(file->path));
        if (code != WR_OK) {
            return code;
        }
    }
    return find_files(arena, bundle, list, error);
}

/* The one token of the file; text.p NULL when the bundle has no such file or an empty one. */
static wr_err read_signatures(struct wr_arena *arena, const struct wr_bundle *bundle,
                              struct wr_str *token, struct wr_error *error)
{
    struct wr_value v = wr_undefined();
    *token = (struct wr_str){0};
    for (size_t i = 0; i < bundle->n_files; i++) {
        if (wr_str_eq(bundle->files[i].path, WR_STR(SIGNATURES_FILE)) &&
            (wr_json_read(arena, bundle->files[i].bytes, true, NULL, &v, error) != WR_OK ||
             v.type != WR_OBJECT)) {
            return wr_fail(error, WR_E_PACK, "bundle load failed on signatures decode");
        }
    }
    const struct wr_value *list =
        v.type == WR_OBJECT ? wr_object_get_str(&v, WR_STR("signatures")) : NULL;
    if (list == NULL || list->type != WR_ARRAY || list->n == 0) {
        return WR_OK;
    }
    if (list->n > 1) {
        return wr_fail(error, WR_E_PACK,
                       SIGNATURES_FILE ": multiple JWTs not supported (expected "
                                       "exactly one)");
    }
    if (list->items[0].type != WR_STRING) {
        return wr_fail(error, WR_E_PACK, "bundle load failed on signatures decode");
    }
    *token = wr_text(list->items[0]);
    return WR_OK;
}

static wr_err verify(struct wr_arena *arena, const struct wr_bundle *bundle,
                     const struct wr_bundle_verifier *verifier, struct wr_error *error)
{
    struct wr_str text;
    struct token t;
    wr_err code = read_signatures(arena, bundle, &text, error);
    if (code != WR_OK) {
        return code;
    }
    if (verifier == NULL) {
        return text.p == NULL ? WR_OK : wr_fail(error, WR_E_PACK, "verification key not provided");
    }
    if (text.p == NULL) {
        return wr_fail(error, WR_E_PACK, "bundle missing .signatures.json file");
    }
    code = split(arena, text, &t, error);
    code = code == WR_OK ? check_token(arena, text, &t, verifier, error) : code;
    if (code == WR_OK && !wr_str_eq(member(&t.claims, "scope"),
                                    wr_str_z(verifier->scope != NULL ? verifier->scope : ""))) {
        code = wr_fail(error, WR_E_PACK, "scope mismatch");
    }
    return code == WR_OK ? check_files(arena, bundle, &t, verifier->exclude, error) : code;
}

wr_err wr_bundle_verify(struct wr_arena *arena, const struct wr_bundle *bundle,
                        const struct wr_bundle_verifier *verifier, struct wr_error *error)
{
    struct wr_error cause = {.offset = WR_NO_OFFSET};
    wr_err code = verify(arena, bundle, verifier, &cause);
    return code == WR_OK ? WR_OK : wr_fail(error, code, "bundle %s: %s", bundle->path, cause.text);
}

/* ── signing ────────────────────────────────────────────────────────────────────────────────── */
static wr_err write_files(struct wr_arena *arena, const struct wr_pack_file *files, size_t n,
                          struct wr_buf *json, struct wr_error *error)
{
    bool any = false;
    wr_buf_str(json, WR_STR("["));
    for (size_t i = 0; i < n; i++) {
        struct wr_str text;
        uint8_t digest[32];
        if (wr_str_eq(files[i].path, WR_STR(SIGNATURES_FILE))) {
            continue;
        }
        wr_err code = hashed_text(arena, &files[i], &text, error);
        if (code != WR_OK) {
            return code;
        }
        wr_digest_of(WR_SHA256, text, digest);
        wr_buf_str(json, any ? WR_STR(",{\"name\":") : WR_STR("{\"name\":"));
        wr_json_write_string(json, files[i].path, WR_JSON_COMPACT);
        wr_buf_str(json, WR_STR(",\"hash\":\""));
        wr_buf_hex(json, digest, sizeof digest);
        wr_buf_str(json, WR_STR("\",\"algorithm\":\"SHA-256\"}"));
        any = true;
    }
    wr_buf_str(json, WR_STR("]"));
    return WR_OK;
}

/* The claims of the file, or the key's id. */
static wr_err write_claims(struct wr_arena *arena, const struct wr_bundle_signer *signer,
                           struct wr_buf *json, struct wr_error *error)
{
    struct wr_str text;
    struct wr_value v;
    if (signer->claims_file == NULL) {
        if (signer->key_id != NULL && signer->key_id[0] != '\0') {
            wr_buf_str(json, WR_STR(",\"keyid\":"));
            wr_json_write_string(json, wr_str_z(signer->key_id), WR_JSON_COMPACT);
        }
        return WR_OK;
    }
    wr_err code = wr_file_read(arena, signer->claims_file, KEY_SIZE_MAX, &text, error);
    code = code == WR_OK ? wr_json_read(arena, text, true, NULL, &v, error) : code;
    if (code != WR_OK || v.type != WR_OBJECT) {
        return wr_fail(error, WR_E_USAGE, "%s: the claims are no JSON object", signer->claims_file);
    }
    for (uint32_t i = 0; i < v.n; i++) {
        wr_buf_char(json, ',');
        wr_json_write_string(json, wr_text(v.pairs[i].key), WR_JSON_COMPACT);
        wr_buf_char(json, ':');
        wr_json_write(json, &v.pairs[i].value, WR_JSON_COMPACT);
    }
    return WR_OK;
}

static wr_err sign_text(struct wr_arena *arena, const struct wr_bundle_signer *signer,
                        struct wr_str message, struct wr_str *out, struct wr_error *error)
{
    struct wr_str key;
    size_t at;
    wr_err code = find_algorithm(signer->algorithm, &at, error);
    code = code == WR_OK ? read_key(arena, signer->key, &key, error) : code;
    if (code != WR_OK) {
        return code;
    }
    if (algorithms[at].alg < 0) {
        uint8_t *mac = wr_arena_alloc(arena, WR_DIGEST_SIZE_MAX, 1);
        if (mac == NULL) {
            return wr_fail(error, WR_E_MEMORY, "no room for the signature");
        }
        wr_hmac_of(algorithms[at].digest, key, message, mac);
        *out = wr_str_of((const char *)mac, wr_digest_size(algorithms[at].digest));
        return WR_OK;
    }
    const struct wr_crypto_table *crypto = wr_crypto_table();
    struct wr_crypto_key private = {.kind = WR_CRYPTO_KEY_PEM, .text = key};
    return crypto->sign(crypto->context, arena, (enum wr_crypto_alg)algorithms[at].alg, &private,
                        message, out, error);
}

wr_err wr_bundle_sign(struct wr_arena *arena, const struct wr_pack_file *files, size_t n,
                      const struct wr_bundle_signer *signer, struct wr_str *out,
                      struct wr_error *error)
{
    struct wr_buf header = wr_buf_in(arena, 128), payload = wr_buf_in(arena, 4096);
    struct wr_buf token = wr_buf_in(arena, 8192), json = wr_buf_in(arena, 8192);
    struct wr_str signature;
    wr_format(&header, "{\"alg\":\"%s\"", signer->algorithm);
    if (signer->claims_file == NULL && signer->key_id != NULL && signer->key_id[0] != '\0') {
        wr_buf_str(&header, WR_STR(",\"kid\":"));
        wr_json_write_string(&header, wr_str_z(signer->key_id), WR_JSON_COMPACT);
    }
    wr_buf_char(&header, '}');
    wr_buf_str(&payload, WR_STR("{\"files\":"));
    wr_err code = write_files(arena, files, n, &payload, error);
    code = code == WR_OK ? write_claims(arena, signer, &payload, error) : code;
    if (code != WR_OK) {
        return code;
    }
    wr_buf_char(&payload, '}');
    encode(&token, wr_buf_view(&header));
    wr_buf_char(&token, '.');
    encode(&token, wr_buf_view(&payload));
    code = sign_text(arena, signer, wr_buf_view(&token), &signature, error);
    if (code != WR_OK) {
        return code;
    }
    wr_buf_char(&token, '.');
    encode(&token, signature);
    wr_buf_str(&json, WR_STR("{\"signatures\":[\""));
    wr_buf_str(&json, wr_buf_view(&token));
    wr_buf_str(&json, WR_STR("\"]}"));
    *out = wr_buf_view(&json);
    return json.overflow ? wr_fail(error, WR_E_MEMORY, "no room for the signature") : WR_OK;
}
