/* SPDX-License-Identifier: Apache-2.0 */
/* Own tiles: found by entity and slot, given up by least recent use in the order of the journal
 * (whatever Redis does, so that a fold gives the same parts), queued to be written in the order in
 * which they changed. */
#include "feature/fleet_in.h"

#include "base/num.h"

struct wr_own_tile *wr_own_at(const struct wr_fleet *fleet, uint32_t i)
{
    return wr_fleet_item(&fleet->own, i);
}

/* ── the queue ──────────────────────────────────────────────────────────────────────────────── */
static void queue(struct wr_fleet *fleet, uint32_t i)
{
    struct wr_own_tile *tile = wr_own_at(fleet, i);
    if (tile->queued) {
        return;
    }
    tile->queued = true;
    tile->before = fleet->queue_last;
    tile->behind = WR_FLEET_NONE;
    if (fleet->queue_last != WR_FLEET_NONE) {
        wr_own_at(fleet, fleet->queue_last)->behind = i;
    } else {
        fleet->queue_first = i;
    }
    fleet->queue_last = i;
    fleet->stats.n_queued++;
}

static void unqueue(struct wr_fleet *fleet, uint32_t i)
{
    struct wr_own_tile *tile = wr_own_at(fleet, i);
    if (!tile->queued) {
        return;
    }
    if (tile->before != WR_FLEET_NONE) {
        wr_own_at(fleet, tile->before)->behind = tile->behind;
    } else {
        fleet->queue_first = tile->behind;
    }
    if (tile->behind != WR_FLEET_NONE) {
        wr_own_at(fleet, tile->behind)->before = tile->before;
    } else {
        fleet->queue_last = tile->before;
    }
    tile->queued = false;
    fleet->stats.n_queued--;
}

/* ── order of use ───────────────────────────────────────────────────────────────────────────── */
static void leave_order(struct wr_fleet *fleet, const struct wr_own_tile *tile)
{
    if (tile->older != WR_FLEET_NONE) {
        wr_own_at(fleet, tile->older)->newer = tile->newer;
    } else {
        fleet->own_oldest = tile->newer;
    }
    if (tile->newer != WR_FLEET_NONE) {
        wr_own_at(fleet, tile->newer)->older = tile->older;
    } else {
        fleet->own_newest = tile->older;
    }
}

static void be_newest(struct wr_fleet *fleet, uint32_t i)
{
    struct wr_own_tile *tile = wr_own_at(fleet, i);
    tile->older = fleet->own_newest;
    tile->newer = WR_FLEET_NONE;
    if (fleet->own_newest != WR_FLEET_NONE) {
        wr_own_at(fleet, fleet->own_newest)->newer = i;
    } else {
        fleet->own_oldest = i;
    }
    fleet->own_newest = i;
}

/* ── the table ──────────────────────────────────────────────────────────────────────────────── */
static void leave_bucket(struct wr_fleet *fleet, uint32_t i)
{
    const struct wr_own_tile *tile = wr_own_at(fleet, i);
    uint32_t *at = &fleet->own_buckets[wr_fleet_bucket(tile->key, tile->series, tile->slot)];
    while (*at != i) {
        at = &wr_own_at(fleet, *at)->next;
    }
    *at = tile->next;
}

static void count_drop(struct wr_fleet *fleet, const struct wr_own_tile *tile)
{
    if (tile->n > tile->n_written && !fleet->folding) { /* else an earlier life saw to it */
        fleet->stats.n_dropped_tiles++;
        fleet->stats.n_dropped_events += tile->n - tile->n_written;
    }
}

static uint32_t give_up_oldest(struct wr_fleet *fleet)
{
    uint32_t i = fleet->own_oldest;
    struct wr_own_tile *tile = wr_own_at(fleet, i);
    unqueue(fleet, i);
    count_drop(fleet, tile);
    leave_order(fleet, tile);
    leave_bucket(fleet, i);
    tile->used = false;
    fleet->stats.n_own -= !tile->untold;
    return i;
}

static uint32_t find(const struct wr_fleet *fleet, struct wr_hash128 key, uint32_t series,
                     int64_t slot)
{
    uint32_t i = fleet->own_buckets[wr_fleet_bucket(key, series, slot)];
    while (i != WR_FLEET_NONE) {
        const struct wr_own_tile *tile = wr_own_at(fleet, i);
        if (tile->slot == slot && tile->series == series && wr_fleet_key_eq(tile->key, key)) {
            return i;
        }
        i = tile->next;
    }
    return WR_FLEET_NONE;
}

