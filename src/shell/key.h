/* SPDX-License-Identifier: Apache-2.0 */
/* Public and private keys: from DER into numbers, from numbers into OpenSSL, and as values.
 *
 * Keys are taken apart here, not by OpenSSL, so that what is accepted is what Go accepts: RSA, the
 * named curves P-224 to P-521 with uncompressed points, Ed25519. Sources: RFC 8017 (PKCS #1), RFC
 * 5958 (PKCS #8), RFC 5915 and 5480 (EC), RFC 8410 (Ed25519), RFC 7518 (JWK). */
#ifndef WR_KEY_H
#define WR_KEY_H

#include <openssl/evp.h>

#include "rego/builtin.h"
#include "shell/der.h"

/* Go's numbers of x509.PublicKeyAlgorithm. */
enum wr_key_algorithm {
    WR_KEY_UNKNOWN = 0,
    WR_KEY_RSA = 1,
    WR_KEY_DSA = 2,
    WR_KEY_ECDSA = 3,
    WR_KEY_ED25519 = 4,
};

/* A subject public key info (the element with its head). WR_KEY_UNKNOWN and WR_KEY_DSA leave *key
 * empty. False with *fault when a known kind is broken. The numbers borrow from `spki`. */
bool wr_key_public(struct wr_der spki, enum wr_key_algorithm *algorithm, struct wr_crypto_key *key,
                   const char **fault);
/* The value of that key as Go's encoding/json shows it; null when unknown. */
struct wr_value wr_key_public_value(struct wr_arena *arena, struct wr_der spki,
                                    enum wr_key_algorithm algorithm,
                                    const struct wr_crypto_key *key);

enum wr_key_form { WR_KEY_PKCS1, WR_KEY_PKCS8, WR_KEY_SEC1 };
/* A private key; its public numbers are computed and checked. What is computed lies in the arena.
 */
bool wr_key_private(struct wr_arena *arena, enum wr_key_form form, struct wr_str der,
                    struct wr_crypto_key *key, const char **fault);
/* Tries the forms in Go's order: for "PRIVATE KEY" blocks of TLS. */
bool wr_key_private_any(struct wr_arena *arena, struct wr_str der, struct wr_crypto_key *key,
                        const char **fault);
struct wr_value wr_key_private_value(struct wr_arena *arena, const struct wr_crypto_key *key);
/* As a JSON Web Key; undefined for a kind that OPA does not write so. */
struct wr_value wr_key_jwk(struct wr_arena *arena, const struct wr_crypto_key *key);

/* Whether two keys have the same public numbers. */
bool wr_key_same_public(const struct wr_crypto_key *a, const struct wr_crypto_key *b);

/* The key as OpenSSL wants it; the caller frees it with EVP_PKEY_free. NULL with *fault when the
 * numbers are no key, or are too large. Not for PEM keys. */
EVP_PKEY *wr_key_open(const struct wr_crypto_key *key, bool private_key, const char **fault);

#endif
