/* SPDX-License-Identifier: Apache-2.0 */
/* The ids as pieces of a snapshot, copied in steps, and back. */
#include "engine/seen_in.h"

enum {
    SEEN_VERSION = 1,
    SEEN_FIRST = WR_PIECE_FIRST,
    SEEN_ENTRIES = 1,
    ENTRY_SIZE = 40,
    ENTRIES_MAX = WR_LIMIT_PIECE / ENTRY_SIZE,
};

static void put_entry(uint8_t *out, const struct wr_seen_entry *entry)
{
    wr_put64(out, entry->id_hash);
    wr_put64(out + 8, entry->body.lo);
    wr_put64(out + 16, entry->body.hi);
    wr_put64(out + 24, entry->sequence);
    wr_put64(out + 32, (uint64_t)entry->now_us);
}

bool wr_seen_image_begin(struct wr_seen *seen, const struct wr_piece_sink *sink)
{
    uint8_t *out = wr_piece_add(sink, WR_PIECE_SEEN, SEEN_FIRST, SEEN_VERSION, 32);
    if (out == NULL) {
        return false;
    }
    wr_put64(out, seen->cap);
    wr_put64(out + 8, (uint64_t)seen->age_us);
    wr_put64(out + 16, seen->first);
    wr_put64(out + 24, seen->next);
    seen->image = (struct wr_seen_image){.next = seen->first, .end = seen->next, .made = true};
    return true;
}

bool wr_seen_image_step(struct wr_seen *seen, const struct wr_piece_sink *sink, size_t *budget)
{
    struct wr_seen_image *image = &seen->image;
    while (image->next < image->end && !image->failed && *budget > 0) {
        uint32_t n = (uint32_t)WR_MIN(image->end - image->next, (uint64_t)ENTRIES_MAX);
        if (sink->room(sink->context) < WR_PIECE_HEAD + n * ENTRY_SIZE) {
            return false;
        }
        uint8_t *out = wr_piece_add(sink, WR_PIECE_SEEN, SEEN_ENTRIES, image->next, n * ENTRY_SIZE);
        image->failed = out == NULL;
        for (uint32_t i = 0; out != NULL && i < n; i++) {
            put_entry(out + (size_t)i * ENTRY_SIZE, wr_seen_entry_at(seen, image->next + i));
        }
        image->next += n;
        *budget -= WR_MIN(*budget, (size_t)n * ENTRY_SIZE);
    }
    return image->failed || image->next == image->end;
}

void wr_seen_image_end(struct wr_seen *seen)
{
    seen->image = (struct wr_seen_image){0};
}

static wr_err unfit(struct wr_error *error, const char *what)
{
    return wr_fail(error, WR_E_STATE, "the image of the event ids: %s", what);
}

static wr_err no_room(struct wr_error *error)
{
    return wr_fail(error, WR_E_MEMORY, "no room for the event ids of the snapshot");
}

static wr_err restore_first(struct wr_seen *seen, const struct wr_piece *piece,
                            struct wr_error *error)
{
    if (seen->restored_end != 0 || seen->next != 0 || piece->at != SEEN_VERSION ||
        piece->bytes.n != 32) {
        return unfit(error, "of another version");
    }
    uint64_t first = wr_get64(piece->bytes.p + 16), next = wr_get64(piece->bytes.p + 24);
    if (wr_get64(piece->bytes.p) != seen->cap ||
        (int64_t)wr_get64(piece->bytes.p + 8) != seen->age_us) {
        return unfit(error, "made with another limit of event ids");
    }
    if (first > next || next - first > seen->cap || next > UINT64_MAX / 2) {
        return unfit(error, "damaged numbers");
    }
    seen->first = seen->next = first;
    seen->restored_end = next;
    bool fits = true; /* all parts at once: they do not grow by doubling as ids come */
    for (size_t i = 0; fits && first < next && i < WR_SEEN_PARTS; i++) {
        fits = wr_seen_grow(seen, &seen->parts[i], (next - first) / WR_SEEN_PARTS);
    }
    return fits ? WR_OK : no_room(error);
}

wr_err wr_seen_restore_piece(struct wr_seen *seen, const struct wr_piece *piece,
                             struct wr_error *error)
{
    size_t n = piece->bytes.n / ENTRY_SIZE;
    if (piece->kind == SEEN_FIRST) {
        return restore_first(seen, piece, error);
    }
    if (piece->kind != SEEN_ENTRIES || piece->at != seen->next ||
        piece->bytes.n % ENTRY_SIZE != 0 || n > seen->restored_end - seen->next) {
        return unfit(error, "entries out of place");
    }
    for (size_t i = 0; i < n; i++) {
        const char *in = piece->bytes.p + i * ENTRY_SIZE;
        struct wr_seen_entry entry = {
            .id_hash = wr_get64(in),
            .body = {wr_get64(in + 8), wr_get64(in + 16)},
            .sequence = wr_get64(in + 24),
            .now_us = (int64_t)wr_get64(in + 32),
        };
        if (!wr_seen_room(seen, entry.id_hash)) {
            return no_room(error);
        }
        wr_seen_insert(seen, &entry);
    }
    return WR_OK;
}

wr_err wr_seen_restore_end(const struct wr_seen *seen, struct wr_error *error)
{
    return seen->next == seen->restored_end ? WR_OK : unfit(error, "entries are missing");
}
