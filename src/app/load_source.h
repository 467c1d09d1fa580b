/* SPDX-License-Identifier: Apache-2.0 */
/* What a load is made of: requests written out before the first is sent, so that sending one is a
 * copy. Events come from the built-in simulation of card transactions, from a CSV file by a pack's
 * mapping, or from JSON lines.
 *
 * A `fresh` source is a pattern that repeats without end: every sending gets an id of its own and,
 * when asked for, the time of its sending, both of fixed width and patched in place. A source that
 * is not fresh sends each line of its file once, as it stands. */
#ifndef WR_LOAD_SOURCE_H
#define WR_LOAD_SOURCE_H

#include "base/arena.h"
#include "base/err.h"
#include "pack/pack.h"

#define WR_LIMIT_LOAD_ITEMS  (1u << 24)
#define WR_LIMIT_LOAD_BYTES  ((size_t)4 << 30)
#define WR_LIMIT_LOAD_PREFIX 32
#define WR_LOAD_ID_DIGITS    12
#define WR_LOAD_TIME_DIGITS  13 /* milliseconds since 1970 */

enum wr_load_time {
    WR_LOAD_TIME_NOW,   /* of sending */
    WR_LOAD_TIME_EVENT, /* the pattern's own, each repeat after the one before */
    WR_LOAD_TIME_KEEP,  /* as the source has it */
};

struct wr_load_source_config {
    const char *file;           /* NULL: simulate; "-": standard input */
    const struct wr_pack *pack; /* for CSV; else NULL */
    bool csv;
    bool fresh; /* a simulation always is */
    enum wr_load_time time;
    const char *prefix;                         /* of fresh ids */
    const char *id_path, *time_path;            /* "transaction.id" */
    const char *path, *label_path;              /* of the URL */
    const char *headers;                        /* further header lines, each with CR LF */
    const char *wrap;                           /* events go as {"<wrap>": EVENT}; NULL: bare */
    bool items_only;                            /* no heads: for the batch endpoint */
    uint64_t seed, customers, terminals, count; /* of a simulation */
};

struct wr_load_item {
    uint64_t at;             /* offset in bytes */
    int64_t time_ms;         /* of the pattern's event */
    uint32_t n;              /* length of the request, head included */
    uint32_t id_at, time_at; /* digits to patch, from the item's start; 0: none */
    bool is_label, is_fraud;
};

struct wr_load_source {
    struct wr_load_item *items;
    size_t n;
    const char *bytes;
    uint32_t n_max; /* the longest */
    bool fresh;
    enum wr_load_time time;
    int64_t span_ms; /* what a repeat adds to times; whole days */
    struct wr_str id_prefix;
};

/* Prepares all requests in the arena. Errors: WR_E_IO, WR_E_JSON and the like with the line,
 * WR_E_FIELD when a fresh event has no id at its path, WR_E_LIMIT. */
WR_NODISCARD wr_err wr_load_source_open(struct wr_load_source *source, struct wr_arena *arena,
                                        const struct wr_load_source_config *config,
                                        struct wr_error *error);

/* Copies item `serial` of the endless stream to `out` (room for n_max bytes) and patches it;
 * returns its length. now_ms is used as the config says. */
uint32_t wr_load_source_write(const struct wr_load_source *source, uint64_t serial, int64_t now_ms,
                              char *out);
static inline const struct wr_load_item *wr_load_source_item(const struct wr_load_source *source,
                                                             uint64_t serial)
{
    return &source->items[serial % source->n];
}
/* Writes `digits` decimal digits of v, zeros in front. */
void wr_load_digits(char *out, uint64_t v, unsigned digits);

#endif
