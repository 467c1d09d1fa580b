/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles and shares as bytes, little-endian.
 *
 *   field    0  8  node        8  8  part       16  8  slot
 *   value    0  4  "WT", version 1, columns
 *            4  4  first event, ms from the start of the slot        8  4  last event
 *           12  .  columns: tag 4, n 8, part 8, sum 16, min 8, max 8
 *            .  16  HMAC-SHA-256 over key, field and all before, cut to 16 bytes */
#include "feature/fleet_in.h"

#include "base/num.h"

enum { HEAD_SIZE = 12, COLUMN_SIZE = 52, TOTALS_SIZE = 48, VERSION = 1 };

void wr_totals_merge(struct wr_fleet_totals *into, const struct wr_fleet_totals *more)
{
    if (more->n == 0) {
        return;
    }
    into->min = into->n == 0 ? more->min : WR_MIN(into->min, more->min);
    into->max = into->n == 0 ? more->max : WR_MAX(into->max, more->max);
    into->n += more->n;
    into->part += more->part;
    into->sum += more->sum;
}

static void put_totals(uint8_t *out, const struct wr_fleet_totals *t)
{
    wr_put64(out, t->n);
    wr_put64(out + 8, t->part);
    wr_put64(out + 16, (uint64_t)t->sum);
    wr_put64(out + 24, (uint64_t)((wr_u128)t->sum >> 64));
    wr_put64(out + 32, (uint64_t)t->min);
    wr_put64(out + 40, (uint64_t)t->max);
}

/* False when no events could have given these totals. The bounds keep all sums of tiles far from
 * where integers end. */
static bool get_totals(const uint8_t *in, struct wr_fleet_totals *t)
{
    t->n = wr_get64(in);
    t->part = wr_get64(in + 8);
    t->sum = (wr_i128)((wr_u128)wr_get64(in + 24) << 64 | wr_get64(in + 16));
    t->min = (int64_t)wr_get64(in + 32);
    t->max = (int64_t)wr_get64(in + 40);
    return t->n < UINT64_C(1) << 40 && t->part <= t->n && t->min <= t->max &&
           t->min > -WR_LIMIT_UNITS && t->max < WR_LIMIT_UNITS &&
           t->sum >= (wr_i128)t->min * (int64_t)t->n && t->sum <= (wr_i128)t->max * (int64_t)t->n;
}

static void seal(const struct wr_fleet *fleet, struct wr_str key, const uint8_t *field,
                 const uint8_t *value, size_t value_n, uint8_t out[32])
{
    uint8_t text[WR_LIMIT_FLEET_KEY_SIZE + WR_FLEET_FIELD_SIZE + WR_LIMIT_FLEET_TILE_SIZE];
    size_t n = WR_MIN(key.n, (size_t)WR_LIMIT_FLEET_KEY_SIZE);
    memcpy(text, key.p, n);
    memcpy(text + n, field, WR_FLEET_FIELD_SIZE);
    n += WR_FLEET_FIELD_SIZE;
    memcpy(text + n, value, value_n);
    wr_hmac_sha256(fleet->seal, sizeof fleet->seal, text, n + value_n, out);
}

size_t wr_tile_write(const struct wr_fleet *fleet, uint32_t series, const struct wr_tile_head *head,
                     const struct wr_fleet_totals *columns, struct wr_str redis_key,
                     uint8_t field[WR_FLEET_FIELD_SIZE], uint8_t value[WR_LIMIT_FLEET_TILE_SIZE])
{
    const struct wr_fleet_series *s = &fleet->plan->series[series];
    int64_t start = head->slot * s->slot_ms;
    uint8_t mac[32];
    size_t n = HEAD_SIZE;
    wr_put64(field, head->node);
    wr_put64(field + 8, head->part);
    wr_put64(field + 16, (uint64_t)head->slot);
    value[0] = 'W';
    value[1] = 'T';
    value[2] = VERSION;
    value[3] = (uint8_t)s->n_columns;
    wr_put32(value + 4, (uint32_t)WR_MIN(head->first_ms - start, (int64_t)UINT32_MAX));
    wr_put32(value + 8, (uint32_t)WR_MIN(head->last_ms - start, (int64_t)UINT32_MAX));
    for (uint32_t i = 0; i < s->n_columns; i++, n += COLUMN_SIZE) {
        wr_put32(value + n, s->columns[i].tag);
        put_totals(value + n + 4, &columns[i]);
    }
    seal(fleet, redis_key, field, value, n, mac);
    memcpy(value + n, mac, WR_FLEET_MAC_SIZE);
    return n + WR_FLEET_MAC_SIZE;
}

/* Columns by their tags: the writer may have others, in another order. */
static bool read_columns(const struct wr_fleet_series *s, const uint8_t *in, uint32_t n,
                         struct wr_fleet_totals *columns)
{
    memset(columns, 0, WR_LIMIT_FLEET_COLUMNS * sizeof *columns);
    for (uint32_t i = 0; i < n; i++, in += COLUMN_SIZE) {
        struct wr_fleet_totals totals;
        if (!get_totals(in + 4, &totals)) {
            return false;
        }
        for (uint32_t k = 0; k < s->n_columns; k++) {
            if (s->columns[k].tag == wr_get32(in)) {
                columns[k] = totals;
            }
        }
    }
    return true;
}

