/* SPDX-License-Identifier: Apache-2.0 */
/* Character classes of HTTP/1.1 and comparisons without regard to case. */
#ifndef WR_H1_TEXT_H
#define WR_H1_TEXT_H

#include "base/bytes.h"

enum {
    WR_H1_TOKEN = 1,     /* tchar of RFC 9110, 5.6.2 */
    WR_H1_VALUE = 2,     /* within a field value: visible, space, tab, beyond ASCII */
    WR_H1_LINE = 4,      /* within a request line: visible or space */
    WR_H1_HOST_CHAR = 8, /* of a host name, an address in brackets, or a port */
};

extern const uint8_t wr_h1_class[256];

static inline bool wr_h1_is(char c, unsigned class)
{
    return (wr_h1_class[(uint8_t)c] & class) != 0;
}
/* True when all bytes (perhaps none) are of the class. */
bool wr_h1_all(struct wr_str s, unsigned class);

bool wr_h1_same(struct wr_str a, struct wr_str b); /* equal but for the case of A-Z */
struct wr_str wr_h1_trim(struct wr_str s);         /* without spaces and tabs around it */
/* Takes the next element off a comma-separated list, trimmed; false when the list is used up. */
bool wr_h1_next(struct wr_str *list, struct wr_str *element);
int wr_h1_hex(char c); /* 0..15, or -1 */
/* A field name that is not to stand in a trailer section. */
bool wr_h1_is_framing(struct wr_str name);

#endif
