/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/key.h"
#include "shell/crypto.h"
#include "shell/go_value.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/objects.h>

#define OID_RSA     "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define OID_DSA     "\x2a\x86\x48\xce\x38\x04\x01"
#define OID_EC      "\x2a\x86\x48\xce\x3d\x02\x01"
#define OID_ED25519 "\x2b\x65\x70"

static const struct curve {
    const char *name, *oid;
    size_t oid_n;
    int nid;
    size_t bytes;
} curves[] = {
    {"P-224", "\x2b\x81\x04\x00\x21", 5, NID_secp224r1, 28},
    {"P-256", "\x2a\x86\x48\xce\x3d\x03\x01\x07", 8, NID_X9_62_prime256v1, 32},
    {"P-384", "\x2b\x81\x04\x00\x22", 5, NID_secp384r1, 48},
    {"P-521", "\x2b\x81\x04\x00\x23", 5, NID_secp521r1, 66},
};

static const struct curve *curve_by_oid(struct wr_der oid)
{
    for (size_t i = 0; i < WR_COUNTOF(curves); i++) {
        if (wr_der_is(oid, curves[i].oid, curves[i].oid_n)) {
            return &curves[i];
        }
    }
    return NULL;
}

/* An integer above zero, without DER's leading zero byte. */
static bool take_positive(struct wr_der *in, struct wr_str *number)
{
    struct wr_der body;
    if (!wr_der_take_integer(in, &body) || body.p[0] >= 0x80 || (body.n == 1 && body.p[0] == 0)) {
        return false;
    }
    size_t zero = body.p[0] == 0;
    *number = wr_str_of((const char *)body.p + zero, body.n - zero);
    return true;
}

/* ── public keys ────────────────────────────────────────────────────────────────────────────── */

static bool public_rsa(struct wr_der params, struct wr_der bits, struct wr_crypto_key *key,
                       const char **fault)
{
    struct wr_der list, null;
    if (params.n > 0 && (!wr_der_take(&params, WR_DER_NULL, &null) || null.n != 0)) {
        *fault = "x509: RSA key missing NULL parameters";
        return false;
    }
    *fault = "x509: invalid RSA public key";
    key->kind = WR_CRYPTO_KEY_RSA;
    return wr_der_take(&bits, WR_DER_SEQUENCE, &list) && bits.n == 0 &&
           take_positive(&list, &key->n) && take_positive(&list, &key->e) && list.n == 0 &&
           (key->e.n < 4 || (key->e.n == 4 && (uint8_t)key->e.p[0] < 0x80));
}

static bool public_ec(struct wr_der params, struct wr_der bits, struct wr_crypto_key *key,
                      const char **fault)
{
    struct wr_der oid;
    *fault = "x509: invalid ECDSA parameters";
    if (!wr_der_take(&params, WR_DER_OID, &oid)) {
        return false;
    }
    const struct curve *curve = curve_by_oid(oid);
    *fault = "x509: unsupported elliptic curve";
    if (curve == NULL) {
        return false;
    }
    *fault = "x509: failed to unmarshal elliptic curve point";
    if (bits.n != 1 + 2 * curve->bytes || bits.p[0] != 4) {
        return false;
    }
    key->kind = WR_CRYPTO_KEY_EC;
    key->curve = wr_str_z(curve->name);
    key->x = wr_str_of((const char *)bits.p + 1, curve->bytes);
    key->y = wr_str_of((const char *)bits.p + 1 + curve->bytes, curve->bytes);
    key->d = wr_str_of("", 0);
    const char *ignored;
    EVP_PKEY *pkey = wr_key_open(key, false, &ignored); /* is the point on its curve? */
    EVP_PKEY_free(pkey);
    return pkey != NULL;
}

