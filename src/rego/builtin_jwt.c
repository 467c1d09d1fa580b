/* SPDX-License-Identifier: Apache-2.0 */
/* io.jwt.*: JSON Web Tokens (RFC 7515, 7517, 7519). HMAC is computed here; RSA, ECDSA and EdDSA
 * through the environment's table, with keys as PEM text or as the numbers of a JWK. */
#include "rego/builtin_family.h"
#include "rego/digest.h"
#include "rego/rego.h"
#include "value/json_write.h"

#define JWT_LIMIT_NESTING 16 /* tokens within tokens */

static const struct algorithm {
    const char *name;
    bool hmac;
    enum wr_digest digest;
    enum wr_crypto_alg alg;
} algorithms[] = {
    {"HS256", true, WR_SHA256, WR_CRYPTO_RS256},  {"HS384", true, WR_SHA384, WR_CRYPTO_RS384},
    {"HS512", true, WR_SHA512, WR_CRYPTO_RS512},  {"RS256", false, WR_SHA256, WR_CRYPTO_RS256},
    {"RS384", false, WR_SHA384, WR_CRYPTO_RS384}, {"RS512", false, WR_SHA512, WR_CRYPTO_RS512},
    {"PS256", false, WR_SHA256, WR_CRYPTO_PS256}, {"PS384", false, WR_SHA384, WR_CRYPTO_PS384},
    {"PS512", false, WR_SHA512, WR_CRYPTO_PS512}, {"ES256", false, WR_SHA256, WR_CRYPTO_ES256},
    {"ES384", false, WR_SHA384, WR_CRYPTO_ES384}, {"ES512", false, WR_SHA512, WR_CRYPTO_ES512},
    {"EdDSA", false, WR_SHA512, WR_CRYPTO_EDDSA},
};

static bool same_letters(struct wr_str a, struct wr_str b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if ((a.p[i] | 0x20) != (b.p[i] | 0x20)) {
            return false;
        }
    }
    return true;
}

/* By name; in any case of letters, as the names of builtins have it. */
static const struct algorithm *algorithm_of(struct wr_str name, bool any_case)
{
    for (size_t i = 0; i < WR_COUNTOF(algorithms); i++) {
        struct wr_str have = wr_str_z(algorithms[i].name);
        if (any_case ? same_letters(have, name) : wr_str_eq(have, name)) {
            return &algorithms[i];
        }
    }
    return NULL;
}

/* ── tokens ─────────────────────────────────────────────────────────────────────────────────── */

struct token {
    struct wr_str part[3]; /* as they came */
    struct wr_str signed_text;
    struct wr_value header;
    struct wr_str payload, signature;
};

static wr_err split_token(struct wr_builtin_call *call, struct wr_str s, struct token *t)
{
    size_t points[2] = {0}, n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.') {
            if (n < 2) {
                points[n] = i;
            }
            n++;
        }
    }
    WR_TRY(wr_builtin_charge(call, s.n + 64));
    if (n == 0) {
        return wr_builtin_fail(call, "encoded JWT had no period separators");
    }
    if (n != 2) {
        return wr_builtin_fail(call, "encoded JWT must have 3 sections, found %zu", n + 1);
    }
    t->part[0] = wr_str_of(s.p, points[0]);
    t->part[1] = wr_str_of(s.p + points[0] + 1, points[1] - points[0] - 1);
    t->part[2] = wr_str_of(s.p + points[1] + 1, s.n - points[1] - 1);
    t->signed_text = wr_str_of(s.p, points[1]);
    return WR_OK;
}

