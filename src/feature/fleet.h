/* SPDX-License-Identifier: Apache-2.0 */
/* What the nodes of a fleet tell one another about entities: own tiles to be written behind, tiles
 * of the others fetched ahead. Tables only: whoever moves the bytes (the shell's Redis client) asks
 * for what is to be written and brings what was found; nothing here waits, and no clock is read.
 *
 *   own       every event that this node inserts into its tapes is added to its tile, which is
 *             queued to be written whole: writing it twice changes nothing
 *   others    what was found of one entity, merged over nodes by slot; this node's own tiles are
 *             left out, since its tapes know better
 *
 * A tile is named by node, part and slot. A part is the sequence of its first event: when a tile is
 * given up here for lack of room and its slot goes on, the rest is another part, and both count.
 * Own tiles are the fold of the journal, so a node that was killed writes the very same ones again.
 *
 * A window (t-d-w, t-d] takes of the others the tiles whose first event lies in it; tiles that
 * began before and reach into it are counted as `edge`. Each tile tells its first and last event,
 * so only a slot that the window's start cuts in two is in doubt. Events of the slot of t count as
 * if they were before t. */
#ifndef WR_FEATURE_FLEET_H
#define WR_FEATURE_FLEET_H

#include "feature/fleet_plan.h"

#define WR_LIMIT_FLEET_OWN        65536u  /* own tiles held, and so waiting to be written */
#define WR_LIMIT_FLEET_ENTITIES   65536u  /* entities of which others' tiles are held */
#define WR_LIMIT_FLEET_OTHERS     131072u /* such tiles, nodes put together */
#define WR_LIMIT_FLEET_BAD        64u     /* forged tiles of one fetch: then it has failed */
#define WR_LIMIT_FLEET_KEY_SIZE   96      /* bytes of a key in Redis */
#define WR_LIMIT_FLEET_SECRET_MIN 16      /* bytes of the secret, at least */
#define WR_FLEET_FIELD_SIZE       24      /* node, part, slot */
#define WR_FLEET_MAC_SIZE         16
#define WR_LIMIT_FLEET_TILE_SIZE                                                                   \
    (12 + WR_LIMIT_FLEET_COLUMNS * 52 + WR_FLEET_MAC_SIZE) /* bytes of a value in Redis */

typedef wr_i128 wr_fleet_sum __attribute__((aligned(8)));

struct wr_fleet_totals { /* of the events that a column is about */
    uint64_t n, part;    /* all of them; those of a share */
    wr_fleet_sum sum;    /* of the field's units; as are the extremes, which hold when n > 0 */
    int64_t min, max;
};

/* What the others add to one window, an input of the decision. */
struct wr_fleet_share {
    bool known;        /* the entity's tiles have been fetched */
    uint32_t stale_ms; /* how long ago */
    struct wr_fleet_totals totals;
    uint64_t edge;      /* events more that may lie in the window */
    bool counted;       /* filled in as the feature is read: */
    uint64_t count_max; /* so many events at most lie in the window, of those that were told */
};

struct wr_fleet;

struct wr_fleet_key { /* one entity of one series, at one time */
    uint32_t series;
    struct wr_hash128 key;
    int64_t time_ms;
};

struct wr_fleet_stats {
    uint64_t n_own, n_queued, n_entities, n_others;
    uint64_t n_dropped_tiles, n_dropped_events; /* given up before they were written */
    uint64_t n_evicted;                         /* entities of the others */
    uint64_t n_bad_tiles;                       /* found, and no tiles, or twice */
    uint64_t bytes;                             /* of all tables */
};

/* `secret`, known to all nodes and nobody else: makes keys of entities, and seals tiles. NULL
 * without memory. Plan and memory must outlive it. */
struct wr_fleet *wr_fleet_open(const struct wr_memory *memory, const struct wr_feature_plan *plan,
                               uint64_t node, struct wr_str secret);
void wr_fleet_close(struct wr_fleet *fleet);
/* What a secret makes of entities' keys. */
struct wr_hash_key wr_fleet_hash_key(struct wr_str secret);

/* ── own ────────────────────────────────────────────────────────────────────────────────────── */
/* An event that was inserted into the tapes. */
void wr_fleet_add(struct wr_fleet *fleet, const struct wr_event *event, uint32_t conditions,
                  uint64_t sequence);
/* All own tiles begin anew: the features did. */
void wr_fleet_forget(struct wr_fleet *fleet);
/* Slots that begin before this time are left alone until wr_fleet_live: the journal no longer has
 * all of their events. */
