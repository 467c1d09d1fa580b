/* SPDX-License-Identifier: Apache-2.0 */
/* A map from short keys to numbers, for compilers: open addressing, grows by doubling in an arena.
 * Keys are text, or pairs of numbers; the caller keeps to one kind. Not for hostile event data. */
#ifndef WR_NAME_MAP_H
#define WR_NAME_MAP_H

#include "base/arena.h"
#include "base/bytes.h"

struct wr_name_slot {
    struct wr_str name;
    uint64_t hash; /* 0: free */
    uint32_t value;
};

struct wr_name_map {
    struct wr_name_slot *slots;
    uint32_t n, cap;
};

/* The number under a name, or NULL. */
uint32_t *wr_name_map_get(const struct wr_name_map *map, struct wr_str name);
/* Sets it; false without room. The name is borrowed. */
bool wr_name_map_put(struct wr_name_map *map, struct wr_arena *arena, struct wr_str name,
                     uint32_t value);
/* The same with a number as key. */
uint32_t *wr_name_map_get_id(const struct wr_name_map *map, uint64_t id);
bool wr_name_map_put_id(struct wr_name_map *map, struct wr_arena *arena, uint64_t id,
                        uint32_t value);
/* Forgets all names, keeps the room. */
void wr_name_map_clear(struct wr_name_map *map);

#endif
