/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, requests and keys of any bytes: the first byte chooses the operation and whether
 * the rest is taken as text, as DER in base64, or as DER in a PEM block. Properties: only builtin
 * errors, each with a text; a result can be written; nothing stays on OpenSSL's queue. */
#include "fuzz.h"

#include "shell/crypto.h"
#include "shell/go_value.h"
#include "value/json_write.h"

#include <openssl/err.h>

static struct wr_str wrapped(struct wr_arena *arena, struct wr_str bytes, const char *type)
{
    struct wr_buf buf = wr_buf_in(arena, bytes.n * 2 + 128);
    struct wr_str base64 = wr_text(wr_go_base64(arena, bytes));
    wr_format(&buf, "-----BEGIN %s-----\n%.*s\n-----END %s-----\n", type, WR_FMT(base64), type);
    return wr_buf_view(&buf);
}

static void verify(struct wr_str text)
{
    const struct wr_crypto_table *t = wr_crypto_table();
    struct wr_crypto_key key = {.kind = WR_CRYPTO_KEY_PEM, .text = text};
    struct wr_error error = {0};
    bool valid;
    for (int alg = WR_CRYPTO_RS256; alg <= WR_CRYPTO_EDDSA; alg += 3) {
        wr_err err = t->verify(t->context, (enum wr_crypto_alg)alg, &key, WR_STR("message"),
                               WR_STR("signature"), &valid, &error);
        demand(!valid && (err == WR_OK || err == WR_E_EVAL_BUILTIN));
    }
}

static void parse(struct wr_arena *arena, enum wr_x509_op op, struct wr_str text)
{
    const struct wr_crypto_table *t = wr_crypto_table();
    const struct wr_value args[] = {wr_string(text), wr_string(text)};
    struct wr_error error = {0};
    struct wr_value out = wr_undefined();
    struct wr_buf buf = wr_buf_in(arena, 256);
    wr_err err = t->x509(t->context, arena, op, args, 2, &out, &error);
    demand(err == WR_OK || (err == WR_E_EVAL_BUILTIN && error.text[0] != 0));
    demand(err != WR_OK || out.type != WR_UNDEFINED);
    wr_json_write(&buf, &out, WR_JSON_COMPACT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"CERTIFICATE", "CERTIFICATE",     "CERTIFICATE REQUEST",
                                        "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY",
                                        "PUBLIC KEY"};
    struct wr_arena arena;
    if (size == 0) {
        return 0;
    }
    unsigned op = data[0] % 7, form = data[0] / 7 % 3;
    struct wr_str text = wr_str_of((const char *)data + 1, size - 1);
    wr_arena_init(&arena, &fuzz_memory, 256u << 20);
    if (form != 0) {
        text = form == 1 ? wr_text(wr_go_base64(&arena, text)) : wrapped(&arena, text, types[op]);
    }
    if (op == 6) {
        verify(text);
    } else {
        parse(&arena, (enum wr_x509_op)op, text);
    }
    demand(ERR_peek_error() == 0);
    wr_arena_deinit(&arena);
    return 0;
}