void wr_fleet_begin_at(struct wr_fleet *fleet, int64_t time_ms);
/* So far back the slots of events reach that still count in a window. */
int64_t wr_fleet_reach_ms(const struct wr_fleet *fleet);
/* The fold has ended: what comes now is new. */
void wr_fleet_live(struct wr_fleet *fleet);

/* The oldest own tile that waits and whose events are all kept in the journal (sequence <= kept),
 * written out; it waits no longer. False: there is none. */
struct wr_fleet_written { /* what wr_fleet_wrote wants to know */
    uint32_t handle, generation;
    uint64_t n, more; /* events; those that no earlier write had */
    bool is_there; /* an earlier write of it has arrived: Redis has the field, unless it lost it */
};
struct wr_fleet_write {
    struct wr_fleet_written id;
    bool is_new; /* this key may not have been written before: give it a time to live */
    int64_t live_ms;
    char key[WR_LIMIT_FLEET_KEY_SIZE];
    size_t key_n;
    uint8_t field[WR_FLEET_FIELD_SIZE];
    uint8_t value[WR_LIMIT_FLEET_TILE_SIZE];
    size_t value_n;
};
bool wr_fleet_next_write(struct wr_fleet *fleet, uint64_t kept, struct wr_fleet_write *out);
/* Redis has it, or not: then it waits again. */
void wr_fleet_wrote(struct wr_fleet *fleet, const struct wr_fleet_written *write, bool ok);
/* The tables go with tiles that will not be written any more: counts them as dropped. */
void wr_fleet_give_up(struct wr_fleet *fleet);
/* Redis may have lost everything: all own tiles that still count wait again, behind one another. */
void wr_fleet_write_all(struct wr_fleet *fleet);

/* ── others ─────────────────────────────────────────────────────────────────────────────────── */
/* The keys to be fetched for an event; returns how many (at most WR_LIMIT_FLEET_SERIES). */
uint32_t wr_fleet_keys_of(const struct wr_fleet *fleet, const struct wr_event *event,
                          struct wr_fleet_key out[WR_LIMIT_FLEET_SERIES]);
/* Were the tiles for this key fetched at most `age_us` before now_us? */
bool wr_fleet_is_fresh(const struct wr_fleet *fleet, const struct wr_fleet_key *key, int64_t now_us,
                       int64_t age_us);
/* Writes the name of a key in Redis: entity and period. */
size_t wr_fleet_write_key(const struct wr_fleet *fleet, uint32_t series, struct wr_hash128 key,
                          int64_t period, char out[WR_LIMIT_FLEET_KEY_SIZE]);

/* The periods [*from, *to] to be fetched for it. */
void wr_fleet_window_periods(const struct wr_fleet *fleet, const struct wr_fleet_key *key,
                             int64_t *from, int64_t *to);

/* Tiles of one key on their way in, until all its periods are there. Zeroed at first. */
struct wr_fleet_load {
    uint32_t first;  /* tile + 1 */
    uint32_t n;      /* fields of tiles that have come */
    uint32_t n_bad;  /* values that are no tiles, or come twice */
    uint64_t number; /* 0: none has */
    bool failed;     /* no room, or too many of those */
};
/* One field of one period. What is no tile, or has come before, is counted and left out. */
void wr_fleet_load_tile(struct wr_fleet *fleet, struct wr_fleet_load *load, uint32_t series,
                        struct wr_str redis_key, struct wr_str field, struct wr_str value);
/* All of them are there: from now on they count, as of now_us. */
void wr_fleet_load_done(struct wr_fleet *fleet, struct wr_fleet_load *load,
                        const struct wr_fleet_key *key, int64_t now_us);
void wr_fleet_load_drop(struct wr_fleet *fleet, struct wr_fleet_load *load);

/* What the others add to each feature of the fleet for this event, [plan->fleet->n_features]. */
void wr_fleet_read(const struct wr_fleet *fleet, const struct wr_event *event, int64_t now_us,
                   struct wr_fleet_share *out);

void wr_fleet_stats(const struct wr_fleet *fleet, struct wr_fleet_stats *out);

/* ── records ────────────────────────────────────────────────────────────────────────────────── */
/* The shares of a decision as bytes of its record, and back. A share that the bytes lack, or bytes
 * that make no sense: it is not known. */
#define WR_FLEET_SHARE_SIZE 76
size_t wr_fleet_shares_write(const struct wr_feature_plan *plan,
                             const struct wr_fleet_share *shares, char *out);
void wr_fleet_shares_read(const struct wr_feature_plan *plan, struct wr_str bytes,
                          struct wr_fleet_share *out);

#endif
