/* SPDX-License-Identifier: Apache-2.0 */
/* Public-key cryptography: the published vectors of RFC 7515 (appendix A), RFC 8032 (7.1), and
 * certificates of our own in test/data/x509, whose values were compared with Go's crypto/x509. */
#include "check.h"
#include "rego/builtin_family.h"
#include "shell/crypto.h"
#include "shell/der.h"
#include "shell/go_value.h"
#include "shell/pem.h"
#include "value/json_write.h"

#include <openssl/err.h>

#define DATA WEIR_SOURCE "/test/data/x509/"

static const struct wr_memory memory = CHECK_MEMORY;
static struct wr_arena arena;

static void start(void)
{
    wr_arena_init(&arena, &memory, 64u << 20);
}

static void finish(void)
{
    CHECK(ERR_peek_error() == 0);
    wr_arena_deinit(&arena);
}

static struct wr_str decode(const char *base64url)
{
    struct wr_buf buf = wr_buf_in(&arena, strlen(base64url) + 8);
    size_t bad;
    CHECK(wr_base64_read(&buf, wr_str_z(base64url), true, false, &bad));
    return wr_buf_view(&buf);
}

static struct wr_str unhex(const char *text)
{
    struct wr_buf buf = wr_buf_in(&arena, strlen(text) / 2 + 1);
    for (size_t i = 0; text[i] != 0; i += 2) {
        unsigned byte;
        sscanf(text + i, "%2x", &byte);
        wr_buf_char(&buf, (char)byte);
    }
    return wr_buf_view(&buf);
}

static struct wr_str file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, DATA "%s", name);
    FILE *f = fopen(path, "rb");
    char *room = wr_arena_alloc(&arena, 16384, 1);
    size_t n = f == NULL || room == NULL ? 0 : fread(room, 1, 16384, f);
    CHECK(n > 0);
    if (f != NULL) {
        fclose(f);
    }
    return wr_str_of(room, n);
}

static struct wr_str as_base64(struct wr_str der)
{
    return wr_text(wr_go_base64(&arena, der));
}

static struct wr_str join(struct wr_str a, struct wr_str b, struct wr_str c)
{
    struct wr_buf buf = wr_buf_in(&arena, a.n + b.n + c.n + 1);
    wr_buf_str(&buf, a);
    wr_buf_str(&buf, b);
    wr_buf_str(&buf, c);
    return wr_buf_view(&buf);
}

static bool verifies(enum wr_crypto_alg alg, const struct wr_crypto_key *key, struct wr_str message,
                     struct wr_str signature)
{
    bool valid = true;
    struct wr_error error = {0};
    const struct wr_crypto_table *t = wr_crypto_table();
    wr_err err = t->verify(t->context, alg, key, message, signature, &valid, &error);
    CHECK_STR(error.text, "");
    return err == WR_OK && valid;
}

static struct wr_str signs(enum wr_crypto_alg alg, const struct wr_crypto_key *key,
                           struct wr_str message)
{
    struct wr_str signature = {0};
    struct wr_error error = {0};
    const struct wr_crypto_table *t = wr_crypto_table();
    CHECK_INT(t->sign(t->context, &arena, alg, key, message, &signature, &error), WR_OK);
    CHECK_STR(error.text, "");
    return signature;
}

static wr_err x509(enum wr_x509_op op, struct wr_str a, struct wr_str b, struct wr_value *out,
                   struct wr_error *error)
{
    const struct wr_value args[] = {wr_string(a), wr_string(b)};
    const struct wr_crypto_table *t = wr_crypto_table();
    *error = (struct wr_error){0};
    *out = wr_undefined();
    return t->x509(t->context, &arena, op, args, op == WR_X509_PARSE_KEYPAIR ? 2 : 1, out, error);
}

