/* SPDX-License-Identifier: Apache-2.0 */
/* What conn.c (life, output) and conn_input.c share; nobody else includes it. */
#ifndef WR_CONN_IN_H
#define WR_CONN_IN_H

#include "shell/server_in.h"

/* A buffer of at least `size` bytes with the first n of the old one, which is given back. False: no
 * memory, and nothing has changed. */
bool wr_conn_grow(struct wr_server *server, char **buffer, size_t *cap, size_t n, size_t size);
/* Gives the input's buffer back, with all that is in it. */
void wr_conn_drop_in(struct wr_server *server, struct wr_conn *conn);
/* After a call of the network: takes over what it holds for the connection now. */
void wr_conn_weigh(struct wr_server *server, struct wr_conn *conn);
/* Whether so much of the input waits that no more is read before some of it is used. */
bool wr_conn_has_read_ahead(const struct wr_conn *conn);

#endif
