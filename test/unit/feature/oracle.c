/* SPDX-License-Identifier: Apache-2.0 */
/* Features against a naive recomputation from the list of all events, over random packs and random
 * streams: ties, late events inside and outside the bound, labels set, changed and withdrawn late,
 * delays, conditions, absent keys and fields, silences, bursts, evictions. Zero differences.
 * Now and then an image is taken while the stream goes on; the state restored from it, with the
 * events and labels since applied again, has the same digest and takes the place of the old one.
 *
 *   test_feature_oracle [--all | --whole | --seed N]
 *
 * Without options a few seeds, every event compared; --seed N runs one. --all, or WEIR_TEST_ALL=1
 * in the environment, takes 15 million events and compares a quarter. --whole, or
 * WEIR_TEST_ALL=whole, takes 11.3 million and compares them all, but for those that are folded and
 * so read by nobody (one in twenty); hot entities, whose naive side takes a hundred times longer,
 * are in every eighth seed. Both in two processes. */
#include "base/rng.h"
#include "feature/image.h"
#include "fixture.h"

#include <sys/wait.h>
#include <unistd.h>

__extension__ typedef __float128 quad;

enum { CLASSES = 2, KEYS_MAX = 4096, FEATURES_MAX = 40, CONDITIONS = 3, NUMBERS = 2 };

/* ── the naive side ─────────────────────────────────────────────────────────────────────────── */
struct happening { /* what a walk over an entity's reads stands in its first 64 bytes */
    int64_t tick;
    struct happening *next[CLASSES]; /* older, in the list of its entity */
    int64_t amount[NUMBERS];
    uint32_t key[CLASSES];  /* UINT32_MAX: absent */
    uint16_t device_number; /* below 1024 */
    uint8_t conditions;
    bool has_amount[NUMBERS], has_device;
    bool
        label[CLASSES]; /* on the tape of each: a record as old as what was given up has no place */
    uint64_t device;    /* wr_mix64(1 + device_number) */
    uint64_t sequence;
    int64_t time_ms;
    uint64_t place;
    bool inserted;
};

struct entity {
    struct happening *newest;
    int64_t lost;  /* INT64_MIN: nothing */
    uint64_t used; /* sequence of the last use */
    bool live, lost_marked;
    uint64_t lost_at; /* order among the lost */
};

struct shape {                             /* one feature as the naive side knows it */
    int kind, class, number, where, share; /* where, share: -1 none, 0..2 condition, 3 label */
    int64_t window, delay, baseline, offset;
    int since, n, permille;
    char calendar; /* 0, or d, w, a: day, week, all */
    bool include_self;
};

struct world {
    struct wr_rng rng;
    struct fixture f;
    struct shape shapes[FEATURES_MAX];
    int n_shapes;
    struct entity entities[CLASSES][KEYS_MAX];
    struct happening *all;
    uint64_t n, n_lost;
    uint32_t n_live, keys[CLASSES], cap;
    int64_t newest, lateness, retention[CLASSES], forgotten[CLASSES], tick_ms;
    bool plain[CLASSES];
    int64_t midnight;
    uint64_t differences, checked, compared, evictions, late, labels_changed;
};

enum {
    K_COUNT,
    K_SUM,
    K_AVG,
    K_MIN,
    K_MAX,
    K_SHARE,
    K_DISTINCT,
    K_SINCE,
    K_VARIANCE,
    K_STDDEV,
    K_CV,
    K_FIRST,
    K_LAST,
    K_DELTA,
    K_ZSCORE,
    K_SAME,
    K_SEEN,
    K_FIRST_SEEN,
    K_LINKS,
    K_MEDIAN,
    K_PERCENTILE,
    K_MODE,
    K_LAST_N,
    K_TOP_N,
    K_RATE,
    KINDS
};
static const char *const kind_names[KINDS] = {
    "count",       "sum",           "avg",      "min",
    "max",         "share",         "distinct", "seconds_since_last",
    "variance",    "stddev",        "cv",       "first",
    "last",        "delta_to_last", "zscore",   "same_as_now",
    "seen_before", "first_seen",    "links",    "median",
    "percentile",  "mode",          "last_n",   "top_n",
    "rate_change"};

enum { SAMPLE = 4096 }; /* values that median and the like look at */

static bool reads_device(int kind)
{
    return kind == K_DISTINCT || kind == K_SAME || kind == K_SEEN || kind == K_FIRST_SEEN;
}

static bool orders(int kind)
{
    return kind == K_MEDIAN || kind == K_PERCENTILE || kind == K_MODE || kind == K_LAST_N ||
           kind == K_TOP_N;
}

static uint64_t below(struct world *w, uint64_t n)
{
    return wr_rng_below(&w->rng, n);
}

static bool chance(struct world *w, unsigned percent)
{
    return below(w, 100) < percent;
}

static bool holds(const struct happening *h, int bit, int class)
{
    return bit < 0 || (bit == CONDITIONS ? h->label[class] : (h->conditions >> bit & 1) != 0);
}

static int64_t horizon(const struct world *w, int class)
{
    return w->newest - w->lateness - w->retention[class];
}

struct naive {
    uint64_t n, part, distinct, same;
    __int128 sum;
    unsigned __int128 squares;
    uint64_t n_values;
    int64_t min, max, newest, oldest, newest_tick;
    uint64_t seen[1024], round; /* by number of a value, the round that saw it */
    int64_t values[SAMPLE];     /* newest first */
    uint64_t baseline;          /* records of it */
};

static uint64_t link_of(const struct happening *h, int class)
{
    uint64_t other = (uint64_t)(1 - class);
    return wr_mix64(other << 40 | h->key[other]) % 1000;
}

