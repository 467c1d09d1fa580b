/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenSSL has taken from the heap, counted a thread: of two figures of one thread, the
 * difference is what the calls between them took and did not give back.
 *
 * OpenSSL tells nobody what a connection holds, and a fixed charge would be far from it: with
 * OpenSSL 3.0.19 that is 8.5 KiB before the handshake, 14 behind it (18 with a client's
 * certificate), 16.3 more while a record is half read and as many while one cannot leave; but 205
 * KiB from the first hundred bytes of a client that says its hello will be long. */
#ifndef WR_TLS_MEMORY_H
#define WR_TLS_MEMORY_H

#include "base/err.h"

/* Has it counted from now on, unless OpenSSL has taken memory in this process before (then it lets
 * nobody in any more), or this build has none of it. A second call changes nothing. */
void wr_tls_memory_count(void);
bool wr_tls_memory_is_counted(void);
/* Bytes that this thread took for OpenSSL and did not give back, the heap's own for each block too;
 * modulo 2^64, since what another thread took counts when it is given back. */
uint64_t wr_tls_memory(void);

#endif