/* Without a part yet. */
static uint32_t make(struct wr_fleet *fleet, struct wr_hash128 key, uint32_t series, int64_t slot)
{
    bool full = fleet->own_made == WR_LIMIT_FLEET_OWN;
    uint32_t i = full ? give_up_oldest(fleet) : fleet->own_made++;
    uint32_t *bucket = &fleet->own_buckets[wr_fleet_bucket(key, series, slot)];
    struct wr_own_tile *tile = wr_own_at(fleet, i);
    *tile = (struct wr_own_tile){.key = key,
                                 .slot = slot,
                                 .first_ms = INT64_MAX,
                                 .last_ms = INT64_MIN,
                                 .next = *bucket,
                                 .series = (uint8_t)series,
                                 .used = true,
                                 .untold = true};
    memset(tile->columns, 0, fleet->n_columns * sizeof tile->columns[0]);
    *bucket = i;
    be_newest(fleet, i);
    return i;
}

/* ── events ─────────────────────────────────────────────────────────────────────────────────── */
static bool has_bit(uint32_t conditions, int8_t bit)
{
    return bit < 0 || (conditions >> (bit - WR_LIMIT_FEATURE_LABELS) & 1) != 0;
}

static void count(const struct wr_fleet_column *column, const struct wr_event *event,
                  uint32_t conditions, struct wr_fleet_totals *totals)
{
    const struct wr_event_field *field =
        column->field != UINT32_MAX ? &event->fields[column->field] : NULL;
    if (!has_bit(conditions, column->where_bit) || (field != NULL && !field->present)) {
        return;
    }
    int64_t units = field != NULL ? field->units : 0;
    struct wr_fleet_totals one = {
        .n = 1,
        .part = column->share_bit >= 0 && has_bit(conditions, column->share_bit) ? 1 : 0,
        .sum = units,
        .min = units,
        .max = units};
    wr_totals_merge(totals, &one);
}

static void begin_part(struct wr_fleet *fleet, struct wr_own_tile *tile, uint64_t sequence)
{
    tile->part = sequence;
    tile->generation = ++fleet->generation;
    tile->untold = false;
    fleet->stats.n_own++;
}

/* The tile of an event, now the one used last. What is left alone is used all the same: which tiles
 * are given up, and so which event begins a part, must not depend on where a fold begins. */
static uint32_t use(struct wr_fleet *fleet, struct wr_hash128 key, uint32_t series, int64_t slot,
                    uint64_t sequence)
{
    bool untold = fleet->folding && slot * fleet->plan->series[series].slot_ms < fleet->begin_ms;
    uint32_t i = find(fleet, key, series, slot);
    if (i == WR_FLEET_NONE) {
        i = make(fleet, key, series, slot);
    } else {
        leave_order(fleet, wr_own_at(fleet, i));
        be_newest(fleet, i);
    }
    struct wr_own_tile *tile = wr_own_at(fleet, i);
    if (tile->untold && !untold) {
        begin_part(fleet, tile, sequence);
    }
    return i;
}

void wr_fleet_add(struct wr_fleet *fleet, const struct wr_event *event, uint32_t conditions,
                  uint64_t sequence)
{
    int64_t time_ms = wr_fleet_floor(fleet, event->time_ms);
    fleet->newest_ms = WR_MAX(fleet->newest_ms, time_ms);
    for (uint32_t s = 0; s < fleet->plan->n_series; s++) {
        const struct wr_fleet_series *series = &fleet->plan->series[s];
        if (!event->keys[series->entity].present) {
            continue;
        }
        uint32_t i = use(fleet, event->fleet_keys[series->entity], s,
                         wr_fleet_slot(series, time_ms), sequence);
        struct wr_own_tile *tile = wr_own_at(fleet, i);
        if (tile->untold) {
            continue;
        }
        tile->first_ms = WR_MIN(tile->first_ms, time_ms);
        tile->last_ms = WR_MAX(tile->last_ms, time_ms);
        tile->last_sequence = sequence;
        tile->n++;
        for (uint32_t c = 0; c < series->n_columns; c++) {
            count(&series->columns[c], event, conditions, &tile->columns[c]);
        }
        queue(fleet, i);
    }
}

void wr_fleet_forget(struct wr_fleet *fleet)
{
    for (uint32_t i = 0; i < WR_FLEET_BUCKETS; i++) {
        fleet->own_buckets[i] = WR_FLEET_NONE;
    }
    fleet->own_made = 0;
    fleet->own_oldest = fleet->own_newest = WR_FLEET_NONE;
    fleet->queue_first = fleet->queue_last = WR_FLEET_NONE;
    fleet->again = fleet->again_end = 0;
    fleet->stats.n_own = fleet->stats.n_queued = 0;
}

void wr_fleet_begin_at(struct wr_fleet *fleet, int64_t time_ms)
{
    fleet->begin_ms = WR_MAX(fleet->begin_ms, time_ms);
}