static wr_err decode_part(struct wr_builtin_call *call, struct wr_str text, const char *name,
                          struct wr_str *out)
{
    struct wr_buf buf = wr_buf_in(call->arena, text.n + 8);
    size_t bad;
    bool pad = text.n > 0 && text.p[text.n - 1] == '=';
    if (!pad && text.n % 4 == 1) {
        return wr_builtin_fail(call, "JWT %s had invalid encoding: illegal base64url string: %.*s",
                               name, (int)WR_MIN(text.n, 100u), text.p);
    }
    if (!wr_base64_read(&buf, text, true, pad, &bad)) {
        return wr_builtin_fail(
            call, "JWT %s had invalid encoding: illegal base64 data at input byte %zu", name, bad);
    }
    *out = wr_buf_view(&buf);
    return wr_builtin_check(call, &buf);
}

static struct wr_str member_text(const struct wr_value *object, struct wr_str key)
{
    const struct wr_value *v = wr_object_get_str(object, key);
    return v != NULL && v->type == WR_STRING ? wr_text(*v) : wr_str_of(NULL, 0);
}

/* All three parts. */
static wr_err decode_token(struct wr_builtin_call *call, struct wr_str s, struct token *t)
{
    struct wr_str header;
    WR_TRY(split_token(call, s, t));
    WR_TRY(decode_part(call, t->part[0], "header", &header));
    WR_TRY(wr_json_value(call, header, &t->header));
    if (t->header.type != WR_OBJECT) {
        return wr_builtin_fail(call, "JWT header is not a JSON object");
    }
    WR_TRY(decode_part(call, t->part[1], "payload", &t->payload));
    return decode_part(call, t->part[2], "signature", &t->signature);
}

static bool is_nested(const struct token *t)
{
    struct wr_str cty = member_text(&t->header, WR_STR("cty"));
    return wr_str_eq(cty, WR_STR("JWT"));
}

/* The token within, unquoted when it is a JSON string. */
static wr_err inner_token(struct wr_builtin_call *call, const struct token *t, struct wr_str *out)
{
    *out = t->payload;
    if (out->n > 0 && out->p[0] == '"') {
        struct wr_value v;
        WR_TRY(wr_json_value(call, t->payload, &v));
        *out = wr_text(v);
    }
    return WR_OK;
}

static wr_err triple(struct wr_builtin_call *call, struct wr_value a, struct wr_value b,
                     struct wr_value c, struct wr_value *out)
{
    struct wr_value *items;
    WR_TRY(wr_builtin_items(call, 3, &items));
    items[0] = a;
    items[1] = b;
    items[2] = c;
    *out = wr_array(items, 3);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_jwt_decode)
{
    struct token t = {0};
    struct wr_value payload, signature;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    struct wr_str text = wr_text(args[0]);
    for (int depth = 0; depth < JWT_LIMIT_NESTING; depth++) {
        WR_TRY(decode_token(call, text, &t));
        if (!is_nested(&t)) {
            struct wr_buf buf = wr_buf_in(call->arena, t.signature.n * 2 + 1);
            WR_TRY(wr_json_value(call, t.payload, &payload));
            wr_buf_hex(&buf, t.signature.p, t.signature.n);
            WR_TRY(wr_builtin_text(call, &buf, &signature));
            return triple(call, t.header, payload, signature, out);
        }
        WR_TRY(inner_token(call, &t, &text));
    }
    return wr_builtin_fail(call, "JWT is nested too deeply");
}

/* ── keys ───────────────────────────────────────────────────────────────────────────────────── */

static wr_err key_number(struct wr_builtin_call *call, const struct wr_value *jwk, const char *name,
                         struct wr_str *out)
{
    struct wr_str text = member_text(jwk, wr_str_z(name));
    *out = wr_str_of("", 0);
    return text.n == 0 ? WR_OK : decode_part(call, text, "key", out);
}