/* The JSON text of one field of the i-th element (or of the value itself, i < 0). */
static const char *field(const struct wr_value *value, int i, const char *name)
{
    static char text[8192];
    const struct wr_value *object = i < 0 ? value
                                    : value->type == WR_ARRAY && (uint32_t)i < value->n
                                        ? &value->items[i]
                                        : NULL;
    const struct wr_value *v = object == NULL || object->type != WR_OBJECT
                                   ? NULL
                                   : wr_object_get_str(object, wr_str_z(name));
    struct wr_buf buf = wr_buf_fixed(text, sizeof text - 1);
    if (v == NULL) {
        return "(absent)";
    }
    wr_json_write(&buf, v, WR_JSON_COMPACT);
    text[buf.n] = 0;
    return text;
}

/* ── signatures ─────────────────────────────────────────────────────────────────────────────── */

#define RFC7515_PAYLOAD                                                                            \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"

static struct wr_crypto_key rsa_key(void)
{
    return (struct wr_crypto_key){
        .kind = WR_CRYPTO_KEY_RSA,
        .e = decode("AQAB"),
        .n = decode(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1"
            "Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpa"
            "SHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4"
            "LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"),
        .d = decode(
            "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwV"
            "ol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj"
            "kn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaF"
            "QT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"),
        .p = decode(
            "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0H"
            "w_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-"
            "y2XDwGUc"),
        .q = decode(
            "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7T"
            "jeLQeZD_YwD66t62wDmpe_HlB-TnBA-"
            "njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc"),
    };
}

#define RS256_MESSAGE "eyJhbGciOiJSUzI1NiJ9." RFC7515_PAYLOAD
#define RS256_SIGNATURE                                                                            \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5" \
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb" \
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO" \
    "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"

TEST("RFC 7515 A.2: RS256 verifies and signs to the letter")
{
    start();
    struct wr_crypto_key key = rsa_key();
    struct wr_str want = decode(RS256_SIGNATURE);
    CHECK(verifies(WR_CRYPTO_RS256, &key, WR_STR(RS256_MESSAGE), want));
    CHECK(wr_str_eq(signs(WR_CRYPTO_RS256, &key, WR_STR(RS256_MESSAGE)), want));
    key.p = key.q = wr_str_of("", 0); /* the primes only make it faster */
    CHECK(wr_str_eq(signs(WR_CRYPTO_RS256, &key, WR_STR(RS256_MESSAGE)), want));
    CHECK(!verifies(WR_CRYPTO_RS256, &key, WR_STR(RS256_MESSAGE "x"), want));
    CHECK(!verifies(WR_CRYPTO_RS384, &key, WR_STR(RS256_MESSAGE), want));
    CHECK(!verifies(WR_CRYPTO_PS256, &key, WR_STR(RS256_MESSAGE), want));
    CHECK(!verifies(WR_CRYPTO_ES256, &key, WR_STR(RS256_MESSAGE), want));
    CHECK(!verifies(WR_CRYPTO_RS256, &key, WR_STR(RS256_MESSAGE), wr_str_of(want.p, 255)));
    CHECK(!verifies(WR_CRYPTO_RS256, &key, WR_STR(RS256_MESSAGE), wr_str_of("", 0)));
    finish();
}

TEST("every RSA algorithm verifies what it signed, and nothing else's")
{
    static const enum wr_crypto_alg algs[] = {WR_CRYPTO_RS256, WR_CRYPTO_RS384, WR_CRYPTO_RS512,
                                              WR_CRYPTO_PS256, WR_CRYPTO_PS384, WR_CRYPTO_PS512};
    start();
    struct wr_crypto_key key = rsa_key();
    for (size_t i = 0; i < WR_COUNTOF(algs); i++) {
        struct wr_str signature = signs(algs[i], &key, WR_STR("message"));
        for (size_t k = 0; k < WR_COUNTOF(algs); k++) {
            CHECK(verifies(algs[k], &key, WR_STR("message"), signature) == (i == k));
        }
    }
    finish();
}

