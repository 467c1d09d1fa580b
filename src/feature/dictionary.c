/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/dictionary.h"

uint64_t wr_dictionary_keep(struct wr_dictionary *dictionary, uint64_t hash, bool add)
{
    const uint64_t high = UINT64_C(1) << 63;
    uint32_t mask = WR_COUNTOF(dictionary->slots) - 1, at = (uint32_t)(hash >> 20) & mask;
    WR_ASSERT(hash != 0);
    hash |= high; /* two hashes that differ in this bit alone are one value, with a number or not */
    for (; dictionary->slots[at] != 0; at = (at + 1) & mask) {
        if (dictionary->hashes[dictionary->slots[at] - 1] == hash) {
            return dictionary->slots[at];
        }
    }
    if (!add || dictionary->n == WR_LIMIT_DICTIONARY) {
        return hash;
    }
    dictionary->hashes[dictionary->n++] = hash;
    dictionary->slots[at] = (uint16_t)dictionary->n;
    return dictionary->n;
}
