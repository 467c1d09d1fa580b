/* SPDX-License-Identifier: Apache-2.0 */
/* Strict reading of configuration objects: every key is known, every value has its type, and an
 * error says "weir.json: decision.deadline: wanted a duration such as 50ms, found a number". */
#ifndef WR_KEYS_H
#define WR_KEYS_H

#include "base/err.h"
#include "value/value.h"

struct wr_keys {
    const char *file;          /* "weir.json" */
    const char *place;         /* "decision"; "" at the top */
    struct wr_str name;        /* of an entry of `place` ("fraud" in models.fraud), or empty */
    const struct wr_value *at; /* the object */
    struct wr_error *error;
};

/* Fails with the full place of `key` (NULL: of the object itself) before the message. */
wr_err wr_keys_fail(const struct wr_keys *keys, const char *key, const char *format, ...)
    WR_PRINTF(3, 4);
/* The object must be one, and have no keys but these (NULL at the end). */
WR_NODISCARD wr_err wr_keys_check(const struct wr_keys *keys, const char *const *known);
/* The object below `key`, named in errors; *found false (and WR_OK) when there is none. */
WR_NODISCARD wr_err wr_keys_enter(const struct wr_keys *keys, const char *key,
                                  struct wr_keys *below, bool *found);

const struct wr_value *wr_keys_get(const struct wr_keys *keys, const char *key); /* NULL: none */
/* Each leaves *out alone when the key is absent, unless it is required. */
WR_NODISCARD wr_err wr_keys_text(const struct wr_keys *keys, const char *key, bool required,
                                 struct wr_str *out);
WR_NODISCARD wr_err wr_keys_count(const struct wr_keys *keys, const char *key, uint64_t min,
                                  uint64_t max, uint64_t *out);
WR_NODISCARD wr_err wr_keys_duration(const struct wr_keys *keys, const char *key, int64_t *out_us);

/* "500us", "50ms", "30s", "10m", "24h", "7d", at most 10,000 days. */
bool wr_keys_read_duration(struct wr_str text, int64_t *us);

#endif
