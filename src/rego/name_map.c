/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, at most half full. */
#include "rego/name_map.h"

#include "base/hash.h"

static uint64_t hash_name(struct wr_str name)
{
    uint64_t h = wr_siphash13((struct wr_hash_key){0x7765697265676f, 0x6e616d65}, name.p, name.n);
    return h | 1;
}

static uint64_t hash_id(uint64_t id)
{
    return wr_mix64(id + 0x9e3779b97f4a7c15u) | 1;
}

/* The slot that holds the key, or the free one where it belongs. Numbers are told apart by n. */
static struct wr_name_slot *slot_for(const struct wr_name_map *map, uint64_t hash,
                                     struct wr_str name)
{
    uint32_t at = (uint32_t)(hash >> 1) & (map->cap - 1);
    for (;;) {
        struct wr_name_slot *slot = &map->slots[at];
        if (slot->hash == 0 || (slot->hash == hash && wr_str_eq(slot->name, name))) {
            return slot;
        }
        at = (at + 1) & (map->cap - 1);
    }
}

static uint32_t *get(const struct wr_name_map *map, uint64_t hash, struct wr_str name)
{
    if (map->n == 0) {
        return NULL;
    }
    struct wr_name_slot *slot = slot_for(map, hash, name);
    return slot->hash != 0 ? &slot->value : NULL;
}

static bool widen(struct wr_name_map *map, struct wr_arena *arena)
{
    struct wr_name_map wide = {.cap = map->cap == 0 ? 16 : map->cap * 2, .n = map->n};
    wide.slots = WR_NEW_ARRAY(arena, struct wr_name_slot, wide.cap);
    if (wide.slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < map->cap; i++) {
        if (map->slots[i].hash != 0) {
            *slot_for(&wide, map->slots[i].hash, map->slots[i].name) = map->slots[i];
        }
    }
    *map = wide;
    return true;
}

static bool put(struct wr_name_map *map, struct wr_arena *arena, uint64_t hash, struct wr_str name,
                uint32_t value)
{
    if (map->n * 2 >= map->cap && !widen(map, arena)) {
        return false;
    }
    struct wr_name_slot *slot = slot_for(map, hash, name);
    if (slot->hash == 0) {
        *slot = (struct wr_name_slot){.name = name, .hash = hash};
        map->n++;
    }
    slot->value = value;
    return true;
}

uint32_t *wr_name_map_get(const struct wr_name_map *map, struct wr_str name)
{
    return get(map, hash_name(name), name);
}

bool wr_name_map_put(struct wr_name_map *map, struct wr_arena *arena, struct wr_str name,
                     uint32_t value)
{
    return put(map, arena, hash_name(name), name, value);
}

/* wr_mix64 is a bijection, but for the bit that marks a slot as used: two ids that differ in that
 * bit alone after mixing are told apart by the length of an empty name. */
static struct wr_str id_name(uint64_t id)
{
    return wr_str_of("\0\0", (wr_mix64(id + 0x9e3779b97f4a7c15u) & 1) != 0 ? 1 : 2);
}

uint32_t *wr_name_map_get_id(const struct wr_name_map *map, uint64_t id)
{
    return get(map, hash_id(id), id_name(id));
}

bool wr_name_map_put_id(struct wr_name_map *map, struct wr_arena *arena, uint64_t id,
                        uint32_t value)
{
    return put(map, arena, hash_id(id), id_name(id), value);
}

void wr_name_map_clear(struct wr_name_map *map)
{
    if (map->n != 0) {
        memset(map->slots, 0, map->cap * sizeof(map->slots[0]));
        map->n = 0;
    }
}