/* False in *usable for a kind of key that verifies no public-key signature (oct). */
static wr_err read_jwk(struct wr_builtin_call *call, const struct wr_value *jwk,
                       struct wr_crypto_key *key, bool *usable)
{
    static const char *const names[] = {"n", "e", "d", "p", "q", "x", "y"};
    struct wr_str *fields[] = {&key->n, &key->e, &key->d, &key->p, &key->q, &key->x, &key->y};
    struct wr_str kty = member_text(jwk, WR_STR("kty"));
    *usable = true;
    if (wr_str_eq(kty, WR_STR("RSA"))) {
        key->kind = WR_CRYPTO_KEY_RSA;
    } else if (wr_str_eq(kty, WR_STR("EC"))) {
        key->kind = WR_CRYPTO_KEY_EC;
        key->curve = member_text(jwk, WR_STR("crv"));
    } else if (wr_str_eq(kty, WR_STR("OKP"))) {
        key->kind = WR_CRYPTO_KEY_ED25519;
    } else if (wr_str_eq(kty, WR_STR("oct"))) {
        *usable = false;
        return WR_OK;
    } else {
        return wr_builtin_fail(call, "unrecognized key type: %.*s", (int)WR_MIN(kty.n, 100u),
                               kty.p);
    }
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        WR_TRY(key_number(call, jwk, names[i], fields[i]));
    }
    return WR_OK;
}

static wr_err verify_with(struct wr_builtin_call *call, enum wr_crypto_alg alg,
                          const struct wr_crypto_key *key, const struct token *t, bool *valid)
{
    const struct wr_crypto_table *crypto = call->env->crypto;
    struct wr_error error = {0};
    WR_TRY(wr_builtin_charge(call, 20000));
    if (crypto == NULL || crypto->verify == NULL) {
        return wr_builtin_fail(call, "this build has no public-key cryptography");
    }
    wr_err err =
        crypto->verify(crypto->context, alg, key, t->signed_text, t->signature, valid, &error);
    return err == WR_OK ? WR_OK : wr_builtin_fail(call, "%s", error.text);
}

static wr_err verify_jwk(struct wr_builtin_call *call, enum wr_crypto_alg alg,
                         const struct wr_value *jwk, const struct token *t, bool *valid)
{
    struct wr_crypto_key key = {0};
    bool usable;
    WR_TRY(read_jwk(call, jwk, &key, &usable));
    return usable ? verify_with(call, alg, &key, t, valid) : WR_OK;
}

/* With a set of keys: the first that has the token's key id; where none has it, any key that names
 * no algorithm or the token's. */
static wr_err verify_keys(struct wr_builtin_call *call, enum wr_crypto_alg alg,
                          const struct wr_value *keys, uint32_t n, const struct token *t,
                          bool *valid)
{
    struct wr_str kid = member_text(&t->header, WR_STR("kid"));
    struct wr_str name = member_text(&t->header, WR_STR("alg"));
    for (uint32_t i = 0; i < n && kid.n > 0; i++) {
        if (keys[i].type == WR_OBJECT && wr_str_eq(kid, member_text(&keys[i], WR_STR("kid")))) {
            return verify_jwk(call, alg, &keys[i], t, valid);
        }
    }
    for (uint32_t i = 0; i < n && !*valid; i++) {
        if (keys[i].type != WR_OBJECT) {
            continue;
        }
        struct wr_str own = member_text(&keys[i], WR_STR("alg"));
        if (own.n == 0 || wr_str_eq(own, name)) {
            WR_TRY(verify_jwk(call, alg, &keys[i], t, valid));
        }
    }
    return WR_OK;
}

static wr_err verify_public(struct wr_builtin_call *call, enum wr_crypto_alg alg,
                            struct wr_str text, const struct token *t, bool *valid)
{
    *valid = false;
    if (wr_str_find(text, WR_STR("-----BEGIN"), 0) != SIZE_MAX) {
        struct wr_crypto_key key = {.kind = WR_CRYPTO_KEY_PEM, .text = text};
        return verify_with(call, alg, &key, t, valid);
    }
    struct wr_value jwks;
    if (wr_json_value(call, text, &jwks) != WR_OK || jwks.type != WR_OBJECT) {
        return wr_builtin_fail(call, "failed to parse a JWK key (set)");
    }
    const struct wr_value *keys = wr_object_get_str(&jwks, WR_STR("keys"));
    if (keys != NULL && keys->type == WR_ARRAY) {
        return verify_keys(call, alg, keys->items, keys->n, t, valid);
    }
    return verify_keys(call, alg, &jwks, 1, t, valid);
}

