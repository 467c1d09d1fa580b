/* SPDX-License-Identifier: Apache-2.0 */
/* What snapshot_write.c and snapshot_file.c, which reads, share; nobody else includes it. */
#ifndef WR_SNAPSHOT_IN_H
#define WR_SNAPSHOT_IN_H

#include "shell/snapshot_file.h"

#define WR_SNAPSHOT_HEAD   24u /* before the content of a block: magic, length, number, sum */
#define WR_SNAPSHOT_AT_MAC 224u
#define WR_SNAPSHOT_PATH   320u
extern const uint8_t wr_snapshot_tail_magic[8], wr_snapshot_block_magic[4];

/* The file's name, and the one that it has until it is whole. */
void wr_snapshot_path(const struct wr_snapshot_place *place, uint64_t sequence,
                      char out[WR_SNAPSHOT_PATH]);
void wr_snapshot_new_path(const struct wr_snapshot_place *place, char out[WR_SNAPSHOT_PATH]);
/* Of the tail before it. */
void wr_snapshot_mac(const struct wr_snapshot_place *place, const uint8_t *tail, uint8_t mac[32]);
/* Of a block, which depends on its number; and all of them in one, in their order. */
uint64_t wr_snapshot_sum(const struct wr_snapshot_place *place, uint64_t number,
                         const void *content, size_t n);
uint64_t wr_snapshot_add_sum(uint64_t sum, uint64_t of_block);

#endif