bool wr_tile_read(const struct wr_fleet *fleet, uint32_t series, struct wr_str redis_key,
                  struct wr_str field, struct wr_str value, struct wr_tile_head *head,
                  struct wr_fleet_totals columns[WR_LIMIT_FLEET_COLUMNS])
{
    const struct wr_fleet_series *s = &fleet->plan->series[series];
    const uint8_t *f = (const uint8_t *)field.p, *v = (const uint8_t *)value.p;
    uint8_t mac[32], differs = 0;
    if (field.n != WR_FLEET_FIELD_SIZE || value.n < HEAD_SIZE || v[0] != 'W' || v[1] != 'T' ||
        v[2] != VERSION || v[3] > WR_LIMIT_FLEET_COLUMNS ||
        value.n != HEAD_SIZE + (size_t)v[3] * COLUMN_SIZE + WR_FLEET_MAC_SIZE) {
        return false;
    }
    seal(fleet, redis_key, f, v, value.n - WR_FLEET_MAC_SIZE, mac);
    for (size_t i = 0; i < WR_FLEET_MAC_SIZE; i++) {
        differs |= (uint8_t)(mac[i] ^ v[value.n - WR_FLEET_MAC_SIZE + i]);
    }
    uint32_t first = wr_get32(v + 4), last = wr_get32(v + 8);
    int64_t slot = (int64_t)wr_get64(f + 16), start;
    if (differs != 0 || first > last || last >= s->slot_ms ||
        !wr_mul_i64(slot, s->slot_ms, &start) || !wr_add_i64(start, s->slot_ms, &start)) {
        return false;
    }
    start -= s->slot_ms;
    *head = (struct wr_tile_head){wr_get64(f), wr_get64(f + 8), slot, start + first, start + last};
    return read_columns(s, v + HEAD_SIZE, v[3], columns);
}

bool wr_tile_is_new(struct wr_fleet *fleet, struct wr_fleet_load *load, struct wr_str field)
{
    const struct wr_hash_key key = {wr_get64(fleet->seal), wr_get64(fleet->seal + 8)};
    uint64_t hash = wr_siphash13(key, field.p, field.n);
    load->number = load->number != 0 ? load->number : ++fleet->n_loads;
    struct wr_seen *at = &fleet->seen[hash % WR_FLEET_SEEN];
    while (at->load == load->number) {
        if (at->hash == hash) {
            return false;
        }
        at = at + 1 < fleet->seen + WR_FLEET_SEEN ? at + 1 : fleet->seen;
    }
    if (load->n >= WR_FLEET_SEEN / 2) {
        load->failed = true;
        return false;
    }
    load->n++;
    *at = (struct wr_seen){hash, load->number};
    return true;
}

/* ── shares ─────────────────────────────────────────────────────────────────────────────────── */
/* tag 8, stale_ms 4 (all ones: not known), totals 48, edge 8; zeros to 76. */
size_t wr_fleet_shares_write(const struct wr_feature_plan *plan,
                             const struct wr_fleet_share *shares, char *out)
{
    const struct wr_fleet_plan *fleet = plan->fleet;
    uint8_t *at = (uint8_t *)out;
    for (uint32_t i = 0; i < fleet->n_features; i++, at += WR_FLEET_SHARE_SIZE) {
        const struct wr_fleet_share *share = &shares[i];
        memset(at, 0, WR_FLEET_SHARE_SIZE);
        wr_put64(at, fleet->features[i].tag);
        wr_put32(at + 8, share->known ? share->stale_ms : UINT32_MAX);
        if (share->known) {
            put_totals(at + 12, &share->totals);
            wr_put64(at + 12 + TOTALS_SIZE, share->edge);
        }
    }
    return (size_t)fleet->n_features * WR_FLEET_SHARE_SIZE;
}

void wr_fleet_shares_read(const struct wr_feature_plan *plan, struct wr_str bytes,
                          struct wr_fleet_share *out)
{
    const struct wr_fleet_plan *fleet = plan->fleet;
    for (uint32_t i = 0; i < fleet->n_features; i++) {
        out[i] = (struct wr_fleet_share){0};
        for (size_t at = 0; at + WR_FLEET_SHARE_SIZE <= bytes.n; at += WR_FLEET_SHARE_SIZE) {
            const uint8_t *p = (const uint8_t *)bytes.p + at;
            if (wr_get64(p) == fleet->features[i].tag && wr_get32(p + 8) != UINT32_MAX &&
                get_totals(p + 12, &out[i].totals)) {
                out[i].known = true;
                out[i].stale_ms = wr_get32(p + 8);
                out[i].edge = wr_get64(p + 12 + TOTALS_SIZE) & INT64_MAX;
                break;
            }
        }
    }
}