static void naive_add(struct naive *a, const struct shape *s, const struct happening *h,
                      const struct happening *self)
{
    if (!holds(h, s->where, s->class)) {
        return;
    }
    a->newest_tick = a->n == 0 ? h->tick : a->newest_tick;
    a->n++;
    a->part += s->share >= 0 && holds(h, s->share, s->class);
    if (h->has_amount[s->number]) {
        int64_t v = h->amount[s->number];
        a->min = a->n_values == 0 || v < a->min ? v : a->min;
        a->max = a->n_values == 0 || v > a->max ? v : a->max;
        a->newest = a->n_values == 0 ? v : a->newest;
        a->oldest = v;
        if (a->n_values < SAMPLE && orders(s->kind)) {
            a->values[a->n_values] = v;
        }
        a->n_values++;
        a->sum += v;
        a->squares += (unsigned __int128)((__int128)v * v);
    }
    a->same += h->has_device && self->has_device && h->device_number == self->device_number;
    bool links = s->kind == K_LINKS && h->key[1 - s->class] != UINT32_MAX;
    if ((s->kind == K_DISTINCT && h->has_device) || links) {
        uint64_t *seen = &a->seen[links ? link_of(h, s->class) : h->device_number];
        a->distinct += *seen != a->round;
        *seen = a->round;
    }
}

static const int64_t power[NUMBERS] = {100, 1000};

/* By bytes from the lowest, those that differ: qsort took a third of a campaign. */
static void sort_values(int64_t *values, uint64_t n)
{
    static int64_t other[SAMPLE];
    int64_t *from = values, *to = other;
    uint64_t differ = 0, sign = UINT64_C(1) << 63;
    for (uint64_t i = 0; i < n; i++) {
        differ |= (uint64_t)(values[i] ^ values[0]);
    }
    for (int shift = 0; shift < 64; shift += 8) {
        uint32_t at[256] = {0}, sum = 0;
        if ((differ >> shift & 255) == 0) {
            continue;
        }
        for (uint64_t i = 0; i < n; i++) {
            at[((uint64_t)from[i] ^ sign) >> shift & 255]++;
        }
        for (int b = 0; b < 256; b++) {
            uint32_t here = at[b];
            at[b] = sum;
            sum += here;
        }
        for (uint64_t i = 0; i < n; i++) {
            to[at[((uint64_t)from[i] ^ sign) >> shift & 255]++] = from[i];
        }
        int64_t *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != values) {
        memcpy(values, from, n * sizeof *values);
    }
}

/* Sorts the values unless the kind wants them by time. */
static double naive_order(struct naive *a, const struct shape *s)
{
    uint64_t n = WR_MIN(a->n_values, (uint64_t)SAMPLE), best = 0;
    quad p = power[s->number];
    int64_t mode = 0;
    if (s->kind == K_LAST_N) {
        return (double)WR_MIN(n, (uint64_t)s->n);
    }
    sort_values(a->values, n);
    switch (s->kind) {
    case K_TOP_N:
        return (double)WR_MIN(n, (uint64_t)s->n);
    case K_MEDIAN:
        return (double)(((quad)a->values[(n - 1) / 2] + a->values[n / 2]) / (2 * p));
    case K_PERCENTILE:
        for (uint64_t k = 1; k <= n; k++) { /* the least value that p percent do not exceed */
            if (k * 100000 >= (uint64_t)s->permille * n) {
                return (double)(a->values[k - 1] / p);
            }
        }
        return 0;
    default:
        for (uint64_t i = 0; i < n; i++) {
            uint64_t run = 0;
            for (uint64_t k = i; k < n && a->values[k] == a->values[i]; k++) {
                run++;
            }
            mode = run > best ? a->values[i] : mode;
            best = WR_MAX(best, run);
            i += run - 1;
        }
        return (double)(mode / p);
    }
}

static double naive_spread(const struct naive *a, const struct shape *s,
                           const struct happening *self, bool *defined)
{
    quad n = a->n_values, p = power[s->number];
    quad numerator = (quad)a->squares * n - (quad)a->sum * (quad)a->sum;
    *defined = a->n_values >= 2;
    double variance = *defined ? (double)(numerator / (n * (n - 1)) / (p * p)) : 0;
    double mean = *defined ? (double)((quad)a->sum / (n * p)) : 0,
           deviation = __builtin_sqrt(variance);
    switch (s->kind) {
    case K_VARIANCE:
        return variance;
    case K_STDDEV:
        return deviation;
    case K_CV:
        *defined = *defined && a->sum != 0;
        return deviation / mean;
    default:
        *defined = *defined && variance != 0;
        return ((double)self->amount[s->number] / (double)power[s->number] - mean) / deviation;
    }
}

