/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of phrases and condensed rows of any bytes. Properties: a row that expands fills exactly
 * what its head tells, and nothing is read or written beyond; what is condensed expands to itself.
 * The first byte chooses: both as they come, or a row made of what the bytes say. */
#include "fuzz.h"

#include "engine/condense.h"

enum { ROW_MAX = 1 << 16 };

/* Bytes in a block of their own. */
static struct wr_str alone(const uint8_t *data, size_t n, char **block)
{
    *block = malloc(n + 1);
    memcpy(*block, data, n);
    *block = realloc(*block, n != 0 ? n : 1);
    return wr_str_of(*block, n);
}

static void check_bytes(const struct wr_phrases *phrases, struct wr_str row)
{
    size_t n = wr_expanded_size(row, ROW_MAX);
    char *plain = malloc(n != 0 ? n : 1);
    struct wr_error error;
    wr_err err = wr_expand(phrases, row, plain, n, &error);
    demand(err == WR_OK || err == WR_E_JOURNAL);
    free(plain);
}

/* Pieces of three bytes: what they are, and how long or which. */
static void check_made(const struct wr_phrases *phrases, const uint8_t *data, size_t size)
{
    static struct wr_condenser condenser;
    static char row[ROW_MAX + WR_CONDENSE_SLACK], condensed[2 * ROW_MAX], plain[ROW_MAX];
    size_t n = 0;
    condenser.tag = phrases->tag;
    wr_condense_begin(&condenser, row);
    for (; size >= 3; data += 3, size -= 3) {
        size_t value = (size_t)data[1] | (size_t)data[2] << 8;
        const struct wr_str *text = phrases->n != 0 ? &phrases->texts[value % phrases->n] : NULL;
        size_t length = data[0] % 4 == 0 && text != NULL ? text->n : data[0] / 4 * (1 + value % 7);
        if (length > ROW_MAX - n) {
            break;
        }
        if (data[0] % 4 == 0 && text != NULL) {
            wr_condense_phrase(&condenser, row + n, length, (uint32_t)(value % phrases->n));
            memcpy(row + n, text->p, length);
        } else if (data[0] % 4 == 1 && length <= n) {
            size_t source = value % (n - length + 1);
            wr_condense_again(&condenser, row + n, length, row + source);
            memcpy(row + n, row + source, length);
        } else {
            memset(row + n, data[1], length);
        }
        n += length;
    }
    size_t n_condensed = wr_condensed_size(&condenser, n);
    demand(n_condensed <= sizeof condensed);
    wr_condense(&condenser, n, condensed);
    struct wr_str bytes = wr_str_of(condensed, n_condensed);
    demand(wr_expanded_size(bytes, ROW_MAX) == n);
    if (n != 0) {
        demand(wr_expand(phrases, bytes, plain, n, NULL) == WR_OK && memcmp(plain, row, n) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_arena arena;
    struct wr_phrases phrases;
    char *table, *row;
    if (size < 3) {
        return 0;
    }
    size_t n = WR_MIN(((size_t)data[1] | (size_t)data[2] << 8), size - 3);
    struct wr_str bytes = alone(data + 3, n, &table);
    wr_arena_init(&arena, &fuzz_memory, 1 << 20);
    if (wr_phrases_read(&arena, bytes, &phrases, NULL) != WR_OK) {
        phrases = (struct wr_phrases){0};
    }
    if (data[0] % 2 == 0) {
        struct wr_str condensed = alone(data + 3 + n, size - 3 - n, &row);
        if (condensed.n >= WR_CONDENSED_HEAD) {
            wr_put64(row + 12, phrases.tag); /* no input would find it */
        }
        check_bytes(&phrases, condensed);
        free(row);
    } else {
        check_made(&phrases, data + 3 + n, size - 3 - n);
    }
    wr_arena_deinit(&arena);
    free(table);
    return 0;
}
