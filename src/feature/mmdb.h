/* SPDX-License-Identifier: Apache-2.0 */
/* Databases of what is known of internet addresses, in the MaxMind DB format, version 2: a binary
 * tree over the bits of an address, whose leaves point to values. Read where the bytes lie; nothing
 * is copied.
 * Source: "MaxMind DB File Format Specification", version 2.0, maxmind.github.io/MaxMind-DB.
 *
 * Bytes are not trusted: every offset is checked, and one lookup does at most 128 steps in the tree
 * and WR_LIMIT_MMDB_STEPS in the value. */
#ifndef WR_MMDB_H
#define WR_MMDB_H

#include "base/err.h"
#include "base/ip.h"
#include "value/value.h"

#define WR_LIMIT_MMDB_STEPS 4096 /* values passed over while looking for one */
#define WR_LIMIT_MMDB_DEPTH 8    /* names in a path */

struct wr_mmdb {
    struct wr_str tree, data;
    uint32_t n_nodes, record_bits;
    uint32_t v4_root; /* where the tree of IPv4 begins; n_nodes: nowhere */
    bool is_v6;       /* the tree holds addresses of 128 bits */
};

/* Errors: WR_E_PACK with what is wrong. `bytes` must outlive the database. O(128 KiB). */
WR_NODISCARD wr_err wr_mmdb_open(struct wr_str bytes, struct wr_mmdb *out, struct wr_error *error);
/* The value at a path of names ("country", "iso_code") of what is known of an address: a text that
 * borrows from the bytes, a whole number or a boolean, a double in `arena`; undefined when nothing
 * is, or it is something else, or the bytes there are broken. */
struct wr_value wr_mmdb_find(const struct wr_mmdb *db, const struct wr_ip *ip,
                             const struct wr_str *names, uint32_t n, struct wr_arena *arena);

#endif
