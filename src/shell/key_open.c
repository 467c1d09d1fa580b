/* SPDX-License-Identifier: Apache-2.0 */
/* Keys handed to OpenSSL. */
#include "shell/crypto.h"
#include "shell/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

/* The numbers of one key on their way to OpenSSL; all freed together. */
struct numbers {
    BIGNUM *n, *e, *d, *p, *q, *dp, *dq, *qi, *t;
    BN_CTX *ctx;
    OSSL_PARAM_BLD *build;
};

static void numbers_free(struct numbers *k)
{
    BIGNUM *all[] = {k->n, k->e, k->d, k->p, k->q, k->dp, k->dq, k->qi, k->t};
    for (size_t i = 0; i < WR_COUNTOF(all); i++) {
        BN_clear_free(all[i]);
    }
    BN_CTX_free(k->ctx);
    OSSL_PARAM_BLD_free(k->build);
}

static EVP_PKEY *from_data(const char *type, OSSL_PARAM_BLD *build, bool private_key)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, private_key ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                          params) != 1) {
        pkey = NULL;
    }
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static BIGNUM *number(struct wr_str bytes)
{
    return bytes.n * 8 > WR_LIMIT_RSA_BITS + 64
               ? NULL
               : BN_bin2bn((const uint8_t *)bytes.p, (int)bytes.n, NULL);
}

/* With two primes: the exponents and the coefficient of the Chinese remainder theorem. */
static bool push_primes(struct numbers *k, const struct wr_crypto_key *key)
{
    k->p = number(key->p);
    k->q = number(key->q);
    k->dp = BN_new();
    k->dq = BN_new();
    k->qi = BN_new();
    k->t = BN_new();
    k->ctx = BN_CTX_new();
    if (k->p == NULL || k->q == NULL || k->dp == NULL || k->dq == NULL || k->qi == NULL ||
        k->t == NULL || k->ctx == NULL || BN_is_zero(k->p) || BN_is_zero(k->q) || BN_is_one(k->p) ||
        BN_is_one(k->q)) {
        return false;
    }
    return BN_mul(k->t, k->p, k->q, k->ctx) == 1 && BN_cmp(k->t, k->n) == 0 &&
           BN_sub(k->t, k->p, BN_value_one()) == 1 && BN_mod(k->dp, k->d, k->t, k->ctx) == 1 &&
           BN_sub(k->t, k->q, BN_value_one()) == 1 && BN_mod(k->dq, k->d, k->t, k->ctx) == 1 &&
           BN_mod_inverse(k->qi, k->q, k->p, k->ctx) != NULL &&
           OSSL_PARAM_BLD_push_BN(k->build, OSSL_PKEY_PARAM_RSA_FACTOR1, k->p) == 1 &&
           OSSL_PARAM_BLD_push_BN(k->build, OSSL_PKEY_PARAM_RSA_FACTOR2, k->q) == 1 &&
           OSSL_PARAM_BLD_push_BN(k->build, OSSL_PKEY_PARAM_RSA_EXPONENT1, k->dp) == 1 &&
           OSSL_PARAM_BLD_push_BN(k->build, OSSL_PKEY_PARAM_RSA_EXPONENT2, k->dq) == 1 &&
           OSSL_PARAM_BLD_push_BN(k->build, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, k->qi) == 1;
}

