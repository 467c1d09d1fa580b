/* SPDX-License-Identifier: Apache-2.0 */
/* The packed form of a program: smaller in the file, unpacked once when a model is opened.
 *
 * What a module holds is then not the program but a header, the program's plain bytes, and parts:
 * arrays of tree nodes as bits, and matrices of weights as bytes. Unpacking gives the program (the
 * image), byte for byte; all else goes on as ever. Nothing is lost by packing. What loses is
 * rounding, on request, before it: leaf values to 65,536 different ones, weights of networks to 255
 * multiples of a scale per column. Then the parts are small.
 *
 *   nodes, tree after tree in breadth order, so that children need no reference:
 *     a leaf: 1, then its key; an inner node: 0, the code of its column, then its key
 *   a key is 32 bits, or a rank among the sorted keys of its column (of the leaves), or, for leaves
 *   that are rows of a table, nothing: they count up */
#ifndef WR_PACKED_H
#define WR_PACKED_H

#include "model/program.h"

#define WR_PACKED_MAGIC   0x31505257u /* "WRP1" */
#define WR_PACKED_VERSION 1u

struct wr_packed {
    uint32_t magic, version;
    uint32_t size;  /* of the packed bytes, a multiple of 64 */
    uint32_t image; /* of the program they make, a multiple of 64 */
    uint32_t parts, n_parts;
    uint32_t plain; /* the image's bytes outside of the parts, one after the other */
    uint32_t spare;
};

enum wr_packed_kind { WR_PACKED_NODES = 0, WR_PACKED_WEIGHTS };

struct wr_packed_part { /* in the order of the image */
    uint32_t kind;
    uint32_t at, n; /* in the image: offset; nodes, or floats */
    /* NODES: the leaves' feature, tables (struct wr_packed_table, one a column code, then the
     * leaves'); WEIGHTS: columns, their scales (floats) */
    uint32_t wide, tables;
    uint32_t n_codes, code_bits;
    uint32_t data, data_size; /* bits, or bytes q: weight = q * scale */
};

struct wr_packed_table {
    uint32_t feature;
    uint32_t bits;    /* of a key: 32 with n 0; 0: leaves count up */
    uint32_t keys, n; /* sorted */
};

static inline bool wr_is_packed(const void *bytes)
{
    return *(const uint32_t *)bytes == WR_PACKED_MAGIC;
}

/* Writes the image (p->image bytes, aligned to 64, zeroed) of packed bytes, untrusted, aligned to
 * 64. Returns what is wrong, or NULL. */
const char *wr_unpack(const uint8_t *packed, size_t size, uint8_t *image);

#endif
