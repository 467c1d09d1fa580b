/* SPDX-License-Identifier: Apache-2.0 */
/* The values of one key field in the order in which they first came: a record holds a value's
 * number in 1 or 2 bytes instead of its hash in 8. Values beyond the first WR_LIMIT_DICTIONARY keep
 * their hash. Nothing is ever taken out, so a number means the same for the life of a state. */
#ifndef WR_FEATURE_DICTIONARY_H
#define WR_FEATURE_DICTIONARY_H

#include "base/base.h"

#define WR_LIMIT_DICTIONARY 4095

struct wr_dictionary {
    uint32_t n;
    uint64_t hashes[WR_LIMIT_DICTIONARY];
    uint16_t slots[2 * (WR_LIMIT_DICTIONARY + 1)]; /* number; 0 = free */
};

/* What a record keeps for this hash (not 0): never 0, the same for the same hash. `add` gives a new
 * value a number if there is one left. */
uint64_t wr_dictionary_keep(struct wr_dictionary *dictionary, uint64_t hash, bool add);

/* The hash again, its highest bit lost where it had no number. */
static inline uint64_t wr_dictionary_hash(const struct wr_dictionary *dictionary, uint64_t kept)
{
    return kept - 1 < WR_LIMIT_DICTIONARY ? dictionary->hashes[kept - 1] | UINT64_C(1) << 63 : kept;
}

#endif