bool wr_key_public(struct wr_der spki, enum wr_key_algorithm *algorithm, struct wr_crypto_key *key,
                   const char **fault)
{
    struct wr_der info, id, oid, bits;
    *key = (struct wr_crypto_key){.kind = WR_CRYPTO_KEY_PEM};
    *algorithm = WR_KEY_UNKNOWN;
    *fault = "x509: malformed spki";
    if (!wr_der_take(&spki, WR_DER_SEQUENCE, &info) || spki.n != 0 ||
        !wr_der_take(&info, WR_DER_SEQUENCE, &id) || !wr_der_take(&id, WR_DER_OID, &oid) ||
        !wr_der_oid_valid(oid) || !wr_der_take_bits(&info, true, &bits)) {
        return false;
    }
    if (WR_DER_IS(oid, OID_RSA)) {
        *algorithm = WR_KEY_RSA;
        return public_rsa(id, bits, key, fault);
    }
    if (WR_DER_IS(oid, OID_EC)) {
        *algorithm = WR_KEY_ECDSA;
        return public_ec(id, bits, key, fault);
    }
    if (WR_DER_IS(oid, OID_ED25519)) {
        *algorithm = WR_KEY_ED25519;
        *fault = "x509: wrong Ed25519 public key size";
        key->kind = WR_CRYPTO_KEY_ED25519;
        key->x = wr_der_str(bits);
        return bits.n == 32 && id.n == 0;
    }
    *algorithm = WR_DER_IS(oid, OID_DSA) ? WR_KEY_DSA : WR_KEY_UNKNOWN;
    return true;
}

/* DSA is shown, never used: no verifier here knows it. */
static struct wr_value dsa_value(struct wr_arena *arena, struct wr_der spki)
{
    struct wr_der info = {0}, id = {0}, oid, params, bits;
    struct wr_str p, q, g, y;
    struct wr_go_object o = {0};
    if (!wr_der_take(&spki, WR_DER_SEQUENCE, &info) || !wr_der_take(&info, WR_DER_SEQUENCE, &id) ||
        !wr_der_take(&id, WR_DER_OID, &oid) || !wr_der_take(&id, WR_DER_SEQUENCE, &params) ||
        !wr_der_take_bits(&info, true, &bits) || !take_positive(&params, &p) ||
        !take_positive(&params, &q) || !take_positive(&params, &g) || !take_positive(&bits, &y)) {
        return wr_null();
    }
    wr_go_put(&o, "P", wr_go_unsigned(arena, p));
    wr_go_put(&o, "Q", wr_go_unsigned(arena, q));
    wr_go_put(&o, "G", wr_go_unsigned(arena, g));
    wr_go_put(&o, "Y", wr_go_unsigned(arena, y));
    return wr_go_end(arena, &o);
}

static void put_public(struct wr_arena *arena, struct wr_go_object *o,
                       const struct wr_crypto_key *key)
{
    if (key->kind == WR_CRYPTO_KEY_RSA) {
        wr_go_put(o, "N", wr_go_unsigned(arena, key->n));
        wr_go_put(o, "E", wr_go_unsigned(arena, key->e));
    } else {
        wr_go_put(o, "Curve", wr_object_from(NULL, 0));
        wr_go_put(o, "X", wr_go_unsigned(arena, key->x));
        wr_go_put(o, "Y", wr_go_unsigned(arena, key->y));
    }
}

struct wr_value wr_key_public_value(struct wr_arena *arena, struct wr_der spki,
                                    enum wr_key_algorithm algorithm,
                                    const struct wr_crypto_key *key)
{
    struct wr_go_object o = {0};
    switch (algorithm) {
    case WR_KEY_UNKNOWN:
        return wr_null();
    case WR_KEY_DSA:
        return dsa_value(arena, spki);
    case WR_KEY_ED25519:
        return wr_go_base64(arena, key->x);
    case WR_KEY_RSA:
    case WR_KEY_ECDSA:
        break;
    }
    put_public(arena, &o, key);
    return wr_go_end(arena, &o);
}

bool wr_key_same_public(const struct wr_crypto_key *a, const struct wr_crypto_key *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case WR_CRYPTO_KEY_RSA:
        return wr_str_eq(a->n, b->n) && wr_str_eq(a->e, b->e);
    case WR_CRYPTO_KEY_EC:
        return wr_str_eq(a->curve, b->curve) && wr_str_eq(a->x, b->x) && wr_str_eq(a->y, b->y);
    case WR_CRYPTO_KEY_ED25519:
        return wr_str_eq(a->x, b->x);
    case WR_CRYPTO_KEY_PEM:
        break;
    }
    return false;
}

/* ── private keys ───────────────────────────────────────────────────────────────────────────── */