/* Presence, and the value as a double; sums that fit are compared as units by the caller. */
static enum wr_feature_presence naive_value(struct naive *a, const struct shape *s,
                                            const struct happening *self, double *number)
{
    quad p = power[s->number];
    bool pairwise = s->kind == K_DELTA || s->kind == K_ZSCORE, defined = a->n_values > 0;
    if (pairwise && !self->has_amount[s->number]) {
        return WR_FEATURE_FIELD_ABSENT;
    }
    switch (s->kind) {
    case K_COUNT:
        *number = (double)a->n;
        return WR_FEATURE_DEFINED;
    case K_SUM:
        *number = (double)((quad)a->sum / p);
        return WR_FEATURE_DEFINED;
    case K_SHARE:
        *number = a->n == 0 ? 0 : (double)a->part / (double)a->n;
        return WR_FEATURE_DEFINED;
    case K_DISTINCT:
    case K_LINKS:
        *number = (double)a->distinct;
        return WR_FEATURE_DEFINED;
    case K_SAME:
    case K_SEEN:
    case K_FIRST_SEEN:
        *number = (double)(s->kind == K_SAME   ? a->same
                           : s->kind == K_SEEN ? a->same != 0
                                               : a->same == 0);
        return self->has_device ? WR_FEATURE_DEFINED : WR_FEATURE_FIELD_ABSENT;
    case K_SINCE:
        defined = a->n > 0;
        break;
    case K_AVG:
        *number = defined ? (double)((quad)a->sum / ((quad)a->n_values * p)) : 0;
        break;
    case K_MIN:
        *number = (double)((quad)a->min / p);
        break;
    case K_MAX:
        *number = (double)((quad)a->max / p);
        break;
    case K_FIRST:
        *number = (double)((quad)a->oldest / p);
        break;
    case K_LAST:
        *number = (double)((quad)a->newest / p);
        break;
    case K_DELTA:
        *number = (double)((quad)(self->amount[s->number] - a->newest) / p);
        break;
    case K_RATE:
        defined = a->baseline != 0;
        *number =
            defined ? (double)((quad)a->n * s->baseline / ((quad)a->baseline * s->window)) : 0;
        break;
    case K_MEDIAN:
    case K_PERCENTILE:
    case K_MODE:
    case K_LAST_N:
    case K_TOP_N:
        *number = defined ? naive_order(a, s) : 0;
        break;
    default:
        *number = naive_spread(a, s, self, &defined);
    }
    return defined ? WR_FEATURE_DEFINED : WR_FEATURE_NO_HISTORY;
}

static struct naive naive; /* of the feature looked at last */

static int64_t naive_start(const struct world *w, const struct shape *s,
                           const struct entity *entity, int64_t end)
{
    int64_t start = end - s->window, day = 86400000 / w->tick_ms;
    if (s->calendar == 'd' || s->calendar == 'w') { /* back to midnight, then to Monday */
        int64_t at = end + s->offset;
        start = at - (at % day + day) % day;
        while (s->calendar == 'w' && (start / day % 7 + 7) % 7 != 4) { /* 1970-01-05 */
            start -= day;
        }
        start -= s->offset + 1;
    }
    for (const struct happening *h = entity->newest; s->since >= 0 && h != NULL;
         h = h->next[s->class]) {
        if (h->tick <= end && h->tick > start && holds(h, s->since, s->class)) {
            return h->tick;
        }
    }
    return start;
}

static enum wr_feature_presence naive_feature(const struct world *w, const struct shape *s,
                                              const struct happening *self, double *number)
{
    struct naive *a = &naive;
    a->n = a->part = a->distinct = a->same = a->n_values = a->baseline = 0;
    a->sum = 0;
    a->squares = 0;
    a->round++;
    if (self->key[s->class] == UINT32_MAX) {
        return WR_FEATURE_FIELD_ABSENT;
    }
    const struct entity *entity = &w->entities[s->class][self->key[s->class]];
    int64_t end = self->tick - s->delay, start = naive_start(w, s, entity, end);
    bool skip_self = !s->include_self || s->kind == K_SINCE || s->kind == K_DELTA ||
                     s->kind == K_SEEN || s->kind == K_FIRST_SEEN;
    if (s->delay == 0 && !skip_self) {
        naive_add(a, s, self, self);
    }
    const struct happening *h = entity->newest;
    for (; h != NULL && h->tick > start; h = h->next[s->class]) {
        if (h->tick <= end) {
            naive_add(a, s, h, self);
        }
    }
    for (start -= s->baseline; h != NULL && h->tick > start; h = h->next[s->class]) {
        a->baseline += holds(h, s->where, s->class);
    }
    bool known = entity->live || entity->lost_marked;
    int64_t lost = known ? entity->lost : w->forgotten[s->class];
    if (start < horizon(w, s->class) || start < lost) {
        return WR_FEATURE_EVICTED;
    }
    enum wr_feature_presence presence = naive_value(a, s, self, number);
    if (s->kind == K_SINCE && presence == WR_FEATURE_DEFINED) {
        *number = (double)((quad)((self->tick - a->newest_tick) * w->tick_ms) / 1000);
    }
    return presence;
}

/* ── evictions as stated: least recently used first, at the cap ─────────────────────────────── */
static void forget_oldest(struct world *w)
{
    struct entity *oldest = NULL;
    uint64_t n = 0;
    for (int c = 0; c < CLASSES; c++) {
        for (uint32_t k = 0; k < w->keys[c]; k++) {
            struct entity *e = &w->entities[c][k];
            n += e->lost_marked;
            oldest =
                e->lost_marked && (oldest == NULL || e->lost_at < oldest->lost_at) ? e : oldest;
        }
    }
    if (n > w->cap / 4 + 1) {
        int class = oldest < w->entities[1] ? 0 : 1;
        oldest->lost_marked = false;
        if (oldest->lost > horizon(w, class)) {
            w->forgotten[class] = WR_MAX(w->forgotten[class], oldest->lost);
        }
    }
}

static void evict_oldest(struct world *w)
{
    struct entity *oldest = NULL;
    int class = 0;
    for (int c = 0; c < CLASSES; c++) {
        for (uint32_t k = 0; k < w->keys[c]; k++) {
            struct entity *e = &w->entities[c][k];
            if (e->live && (oldest == NULL || e->used < oldest->used)) {
                oldest = e;
                class = c;
            }
        }
    }
    int64_t newest = oldest->newest != NULL ? oldest->newest->tick : INT64_MIN;
    oldest->live = false;
    w->n_live--;
    oldest->lost = newest > horizon(w, class) ? newest : oldest->lost;
    oldest->newest = NULL;
    if (oldest->lost > horizon(w, class)) {
        oldest->lost_marked = true;
        oldest->lost_at = ++w->n_lost;
        w->evictions++;
        forget_oldest(w);
    } else {
        oldest->lost = INT64_MIN;
    }
}

