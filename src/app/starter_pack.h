/* SPDX-License-Identifier: Apache-2.0 */
/* packs/starter inside the binary: what runs when no pack is given. Made by cmake/embed.cmake. */
#ifndef WR_STARTER_PACK_H
#define WR_STARTER_PACK_H

struct wr_embedded_file {
    const char *path;
    const unsigned char *bytes;
    unsigned long size;
};

extern const struct wr_embedded_file wr_starter_pack[];
extern const unsigned wr_starter_pack_n;

#endif