TEST("RFC 7515 A.3 and A.4: ES256 and ES512 verify")
{
    start();
    struct wr_crypto_key p256 = {.kind = WR_CRYPTO_KEY_EC,
                                 .curve = WR_STR("P-256"),
                                 .x = decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
                                 .y = decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
                                 .d = decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")};
    struct wr_str message = WR_STR("eyJhbGciOiJFUzI1NiJ9." RFC7515_PAYLOAD);
    struct wr_str signature = decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS"
                                     "lSApmWQxfKTUJqPP3-Kg6NU1Q");
    CHECK(verifies(WR_CRYPTO_ES256, &p256, message, signature));
    CHECK(!verifies(WR_CRYPTO_ES256, &p256, message, wr_str_of(signature.p, 63)));
    CHECK(!verifies(WR_CRYPTO_ES256, &p256, message, wr_str_of("", 0)));
    CHECK(!verifies(WR_CRYPTO_ES256, &p256, message, wr_str_of((char[64]){0}, 64)));
    struct wr_str own = signs(WR_CRYPTO_ES256, &p256, message);
    CHECK_INT(own.n, 64);
    CHECK(verifies(WR_CRYPTO_ES256, &p256, message, own));

    struct wr_crypto_key p521 = {
        .kind = WR_CRYPTO_KEY_EC,
        .curve = WR_STR("P-521"),
        .x =
            decode("AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUx"
                   "cWceqwQGk"),
        .y =
            decode("ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf"
                   "63e3kyMj2"),
        .d =
            decode("AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53v"
                   "M9mE15j2C")};
    CHECK(
        verifies(WR_CRYPTO_ES512, &p521, WR_STR("eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA"),
                 decode("AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KG"
                        "DKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8v"
                        "cnwNrmxYbSW9ERBXukOXolLzeO_Jn")));
    own = signs(WR_CRYPTO_ES512, &p521, message);
    CHECK_INT(own.n, 132);
    CHECK(verifies(WR_CRYPTO_ES512, &p521, message, own));
    finish();
}

TEST("RFC 8032 7.1, test 1: Ed25519 verifies and signs to the letter")
{
    start();
    struct wr_crypto_key key = {
        .kind = WR_CRYPTO_KEY_ED25519,
        .d = unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
        .x = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")};
    struct wr_str want =
        unhex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8"
              "821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    CHECK(wr_str_eq(signs(WR_CRYPTO_EDDSA, &key, WR_STR("")), want));
    CHECK(verifies(WR_CRYPTO_EDDSA, &key, WR_STR(""), want));
    CHECK(!verifies(WR_CRYPTO_EDDSA, &key, WR_STR("a"), want));
    finish();
}

TEST("keys that are none are refused by name")
{
    static const char big[WR_LIMIT_RSA_BITS / 8 + 1] = {[0] = 1, [WR_LIMIT_RSA_BITS / 8] = 1};
    start();
    struct wr_crypto_key rsa = rsa_key(), wide = rsa, even = rsa, primes = rsa, exponent = rsa;
    wide.n = wr_str_of(big, sizeof big);
    even.n = wr_str_of("\x10\x10\x10\x10", 4);
    exponent.e = wr_str_of("\1", 1);
    primes.p = wr_str_of("\7", 1);
    struct wr_crypto_key off = {.kind = WR_CRYPTO_KEY_EC,
                                .curve = WR_STR("P-256"),
                                .x = wr_str_of("\1", 1),
                                .y = wr_str_of("\1", 1)};
    struct wr_crypto_key unknown = off;
    struct wr_crypto_key shorter = {.kind = WR_CRYPTO_KEY_ED25519, .x = WR_STR("abc")};
    struct wr_crypto_key pem = {.kind = WR_CRYPTO_KEY_PEM, .text = WR_STR("-----BEGIN nothing")};
    unknown.curve = WR_STR("secp256k1");
    const struct {
        const struct wr_crypto_key *key;
        const char *text;
    } cases[] = {
        {&wide, "the RSA modulus is larger than 16384 bits"},
        {&even, "the RSA key is not valid"},
        {&exponent, "the RSA key is not valid"},
        {&off, "the EC key is not valid"},
        {&unknown, "the elliptic curve is not supported"},
        {&shorter, "the Ed25519 key is not valid"},
        {&pem, "failed to parse a JWK key (set): it is neither PEM nor JSON"},
    };
    const struct wr_crypto_table *t = wr_crypto_table();
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct wr_error error = {0};
        bool valid = true;
        CHECK_INT(t->verify(t->context, WR_CRYPTO_RS256, cases[i].key, WR_STR("m"), WR_STR("s"),
                            &valid, &error),
                  WR_E_EVAL_BUILTIN);
        CHECK_STR(error.text, cases[i].text);
        CHECK(!valid);
    }
    struct wr_error error = {0};
    struct wr_str signature;
    CHECK_INT(
        t->sign(t->context, &arena, WR_CRYPTO_RS256, &primes, WR_STR("m"), &signature, &error),
        WR_E_EVAL_BUILTIN);
    CHECK_INT(t->sign(t->context, &arena, WR_CRYPTO_ES256, &rsa, WR_STR("m"), &signature, &error),
              WR_E_EVAL_BUILTIN);
    finish();
}

