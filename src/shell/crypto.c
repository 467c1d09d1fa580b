/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/crypto.h"
#include "rego/builtin_family.h"
#include "shell/certificate.h"
#include "shell/go_value.h"
#include "shell/pem.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>

/* First use: no configuration file, no handlers at exit (threads may still run then). */
static void begin(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
}

static wr_err refuse(struct wr_error *error, const char *text)
{
    return wr_fail(error, WR_E_EVAL_BUILTIN, "%s", text);
}

/* ── signatures ─────────────────────────────────────────────────────────────────────────────── */

static const struct algorithm {
    int key; /* EVP_PKEY_... */
    const EVP_MD *(*digest)(void);
    bool pss;
} algorithms[] = {
    [WR_CRYPTO_RS256] = {EVP_PKEY_RSA, EVP_sha256, false},
    [WR_CRYPTO_RS384] = {EVP_PKEY_RSA, EVP_sha384, false},
    [WR_CRYPTO_RS512] = {EVP_PKEY_RSA, EVP_sha512, false},
    [WR_CRYPTO_PS256] = {EVP_PKEY_RSA, EVP_sha256, true},
    [WR_CRYPTO_PS384] = {EVP_PKEY_RSA, EVP_sha384, true},
    [WR_CRYPTO_PS512] = {EVP_PKEY_RSA, EVP_sha512, true},
    [WR_CRYPTO_ES256] = {EVP_PKEY_EC, EVP_sha256, false},
    [WR_CRYPTO_ES384] = {EVP_PKEY_EC, EVP_sha384, false},
    [WR_CRYPTO_ES512] = {EVP_PKEY_EC, EVP_sha512, false},
    [WR_CRYPTO_EDDSA] = {EVP_PKEY_ED25519, NULL, false},
};

/* The one block of a text with a certificate or a public key. *algorithm tells what it holds. */
static wr_err pem_key(struct wr_arena *arena, struct wr_str text, enum wr_key_algorithm *algorithm,
                      struct wr_crypto_key *key, struct wr_error *error)
{
    struct wr_pem block;
    const char *fault;
    if (!wr_pem_next(arena, &text, &block)) {
        return refuse(error, "failed to parse a JWK key (set): it is neither PEM nor JSON");
    }
    if (text.n > 0) {
        return refuse(error, "extra data after a PEM certificate block");
    }
    struct wr_der der = wr_der_of(block.bytes);
    if (wr_str_eq(block.type, WR_STR("CERTIFICATE"))) {
        struct wr_certificate certificate;
        if (!wr_certificate_read(arena, &der, &certificate, &fault) || der.n != 0) {
            return wr_fail(error, WR_E_EVAL_BUILTIN, "failed to parse a PEM certificate: %s",
                           der.n != 0 ? "x509: trailing data" : fault);
        }
        *algorithm = certificate.algorithm;
        *key = certificate.key;
        return WR_OK;
    }
    if (!wr_str_eq(block.type, WR_STR("PUBLIC KEY"))) {
        return refuse(error, "failed to extract a Key from the PEM certificate");
    }
    if (!wr_key_public(der, algorithm, key, &fault)) {
        return wr_fail(error, WR_E_EVAL_BUILTIN, "failed to parse a PEM public key: %s", fault);
    }
    if (*algorithm == WR_KEY_UNKNOWN) {
        return refuse(error,
                      "failed to parse a PEM public key: x509: unknown public key algorithm");
    }
    return WR_OK;
}

/* A JWS signature of ECDSA is r and s side by side; OpenSSL wants DER. */
static bool ecdsa_der(struct wr_str signature, uint8_t **der, int *n)
{
    int half = (int)(signature.n / 2);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn((const uint8_t *)signature.p, half, NULL);
    BIGNUM *s = BN_bin2bn((const uint8_t *)signature.p + half, (int)signature.n - half, NULL);
    *der = NULL;
    *n = -1;
    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* the signature's own now */
        *n = i2d_ECDSA_SIG(sig, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return *n > 0;
}

static bool set_padding(const struct algorithm *a, EVP_PKEY_CTX *ctx, int salt)
{
    return !a->pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) == 1);
}