static bool verify_secret(enum wr_digest digest, struct wr_str secret, const struct token *t)
{
    uint8_t mac[WR_DIGEST_SIZE_MAX], difference = 0;
    size_t size = wr_digest_size(digest);
    wr_hmac_of(digest, secret, t->signed_text, mac);
    for (size_t i = 0; i < size && t->signature.n == size; i++) {
        difference |= (uint8_t)(mac[i] ^ (uint8_t)t->signature.p[i]);
    }
    return t->signature.n == size && difference == 0;
}

/* io.jwt.verify_hs256 and its kin; the algorithm is the end of the name. */
WR_BUILTIN_FN(wr_b_jwt_verify)
{
    static const char lead[] = "io.jwt.verify_";
    struct token t = {0};
    bool valid = false;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(wr_builtin_want(call, args, 1, WR_STRING));
    const struct algorithm *a = algorithm_of(wr_str_z(call->self->name + sizeof lead - 1), true);
    WR_ASSERT(a != NULL);
    WR_TRY(decode_token(call, wr_text(args[0]), &t));
    if (a->hmac) {
        WR_TRY(wr_builtin_charge(call, (uint64_t)args[0].n * 2 + 256));
        valid = verify_secret(a->digest, wr_text(args[1]), &t);
    } else {
        WR_TRY(verify_public(call, a->alg, wr_text(args[1]), &t, &valid));
    }
    *out = wr_bool(valid);
    return WR_OK;
}

/* ── decode_verify ──────────────────────────────────────────────────────────────────────────── */

struct constraints {
    struct wr_str cert, secret, alg, iss, aud;
    bool has_aud;
    double time_s;
};

static wr_err read_constraints(struct wr_builtin_call *call, const struct wr_value *object,
                               struct constraints *c)
{
    struct wr_value now = wr_int(call->env->now_ns);
    *c = (struct constraints){.time_s = wr_number_to_double(&now) / 1e9};
    for (uint32_t i = 0; i < object->n; i++) {
        const struct wr_pair *p = &object->pairs[i];
        static const char *const names[] = {"cert", "secret", "alg", "iss", "aud"};
        struct wr_str *fields[] = {&c->cert, &c->secret, &c->alg, &c->iss, &c->aud};
        struct wr_str key = p->key.type == WR_STRING ? wr_text(p->key) : WR_STR("");
        size_t k = 0;
        if (wr_str_eq(key, WR_STR("time"))) {
            if (p->value.type != WR_NUMBER) {
                return wr_builtin_fail(call, "token time constraint: must be a number");
            }
            c->time_s = wr_number_to_double(&p->value) / 1e9;
            if (c->time_s < 0) {
                return wr_builtin_fail(call, "token time constraint: must not be negative");
            }
            continue;
        }
        while (k < WR_COUNTOF(names) && !wr_str_eq(wr_str_z(names[k]), key)) {
            k++;
        }
        if (k == WR_COUNTOF(names)) {
            return wr_builtin_fail(call, "unknown token validation constraint: %.*s", WR_FMT(key));
        }
        if (p->value.type != WR_STRING) {
            return wr_builtin_fail(call, "%s constraint: must be a string", names[k]);
        }
        *fields[k] = wr_text(p->value);
        c->has_aud = c->has_aud || k == 4;
    }
    if (c->cert.n > 0 && c->secret.n > 0) {
        return wr_builtin_fail(call, "duplicate key constraints");
    }
    return c->cert.n + c->secret.n == 0 ? wr_builtin_fail(call, "no key constraint") : WR_OK;
}

/* The parameters that are known must have their types. False in *valid when `crit` names one that
 * the header has and nobody here knows. */