/* ── certificates ───────────────────────────────────────────────────────────────────────────── */

TEST("a certificate's fields are those of Go")
{
    struct wr_value v;
    struct wr_error error;
    start();
    CHECK_INT(x509(WR_X509_PARSE_CERTIFICATES, file("odd.pem"), WR_STR(""), &v, &error), WR_OK);
    CHECK_INT(v.n, 1);
    CHECK_INT(v.items[0].n, 45);
    CHECK_STR(field(&v, 0, "Version"), "3");
    CHECK_STR(field(&v, 0, "SerialNumber"), "258");
    CHECK_STR(field(&v, 0, "SignatureAlgorithm"), "10");
    CHECK_STR(field(&v, 0, "PublicKeyAlgorithm"), "1");
    CHECK_STR(field(&v, 0, "KeyUsage"), "5");
    CHECK_STR(field(&v, 0, "ExtKeyUsage"), "[1,2]");
    CHECK_STR(field(&v, 0, "UnknownExtKeyUsage"), "[[1,2,3,4,5]]");
    CHECK_STR(field(&v, 0, "UnhandledCriticalExtensions"), "[[1,2,3,4,6]]");
    CHECK_STR(field(&v, 0, "IPAddresses"), "[\"192.0.2.7\",\"2001:db8::1\"]");
    CHECK_STR(field(&v, 0, "DNSNames"), "[\"risk.example.test\",\"node.example.test\"]");
    CHECK_STR(field(&v, 0, "URIStrings"), "[\"https://user@node.example.test:8443/a%2Fb?x=1\"]");
    CHECK_STR(field(&v, 0, "URIs"),
              "[{\"ForceQuery\":false,\"Fragment\":\"\",\"Host\":\"node.example.test:8443\","
              "\"OmitHost\":false,\"Opaque\":\"\",\"Path\":\"/a/b\",\"RawFragment\":\"\","
              "\"RawPath\":\"/a%2Fb\",\"RawQuery\":\"x=1\",\"Scheme\":\"https\",\"User\":{}}]");
    CHECK_STR(field(&v, 0, "MaxPathLen"), "-1");
    CHECK_STR(field(&v, 0, "IsCA"), "false");
    CHECK_STR(field(&v, 0, "OCSPServer"), "[\"http://ocsp.example.test\"]");
    CHECK_STR(field(&v, 0, "CRLDistributionPoints"), "[\"http://crl.example.test/1.crl\"]");
    CHECK_STR(field(&v, 0, "PolicyIdentifiers"), "[[1,3,6,1,4,1,99999,1]]");
    CHECK_STR(field(&v, 0, "ExtraExtensions"), "null");
    CHECK_STR(field(wr_object_get_str(&v.items[0], WR_STR("Subject")), -1, "SerialNumber"),
              "\"77\"");
    CHECK_STR(field(wr_object_get_str(&v.items[0], WR_STR("Subject")), -1, "PostalCode"),
              "[\"10115\"]");
    finish();
}

