/* SPDX-License-Identifier: Apache-2.0 */
/* Builds without OpenSSL: public-key cryptography is refused by name. */
#include "shell/crypto.h"

const struct wr_crypto_table *wr_crypto_table(void)
{
    return NULL;
}