static wr_err check_header(struct wr_builtin_call *call, const struct wr_value *header, bool *valid)
{
    static const char *const known[] = {"alg", "kid", "typ", "cty"};
    const struct wr_value *crit = wr_object_get_str(header, WR_STR("crit"));
    for (size_t i = 0; i < WR_COUNTOF(known); i++) {
        const struct wr_value *v = wr_object_get_str(header, wr_str_z(known[i]));
        if (v != NULL && v->type != WR_STRING) {
            return wr_builtin_fail(call, "%s: must be a string", known[i]);
        }
    }
    if (crit != NULL && crit->type != WR_ARRAY) {
        return wr_builtin_fail(call, "crit: must be a list");
    }
    if (crit != NULL && crit->n == 0) {
        return wr_builtin_fail(call, "crit: must be a nonempty list");
    }
    *valid = true;
    for (uint32_t i = 0; crit != NULL && i < crit->n; i++) {
        bool ours = crit->items[i].type != WR_STRING;
        for (size_t k = 0; k < WR_COUNTOF(known) && !ours; k++) {
            ours = wr_str_eq(wr_text(crit->items[i]), wr_str_z(known[k]));
        }
        ours = ours || wr_str_eq(wr_text(crit->items[i]), WR_STR("crit"));
        *valid = *valid && (ours || wr_object_get(header, &crit->items[i]) == NULL);
    }
    return WR_OK;
}

static wr_err verify_token(struct wr_builtin_call *call, const struct constraints *c,
                           const struct token *t, bool *valid)
{
    struct wr_str name = member_text(&t->header, WR_STR("alg"));
    WR_TRY(check_header(call, &t->header, valid));
    if (!*valid || name.n == 0 || (c->alg.n > 0 && !wr_str_eq(c->alg, name))) {
        *valid = false;
        return WR_OK;
    }
    const struct algorithm *a = algorithm_of(name, false);
    *valid = false;
    if (a == NULL) {
        return wr_builtin_fail(call, "unknown JWS algorithm: %.*s", (int)WR_MIN(name.n, 100u),
                               name.p);
    }
    if (a->hmac) {
        *valid = c->secret.n > 0 && verify_secret(a->digest, c->secret, t);
        return wr_builtin_charge(call, (uint64_t)t->signed_text.n * 2 + 256);
    }
    return c->cert.n == 0 ? wr_builtin_fail(call, "incorrect public key type")
                          : verify_public(call, a->alg, c->cert, t, valid);
}

static bool has_audience(const struct wr_value *aud, struct wr_str want)
{
    if (aud->type == WR_STRING) {
        return wr_str_eq(wr_text(*aud), want);
    }
    for (uint32_t i = 0; aud->type == WR_ARRAY && i < aud->n; i++) {
        if (aud->items[i].type == WR_STRING && wr_str_eq(wr_text(aud->items[i]), want)) {
            return true;
        }
    }
    return false;
}

static wr_err check_time(struct wr_builtin_call *call, const struct constraints *c,
                         const struct wr_value *payload, const char *name, bool after, bool *valid)
{
    const struct wr_value *v = wr_object_get_str(payload, wr_str_z(name));
    if (v == NULL) {
        return WR_OK;
    }
    if (v->type != WR_NUMBER) {
        return wr_builtin_fail(call, "%s value must be a number", name);
    }
    struct wr_value now = wr_number_double(call->arena, c->time_s);
    int order = wr_value_cmp(&now, v);
    *valid = *valid && (after ? order >= 0 : order < 0);
    return WR_OK;
}

static wr_err check_claims(struct wr_builtin_call *call, const struct constraints *c,
                           const struct wr_value *payload, bool *valid)
{
    const struct wr_value *aud = wr_object_get_str(payload, WR_STR("aud"));
    struct wr_str iss = member_text(payload, WR_STR("iss"));
    *valid = c->iss.n == 0 || (iss.p != NULL && wr_str_eq(iss, c->iss));
    if (aud != NULL || c->has_aud) {
        *valid = *valid && aud != NULL && c->has_aud && has_audience(aud, c->aud);
    }
    WR_TRY(check_time(call, c, payload, "exp", false, valid));
    return check_time(call, c, payload, "nbf", true, valid);
}