TEST("name constraints and large serial numbers are read")
{
    struct wr_value v;
    struct wr_error error;
    start();
    CHECK_INT(x509(WR_X509_PARSE_CERTIFICATES, file("mid.pem"), WR_STR(""), &v, &error), WR_OK);
    CHECK_STR(field(&v, 0, "SerialNumber"), "2575866019663762143841300913324033");
    CHECK_STR(field(&v, 0, "ExcludedIPRanges"), "[{\"IP\":\"10.0.0.0\",\"Mask\":\"/wAAAA==\"}]");
    CHECK_STR(field(&v, 0, "PermittedDNSDomains"), "[\".example.test\",\"example.test\"]");
    CHECK_STR(field(&v, 0, "PermittedDNSDomainsCritical"), "true");
    CHECK_STR(field(&v, 0, "PermittedURIDomains"), "[\".example.test\"]");
    CHECK_STR(field(&v, 0, "MaxPathLenZero"), "true");
    finish();
}

/* The DER of a PEM file, in memory that may be changed. */
static struct wr_str der_of(const char *name)
{
    struct wr_str text = file(name);
    struct wr_pem block = {0};
    CHECK(wr_pem_next(&arena, &text, &block));
    return block.bytes;
}

static char *find(struct wr_str der, struct wr_str what)
{
    size_t at = wr_str_find(der, what, 0);
    CHECK(at != SIZE_MAX);
    return (char *)(uintptr_t)(der.p + (at == SIZE_MAX ? 0 : at + what.n));
}

TEST("years of two digits lie between 1950 and 2049")
{
    struct wr_value v;
    struct wr_error error;
    start();
    struct wr_str der = der_of("mid.pem");
    char *year = find(der, WR_STR("\x17\x0d")); /* a UTCTime */
    memcpy(year, "500228235959", 12);
    CHECK_INT(x509(WR_X509_PARSE_CERTIFICATES, as_base64(der), WR_STR(""), &v, &error), WR_OK);
    CHECK_STR(field(&v, 0, "NotBefore"), "\"1950-02-28T23:59:59Z\"");
    memcpy(year, "490228235959", 12);
    CHECK_INT(x509(WR_X509_PARSE_CERTIFICATES, as_base64(der), WR_STR(""), &v, &error), WR_OK);
    CHECK_STR(field(&v, 0, "NotBefore"), "\"2049-02-28T23:59:59Z\"");
    memcpy(year, "490229235959", 12); /* no leap year */
    CHECK_INT(x509(WR_X509_PARSE_CERTIFICATES, as_base64(der), WR_STR(""), &v, &error),
              WR_E_EVAL_BUILTIN);
    finish();
}

TEST("a point beside its curve is no public key")
{
    struct wr_value v;
    struct wr_error error;
    start();
    struct wr_str der = der_of("mid.pem");
    *find(der, WR_STR("\x03\x62\x00\x04")) ^= 1;
    CHECK_INT(x509(WR_X509_PARSE_CERTIFICATES, as_base64(der), WR_STR(""), &v, &error),
              WR_E_EVAL_BUILTIN);
    CHECK_STR(error.text, "x509: failed to unmarshal elliptic curve point");
    finish();
}

