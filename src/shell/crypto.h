/* SPDX-License-Identifier: Apache-2.0 */
/* Public-key cryptography for Rego's builtins, from OpenSSL's libcrypto.
 *
 * RS/PS/ES 256..512 and EdDSA, with keys as PEM text or as the numbers of a JWK; X.509
 * certificates, requests, key pairs and private keys in the JSON shape that OPA gives them (that of
 * Go's crypto/x509). Nothing of OpenSSL runs before the first call; no configuration file of its is
 * read; no error stays on its queue. Texts and keys are hostile: sizes are bounded before any
 * arithmetic.
 *
 * It does not fetch anything: no revocation lists, no OCSP, no system roots. */
#ifndef WR_CRYPTO_H
#define WR_CRYPTO_H

#include "rego/builtin.h"

#define WR_LIMIT_RSA_BITS           16384 /* of a modulus */
#define WR_LIMIT_CHAIN_CERTIFICATES 64    /* in one call of parse_and_verify_certificates */

/* For wr_builtin_env.crypto. Constant; safe to use from any thread. */
const struct wr_crypto_table *wr_crypto_table(void);

#endif
