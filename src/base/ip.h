/* SPDX-License-Identifier: Apache-2.0 */
/* Internet addresses from text: dotted IPv4, and IPv6 as RFC 4291 2.2 writes it ("::", hexadecimal
 * groups, an IPv4 tail). No zone, no brackets, no leading zeros in IPv4 parts. */
#ifndef WR_IP_H
#define WR_IP_H

#include "base/bytes.h"

struct wr_ip {
    uint8_t bytes[16]; /* IPv4: the first 4; all others 0 */
    bool is_v4;
};

/* False when the text is no address. An IPv4-mapped IPv6 address (::ffff:1.2.3.4) is IPv4. */
bool wr_ip_read(struct wr_str text, struct wr_ip *out);

/* Clears all bits behind the first n. */
void wr_ip_mask(struct wr_ip *ip, unsigned n_bits);

#endif