TEST("a chain verifies only from leaf to root, through all between")
{
    struct wr_value v;
    struct wr_error error;
    start();
    struct wr_str root = file("root.pem"), mid = file("mid.pem"), leaf = file("leaf.pem");
    struct wr_str none = WR_STR("");
    CHECK_INT(x509(WR_X509_PARSE_AND_VERIFY, join(root, mid, leaf), none, &v, &error), WR_OK);
    CHECK(wr_is_true(v.items[0]));
    CHECK_INT(v.items[1].n, 3);
    CHECK_STR(field(&v.items[1], 0, "SerialNumber"), "259"); /* the leaf comes first */
    CHECK_STR(field(&v.items[1], 2, "SerialNumber"), "1");
    const struct wr_str wrong[] = {
        join(root, leaf, none),           join(leaf, mid, root), root, none,
        join(root, mid, file("odd.pem")), WR_STR("###")};
    for (size_t i = 0; i < WR_COUNTOF(wrong); i++) {
        CHECK_INT(x509(WR_X509_PARSE_AND_VERIFY, wrong[i], none, &v, &error), WR_OK);
        CHECK(wr_is_false(v.items[0]));
        CHECK_INT(v.items[1].n, 0);
    }
    /* The first is trusted whether or not it signed itself. */
    CHECK_INT(x509(WR_X509_PARSE_AND_VERIFY, join(mid, leaf, none), none, &v, &error), WR_OK);
    CHECK(wr_is_true(v.items[0]));
    finish();
}

TEST("a chain of more certificates than allowed does not verify")
{
    struct wr_value v;
    struct wr_error error;
    start();
    struct wr_str all = file("root.pem"), mid = file("mid.pem");
    for (int i = 0; i < WR_LIMIT_CHAIN_CERTIFICATES - 2; i++) {
        all = join(all, mid, WR_STR(""));
    }
    struct wr_str leaf = file("leaf.pem"), none = WR_STR("");
    CHECK_INT(x509(WR_X509_PARSE_AND_VERIFY, join(all, leaf, none), none, &v, &error), WR_OK);
    CHECK(wr_is_true(v.items[0]));
    CHECK_INT(x509(WR_X509_PARSE_AND_VERIFY, join(all, mid, leaf), none, &v, &error), WR_OK);
    CHECK(wr_is_false(v.items[0]));
    finish();
}

TEST("a request is read with the names it asks for")
{
    struct wr_value v;
    struct wr_error error;
    start();
    CHECK_INT(x509(WR_X509_PARSE_REQUEST, file("request.pem"), WR_STR(""), &v, &error), WR_OK);
    CHECK_INT(v.n, 17);
    CHECK_STR(field(&v, -1, "DNSNames"), "[\"req.example.test\"]");
    CHECK_STR(field(&v, -1, "IPAddresses"), "[\"192.0.2.9\"]");
    CHECK_STR(field(&v, -1, "Version"), "0");
    CHECK_INT(x509(WR_X509_PARSE_REQUEST, WR_STR("YmFkc3RyaW5n"), WR_STR(""), &v, &error),
              WR_E_EVAL_BUILTIN);
    CHECK_STR(error.text, "asn1: structure error: this is no certificate request");
    finish();
}

TEST("a key pair must fit together")
{
    struct wr_value v;
    struct wr_error error;
    start();
    struct wr_str key = as_base64(file("leaf-key.der")), other = as_base64(file("mid-key.der"));
    CHECK_INT(x509(WR_X509_PARSE_KEYPAIR, file("leaf.pem"), key, &v, &error), WR_OK);
    CHECK_STR(field(&v, -1, "Leaf"), "null");
    const struct wr_value *private_key = wr_object_get_str(&v, WR_STR("PrivateKey"));
    CHECK_STR(field(private_key, -1, "E"), "65537");
    CHECK_INT(wr_object_get_str(private_key, WR_STR("Primes"))->n, 2);
    CHECK_INT(x509(WR_X509_PARSE_KEYPAIR, file("mid.pem"), other, &v, &error), WR_OK);
    CHECK_STR(field(wr_object_get_str(&v, WR_STR("PrivateKey")), -1, "Curve"), "{}");
    CHECK_INT(x509(WR_X509_PARSE_KEYPAIR, file("leaf.pem"), other, &v, &error), WR_E_EVAL_BUILTIN);
    CHECK_STR(error.text, "tls: private key type does not match public key type");
    CHECK_INT(x509(WR_X509_PARSE_KEYPAIR, file("root.pem"), other, &v, &error), WR_E_EVAL_BUILTIN);
    CHECK_STR(error.text, "tls: private key does not match public key");
    struct wr_str third = as_base64(file("other-key.der"));
    CHECK_INT(x509(WR_X509_PARSE_KEYPAIR, file("mid.pem"), third, &v, &error), WR_E_EVAL_BUILTIN);
    CHECK_STR(error.text, "tls: private key does not match public key");
    CHECK_INT(x509(WR_X509_PARSE_CERTIFICATES, file("ed.pem"), WR_STR(""), &v, &error), WR_OK);
    CHECK_STR(field(&v, 0, "PublicKeyAlgorithm"), "4");
    CHECK_INT(x509(WR_X509_PARSE_KEYPAIR, WR_STR("-----BEGIN"), key, &v, &error),
              WR_E_EVAL_BUILTIN);
    CHECK_STR(error.text, "tls: failed to find any PEM data in certificate input");
    finish();
}