static void naive_use(struct world *w, int class, uint32_t key, uint64_t use)
{
    struct entity *e = &w->entities[class][key];
    if (!e->live) {
        bool was_lost = e->lost_marked;
        e->lost = was_lost ? e->lost : INT64_MIN;
        e->lost_marked = false;
        if (!was_lost && w->n_live >= w->cap) {
            evict_oldest(w);
        }
        e->lost = was_lost ? e->lost : w->forgotten[class];
        e->live = true;
        e->used = use;
        w->n_live++;
        if (was_lost && w->n_live > w->cap) {
            evict_oldest(w);
        }
    }
    e->used = use;
}

static void naive_insert(struct world *w, struct happening *h, int class)
{
    struct happening **at = &w->entities[class][h->key[class]].newest;
    while (*at != NULL && (*at)->tick > h->tick) {
        at = &(*at)->next[class];
    }
    h->next[class] = *at;
    *at = h;
}

/* ── a random pack ──────────────────────────────────────────────────────────────────────────── */
static const char *const class_names[CLASSES] = {"card", "shop"};
static const char *const bit_names[CONDITIONS + 1] = {"c0", "c1", "c2", "label.fraud"};

static void random_window(struct world *w, struct shape *s)
{
    static const int64_t day = 86400;
    s->since = -1;
    s->n = s->kind == K_LAST_N || s->kind == K_TOP_N ? 1 + (int)below(w, 16) : 0;
    s->permille = s->kind == K_PERCENTILE ? 1 + (int)below(w, 100000) : 0;
    s->baseline = s->kind == K_RATE ? 1 + (int64_t)below(w, 2000) : 0;
    if (s->kind == K_RATE) {
        return;
    }
    s->since = chance(w, 7) ? (int)below(w, CONDITIONS + 1) : -1;
    s->calendar = chance(w, 90) ? 0 : "dwa"[below(w, 3)];
    if (s->calendar == 'd' || s->calendar == 'w') {
        s->offset = -w->midnight * 3600;
        s->window = s->calendar == 'd' ? day : 7 * day;
    } else if (s->calendar == 'a') {
        s->window = (INT64_C(1) << 46) / 1000;
    }
}

static void random_shape(struct world *w, struct shape *s)
{
    static const int64_t windows[] = {1, 10, 60, 61, 300, 900, 1800};
    static const int64_t delays[] = {1, 10, 60, 600};
    *s = (struct shape){.kind = (int)below(w, KINDS),
                        .class = (int)below(w, CLASSES),
                        .number = (int)below(w, NUMBERS),
                        .where = chance(w, 30) ? (int)below(w, CONDITIONS + 1) : -1,
                        .share = -1,
                        .window = windows[below(w, WR_COUNTOF(windows))],
                        .include_self = chance(w, 75)};
    while (w->plain[s->class] && (reads_device(s->kind) || s->kind == K_LINKS)) {
        s->kind = (int)below(w, KINDS);
    }
    random_window(w, s);
    s->share = s->kind == K_SHARE ? (int)below(w, CONDITIONS + 1) : -1;
    if (s->kind != K_SINCE && s->kind != K_DELTA && chance(w, 30)) {
        s->delay = delays[below(w, WR_COUNTOF(delays))];
    }
}

static void write_shape(const struct shape *s, int index, char **at)
{
    static const char *const numbers[NUMBERS] = {"amount", "level"};
    *at += sprintf(*at, "%s'f%02d': {'entity': '%s', '%s': ", index > 0 ? ", " : "", index,
                   class_names[s->class], kind_names[s->kind]);
    if (s->kind == K_SHARE) {
        *at += sprintf(*at, "'%s'", bit_names[s->share]);
    } else if (s->kind == K_COUNT || s->kind == K_SINCE || s->kind == K_RATE) {
        *at += sprintf(*at, "true");
    } else if (s->kind == K_LINKS) {
        *at += sprintf(*at, "'%s'", class_names[1 - s->class]);
    } else {
        *at += sprintf(*at, "'%s'", reads_device(s->kind) ? "device" : numbers[s->number]);
    }
    if (s->calendar != 0) {
        *at += sprintf(*at, ", 'window': '%s'",
                       s->calendar == 'd'   ? "day"
                       : s->calendar == 'w' ? "week"
                                            : "all");
    } else {
        *at += sprintf(*at, ", 'window': '%llds'", (long long)s->window);
    }
    if (s->offset != 0) {
        *at += sprintf(*at, ", 'offset': '-%02lld:00'", (long long)(-s->offset / 3600));
    }
    *at += s->since >= 0 ? sprintf(*at, ", 'since': '%s'", bit_names[s->since]) : 0;
    *at += s->n != 0 ? sprintf(*at, ", 'n': %d", s->n) : 0;
    *at += s->baseline != 0 ? sprintf(*at, ", 'baseline': '%llds'", (long long)s->baseline) : 0;
    *at += s->permille != 0 ? sprintf(*at, ", 'p': %d.%03d", s->permille / 1000, s->permille % 1000)
                            : 0;
    *at += s->delay != 0 ? sprintf(*at, ", 'delay': '%llds'", (long long)s->delay) : 0;
    *at += s->include_self ? 0 : sprintf(*at, ", 'include_self': false");
    *at += s->where >= 0 ? sprintf(*at, ", 'where': '%s'", bit_names[s->where]) : 0;
    *at += sprintf(*at, "}");
}