static bool check(const struct algorithm *a, EVP_PKEY *pkey, struct wr_str message,
                  struct wr_str signature)
{
    EVP_PKEY_CTX *pctx = NULL; /* of ctx */
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t *der = NULL;
    int n = 0;
    const uint8_t *bytes = (const uint8_t *)signature.p;
    size_t size = signature.n;
    bool ok = ctx != NULL && EVP_PKEY_get_base_id(pkey) == a->key;
    if (ok && a->key == EVP_PKEY_EC) {
        ok = size <= 256 && ecdsa_der(signature, &der, &n);
        bytes = der;
        size = (size_t)n;
    }
    ok =
        ok &&
        EVP_DigestVerifyInit(ctx, &pctx, a->digest == NULL ? NULL : a->digest(), NULL, pkey) == 1 &&
        set_padding(a, pctx, RSA_PSS_SALTLEN_AUTO) &&
        EVP_DigestVerify(ctx, bytes, size, (const uint8_t *)message.p, message.n) == 1;
    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    return ok;
}

static void *take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void give(void *context, void *block, size_t size)
{
    (void)context, (void)size;
    free(block);
}

/* What a PEM text holds is needed for one call only. */
static const struct wr_memory heap = {take, give, NULL};

static wr_err verify(void *context, enum wr_crypto_alg alg, const struct wr_crypto_key *key,
                     struct wr_str message, struct wr_str signature, bool *valid,
                     struct wr_error *error)
{
    struct wr_arena arena;
    struct wr_crypto_key parsed = *key;
    enum wr_key_algorithm algorithm = WR_KEY_RSA; /* anything that can be opened */
    const char *fault;
    wr_err err = WR_OK;
    (void)context;
    *valid = false;
    begin();
    wr_arena_init(&arena, &heap, 64 * key->text.n + (1u << 20));
    if (key->kind == WR_CRYPTO_KEY_PEM) {
        err = pem_key(&arena, key->text, &algorithm, &parsed, error);
    }
    if (err == WR_OK && algorithm != WR_KEY_UNKNOWN && algorithm != WR_KEY_DSA) {
        EVP_PKEY *pkey = wr_key_open(&parsed, false, &fault);
        if (pkey != NULL) {
            *valid = check(&algorithms[alg], pkey, message, signature);
        } else {
            err = refuse(error, fault);
        }
        EVP_PKEY_free(pkey);
    }
    ERR_clear_error();
    wr_arena_deinit(&arena);
    return err;
}

/* r and s of DER, each as long as the group's order. */
static bool ecdsa_raw(EVP_PKEY *pkey, const uint8_t *der, size_t n, uint8_t *raw, size_t *size)
{
    const uint8_t *at = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)n);
    int half = (EVP_PKEY_get_bits(pkey) + 7) / 8;
    bool ok = sig != NULL && half * 2 <= 132 &&
              BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, half) == half &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, half) == half;
    ECDSA_SIG_free(sig);
    *size = (size_t)half * 2;
    return ok;
}