static struct wr_str as_pem(const char *type, struct wr_str der)
{
    struct wr_buf buf = wr_buf_in(&arena, der.n * 2);
    wr_format(&buf, "-----BEGIN %s-----\n", type);
    wr_buf_str(&buf, as_base64(der));
    wr_format(&buf, "\n-----END %s-----\n", type);
    return wr_buf_view(&buf);
}

TEST("private keys come as JSON and as JSON Web Keys")
{
    struct wr_value v;
    struct wr_error error;
    start();
    struct wr_str none = WR_STR(""), pem = as_pem("PRIVATE KEY", file("leaf-key.der"));
    CHECK_INT(x509(WR_X509_PARSE_RSA_PRIVATE_KEY, pem, none, &v, &error), WR_OK);
    CHECK_STR(field(&v, -1, "kty"), "\"RSA\"");
    CHECK_STR(field(&v, -1, "e"), "\"AQAB\"");
    CHECK_INT(v.n, 9);
    pem = join(pem, as_pem("OTHER", WR_STR("x")), as_pem("PRIVATE KEY", file("mid-key.der")));
    CHECK_INT(x509(WR_X509_PARSE_PRIVATE_KEYS, pem, none, &v, &error), WR_OK);
    CHECK_INT(v.n, 2);
    CHECK_STR(field(&v, 1, "Curve"), "{}");
    CHECK_INT(x509(WR_X509_PARSE_PRIVATE_KEYS, none, none, &v, &error), WR_OK);
    CHECK(v.type == WR_NULL);
    CHECK_INT(x509(WR_X509_PARSE_PRIVATE_KEYS, WR_STR("nope"), none, &v, &error), WR_OK);
    CHECK(v.type == WR_ARRAY && v.n == 0);
    CHECK_INT(x509(WR_X509_PARSE_RSA_PRIVATE_KEY, none, none, &v, &error), WR_E_EVAL_BUILTIN);
    CHECK_STR(error.text, "input PEM data was empty");
    finish();
}

TEST("a verifier takes a certificate as its key, and nothing behind it")
{
    start();
    struct wr_crypto_key key = rsa_key();
    struct wr_crypto_key leaf = {.kind = WR_CRYPTO_KEY_PEM, .text = file("leaf.pem")};
    struct wr_str signature = signs(WR_CRYPTO_RS256, &key, WR_STR("m"));
    CHECK(!verifies(WR_CRYPTO_RS256, &leaf, WR_STR("m"), signature)); /* another's */
    leaf.text = join(leaf.text, leaf.text, WR_STR(""));
    bool valid;
    struct wr_error error = {0};
    const struct wr_crypto_table *t = wr_crypto_table();
    CHECK_INT(t->verify(t->context, WR_CRYPTO_RS256, &leaf, WR_STR("m"), signature, &valid, &error),
              WR_E_EVAL_BUILTIN);
    CHECK_STR(error.text, "extra data after a PEM certificate block");
    finish();
}