static void random_pack(struct world *w)
{
    static char text[32768];
    char *at = text;
    bool fine = chance(w, 50);
    w->midnight = (int64_t)below(w, 14); /* UTC; days and weeks begin then */
    w->tick_ms = fine ? 1 : 1000;
    at += sprintf(at,
                  "{'event': {'time': {'path': 'at', 'unit': 'ms', 'resolution': '%s'},"
                  " 'amount': {'path': 'amount'}, 'lateness': '20s'},"
                  " 'entities': {'card': 'card', 'shop': ['shop', 'town']},"
                  " 'fields': {'level': {'type': 'number', 'scale': 3}},"
                  " 'features': {",
                  fine ? "ms" : "s");
    w->n_shapes = 4 + (int)below(w, FEATURES_MAX - 4);
    w->plain[0] = chance(w, 60); /* without sets: those tapes are read by other code */
    w->plain[1] = chance(w, 60);
    for (int i = 0; i < w->n_shapes; i++) {
        random_shape(w, &w->shapes[i]);
        write_shape(&w->shapes[i], i, &at);
    }
    sprintf(at, "}}");
    struct wr_feature_caps caps = {.entities_max = w->cap, .warming_since_ms = INT64_MIN};
    fixture_open(&w->f, text, &caps);
    w->lateness = 20 * 1000 / w->tick_ms;
    for (int i = 0; i < w->n_shapes; i++) {
        struct shape *s = &w->shapes[i];
        s->window =
            s->calendar == 'a' ? (INT64_C(1) << 46) / w->tick_ms : s->window * 1000 / w->tick_ms;
        s->delay = s->delay * 1000 / w->tick_ms;
        s->baseline = s->baseline * 1000 / w->tick_ms;
        s->offset = s->offset * 1000 / w->tick_ms;
        int64_t reach = s->window + s->delay + s->baseline;
        w->retention[s->class] = WR_MAX(w->retention[s->class], reach);
    }
}

/* ── a random stream ────────────────────────────────────────────────────────────────────────── */
struct stream {
    int64_t now_ms, pace_ms;
};

static void random_values(struct world *w, struct happening *h)
{
    static const uint64_t sizes[] = {2, 100, 10000, 1000000, (uint64_t)1 << 52};
    for (int i = 0; i < NUMBERS; i++) {
        h->has_amount[i] = chance(w, 90);
        h->amount[i] = (int64_t)below(w, sizes[below(w, chance(w, 95) ? 3 : 5)]);
        h->amount[i] = chance(w, 10) ? -h->amount[i] : h->amount[i];
    }
    h->has_device = chance(w, 90);
    h->device_number = (uint16_t)below(w, chance(w, 50) ? 5 : 500);
    h->device = wr_mix64(1 + h->device_number);
    h->conditions = (uint8_t)below(w, 1 << CONDITIONS);
    for (int c = 0; c < CLASSES; c++) {
        uint64_t skewed = below(w, 1 + below(w, w->keys[c]));
        h->key[c] = chance(w, 97) ? (uint32_t)skewed : UINT32_MAX;
    }
}

static void random_time(struct world *w, struct stream *s, struct happening *h)
{
    unsigned what = (unsigned)below(w, 1000);
    if (what < 1) {
        s->now_ms += (int64_t)below(w, 3000000); /* a silence, past all windows at times */
    } else if (what < 10) {
        s->pace_ms = (int64_t)below(w, 5) * (int64_t)below(w, 2000); /* burst or drought */
    } else if (what < 700) {
        s->now_ms += (int64_t)below(w, (uint64_t)s->pace_ms + 1);
    } /* else a tie */
    h->time_ms = s->now_ms;
    if (chance(w, 15)) {
        h->time_ms -= (int64_t)below(w, chance(w, 90) ? 20000 : 600000);
    }
    h->tick =
        h->time_ms >= 0 ? h->time_ms / w->tick_ms : -((-h->time_ms + w->tick_ms - 1) / w->tick_ms);
}

static void event_of(const struct world *w, const struct happening *h, struct wr_event *event)
{
    const struct wr_schema *schema = w->f.schema;
    memset(event, 0, sizeof *event);
    event->time_ms = h->time_ms;
    for (int c = 0; c < CLASSES; c++) {
        uint32_t entity = wr_schema_entity(schema, wr_str_z(class_names[c]));
        uint64_t hash = wr_mix64((uint64_t)c << 40 | h->key[c]);
        event->keys[entity] =
            (struct wr_event_key){.hash = hash % 1000,
                                  .check = (uint32_t)(hash >> 32), /* crowded on purpose */
                                  .present = h->key[c] != UINT32_MAX};
    }
    for (uint32_t i = 0; i < schema->n_fields; i++) {
        bool device = schema->fields[i].type == WR_FIELD_KEY;
        int number = wr_str_eq(schema->fields[i].path.text, WR_STR("amount")) ? 0 : 1;
        event->fields[i].present = device ? h->has_device : h->has_amount[number];
        event->fields[i].hash = device ? h->device : 0;
        event->fields[i].units = device ? 0 : h->amount[number];
    }
}

/* The bits in the order of the plan's conditions, which is that of their first use. */
static uint32_t bits_of(const struct world *w, const struct happening *h)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < w->f.plan->n_conditions; i++) {
        int condition = w->f.plan->conditions[i].p[1] - '0';
        bits |= (h->conditions >> condition & 1u) << i;
    }
    return bits;
}

