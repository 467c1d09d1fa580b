/* SPDX-License-Identifier: Apache-2.0 */
/* Values in the shape that Go's encoding/json gives a structure: absent lists are null, bytes are
 * base64, integers of any size are numbers. For X.509, which OPA shows as Go's crypto/x509 does.
 *
 * All memory is the arena's; where it gives out the arena remembers, and the caller asks once. */
#ifndef WR_GO_VALUE_H
#define WR_GO_VALUE_H

#include "shell/der.h"
#include "value/value.h"

#define WR_GO_FIELDS 48
struct wr_go_object {
    struct wr_pair pairs[WR_GO_FIELDS];
    unsigned n;
};
/* `name` is a literal; at most WR_GO_FIELDS names, each once. */
void wr_go_put(struct wr_go_object *object, const char *name, struct wr_value value);
struct wr_value wr_go_end(struct wr_arena *arena, struct wr_go_object *object);

struct wr_go_list {
    struct wr_value *items;
    size_t n, cap;
};
void wr_go_add(struct wr_arena *arena, struct wr_go_list *list, struct wr_value value);
/* null when nothing was added. */
struct wr_value wr_go_list_end(const struct wr_go_list *list);

struct wr_value wr_go_text(struct wr_arena *arena, struct wr_str text); /* bad UTF-8: U+FFFD each */
struct wr_value wr_go_base64(struct wr_arena *arena, struct wr_str bytes);
struct wr_value wr_go_base64url(struct wr_arena *arena, struct wr_str bytes); /* no padding */
/* Big-endian magnitude, or DER's two's complement. */
struct wr_value wr_go_unsigned(struct wr_arena *arena, struct wr_str bytes);
struct wr_value wr_go_signed(struct wr_arena *arena, struct wr_der bytes);
struct wr_value wr_go_oid(struct wr_arena *arena, struct wr_der oid); /* [1,2,840]; valid before */
/* An IP address of 4 or 16 bytes as text; other lengths as Go writes them ("?0102"). */
struct wr_value wr_go_ip(struct wr_arena *arena, struct wr_str bytes);

#endif