/* n = p q and e d = 1 modulo p - 1 and q - 1, by opening the key and by one product each. */
static bool rsa_fits(const struct wr_crypto_key *key)
{
    const char *ignored;
    if (key->n.n * 8 > WR_LIMIT_RSA_BITS || key->p.n > key->n.n || key->q.n > key->n.n ||
        key->d.n > key->n.n || key->e.n > 4) {
        return false;
    }
    EVP_PKEY *pkey = wr_key_open(key, true, &ignored);
    bool ok = pkey != NULL;
    EVP_PKEY_free(pkey);
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *ed = BN_bin2bn((const uint8_t *)key->e.p, (int)key->e.n, NULL);
    BIGNUM *d = BN_bin2bn((const uint8_t *)key->d.p, (int)key->d.n, NULL);
    const struct wr_str primes[] = {key->p, key->q};
    ok = ok && ctx != NULL && ed != NULL && d != NULL && BN_mul(ed, ed, d, ctx) == 1 &&
         BN_sub_word(ed, 1) == 1;
    for (size_t i = 0; i < 2 && ok; i++) {
        BIGNUM *p = BN_bin2bn((const uint8_t *)primes[i].p, (int)primes[i].n, NULL);
        ok = p != NULL && BN_sub_word(p, 1) == 1 && BN_mod(d, ed, p, ctx) == 1 && BN_is_zero(d);
        BN_clear_free(p);
    }
    BN_clear_free(ed);
    BN_clear_free(d);
    BN_CTX_free(ctx);
    return ok;
}

static bool private_rsa(struct wr_der der, struct wr_crypto_key *key, const char **fault)
{
    struct wr_der list;
    struct wr_str ignored[3];
    int32_t version;
    *key = (struct wr_crypto_key){.kind = WR_CRYPTO_KEY_RSA};
    *fault = "x509: failed to parse RSA private key";
    if (!wr_der_take(&der, WR_DER_SEQUENCE, &list) || der.n != 0 ||
        !wr_der_take_small(&list, &version) || !take_positive(&list, &key->n) ||
        !take_positive(&list, &key->e) || !take_positive(&list, &key->d) ||
        !take_positive(&list, &key->p) || !take_positive(&list, &key->q) ||
        !take_positive(&list, &ignored[0]) || !take_positive(&list, &ignored[1]) ||
        !take_positive(&list, &ignored[2])) {
        return false;
    }
    if (version != 0 || list.n != 0) {
        *fault = "x509: unsupported private key version";
        return false;
    }
    *fault = "crypto/rsa: invalid private key";
    return rsa_fits(key);
}

/* The public point of a private number below the order of the group. */
static bool ec_point(struct wr_arena *arena, const struct curve *curve, struct wr_crypto_key *key)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(curve->nid);
    EC_POINT *point = group == NULL ? NULL : EC_POINT_new(group);
    BIGNUM *d = BN_bin2bn((const uint8_t *)key->d.p, (int)key->d.n, NULL);
    char *room = wr_arena_alloc(arena, 1 + 2 * curve->bytes, 1);
    bool ok = point != NULL && d != NULL && room != NULL && !BN_is_zero(d) &&
              BN_cmp(d, EC_GROUP_get0_order(group)) < 0 &&
              EC_POINT_mul(group, point, d, NULL, NULL, NULL) == 1 &&
              EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, (uint8_t *)room,
                                 1 + 2 * curve->bytes, NULL) == 1 + 2 * curve->bytes;
    if (ok) {
        key->x = wr_str_of(room + 1, curve->bytes);
        key->y = wr_str_of(room + 1 + curve->bytes, curve->bytes);
    }
    BN_clear_free(d);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return ok;
}

