/* SPDX-License-Identifier: Apache-2.0 */
/* Chains: the last certificate given, through those between, to the first, which is trusted as it
 * stands. OpenSSL verifies; signatures of less than 80 bits of security (SHA-1, MD5) do not count,
 * as in Go. Any key usage will do. */
#include "shell/certificate.h"
#include "shell/crypto.h"

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

static bool verify(X509 **all, size_t n, X509_STORE_CTX *ctx, X509_STORE *store,
                   STACK_OF(X509) * between)
{
    for (size_t i = 1; i + 1 < n; i++) {
        if (sk_X509_push(between, all[i]) <= 0) {
            return false;
        }
    }
    if (X509_STORE_add_cert(store, all[0]) != 1 ||
        X509_STORE_CTX_init(ctx, store, all[n - 1], between) != 1) {
        return false;
    }
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_auth_level(param, 1);
    X509_VERIFY_PARAM_set_depth(param, WR_LIMIT_CHAIN_CERTIFICATES);
    return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
           X509_verify_cert(ctx) == 1;
}

static size_t index_of(X509 **all, size_t n, const X509 *certificate)
{
    for (size_t i = 0; i < n; i++) {
        if (X509_cmp(all[i], certificate) == 0) {
            return i;
        }
    }
    return 0;
}

bool wr_certificate_chain(const struct wr_certificate *certificates, size_t n, size_t *chain,
                          size_t *n_chain)
{
    X509 *all[WR_LIMIT_CHAIN_CERTIFICATES] = {0};
    bool ok = n >= 2 && n <= WR_LIMIT_CHAIN_CERTIFICATES;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *between = sk_X509_new_null();
    for (size_t i = 0; i < n && ok; i++) {
        const uint8_t *at = certificates[i].whole.p;
        all[i] = d2i_X509(NULL, &at, (long)certificates[i].whole.n);
        ok = all[i] != NULL;
    }
    *n_chain = 0;
    if (ok && store != NULL && ctx != NULL && between != NULL &&
        verify(all, n, ctx, store, between)) {
        STACK_OF(X509) *found = X509_STORE_CTX_get0_chain(ctx);
        for (int i = 0; i < sk_X509_num(found) && *n_chain < n; i++) {
            chain[(*n_chain)++] = index_of(all, n, sk_X509_value(found, i));
        }
    }
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_free(between);
    for (size_t i = 0; i < WR_LIMIT_CHAIN_CERTIFICATES; i++) {
        X509_free(all[i]);
    }
    return *n_chain > 0;
}
