/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet's tables from within: private to fleet*.c. */
#ifndef WR_FEATURE_FLEET_IN_H
#define WR_FEATURE_FLEET_IN_H

#include "base/arena.h"
#include "feature/fleet.h"

#define WR_FLEET_NONE    UINT32_MAX
#define WR_FLEET_BUCKETS 65536u /* of either table; a power of two */
#define WR_FLEET_SEEN    65536u /* twice the fields of two periods; a power of two */
#define WR_FLEET_CHUNK   2048u  /* items of a table that are one block */
#define WR_FLEET_CHUNKS  (WR_LIMIT_FLEET_OTHERS / WR_FLEET_CHUNK) /* of the longest table */

/* Items in blocks of about a MiB at most: larger ones may lie on huge pages, whose first touch, in
 * the midst of a turn, takes milliseconds where the machine itself is a guest. */
struct wr_fleet_table {
    uint8_t *chunks[WR_FLEET_CHUNKS];
    uint32_t n_chunks;
    size_t item_size;
};

static inline void *wr_fleet_item(const struct wr_fleet_table *table, uint32_t i)
{
    return table->chunks[i / WR_FLEET_CHUNK] + (size_t)(i % WR_FLEET_CHUNK) * table->item_size;
}

struct wr_own_tile {
    struct wr_hash128 key;
    int64_t slot;
    uint64_t part, last_sequence;
    int64_t first_ms, last_ms;
    uint64_t n, n_written, n_sent; /* events; those that Redis has, and may have */
    uint32_t generation, next;     /* in its bucket, or in the free list */
    uint32_t older, newer;         /* by use */
    uint32_t before, behind;       /* in the queue */
    uint8_t series;
    bool used, queued, was_written;
    bool untold; /* of a slot that is left alone: it takes its place in the order of use only */
    struct wr_fleet_totals columns[]; /* [fleet->n_columns] */
};

struct wr_other_tile { /* of all other nodes together */
    int64_t slot, first_ms, last_ms;
    uint32_t next; /* + 1; of the same entity, or of the free list */
    uint64_t n;    /* events of the column that has most */
    struct wr_fleet_totals columns[];
};

struct wr_other { /* one entity of one series */
    struct wr_hash128 key;
    int64_t from, to; /* periods fetched */
    int64_t fetched_us;
    uint32_t first; /* tile + 1 */
    uint32_t next, older, newer;
    uint8_t series;
};

struct wr_seen { /* a field that has come, in the load of that number; of another one: free */
    uint64_t hash, load;
};

struct wr_fleet {
    const struct wr_memory *memory;
    const struct wr_feature_plan *feature_plan;
    const struct wr_fleet_plan *plan;
    uint64_t node;
    uint8_t seal[32];
    size_t n_columns;
    struct wr_fleet_stats stats;
    /* own */
    struct wr_fleet_table own; /* WR_LIMIT_FLEET_OWN */
    uint32_t *own_buckets;
    uint32_t generation; /* of the last tile made */
    uint32_t own_made, own_oldest, own_newest, queue_first, queue_last;
    uint32_t again, again_end; /* tiles that will be queued once more: from, up to */
    int64_t newest_ms, begin_ms;
    bool folding;
    /* others */
    struct wr_fleet_table entities; /* WR_LIMIT_FLEET_ENTITIES */
    uint32_t *entity_buckets;
    uint32_t entities_made, entities_free, entity_oldest, entity_newest;
    struct wr_fleet_table tiles;     /* WR_LIMIT_FLEET_OTHERS */
    uint32_t tiles_made, tiles_free; /* free: + 1 */
    struct wr_seen *seen;            /* WR_FLEET_SEEN fields of the load that comes in */
    uint64_t n_loads;
};

static inline uint32_t wr_fleet_bucket(struct wr_hash128 key, uint32_t series, int64_t slot)
{
    return (uint32_t)(wr_mix64(key.lo ^ (uint64_t)slot ^ (uint64_t)series << 56) &
                      (WR_FLEET_BUCKETS - 1));
}

static inline bool wr_fleet_key_eq(struct wr_hash128 a, struct wr_hash128 b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

static inline int64_t wr_fleet_floor(const struct wr_fleet *fleet, int64_t time_ms)
{
    int64_t tick = fleet->feature_plan->schema->tick_ms, rest = time_ms % tick;
    return time_ms - (rest < 0 ? rest + tick : rest);
}

/* ── fleet_tile.c ───────────────────────────────────────────────────────────────────────────── */
void wr_totals_merge(struct wr_fleet_totals *into, const struct wr_fleet_totals *more);

/* Has this field not come before in the same load? A peer that lies may repeat a tile that is
 * sealed, and it must not count twice. Loads come in one after the other. Also false, and the load
 * fails, when there are more fields than an honest answer has. */
bool wr_tile_is_new(struct wr_fleet *fleet, struct wr_fleet_load *load, struct wr_str field);

struct wr_tile_head {
    uint64_t node, part;
    int64_t slot, first_ms, last_ms;
};
/* Writes field and value of a tile, sealed for its key. */
size_t wr_tile_write(const struct wr_fleet *fleet, uint32_t series, const struct wr_tile_head *head,
                     const struct wr_fleet_totals *columns, struct wr_str redis_key,
                     uint8_t field[WR_FLEET_FIELD_SIZE], uint8_t value[WR_LIMIT_FLEET_TILE_SIZE]);
/* Hostile-safe. False: it is no tile, or not one that a node of this fleet wrote for this key.
 * Columns that it lacks are empty. */
bool wr_tile_read(const struct wr_fleet *fleet, uint32_t series, struct wr_str redis_key,
                  struct wr_str field, struct wr_str value, struct wr_tile_head *head,
                  struct wr_fleet_totals columns[WR_LIMIT_FLEET_COLUMNS]);

/* ── fleet_own.c ────────────────────────────────────────────────────────────────────────────── */
struct wr_own_tile *wr_own_at(const struct wr_fleet *fleet, uint32_t i);

#endif
