/* SPDX-License-Identifier: Apache-2.0 */
/* How the entries of lists are written, and the bytes by which they are known: one spelling each.
 *
 *   match    written                          known by
 *   exact    any text                         its bytes
 *   prefix   the beginning of a text          its bytes
 *   cidr     10.0.0.0/8, 2001:db8::/32, an    4 or 6, bits, the address's 4 or 16 bytes
 *            address (all its bits)
 *   bin      400000, 400000-400999: 4 to 12   digits, first and last (64 bits, big-endian)
 *            digits, as many on both sides
 *   hash     a card's token: card_ and 32     its 16 bytes
 *            hexadecimal digits                                                                 */
#ifndef WR_LIST_KEY_H
#define WR_LIST_KEY_H

#include "base/bytes.h"

#define WR_LIMIT_LIST_VALUE  512 /* bytes of a value */
#define WR_LIMIT_LIST_PREFIX 64  /* bytes of an entry of a prefix list */

enum wr_list_match {
    WR_LIST_EXACT,
    WR_LIST_PREFIX,
    WR_LIST_CIDR,
    WR_LIST_BIN,
    WR_LIST_HASH,
    WR_LIST_MATCHES
};

const char *wr_list_match_name(enum wr_list_match match); /* "exact" */
bool wr_list_match_read(struct wr_str name, enum wr_list_match *out);

struct wr_list_key {
    size_t n;
    char bytes[WR_LIMIT_LIST_VALUE];
};

/* NULL when the text is an entry of such a list, and *out is what it is known by; else what is
 * wrong, for messages. */
const char *wr_list_key_read(enum wr_list_match match, struct wr_str text, struct wr_list_key *out);
/* The one spelling of what wr_list_key_read has made; at most WR_LIMIT_LIST_VALUE bytes. */
void wr_list_key_write(enum wr_list_match match, struct wr_str key, struct wr_buf *out);

/* Card numbers begin with these digits: the span of 12-digit beginnings that `key` stands for. */
void wr_list_bin_span(struct wr_str key, uint64_t *first, uint64_t *last);
/* The same for the digits of a request; false when the text is not 4 to 19 digits. */
bool wr_list_bin_digits(struct wr_str text, uint64_t *first, uint64_t *last);

#endif