/* ── hostile texts ──────────────────────────────────────────────────────────────────────────── */

static const enum wr_x509_op every_op[] = {WR_X509_PARSE_CERTIFICATES, WR_X509_PARSE_AND_VERIFY,
                                           WR_X509_PARSE_REQUEST, WR_X509_PARSE_PRIVATE_KEYS};

static void ask_all(struct wr_str der, size_t step)
{
    struct wr_value v;
    struct wr_error error;
    struct wr_arena_mark mark = wr_arena_mark(&arena);
    enum wr_x509_op op = every_op[step % WR_COUNTOF(every_op)];
    struct wr_str text =
        op == WR_X509_PARSE_PRIVATE_KEYS ? as_pem("PRIVATE KEY", der) : as_base64(der);
    wr_err err = x509(op, text, WR_STR(""), &v, &error);
    CHECK(err == WR_E_EVAL_BUILTIN ? error.text[0] != 0 : err == WR_OK && v.type != WR_UNDEFINED);
    wr_arena_rewind(&arena, mark);
}

TEST("certificates, requests and keys cut or changed anywhere are answered")
{
    static const char *const names[] = {"mid.pem", "odd.pem", "request.pem", "leaf-key.der",
                                        "mid-key.der"};
    uint32_t seed = 1;
    start();
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        struct wr_str der = file(names[i]);
        struct wr_pem block;
        if (wr_pem_next(&arena, &der, &block)) {
            der = block.bytes;
        }
        char *copy = wr_arena_alloc(&arena, der.n, 1);
        for (size_t n = 0; n < der.n; n++) {
            memcpy(copy, der.p, der.n);
            ask_all(wr_str_of(copy, n), n);
            seed = seed * 1664525 + 1013904223;
            copy[n] = (char)(copy[n] ^ (1 + (seed >> 24) % 255));
            for (size_t op = 0; op < WR_COUNTOF(every_op); op++) {
                ask_all(wr_str_of(copy, der.n), op);
            }
        }
    }
    finish();
}

TEST("lengths that are not minimal, or past the end, are no DER")
{
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {{"\x30", 1},
                 {"\x30\x80", 2},
                 {"\x30\x01", 2},
                 {"\x30\x81\x01\x00", 4},
                 {"\x30\x82\x00\x80", 4},
                 {"\x30\x84\xff\xff\xff\xff", 6},
                 {"\x30\x85\x00\x00\x00\x00\x01\x00", 8},
                 {"\x1f\x01\x00", 3}};
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        struct wr_der in = {(const uint8_t *)cases[i].bytes, cases[i].n}, body;
        uint8_t tag;
        CHECK(!wr_der_next(&in, &tag, &body, NULL));
        CHECK_INT(in.n, cases[i].n);
    }
    uint8_t tag, longer[200] = {0x30, 0x82, 0, 0x90}; /* 0x81 0x90 would have done */
    struct wr_der in = {longer, sizeof longer}, body;
    CHECK(!wr_der_next(&in, &tag, &body, NULL));
    longer[2] = 1;
    longer[3] = 0;
    CHECK(!wr_der_next(&in, &tag, &body, NULL)); /* past the end */
    memcpy(longer, "\x30\x81\x90", 3);
    CHECK(wr_der_next(&in, &tag, &body, NULL) && body.n == 0x90);
}

TEST("a text of a thousand beginnings holds no block")
{
    start();
    struct wr_buf buf = wr_buf_in(&arena, 65536);
    for (int i = 0; i < 1000; i++) {
        wr_buf_str(&buf, WR_STR("-----BEGIN A:B-----\nx: y\nAAAA\n"));
    }
    struct wr_str text = wr_buf_view(&buf);
    struct wr_pem block;
    CHECK(!wr_pem_next(&arena, &text, &block));
    CHECK_INT(text.n, buf.n);
    finish();
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
