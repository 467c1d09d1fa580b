/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.*: hashes and MACs of our own; X.509 through the environment's table. */
#include "rego/builtin_family.h"
#include "rego/digest.h"

static wr_err hex_of(struct wr_builtin_call *call, const uint8_t *bytes, size_t n,
                     struct wr_value *out)
{
    struct wr_buf buf = wr_buf_in(call->arena, n * 2 + 1);
    wr_buf_hex(&buf, bytes, n);
    return wr_builtin_text(call, &buf, out);
}

static wr_err digest(struct wr_builtin_call *call, const struct wr_value *args,
                     enum wr_digest which, struct wr_value *out)
{
    uint8_t bytes[WR_DIGEST_SIZE_MAX];
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(wr_builtin_charge(call, (uint64_t)args[0].n * 2 + 128));
    wr_digest_of(which, wr_text(args[0]), bytes);
    return hex_of(call, bytes, wr_digest_size(which), out);
}

WR_BUILTIN_FN(wr_b_crypto_md5)
{
    (void)n;
    return digest(call, args, WR_MD5, out);
}

WR_BUILTIN_FN(wr_b_crypto_sha1)
{
    (void)n;
    return digest(call, args, WR_SHA1, out);
}

WR_BUILTIN_FN(wr_b_crypto_sha256)
{
    (void)n;
    return digest(call, args, WR_SHA256, out);
}

static wr_err hmac(struct wr_builtin_call *call, const struct wr_value *args, enum wr_digest which,
                   struct wr_value *out)
{
    uint8_t bytes[WR_DIGEST_SIZE_MAX];
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(wr_builtin_want(call, args, 1, WR_STRING));
    WR_TRY(wr_builtin_charge(call, ((uint64_t)args[0].n + args[1].n) * 2 + 256));
    wr_hmac_of(which, wr_text(args[1]), wr_text(args[0]), bytes);
    return hex_of(call, bytes, wr_digest_size(which), out);
}

WR_BUILTIN_FN(wr_b_hmac_md5)
{
    (void)n;
    return hmac(call, args, WR_MD5, out);
}

WR_BUILTIN_FN(wr_b_hmac_sha1)
{
    (void)n;
    return hmac(call, args, WR_SHA1, out);
}

WR_BUILTIN_FN(wr_b_hmac_sha256)
{
    (void)n;
    return hmac(call, args, WR_SHA256, out);
}

WR_BUILTIN_FN(wr_b_hmac_sha512)
{
    (void)n;
    return hmac(call, args, WR_SHA512, out);
}

/* In time that depends on the lengths alone. */
WR_BUILTIN_FN(wr_b_hmac_equal)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(wr_builtin_want(call, args, 1, WR_STRING));
    uint8_t difference = args[0].n != args[1].n;
    for (uint32_t i = 0; i < args[0].n && args[0].n == args[1].n; i++) {
        difference |= (uint8_t)(args[0].text[i] ^ args[1].text[i]);
    }
    *out = wr_bool(difference == 0);
    return wr_builtin_charge(call, args[0].n / 8 + 1);
}

WR_BUILTIN_FN(wr_b_x509)
{
    static const struct {
        const char *name;
        enum wr_x509_op op;
    } table[] = {
        {"crypto.x509.parse_certificates", WR_X509_PARSE_CERTIFICATES},
        {"crypto.x509.parse_and_verify_certificates", WR_X509_PARSE_AND_VERIFY},
        {"crypto.x509.parse_certificate_request", WR_X509_PARSE_REQUEST},
        {"crypto.x509.parse_keypair", WR_X509_PARSE_KEYPAIR},
        {"crypto.x509.parse_rsa_private_key", WR_X509_PARSE_RSA_PRIVATE_KEY},
        {"crypto.parse_private_keys", WR_X509_PARSE_PRIVATE_KEYS},
    };
    const struct wr_crypto_table *crypto = call->env->crypto;
    struct wr_error error = {0};
    size_t op = 0;
    for (uint32_t i = 0; i < n; i++) {
        WR_TRY(wr_builtin_want(call, args, i, WR_STRING));
        WR_TRY(wr_builtin_charge(call, (uint64_t)args[i].n * 16 + 1000));
    }
    if (crypto == NULL || crypto->x509 == NULL) {
        return wr_builtin_fail(call, "this build has no public-key cryptography");
    }
    while (op + 1 < WR_COUNTOF(table) &&
           !wr_str_eq(wr_str_z(table[op].name), wr_str_z(call->self->name))) {
        op++;
    }
    wr_err err = crypto->x509(crypto->context, call->arena, table[op].op, args, n, out, &error);
    if (err == WR_E_MEMORY) {
        return wr_builtin_no_room(call);
    }
    return err == WR_OK ? WR_OK : wr_builtin_fail(call, "%s", error.text);
}