int64_t wr_fleet_reach_ms(const struct wr_fleet *fleet)
{
    int64_t reach = 0;
    for (uint32_t i = 0; i < fleet->plan->n_series; i++) {
        const struct wr_fleet_series *series = &fleet->plan->series[i];
        reach = WR_MAX(reach, series->far_ms + series->slot_ms);
    }
    return reach;
}

void wr_fleet_live(struct wr_fleet *fleet)
{
    fleet->folding = false;
}

/* ── writing behind ─────────────────────────────────────────────────────────────────────────── */
static bool counts_still(const struct wr_fleet *fleet, const struct wr_own_tile *tile)
{
    const struct wr_fleet_series *series = &fleet->plan->series[tile->series];
    return tile->last_ms > fleet->newest_ms - series->far_ms;
}

/* Queues some of those that are to be written once more: all at once would take milliseconds. */
static void queue_again(struct wr_fleet *fleet)
{
    enum { SOME = 64, MOST = 4096 };
    for (uint32_t n = 0; fleet->again < fleet->again_end &&
                         (n < SOME || (n < MOST && fleet->queue_first == WR_FLEET_NONE));
         n++) {
        uint32_t i = fleet->again++;
        struct wr_own_tile *tile = wr_own_at(fleet, i);
        if (tile->used && counts_still(fleet, tile)) {
            tile->was_written = false;
            tile->n_sent = 0;
            queue(fleet, i);
        }
    }
}

/* Takes the first tile that waits out of the queue; those that no window reaches are let go. */
static struct wr_own_tile *next_queued(struct wr_fleet *fleet, uint64_t kept, uint32_t *at)
{
    while (fleet->queue_first != WR_FLEET_NONE) {
        struct wr_own_tile *tile = wr_own_at(fleet, fleet->queue_first);
        if (tile->last_sequence > kept) {
            return NULL;
        }
        *at = fleet->queue_first;
        unqueue(fleet, *at);
        if (counts_still(fleet, tile)) {
            return tile;
        }
        tile->n_written = tile->n;
    }
    return NULL;
}

bool wr_fleet_next_write(struct wr_fleet *fleet, uint64_t kept, struct wr_fleet_write *out)
{
    queue_again(fleet);
    struct wr_own_tile *tile = next_queued(fleet, kept, &out->id.handle);
    if (tile == NULL) {
        return false;
    }
    const struct wr_fleet_series *series = &fleet->plan->series[tile->series];
    out->id.generation = tile->generation;
    out->id.n = tile->n;
    out->id.more = tile->n - WR_MAX(tile->n_sent, tile->n_written);
    tile->n_sent = tile->n;
    bool comes_again = out->id.handle >= fleet->again && out->id.handle < fleet->again_end;
    out->is_new = !tile->was_written || comes_again; /* Redis may have lost its key */
    out->id.is_there = !out->is_new && tile->n_written > 0;
    out->live_ms = WR_FLEET_SLOTS * series->slot_ms + series->far_ms + 600000;
    out->key_n =
        wr_fleet_write_key(fleet, tile->series, tile->key, wr_fleet_period(tile->slot), out->key);
    struct wr_tile_head head = {fleet->node, tile->part, tile->slot, tile->first_ms, tile->last_ms};
    out->value_n = wr_tile_write(fleet, tile->series, &head, tile->columns,
                                 wr_str_of(out->key, out->key_n), out->field, out->value);
    tile->was_written = true;
    return true;
}

void wr_fleet_wrote(struct wr_fleet *fleet, const struct wr_fleet_written *write, bool ok)
{
    struct wr_own_tile *tile =
        write->handle < fleet->own_made ? wr_own_at(fleet, write->handle) : NULL;
    if (tile == NULL || !tile->used || tile->generation != write->generation) {
        /* It was given up on its way, and what arrived all the same was not dropped. */
        fleet->stats.n_dropped_events -=
            ok ? WR_MIN(write->more, fleet->stats.n_dropped_events) : 0;
    } else if (ok) {
        tile->n_written = WR_MAX(tile->n_written, write->n);
    } else {
        tile->was_written = false;
        tile->n_sent = 0;
        queue(fleet, write->handle);
    }
}

void wr_fleet_give_up(struct wr_fleet *fleet)
{
    for (uint32_t i = fleet->own_oldest; i != WR_FLEET_NONE; i = wr_own_at(fleet, i)->newer) {
        count_drop(fleet, wr_own_at(fleet, i));
    }
}

void wr_fleet_write_all(struct wr_fleet *fleet)
{
    fleet->again = 0;
    fleet->again_end = fleet->own_made;
}