/* ── comparing ──────────────────────────────────────────────────────────────────────────────── */
static bool is_same(const struct shape *s, double want, const struct wr_feature_value *got)
{
    if (s->kind == K_LAST_N || s->kind == K_TOP_N) {
        uint64_t n = WR_MIN(naive.n_values, (uint64_t)SAMPLE), wrong = got->form != WR_FORM_LIST;
        for (int64_t i = 0; got->form == WR_FORM_LIST && i < got->units; i++) {
            uint64_t at = s->kind == K_TOP_N ? n - 1 - (uint64_t)i : (uint64_t)i;
            wrong += got->list[i] != naive.values[at];
        }
        return wrong == 0 && (double)got->units == want;
    }
    bool derived =
        s->kind == K_CV || s->kind == K_ZSCORE || s->kind == K_VARIANCE || s->kind == K_STDDEV;
    if (got->form == WR_FORM_DECIMAL &&
        got->number != (double)((quad)got->units / power[s->number])) {
        return false;
    }
    double tolerance = derived ? 1e-9 * __builtin_fabs(want) : 0; /* the naive side rounds */
    return __builtin_fabs(want - got->number) <= tolerance;
}

static void compare(struct world *w, const struct happening *h, const struct wr_feature_value *got)
{
    for (int i = 0; i < w->n_shapes; i++) {
        double want = 0;
        enum wr_feature_presence presence = naive_feature(w, &w->shapes[i], h, &want);
        bool same = got[i].presence == presence &&
                    (presence != WR_FEATURE_DEFINED || is_same(&w->shapes[i], want, &got[i]));
        if (!same && w->differences++ < 5) {
            fprintf(stderr, "event %llu, feature %d (%s): %s %.17g (form %d), not %s %.17g\n",
                    (unsigned long long)h->sequence, i, kind_names[w->shapes[i].kind],
                    wr_feature_presence_name(got[i].presence), got[i].number, got[i].form,
                    wr_feature_presence_name(presence), want);
        }
        w->checked++;
    }
    w->compared++;
}

static void check_peek(struct world *w, const struct wr_event *event, const struct happening *h,
                       const struct wr_feature_value *got)
{
    static struct wr_feature_value again[FEATURES_MAX];
    struct wr_feature_vector vector = {.values = again};
    wr_feature_peek(w->f.state, event, bits_of(w, h), &vector);
    for (int i = 0; i < w->n_shapes; i++) {
        bool same = got[i].presence == again[i].presence && got[i].units == again[i].units &&
                    (got[i].number == again[i].number || got[i].number != got[i].number);
        w->differences += !same;
    }
}

/* ── one step ───────────────────────────────────────────────────────────────────────────────── */
static void note_done(struct happening *h, bool label, bool set);

static void step_event(struct world *w, struct stream *stream, bool check)
{
    static struct wr_feature_value values[FEATURES_MAX];
    bool fold = chance(w, 5); /* applied without reading */
    struct wr_feature_vector vector = {.values = fold ? NULL : values};
    struct happening *h = &w->all[w->n++];
    struct wr_event event;
    memset(h, 0, sizeof *h);
    memset(values, 0, sizeof values);
    h->sequence = w->n;
    random_values(w, h);
    random_time(w, stream, h);
    event_of(w, h, &event);
    bool late = w->newest != INT64_MIN && h->tick < w->newest - w->lateness;
    bool peek = chance(w, 2);
    if (late || !peek) {
        w->newest = WR_MAX(w->newest, h->tick);
    }
    if (peek && late) {
        struct wr_feature_value got[FEATURES_MAX];
        struct wr_feature_vector other = {.values = got};
        wr_feature_peek(w->f.state, &event, bits_of(w, h), &other);
        compare(w, h, got);
    }
    w->newest = WR_MAX(w->newest, h->tick);
    h->inserted = wr_feature_update(w->f.state, &event, bits_of(w, h), h->sequence, &vector);
    h->place = vector.place;
    note_done(h, false, false);
    w->differences += h->inserted == late || vector.late != late;
    w->late += late;
    for (int c = 0; c < CLASSES && !late; c++) {
        /* In the order of the schema, as the state does it. */
        int class = wr_str_eq(w->f.schema->entities[c].name, WR_STR("card")) ? 0 : 1;
        if (h->key[class] != UINT32_MAX && w->retention[class] != 0) {
            naive_use(w, class, h->key[class], w->n * CLASSES + (uint64_t)c);
        }
    }
    check = check && !fold;
    if (check) {
        compare(w, h, values);
    }
    for (int c = 0; c < CLASSES && !late; c++) {
        if (h->key[c] != UINT32_MAX && w->retention[c] != 0 && w->entities[c][h->key[c]].live) {
            naive_insert(w, h, c);
        }
    }
    if (late && check && chance(w, 20)) {
        check_peek(w, &event, h, values);
    }
}

static bool holds_record(const struct world *w, const struct happening *h, int class)
{
    if (h->key[class] == UINT32_MAX || h->tick <= horizon(w, class)) {
        return false;
    }
    const struct happening *at = w->entities[class][h->key[class]].newest;
    while (at != NULL && at != h && at->tick >= h->tick) {
        at = at->next[class];
    }
    return at == h && h->tick > w->entities[class][h->key[class]].lost;
}

static bool reads_label(const struct world *w, int class)
{
    for (int i = 0; i < w->n_shapes; i++) {
        if (w->shapes[i].class == class &&
            (w->shapes[i].where == CONDITIONS || w->shapes[i].share == CONDITIONS ||
             w->shapes[i].since == CONDITIONS)) {
            return true;
        }
    }
    return false;
}