static EVP_PKEY *open_rsa(const struct wr_crypto_key *key, bool private_key, const char **fault)
{
    EVP_PKEY *pkey = NULL;
    struct numbers k = {.n = number(key->n), .e = number(key->e)};
    k.build = OSSL_PARAM_BLD_new();
    *fault = "the RSA key is not valid";
    if (k.n == NULL || BN_num_bits(k.n) > WR_LIMIT_RSA_BITS) {
        *fault = "the RSA modulus is larger than 16384 bits";
    } else if (k.e != NULL && k.build != NULL && BN_is_odd(k.n) && BN_is_odd(k.e) &&
               !BN_is_one(k.e) && BN_num_bits(k.e) < 32 &&
               OSSL_PARAM_BLD_push_BN(k.build, OSSL_PKEY_PARAM_RSA_N, k.n) == 1 &&
               OSSL_PARAM_BLD_push_BN(k.build, OSSL_PKEY_PARAM_RSA_E, k.e) == 1) {
        bool ok = true;
        if (private_key) {
            k.d = number(key->d);
            ok = k.d != NULL && !BN_is_zero(k.d) && BN_cmp(k.d, k.n) < 0 &&
                 OSSL_PARAM_BLD_push_BN(k.build, OSSL_PKEY_PARAM_RSA_D, k.d) == 1 &&
                 (key->p.n + key->q.n == 0 || push_primes(&k, key));
        }
        pkey = ok ? from_data("RSA", k.build, private_key) : NULL;
    }
    numbers_free(&k);
    return pkey;
}

static bool curve_of(struct wr_str name, const char **openssl, size_t *bytes)
{
    static const struct {
        const char *name, *openssl;
        size_t bytes;
    } curves[] = {{"P-224", "secp224r1", 28},
                  {"P-256", "prime256v1", 32},
                  {"P-384", "secp384r1", 48},
                  {"P-521", "secp521r1", 66}};
    for (size_t i = 0; i < WR_COUNTOF(curves); i++) {
        if (wr_str_eq(name, wr_str_z(curves[i].name))) {
            *openssl = curves[i].openssl;
            *bytes = curves[i].bytes;
            return true;
        }
    }
    return false;
}

/* Right-aligned in `size` bytes; false when it does not fit. */
static bool place(uint8_t *to, size_t size, struct wr_str bytes)
{
    while (bytes.n > size && bytes.p[0] == 0) {
        bytes = wr_str_of(bytes.p + 1, bytes.n - 1);
    }
    if (bytes.n > size) {
        return false;
    }
    memset(to, 0, size - bytes.n);
    if (bytes.n > 0) {
        memcpy(to + size - bytes.n, bytes.p, bytes.n);
    }
    return true;
}

static EVP_PKEY *open_ec(const struct wr_crypto_key *key, bool private_key, const char **fault)
{
    uint8_t point[1 + 2 * 66] = {4};
    const char *curve;
    size_t size;
    EVP_PKEY *pkey = NULL;
    if (!curve_of(key->curve, &curve, &size)) {
        *fault = "the elliptic curve is not supported";
        return NULL;
    }
    *fault = "the EC key is not valid";
    if (!place(point + 1, size, key->x) || !place(point + 1 + size, size, key->y)) {
        return NULL;
    }
    struct numbers k = {.build = OSSL_PARAM_BLD_new(), .d = number(key->d)};
    if (k.build != NULL && k.d != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(k.build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(k.build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size) ==
            1 &&
        (!private_key || (!BN_is_zero(k.d) &&
                          OSSL_PARAM_BLD_push_BN(k.build, OSSL_PKEY_PARAM_PRIV_KEY, k.d) == 1))) {
        pkey = from_data("EC", k.build, private_key);
    }
    numbers_free(&k);
    return pkey;
}

EVP_PKEY *wr_key_open(const struct wr_crypto_key *key, bool private_key, const char **fault)
{
    switch (key->kind) {
    case WR_CRYPTO_KEY_RSA:
        return open_rsa(key, private_key, fault);
    case WR_CRYPTO_KEY_EC:
        return open_ec(key, private_key, fault);
    case WR_CRYPTO_KEY_ED25519:
        *fault = "the Ed25519 key is not valid";
        return private_key ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                                          (const uint8_t *)key->d.p, key->d.n)
                           : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                                         (const uint8_t *)key->x.p, key->x.n);
    case WR_CRYPTO_KEY_PEM:
        break;
    }
    *fault = "the key is PEM text";
    return NULL;
}