WR_BUILTIN_FN(wr_b_jwt_decode_verify)
{
    struct constraints c;
    struct token t = {0};
    struct wr_value empty = wr_object_from(NULL, 0), payload;
    bool valid = true;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(wr_builtin_want(call, args, 1, WR_OBJECT));
    WR_TRY(read_constraints(call, &args[1], &c));
    struct wr_str text = wr_text(args[0]);
    for (int depth = 0; valid && depth < JWT_LIMIT_NESTING; depth++) {
        WR_TRY(decode_token(call, text, &t));
        WR_TRY(verify_token(call, &c, &t, &valid));
        if (!valid || !is_nested(&t)) {
            break;
        }
        WR_TRY(inner_token(call, &t, &text));
        valid = depth + 1 < JWT_LIMIT_NESTING;
    }
    if (valid) {
        WR_TRY(wr_json_value(call, t.payload, &payload));
        if (payload.type != WR_OBJECT) {
            return wr_builtin_fail(call, "JWT payload is not a JSON object");
        }
        WR_TRY(check_claims(call, &c, &payload, &valid));
    }
    return valid ? triple(call, wr_bool(true), t.header, payload, out)
                 : triple(call, wr_bool(false), empty, empty, out);
}

/* ── signing ────────────────────────────────────────────────────────────────────────────────── */

static wr_err sign_public(struct wr_builtin_call *call, const struct algorithm *a,
                          const struct wr_value *jwk, struct wr_str message, struct wr_str *out)
{
    const struct wr_crypto_table *crypto = call->env->crypto;
    struct wr_crypto_key key = {0};
    struct wr_error error = {0};
    bool usable;
    WR_TRY(wr_builtin_charge(call, 50000));
    WR_TRY(read_jwk(call, jwk, &key, &usable));
    if (!usable) {
        return wr_builtin_fail(call, "key does not fit the algorithm %s", a->name);
    }
    if (crypto == NULL || crypto->sign == NULL) {
        return wr_builtin_fail(call, "this build has no public-key cryptography");
    }
    wr_err err = crypto->sign(crypto->context, call->arena, a->alg, &key, message, out, &error);
    return err == WR_OK ? WR_OK : wr_builtin_fail(call, "%s", error.text);
}

/* Headers as OPA 1.x reads them: errors are of the algorithm, and whatever begins like a number
 * counts as JSON. */
static wr_err read_header_v1(struct wr_builtin_call *call, struct wr_str text,
                             struct wr_value *header, const struct algorithm **a)
{
    size_t digits = 0;
    while (digits < text.n && memchr("0123456789+-.eE", text.p[digits], 15) != NULL) {
        digits++;
    }
    *header = wr_object_from(NULL, 0);
    if (text.n == 0) {
        return wr_builtin_fail(call, "missing or invalid 'alg' header: cannot parse JSON: cannot "
                                     "parse empty string; unparsed tail: \"\"");
    }
    if (digits < text.n) {
        wr_err err = wr_json_value(call, text, header);
        if (err == WR_E_EVAL_BUILTIN) {
            return wr_builtin_fail(call, "missing or invalid 'alg' header: cannot parse JSON");
        }
        WR_TRY(err);
    }
    struct wr_str name =
        header->type == WR_OBJECT ? member_text(header, WR_STR("alg")) : (struct wr_str){0};
    if (name.p == NULL) {
        return wr_builtin_fail(call,
                               "missing or invalid 'alg' header: jwsbb: header \"alg\" not found");
    }
    *a = algorithm_of(name, false);
    return *a != NULL ? WR_OK
                      : wr_builtin_fail(call, "unknown JWS algorithm: %.*s",
                                        (int)WR_MIN(name.n, 100u), name.p);
}