static void step_label(struct world *w)
{
    uint64_t reach = chance(w, 50) ? 50 : 3000, back = 1 + below(w, WR_MIN(w->n, reach));
    struct happening *h = &w->all[w->n - back];
    struct wr_event event;
    if (w->f.plan->n_labels == 0) {
        return;
    }
    bool set = chance(w, 70), held = false, changed = false;
    for (int c = 0; c < CLASSES; c++) {
        if (h->inserted && reads_label(w, c) && holds_record(w, h, c)) {
            held = true;
            changed = changed || h->label[c] != set;
            h->label[c] = set;
        }
    }
    event_of(w, h, &event);
    enum wr_label_effect effect = wr_feature_label(w->f.state, &event, h->place, 0, set);
    note_done(h, true, set);
    enum wr_label_effect want = !held     ? WR_LABEL_EXPIRED
                                : changed ? WR_LABEL_CHANGED
                                          : WR_LABEL_SAME;
    w->differences += effect != want;
    w->labels_changed += effect == WR_LABEL_CHANGED;
}

/* ── images in the middle of it ─────────────────────────────────────────────────────────────── */
struct done_since { /* what happened after an image was begun, to be applied again */
    struct happening *h;
    bool label, set;
};

struct imaging {
    struct wr_feature_image *image; /* NULL: none is being made */
    char *bytes;
    size_t n, cap, room;
    struct done_since *done;
    size_t n_done;
    struct wr_feature_caps caps;
    uint64_t n_images;
};
static struct imaging imaging;

static void *claim(void *context, size_t n)
{
    struct imaging *i = context;
    if (i->n + n > i->cap) {
        i->cap = 2 * i->cap + n + 65536;
        i->bytes = realloc(i->bytes, i->cap);
    }
    i->n += n;
    return i->bytes + i->n - n;
}

static size_t room(void *context)
{
    return ((struct imaging *)context)->room;
}

static void note_done(struct happening *h, bool label, bool set)
{
    if (imaging.image != NULL) {
        imaging.done[imaging.n_done++] = (struct done_since){h, label, set};
    }
}

static const struct wr_piece_sink image_sink = {claim, room, &imaging};

static void apply_again(struct world *w, struct wr_feature_state *state,
                        const struct done_since *done)
{
    struct wr_event event;
    event_of(w, done->h, &event);
    if (done->label) {
        (void)wr_feature_label(state, &event, done->h->place, 0, done->set);
    } else {
        wr_feature_update(state, &event, bits_of(w, done->h), done->h->sequence, NULL);
    }
}

static void check_same_state(struct world *w, struct wr_feature_state *restored)
{
    uint8_t a[32], b[32];
    struct wr_feature_stats was = wr_feature_stats(w->f.state), is = wr_feature_stats(restored);
    wr_feature_digest(w->f.state, a);
    wr_feature_digest(restored, b);
    bool same = memcmp(a, b, 32) == 0 && was.sequence == is.sequence && was.events == is.events &&
                was.late == is.late && was.labels == is.labels &&
                was.labels_without_effect == is.labels_without_effect &&
                was.evictions == is.evictions && was.forgotten == is.forgotten &&
                was.entities == is.entities && was.watermark_ms == is.watermark_ms;
    w->differences += !same;
    if (!same) {
        fprintf(stderr, "event %llu: the restored state is another one\n",
                (unsigned long long)w->n);
    }
}

/* Restores it, brings it up to date and lets it take over. */
static void image_takes_over(struct world *w)
{
    struct wr_feature_state *restored =
        wr_feature_state_open(w->f.plan, &w->f.memory, &imaging.caps);
    struct wr_feature_restore *restore = wr_feature_restore_begin(restored);
    struct wr_str bytes = wr_str_of(imaging.bytes, imaging.n);
    struct wr_error error = {0};
    struct wr_piece piece;
    wr_err err = WR_OK;
    while (err == WR_OK && wr_piece_take(&bytes, &piece)) {
        err = wr_feature_restore_piece(restore, &piece, &error);
    }
    err = err != WR_OK ? err : wr_feature_restore_end(restore, &error);
    if (err != WR_OK) {
        fprintf(stderr, "event %llu: %s\n", (unsigned long long)w->n, error.text);
    }
    CHECK(err == WR_OK && bytes.n == 0);
    wr_feature_restore_close(restore);
    if (err != WR_OK) {
        wr_feature_state_close(restored);
        return;
    }
    for (size_t i = 0; i < imaging.n_done; i++) {
        apply_again(w, restored, &imaging.done[i]);
    }
    check_same_state(w, restored);
    wr_feature_state_close(w->f.state);
    w->f.state = restored;
    imaging.n_images++;
}

static void step_image(struct world *w, struct wr_rng *rng)
{
    size_t budget = wr_rng_below(rng, 65536);
    if (imaging.image == NULL) {
        if (wr_rng_below(rng, 400) != 0) {
            return;
        }
        imaging.n = imaging.n_done = 0;
        imaging.image = wr_feature_image_begin(w->f.state, &image_sink);
        CHECK(imaging.image != NULL);
    }
    imaging.room = wr_rng_below(rng, 4) == 0 ? SIZE_MAX : 0;
    if (wr_rng_below(rng, 8) == 0 && wr_feature_image_step(imaging.image, &budget)) {
        CHECK(!wr_feature_image_failed(imaging.image));
        wr_feature_image_end(imaging.image);
        imaging.image = NULL;
        image_takes_over(w);
    }
}

/* ── a run ──────────────────────────────────────────────────────────────────────────────────── */
struct plan_of_run {
    uint64_t events;
    uint32_t cards, shops, cap;
    unsigned check_percent;
};

struct totals {
    uint64_t events, compared, values, failed;
};