static bool make(const struct algorithm *a, EVP_PKEY *pkey, struct wr_str message, uint8_t *out,
                 size_t *size)
{
    EVP_PKEY_CTX *pctx = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok =
        ctx != NULL &&
        EVP_DigestSignInit(ctx, &pctx, a->digest == NULL ? NULL : a->digest(), NULL, pkey) == 1 &&
        set_padding(a, pctx, RSA_PSS_SALTLEN_DIGEST) &&
        EVP_DigestSign(ctx, out, size, (const uint8_t *)message.p, message.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool private_form(struct wr_str type, enum wr_key_form *form)
{
    static const char *const types[] = {
        [WR_KEY_PKCS1] = "RSA PRIVATE KEY",
        [WR_KEY_PKCS8] = "PRIVATE KEY",
        [WR_KEY_SEC1] = "EC PRIVATE KEY",
    };
    for (size_t i = 0; i < WR_COUNTOF(types); i++) {
        if (wr_str_eq(type, wr_str_z(types[i]))) {
            *form = (enum wr_key_form)i;
            return true;
        }
    }
    return false;
}

/* The first private key of a PEM text; other blocks (EC PARAMETERS) are passed over. */
static wr_err pem_private(struct wr_arena *arena, struct wr_str text, struct wr_crypto_key *key,
                          struct wr_error *error)
{
    struct wr_pem block;
    enum wr_key_form form;
    const char *fault;
    while (wr_pem_next(arena, &text, &block)) {
        if (private_form(block.type, &form)) {
            return wr_key_private(arena, form, block.bytes, key, &fault) ? WR_OK
                                                                         : refuse(error, fault);
        }
    }
    return refuse(error, "there is no private key in the PEM text");
}

static wr_err sign(void *context, struct wr_arena *arena, enum wr_crypto_alg alg,
                   const struct wr_crypto_key *key, struct wr_str message, struct wr_str *signature,
                   struct wr_error *error)
{
    const struct algorithm *a = &algorithms[alg];
    uint8_t raw[132];
    const char *fault = "the key is not of the kind that the algorithm needs";
    struct wr_crypto_key parsed = *key;
    (void)context;
    begin();
    if (key->kind == WR_CRYPTO_KEY_PEM) {
        WR_TRY(pem_private(arena, key->text, &parsed, error));
    }
    EVP_PKEY *pkey = wr_key_open(&parsed, true, &fault);
    size_t size = pkey == NULL ? 0 : (size_t)EVP_PKEY_get_size(pkey);
    uint8_t *out = wr_arena_alloc(arena, size + 1, 1);
    wr_err err = out == NULL ? wr_fail(error, WR_E_MEMORY, "no memory") : WR_OK;
    if (err == WR_OK && (pkey == NULL || EVP_PKEY_get_base_id(pkey) != a->key)) {
        err = refuse(error, fault);
    }
    if (err == WR_OK && !make(a, pkey, message, out, &size)) {
        err = refuse(error, "the key cannot sign");
    }
    if (err == WR_OK && a->key == EVP_PKEY_EC) {
        if (ecdsa_raw(pkey, out, size, raw, &size) && size <= (size_t)EVP_PKEY_get_size(pkey)) {
            memcpy(out, raw, size);
        } else {
            err = refuse(error, "the key cannot sign");
        }
    }
    *signature = wr_str_of((const char *)out, size);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return err;
}

/* ── X.509 ──────────────────────────────────────────────────────────────────────────────────── */

static bool is_pem(struct wr_str s)
{
    return wr_str_starts(s, WR_STR("-----BEGIN"));
}

static wr_err from_base64(struct wr_arena *arena, struct wr_str text, struct wr_str *bytes,
                          struct wr_error *error)
{
    struct wr_buf buf = wr_buf_in(arena, text.n + 8);
    size_t bad;
    if (!wr_base64_read(&buf, text, false, true, &bad)) {
        return wr_fail(error, WR_E_EVAL_BUILTIN, "illegal base64 data at input byte %zu", bad);
    }
    *bytes = wr_buf_view(&buf);
    return WR_OK;
}

/* All bytes of PEM blocks of certificates, one after the other. */
static wr_err join_certificates(struct wr_arena *arena, struct wr_str *text, struct wr_error *error)
{
    struct wr_pem block;
    struct wr_buf all = wr_buf_in(arena, text->n + 1);
    while (wr_pem_next(arena, text, &block)) {
        if (!wr_str_eq(block.type, WR_STR("CERTIFICATE"))) {
            return wr_fail(error, WR_E_EVAL_BUILTIN,
                           "PEM block type is '%.*s', expected CERTIFICATE",
                           (int)WR_MIN(block.type.n, 100u), block.type.p);
        }
        wr_buf_str(&all, block.bytes);
    }
    *text = wr_buf_view(&all);
    return WR_OK;
}

struct certificates {
    struct wr_certificate *items;
    size_t n, cap;
};

static bool add_certificate(struct wr_arena *arena, struct certificates *list,
                            const struct wr_certificate *certificate)
{
    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? 4 : list->cap * 2;
        struct wr_certificate *items = WR_NEW_ARRAY(arena, struct wr_certificate, cap);
        if (items == NULL) {
            return false;
        }
        if (list->n > 0) {
            memcpy(items, list->items, list->n * sizeof *items);
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->n++] = *certificate;
    return true;
}

/* PEM, base64 of PEM, or base64 of DER. */
static wr_err read_certificates(struct wr_arena *arena, struct wr_str text,
                                struct certificates *list, struct wr_error *error)
{
    if (!is_pem(text)) {
        WR_TRY(from_base64(arena, text, &text, error));
    }
    if (is_pem(text)) {
        WR_TRY(join_certificates(arena, &text, error));
    }
    struct wr_der der = wr_der_of(text);
    while (der.n > 0) {
        struct wr_certificate certificate;
        const char *fault;
        if (!wr_certificate_read(arena, &der, &certificate, &fault)) {
            return refuse(error, fault);
        }
        if (!add_certificate(arena, list, &certificate)) {
            return wr_fail(error, WR_E_MEMORY, "no memory");
        }
    }
    return WR_OK;
}

static struct wr_value values_of(struct wr_arena *arena, const struct certificates *list)
{
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, list->n);
    for (size_t i = 0; items != NULL && i < list->n; i++) {
        items[i] = list->items[i].value;
    }
    return items == NULL ? wr_undefined() : wr_array(items, list->n);
}

static wr_err parse_certificates(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                                 struct wr_error *error)
{
    struct certificates list = {0};
    WR_TRY(read_certificates(arena, text, &list, error));
    *out = values_of(arena, &list);
    return WR_OK;
}

/* [valid, chain]: whatever is wrong with the certificates gives [false, []]. */
static wr_err parse_and_verify(struct wr_arena *arena, struct wr_str text, struct wr_value *out)
{
    struct certificates list = {0}, found = {0};
    size_t chain[WR_LIMIT_CHAIN_CERTIFICATES], n = 0;
    struct wr_value *pair = WR_NEW_ARRAY(arena, struct wr_value, 2);
    bool valid = read_certificates(arena, text, &list, NULL) == WR_OK &&
                 wr_certificate_chain(list.items, list.n, chain, &n);
    for (size_t i = 0; valid && i < n; i++) {
        add_certificate(arena, &found, &list.items[chain[i]]);
    }
    if (pair != NULL) {
        pair[0] = wr_bool(valid);
        pair[1] = values_of(arena, &found);
        *out = wr_array(pair, 2);
    }
    return WR_OK;
}

static wr_err parse_request(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                            struct wr_error *error)
{
    const char *fault;
    struct wr_pem block;
    if (!wr_str_starts(text, WR_STR("-----BEGIN CERTIFICATE REQUEST-----"))) {
        WR_TRY(from_base64(arena, text, &text, error));
    }
    struct wr_str rest = text;
    if (wr_pem_next(arena, &rest, &block)) {
        if (!wr_str_eq(block.type, WR_STR("CERTIFICATE REQUEST"))) {
            return refuse(error, "invalid PEM-encoded certificate signing request");
        }
        text = block.bytes;
    }
    return wr_certificate_request(arena, wr_der_of(text), out, &fault) ? WR_OK
                                                                       : refuse(error, fault);
}

/* Every private key of the text's PEM blocks, in order; other blocks are passed over. Calls `add`
 * for each. */
static wr_err private_keys(struct wr_arena *arena, struct wr_str text, struct wr_go_list *list,
                           bool jwk, struct wr_error *error)
{
    struct wr_pem block;
    struct wr_crypto_key key;
    struct wr_str decoded;
    const char *fault;
    if (from_base64(arena, text, &decoded, NULL) == WR_OK) {
        text = decoded;
    }
    while (wr_pem_next(arena, &text, &block)) {
        enum wr_key_form form;
        if (!private_form(block.type, &form)) {
            continue;
        }
        if (!wr_key_private(arena, form, block.bytes, &key, &fault)) {
            return refuse(error, fault);
        }
        struct wr_value value = jwk ? wr_key_jwk(arena, &key) : wr_key_private_value(arena, &key);
        if (value.type == WR_UNDEFINED) {
            return refuse(error, "invalid key type for a JSON Web Key");
        }
        wr_go_add(arena, list, value);
    }
    return WR_OK;
}

static wr_err parse_private_keys(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                                 struct wr_error *error)
{
    struct wr_go_list list = {0};
    *out = wr_null();
    if (text.n > 0) {
        WR_TRY(private_keys(arena, text, &list, false, error));
        *out = wr_array(list.items, list.n);
    }
    return WR_OK;
}

static wr_err parse_rsa_private_key(struct wr_arena *arena, struct wr_str text,
                                    struct wr_value *out, struct wr_error *error)
{
    struct wr_go_list list = {0};
    if (text.n == 0) {
        return refuse(error, "input PEM data was empty");
    }
    if (!is_pem(text)) {
        WR_TRY(from_base64(arena, text, &text, error));
    }
    WR_TRY(private_keys(arena, text, &list, true, error));
    *out = list.n == 0 ? wr_null() : list.items[0];
    return WR_OK;
}

/* The key's block: "PRIVATE KEY", or anything that ends so. */
static wr_err keypair_key(struct wr_arena *arena, struct wr_str text, struct wr_crypto_key *key,
                          struct wr_error *error)
{
    struct wr_pem block = {.bytes = text};
    const char *fault;
    if (!is_pem(text)) {
        WR_TRY(from_base64(arena, text, &text, error));
        block.bytes = text;
    }
    if (is_pem(text)) {
        do {
            if (!wr_pem_next(arena, &text, &block)) {
                return refuse(error, "tls: failed to find PEM block with type ending in \"PRIVATE "
                                     "KEY\" in key input");
            }
        } while (!wr_str_eq(block.type, WR_STR("PRIVATE KEY")) &&
                 !wr_str_ends(block.type, WR_STR(" PRIVATE KEY")));
    }
    return wr_key_private_any(arena, block.bytes, key, &fault) ? WR_OK : refuse(error, fault);
}

/* The bytes of the certificates; the first must be one. */
static wr_err keypair_certificates(struct wr_arena *arena, struct wr_str text,
                                   struct wr_go_list *list, struct wr_certificate *leaf,
                                   struct wr_error *error)
{
    struct wr_pem block;
    struct wr_str first = {0};
    const char *fault;
    if (!is_pem(text)) {
        WR_TRY(from_base64(arena, text, &text, error));
        if (!is_pem(text)) {
            first = text;
            wr_go_add(arena, list, wr_go_base64(arena, text));
            text = wr_str_of("", 0);
        }
    }
    while (wr_pem_next(arena, &text, &block)) {
        if (wr_str_eq(block.type, WR_STR("CERTIFICATE"))) {
            first = list->n == 0 ? block.bytes : first;
            wr_go_add(arena, list, wr_go_base64(arena, block.bytes));
        }
    }
    if (list->n == 0) {
        return refuse(error, "tls: failed to find any PEM data in certificate input");
    }
    struct wr_der der = wr_der_of(first);
    return wr_certificate_read(arena, &der, leaf, &fault) ? WR_OK : refuse(error, fault);
}

static wr_err parse_keypair(struct wr_arena *arena, const struct wr_value *args,
                            struct wr_value *out, struct wr_error *error)
{
    struct wr_go_list list = {0};
    struct wr_certificate leaf;
    struct wr_crypto_key key;
    struct wr_go_object o = {0};
    WR_TRY(keypair_certificates(arena, wr_text(args[0]), &list, &leaf, error));
    WR_TRY(keypair_key(arena, wr_text(args[1]), &key, error));
    if (leaf.key.kind != key.kind) {
        return refuse(error, "tls: private key type does not match public key type");
    }
    if (!wr_key_same_public(&leaf.key, &key)) {
        return refuse(error, "tls: private key does not match public key");
    }
    wr_go_put(&o, "Certificate", wr_go_list_end(&list));
    wr_go_put(&o, "PrivateKey", wr_key_private_value(arena, &key));
    wr_go_put(&o, "SupportedSignatureAlgorithms", wr_null());
    wr_go_put(&o, "OCSPStaple", wr_null());
    wr_go_put(&o, "SignedCertificateTimestamps", wr_null());
    wr_go_put(&o, "Leaf", wr_null());
    *out = wr_go_end(arena, &o);
    return WR_OK;
}

static wr_err x509(void *context, struct wr_arena *arena, enum wr_x509_op op,
                   const struct wr_value *args, uint32_t n, struct wr_value *out,
                   struct wr_error *error)
{
    wr_err err = WR_OK;
    struct wr_str text = wr_text(args[0]);
    (void)context;
    begin();
    switch (op) {
    case WR_X509_PARSE_CERTIFICATES:
        err = parse_certificates(arena, text, out, error);
        break;
    case WR_X509_PARSE_AND_VERIFY:
        err = parse_and_verify(arena, text, out);
        break;
    case WR_X509_PARSE_REQUEST:
        err = parse_request(arena, text, out, error);
        break;
    case WR_X509_PARSE_KEYPAIR:
        WR_ASSERT(n == 2);
        err = parse_keypair(arena, args, out, error);
        break;
    case WR_X509_PARSE_RSA_PRIVATE_KEY:
        err = parse_rsa_private_key(arena, text, out, error);
        break;
    case WR_X509_PARSE_PRIVATE_KEYS:
        err = parse_private_keys(arena, text, out, error);
        break;
    }
    ERR_clear_error();
    return wr_arena_failed(arena) ? wr_fail(error, WR_E_MEMORY, "no memory") : err;
}

const struct wr_crypto_table *wr_crypto_table(void)
{
    static const struct wr_crypto_table table = {.verify = verify, .sign = sign, .x509 = x509};
    return &table;
}
