/* SPDX-License-Identifier: Apache-2.0 */
/* Builds without OpenSSL: public-key cryptography is refused by name. */
#include "shell/crypto.h"
#include "shell/tls.h"
#include "shell/tls_memory.h"

const struct wr_crypto_table *wr_crypto_table(void)
{
    return NULL;
}

wr_err wr_tls_open(struct wr_port *port, const struct wr_tls_config *config, struct wr_tls **out,
                   struct wr_error *error)
{
    (void)port;
    (void)config;
    *out = NULL;
    return wr_fail(error, WR_E_UNSUPPORTED, "this build has no TLS; put a proxy in front of it");
}

wr_err wr_tls_reload(struct wr_tls *tls, const struct wr_tls_config *config, struct wr_error *error)
{
    (void)tls, (void)config;
    return wr_fail(error, WR_E_CONFIG, "this build has no TLS");
}

void wr_tls_close(struct wr_tls *tls)
{
    (void)tls;
}

void wr_tls_memory_count(void)
{
}