static void run(uint64_t seed, const struct plan_of_run *plan, struct totals *totals)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    wr_rng_seed(&w.rng, seed);
    w.newest = INT64_MIN;
    w.keys[0] = plan->cards;
    w.keys[1] = plan->shops;
    w.cap = plan->cap;
    for (int c = 0; c < CLASSES; c++) {
        for (int k = 0; k < KEYS_MAX; k++) {
            w.entities[c][k].lost = INT64_MIN;
        }
        w.forgotten[c] = INT64_MIN;
    }
    w.all = calloc(plan->events, sizeof *w.all);
    random_pack(&w);
    struct wr_rng images; /* its own, so that streams stay what they are without images */
    wr_rng_seed(&images, seed);
    imaging = (struct imaging){.done = calloc(2 * plan->events, sizeof *imaging.done),
                               .caps = {.entities_max = plan->cap, .warming_since_ms = INT64_MIN}};
    /* Shortly before midnight, of a Sunday at times. */
    int64_t day = chance(&w, 50) ? 4 + 7 * (int64_t)below(&w, 2000) : (int64_t)below(&w, 20000);
    struct stream stream = {
        .now_ms = (day * 24 + w.midnight) * 3600000 - (int64_t)below(&w, 2000000), .pace_ms = 500};
    while (w.n < plan->events) {
        step_event(&w, &stream, chance(&w, plan->check_percent));
        if (chance(&w, 20)) {
            step_label(&w);
        }
        step_image(&w, &images);
    }
    if (imaging.image != NULL) {
        wr_feature_image_end(imaging.image);
    }
    CHECK(imaging.n_images > 0);
    free(imaging.done);
    free(imaging.bytes);
    struct wr_feature_stats stats = wr_feature_stats(w.f.state);
    CHECK_INT(stats.late, w.late);
    CHECK_INT(stats.evictions, w.evictions);
    CHECK_INT(w.differences, 0);
    if (w.differences != 0) {
        fprintf(stderr, "seed %llu: %llu differences in %llu values\n", (unsigned long long)seed,
                (unsigned long long)w.differences, (unsigned long long)w.checked);
    }
    printf("seed %llu: %d features, %llu events, %llu compared, %llu values, %llu late, %llu "
           "evictions, %llu "
           "labels, %llu images, %.0f kB\n",
           (unsigned long long)seed, w.n_shapes, (unsigned long long)w.n,
           (unsigned long long)w.compared, (unsigned long long)w.checked,
           (unsigned long long)w.late, (unsigned long long)w.evictions,
           (unsigned long long)w.labels_changed, (unsigned long long)imaging.n_images,
           (double)stats.bytes_used / 1e3);
    totals->events += w.n;
    totals->compared += w.compared;
    totals->values += w.checked;
    totals->failed += w.differences != 0;
    free(w.all);
    fixture_close(&w.f);
}

enum { HOT = 2 };
static const struct plan_of_run runs[] = {
    {20000, 50, 20, 1000000, 100}, /* small tapes */
    {20000, 300, 100, 200, 100},   /* evictions */
    {20000, 3, 1, 1000000, 100},   /* hot entities: trees */
    {10000, 2000, 500, 50, 100},   /* nearly always evicted */
};

struct campaign {
    uint64_t first, seeds;
    unsigned percent, hot_percent; /* compared */
    uint64_t hot_every;            /* so manieth seed has them */
    uint64_t processes;
};

/* The seeds of one process: every so manieth. */
static struct totals run_seeds(const struct campaign *c, uint64_t process)
{
    struct totals totals = {0};
    for (uint64_t seed = c->first + process; seed < c->first + c->seeds; seed += c->processes) {
        for (size_t i = 0; i < WR_COUNTOF(runs); i++) {
            struct plan_of_run plan = runs[i];
            if (i == HOT && seed % c->hot_every != 0) {
                continue;
            }
            plan.check_percent = i == HOT ? c->hot_percent : c->percent;
            run(seed * 100 + i, &plan, &totals);
        }
        fflush(stdout);
    }
    totals.failed += check_failures;
    return totals;
}

static struct totals run_processes(const struct campaign *c)
{
    struct totals sum = {0};
    int ends[2];
    if (pipe(ends) != 0) {
        abort();
    }
    for (uint64_t process = 0; process < c->processes; process++) {
        if (fork() == 0) {
            struct totals totals = run_seeds(c, process);
            _exit(write(ends[1], &totals, sizeof totals) == sizeof totals ? 0 : 1);
        }
    }
    for (uint64_t process = 0; process < c->processes; process++) {
        struct totals totals = {.failed = 1};
        int status = 0;
        bool ended = wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (ended && read(ends[0], &totals, sizeof totals) != sizeof totals) {
            totals = (struct totals){.failed = 1};
        }
        sum.events += totals.events;
        sum.compared += totals.compared;
        sum.values += totals.values;
        sum.failed += totals.failed;
    }
    return sum;
}

static struct campaign choose(int argc, char **argv)
{
    const char *option = argc > 1 ? argv[1] : "", *all = getenv("WEIR_TEST_ALL");
    bool whole = strcmp(option, "--whole") == 0 || (all != NULL && strcmp(all, "whole") == 0);
    if (strcmp(option, "--seed") == 0 && argc > 2) {
        return (struct campaign){strtoull(argv[2], NULL, 10), 1, 100, 100, 1, 1};
    }
    if (whole) {
        return (struct campaign){1, 216, 100, 100, 8, 2};
    }
    if (strcmp(option, "--all") == 0 || all != NULL) {
        return (struct campaign){1, 216, 25, 3, 1, 2};
    }
    return (struct campaign){1, 2, 100, 10, 1, 1};
}

int main(int argc, char **argv)
{
    struct campaign c = choose(argc, argv);
    struct totals t = c.processes > 1 ? run_processes(&c) : run_seeds(&c, 0);
    printf("%s: %llu events, %llu of them compared, %llu values, %llu failed\n",
           t.failed == 0 ? "passed" : "FAILED", (unsigned long long)t.events,
           (unsigned long long)t.compared, (unsigned long long)t.values,
           (unsigned long long)t.failed);
    return t.failed == 0 ? 0 : 1;
}