/* `named`: the curve's identifier, where it stands outside the key; or NULL. */
static bool private_ec(struct wr_arena *arena, struct wr_der der, const struct wr_der *named,
                       struct wr_crypto_key *key, const char **fault)
{
    struct wr_der list, d, params, oid = {0};
    int32_t version;
    bool ok = true;
    *key = (struct wr_crypto_key){.kind = WR_CRYPTO_KEY_EC};
    *fault = "x509: failed to parse EC private key";
    if (!wr_der_take(&der, WR_DER_SEQUENCE, &list) || der.n != 0 ||
        !wr_der_take_small(&list, &version) || version != 1 ||
        !wr_der_take(&list, WR_DER_OCTETS, &d)) {
        return false;
    }
    if (wr_der_maybe(&list, WR_DER_CONTEXT_TREE(0), &params, &ok) &&
        !wr_der_take(&params, WR_DER_OID, &oid)) {
        return false;
    }
    *fault = "x509: unknown elliptic curve";
    const struct curve *curve = curve_by_oid(named != NULL ? *named : oid);
    if (!ok || curve == NULL) {
        return false;
    }
    *fault = "x509: invalid elliptic curve private key value";
    while (d.n > curve->bytes && d.p[0] == 0) {
        d.p++;
        d.n--;
    }
    key->d = wr_der_str(d);
    key->curve = wr_str_z(curve->name);
    return d.n <= curve->bytes && ec_point(arena, curve, key);
}

static bool private_ed25519(struct wr_arena *arena, struct wr_der der, struct wr_crypto_key *key,
                            const char **fault)
{
    struct wr_der seed;
    size_t n = 32;
    *key = (struct wr_crypto_key){.kind = WR_CRYPTO_KEY_ED25519};
    *fault = "x509: invalid Ed25519 private key";
    uint8_t *x = wr_arena_alloc(arena, n, 1);
    if (x == NULL || !wr_der_take(&der, WR_DER_OCTETS, &seed) || seed.n != 32) {
        return false;
    }
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed.p, seed.n);
    bool ok = pkey != NULL && EVP_PKEY_get_raw_public_key(pkey, x, &n) == 1 && n == 32;
    EVP_PKEY_free(pkey);
    key->d = wr_der_str(seed);
    key->x = wr_str_of((const char *)x, 32);
    return ok;
}

static bool private_pkcs8(struct wr_arena *arena, struct wr_der der, struct wr_crypto_key *key,
                          const char **fault)
{
    struct wr_der list, id, oid, inner, curve;
    int32_t version;
    *fault = "x509: failed to parse PKCS#8 private key";
    if (!wr_der_take(&der, WR_DER_SEQUENCE, &list) || der.n != 0 ||
        !wr_der_take_small(&list, &version) || !wr_der_take(&list, WR_DER_SEQUENCE, &id) ||
        !wr_der_take(&id, WR_DER_OID, &oid) || !wr_der_take(&list, WR_DER_OCTETS, &inner)) {
        return false;
    }
    if (WR_DER_IS(oid, OID_RSA)) {
        return private_rsa(inner, key, fault);
    }
    if (WR_DER_IS(oid, OID_EC)) {
        bool named = wr_der_take(&id, WR_DER_OID, &curve);
        return private_ec(arena, inner, named ? &curve : NULL, key, fault);
    }
    if (WR_DER_IS(oid, OID_ED25519)) {
        return private_ed25519(arena, inner, key, fault);
    }
    *fault = "x509: PKCS#8 wrapping contained private key with unknown algorithm";
    return false;
}

bool wr_key_private(struct wr_arena *arena, enum wr_key_form form, struct wr_str der,
                    struct wr_crypto_key *key, const char **fault)
{
    switch (form) {
    case WR_KEY_PKCS1:
        return private_rsa(wr_der_of(der), key, fault);
    case WR_KEY_PKCS8:
        return private_pkcs8(arena, wr_der_of(der), key, fault);
    case WR_KEY_SEC1:
        return private_ec(arena, wr_der_of(der), NULL, key, fault);
    }
    WR_UNREACHABLE();
}

bool wr_key_private_any(struct wr_arena *arena, struct wr_str der, struct wr_crypto_key *key,
                        const char **fault)
{
    if (wr_key_private(arena, WR_KEY_PKCS1, der, key, fault) ||
        wr_key_private(arena, WR_KEY_PKCS8, der, key, fault) ||
        wr_key_private(arena, WR_KEY_SEC1, der, key, fault)) {
        return true;
    }
    *fault = "tls: failed to parse private key";
    return false;
}

/* ── as values ──────────────────────────────────────────────────────────────────────────────── */

struct crt { /* what RSA keys carry besides, as bytes of the arena */
    struct wr_str dp, dq, qi;
};