static wr_err read_header(struct wr_builtin_call *call, struct wr_str text, struct wr_value *header,
                          const struct algorithm **a)
{
    if (call->v1) {
        return read_header_v1(call, text, header, a);
    }
    WR_TRY(wr_json_value(call, text, header));
    if (header->type != WR_OBJECT) {
        return wr_builtin_fail(call, "headers and key must be JSON objects");
    }
    struct wr_str name = member_text(header, WR_STR("alg"));
    *a = name.p == NULL ? NULL : algorithm_of(name, false);
    return *a != NULL ? WR_OK : wr_builtin_fail(call, "unknown signature algorithm");
}

static wr_err encode_sign(struct wr_builtin_call *call, struct wr_str headers,
                          struct wr_str payload, struct wr_str key_text, struct wr_value *out)
{
    struct wr_value header, jwk, ignored;
    struct wr_str signature, secret;
    const struct algorithm *a;
    uint8_t mac[WR_DIGEST_SIZE_MAX];
    WR_TRY(wr_json_value(call, key_text, &jwk));
    if (jwk.type != WR_OBJECT) {
        return wr_builtin_fail(call, "headers and key must be JSON objects");
    }
    WR_TRY(read_header(call, headers, &header, &a));
    const struct wr_value *keys = wr_object_get_str(&jwk, WR_STR("keys"));
    if (keys != NULL && keys->type == WR_ARRAY && keys->n > 0) {
        jwk = keys->items[0];
    }
    struct wr_str typ = member_text(&header, WR_STR("typ"));
    if ((typ.n == 0 || wr_str_eq(typ, WR_STR("JWT"))) &&
        wr_json_value(call, payload, &ignored) != WR_OK) {
        return wr_builtin_fail(call, "type is JWT but payload is not JSON");
    }
    struct wr_buf buf = wr_buf_in(call->arena, headers.n + payload.n * 2 + 256);
    wr_base64_write(&buf, headers, true, false);
    wr_buf_char(&buf, '.');
    wr_base64_write(&buf, payload, true, false);
    WR_TRY(wr_builtin_check(call, &buf));
    WR_TRY(wr_builtin_charge(call, buf.n * 3 + 256));
    if (a->hmac) {
        WR_TRY(key_number(call, &jwk, "k", &secret));
        wr_hmac_of(a->digest, secret, wr_buf_view(&buf), mac);
        signature = wr_str_of((const char *)mac, wr_digest_size(a->digest));
    } else {
        WR_TRY(sign_public(call, a, &jwk, wr_buf_view(&buf), &signature));
    }
    wr_buf_char(&buf, '.');
    wr_base64_write(&buf, signature, true, false);
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_jwt_encode_sign_raw)
{
    for (uint32_t i = 0; i < n; i++) {
        WR_TRY(wr_builtin_want(call, args, i, WR_STRING));
    }
    return encode_sign(call, wr_text(args[0]), wr_text(args[1]), wr_text(args[2]), out);
}

/* Objects are signed as their Rego text, with a space behind ':' and ','; that is what OPA 0.60
 * signs. OPA 1.x signs compact JSON. */
WR_BUILTIN_FN(wr_b_jwt_encode_sign)
{
    struct wr_str text[3];
    for (uint32_t i = 0; i < n && i < 3; i++) {
        struct wr_buf buf = wr_buf_in(call->arena, 128);
        WR_TRY(wr_builtin_want(call, args, i, WR_OBJECT));
        if (call->v1) {
            wr_rego_write_json(&buf, &args[i], WR_JSON_HTML_SAFE);
        } else {
            wr_rego_write(&buf, &args[i]);
        }
        WR_TRY(wr_builtin_check(call, &buf));
        text[i] = wr_buf_view(&buf);
    }
    return encode_sign(call, text[0], text[1], text[2], out);
}
