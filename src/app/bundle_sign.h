/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of bundles: .signatures.json = {"signatures": [one JWT]}, whose payload lists every
 * file with its hash.
 *
 * What is wanted drives what is checked: with a key, a bundle without signatures, with none in the
 * list, with one of another algorithm, with a file too many, too few or other than signed is
 * refused; without a key, a bundle that carries a signature is refused too (use --skip-verify), and
 * one without is read. The algorithm is the caller's, never the token's.
 *
 * Files named data.json, data.yaml, .manifest and signatures.json are hashed over their meaning:
 * keys sorted, compact; all others over their bytes.
 * Source: OPA, management of bundles, signature format (0.60).                                   */
#ifndef WR_BUNDLE_SIGN_H
#define WR_BUNDLE_SIGN_H

#include "app/bundle.h"

struct wr_bundle_verifier {
    const char *key;                      /* a PEM file (RSA, ECDSA) or the secret itself (HMAC) */
    const char *key_id;                   /* "default" */
    const char *algorithm;                /* "RS256" ... */
    const char *scope;                    /* NULL: none */
    const struct wr_option_list *exclude; /* files that need not be signed; or NULL */
};

/* Errors: WR_E_PACK, in OPA's words; WR_E_IO for a key file that cannot be read. */
wr_err wr_bundle_verify(struct wr_arena *arena, const struct wr_bundle *bundle,
                        const struct wr_bundle_verifier *verifier, struct wr_error *error);

struct wr_bundle_signer {
    const char *key;         /* a PEM file with a private key, or the secret itself (HMAC) */
    const char *algorithm;   /* "RS256" ... */
    const char *claims_file; /* JSON with more claims; NULL: none, and keyid is `key_id` */
    const char *key_id;
};

/* The text of .signatures.json over files (paths without a leading slash; .signatures.json itself
 * is left out). */
wr_err wr_bundle_sign(struct wr_arena *arena, const struct wr_pack_file *files, size_t n,
                      const struct wr_bundle_signer *signer, struct wr_str *out,
                      struct wr_error *error);

#endif