static struct wr_str bytes_of(struct wr_arena *arena, EVP_PKEY *pkey, const char *name)
{
    BIGNUM *number = NULL;
    struct wr_str s = {"", 0};
    if (EVP_PKEY_get_bn_param(pkey, name, &number) == 1) {
        size_t n = (size_t)BN_num_bytes(number);
        char *room = wr_arena_alloc(arena, n + 1, 1);
        if (room != NULL) {
            BN_bn2bin(number, (uint8_t *)room);
            s = wr_str_of(room, n);
        }
    }
    BN_clear_free(number);
    return s;
}

static struct crt crt_of(struct wr_arena *arena, const struct wr_crypto_key *key)
{
    const char *ignored;
    struct crt crt = {0};
    EVP_PKEY *pkey = wr_key_open(key, true, &ignored);
    if (pkey != NULL) {
        crt.dp = bytes_of(arena, pkey, "rsa-exponent1");
        crt.dq = bytes_of(arena, pkey, "rsa-exponent2");
        crt.qi = bytes_of(arena, pkey, "rsa-coefficient1");
    }
    EVP_PKEY_free(pkey);
    return crt;
}

static void put_rsa(struct wr_arena *arena, struct wr_go_object *o, const struct wr_crypto_key *key)
{
    struct crt crt = crt_of(arena, key);
    struct wr_go_object precomputed = {0};
    struct wr_go_list primes = {0};
    wr_go_add(arena, &primes, wr_go_unsigned(arena, key->p));
    wr_go_add(arena, &primes, wr_go_unsigned(arena, key->q));
    wr_go_put(&precomputed, "Dp", wr_go_unsigned(arena, crt.dp));
    wr_go_put(&precomputed, "Dq", wr_go_unsigned(arena, crt.dq));
    wr_go_put(&precomputed, "Qinv", wr_go_unsigned(arena, crt.qi));
    wr_go_put(&precomputed, "CRTValues", wr_array(NULL, 0));
    wr_go_put(o, "Primes", wr_go_list_end(&primes));
    wr_go_put(o, "Precomputed", wr_go_end(arena, &precomputed));
}

struct wr_value wr_key_private_value(struct wr_arena *arena, const struct wr_crypto_key *key)
{
    struct wr_go_object o = {0};
    if (key->kind == WR_CRYPTO_KEY_ED25519) {
        struct wr_buf both = wr_buf_in(arena, 64);
        wr_buf_str(&both, key->d);
        wr_buf_str(&both, key->x);
        return wr_go_base64(arena, wr_buf_view(&both));
    }
    put_public(arena, &o, key);
    wr_go_put(&o, "D", wr_go_unsigned(arena, key->d));
    if (key->kind == WR_CRYPTO_KEY_RSA) {
        put_rsa(arena, &o, key);
    }
    return wr_go_end(arena, &o);
}

struct wr_value wr_key_jwk(struct wr_arena *arena, const struct wr_crypto_key *key)
{
    struct wr_go_object o = {0};
    if (key->kind == WR_CRYPTO_KEY_RSA) {
        struct crt crt = crt_of(arena, key);
        wr_go_put(&o, "kty", wr_string(WR_STR("RSA")));
        wr_go_put(&o, "n", wr_go_base64url(arena, key->n));
        wr_go_put(&o, "e", wr_go_base64url(arena, key->e));
        wr_go_put(&o, "d", wr_go_base64url(arena, key->d));
        wr_go_put(&o, "p", wr_go_base64url(arena, key->p));
        wr_go_put(&o, "q", wr_go_base64url(arena, key->q));
        wr_go_put(&o, "dp", wr_go_base64url(arena, crt.dp));
        wr_go_put(&o, "dq", wr_go_base64url(arena, crt.dq));
        wr_go_put(&o, "qi", wr_go_base64url(arena, crt.qi));
    } else if (key->kind == WR_CRYPTO_KEY_EC) {
        wr_go_put(&o, "kty", wr_string(WR_STR("EC")));
        wr_go_put(&o, "crv", wr_string(key->curve));
        wr_go_put(&o, "x", wr_go_base64url(arena, key->x));
        wr_go_put(&o, "y", wr_go_base64url(arena, key->y));
        wr_go_put(&o, "d", wr_go_base64url(arena, key->d));
    } else {
        return wr_undefined();
    }
    return wr_go_end(arena, &o);
}
