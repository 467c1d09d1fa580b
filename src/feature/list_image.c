/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a table as pieces of a snapshot, while the table changes.
 *
 *   records    ████████ dead ███████████████████████|········
 *              ▲ copied ▲ next                       ▲ end      what is put meanwhile
 *
 * Records are never changed but to be buried, and then they are copied first; so what is between
 * `next` and `end` and alive has not been copied, and all of it stood there at the beginning. A
 * piece holds entries one behind the other:
 *
 *   16 bits  size of the key, and the flag that it hides    8 bits  size of the owner
 *   16 bits  size of the reason    8 bits  0    32 bits  created    32 bits  expires
 *   the key, the owner, the reason                                                             */
#include "feature/list_in.h"

enum {
    ENTRY_HEAD = 14,
    ENTRY_MAX = ENTRY_HEAD + WR_LIMIT_LIST_VALUE + WR_LIMIT_LIST_OWNER + WR_LIMIT_LIST_REASON,
    PIECE_MAX = 16 * 1024,
    KIND_ENTRIES = 2,
    RESTORED_MAX = 128
};

void wr_list_image_begin(struct wr_list_table *table, const struct wr_piece_sink *sink,
                         uint64_t number)
{
    table->image = (struct wr_list_image){
        .sink = sink,
        .number = number,
        .next = {table->first, 0},
        .end = {table->next > table->first ? table->next - 1 : table->first, table->tail_n},
    };
}

void wr_list_image_end(struct wr_list_table *table)
{
    table->image = (struct wr_list_image){0};
}

static bool is_before(struct wr_list_cursor a, struct wr_list_cursor b)
{
    return a.chunk < b.chunk || (a.chunk == b.chunk && a.at < b.at);
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */
/* False for a dead one. */
static bool read_entry(const struct wr_list_table *table, const uint8_t *record,
                       struct wr_list_entry *out)
{
    uint16_t head = wr_get16(record);
    if ((head & WR_LIST_DEAD) != 0) { /* its note may be gone */
        return false;
    }
    *out = (struct wr_list_entry){
        .key = wr_list_record_key(record),
        .created_s = wr_get32(record + 2),
        .expires_s = wr_list_record_expires(record),
        .hides = (head & WR_LIST_HIDES) != 0,
    };
    wr_list_notes_text(&table->notes, wr_list_record_note(record), &out->owner, &out->reason);
    return true;
}

static size_t entry_size(const struct wr_list_entry *entry)
{
    return ENTRY_HEAD + entry->key.n + entry->owner.n + entry->reason.n;
}

static uint8_t *write_entry(uint8_t *out, const struct wr_list_entry *entry)
{
    wr_put16(out, (uint16_t)(entry->key.n | (entry->hides ? WR_LIST_HIDES : 0)));
    out[2] = (uint8_t)entry->owner.n;
    wr_put16(out + 3, (uint16_t)entry->reason.n);
    out[5] = 0;
    wr_put32(out + 6, entry->created_s);
    wr_put32(out + 10, entry->expires_s);
    out += ENTRY_HEAD;
    memcpy(out, entry->key.p, entry->key.n);
    memcpy(out + entry->key.n, entry->owner.p, entry->owner.n);
    memcpy(out + entry->key.n + entry->owner.n, entry->reason.p, entry->reason.n);
    return out + entry->key.n + entry->owner.n + entry->reason.n;
}

void wr_list_image_save(struct wr_list_table *table, struct wr_list_cursor at)
{
    struct wr_list_image *image = &table->image;
    struct wr_list_entry entry;
    if (image->sink == NULL || image->failed || is_before(at, image->next) ||
        !is_before(at, image->end)) {
        return;
    }
    const uint8_t *record = table->chunks[at.chunk & (table->n_chunks - 1)] + at.at;
    if (read_entry(table, record, &entry)) {
        uint8_t *out = wr_piece_add(image->sink, WR_PIECE_LISTS, KIND_ENTRIES, image->number,
                                    (uint32_t)entry_size(&entry));
        image->failed = out == NULL;
        if (out != NULL) {
            write_entry(out, &entry);
        }
    }
}

/* How far one piece reaches, and its size; the cursor stays behind its last record. */
static struct wr_list_cursor reach(const struct wr_list_table *table, size_t *size)
{
    struct wr_list_cursor at = table->image.next;
    struct wr_list_entry entry;
    *size = 0;
    for (size_t looked = 0; looked < WR_LIST_CHUNK && *size + ENTRY_MAX <= PIECE_MAX;) {
        const uint8_t *record = wr_list_record_at(table, &at.chunk, &at.at);
        if (record == NULL || !is_before(at, table->image.end)) {
            return table->image.end;
        }
        *size += read_entry(table, record, &entry) ? entry_size(&entry) : 0;
        at.at += wr_list_record_size(wr_get16(record));
        looked += wr_list_record_size(wr_get16(record));
    }
    return at;
}

static void copy_until(const struct wr_list_table *table, struct wr_list_cursor end, uint8_t *out)
{
    struct wr_list_cursor at = table->image.next;
    struct wr_list_entry entry;
    for (;;) {
        const uint8_t *record = wr_list_record_at(table, &at.chunk, &at.at);
        if (record == NULL || !is_before(at, end)) {
            return;
        }
        if (read_entry(table, record, &entry)) {
            out = write_entry(out, &entry);
        }
        at.at += wr_list_record_size(wr_get16(record));
    }
}

bool wr_list_image_step(struct wr_list_table *table, size_t *budget)
{
    struct wr_list_image *image = &table->image;
    while (image->sink != NULL && !image->failed && is_before(image->next, image->end)) {
        size_t size;
        struct wr_list_cursor end = reach(table, &size);
        if (*budget == 0 || image->sink->room(image->sink->context) < WR_PIECE_HEAD + size) {
            return false;
        }
        if (size != 0) {
            uint8_t *out = wr_piece_add(image->sink, WR_PIECE_LISTS, KIND_ENTRIES, image->number,
                                        (uint32_t)size);
            if (out == NULL) {
                image->failed = true;
                break;
            }
            copy_until(table, end, out);
        }
        image->next = end;
        *budget -= WR_MIN(*budget, size + WR_PIECE_HEAD);
    }
    return true;
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
/* Is this what the spelling of the key is known by? */
static bool is_key(enum wr_list_match match, struct wr_str key)
{
    char room[WR_LIMIT_LIST_VALUE];
    struct wr_buf text = wr_buf_fixed(room, sizeof room);
    struct wr_list_key again;
    if ((match == WR_LIST_CIDR && (key.n < 6 || key.n != (key.p[0] == 4 ? 6u : 18u) ||
                                   (uint8_t)key.p[1] > (key.p[0] == 4 ? 32 : 128))) ||
        (match == WR_LIST_BIN && (key.n != 17 || key.p[0] < 4 || key.p[0] > 12))) {
        return false;
    }
    wr_list_key_write(match, key, &text);
    return !text.overflow && wr_list_key_read(match, wr_buf_view(&text), &again) == NULL &&
           wr_str_eq(wr_str_of(again.bytes, again.n), key);
}

static bool take_entry(enum wr_list_match match, struct wr_str *bytes, struct wr_list_entry *out)
{
    const uint8_t *head = (const uint8_t *)bytes->p;
    if (bytes->n < ENTRY_HEAD) {
        return false;
    }
    uint16_t first = wr_get16(head);
    size_t n = first & WR_LIST_KEY_MASK, owner_n = head[2], reason_n = wr_get16(head + 3);
    bool good = (first & ~(WR_LIST_KEY_MASK | WR_LIST_HIDES)) == 0 && head[5] == 0 &&
                n <= WR_LIMIT_LIST_VALUE && owner_n <= WR_LIMIT_LIST_OWNER &&
                reason_n <= WR_LIMIT_LIST_REASON && bytes->n - ENTRY_HEAD >= n + owner_n + reason_n;
    if (!good) {
        return false;
    }
    const char *at = bytes->p + ENTRY_HEAD;
    *out = (struct wr_list_entry){.key = wr_str_of(at, n),
                                  .created_s = wr_get32(head + 6),
                                  .expires_s = wr_get32(head + 10),
                                  .hides = (first & WR_LIST_HIDES) != 0,
                                  .owner = wr_str_of(at + n, owner_n),
                                  .reason = wr_str_of(at + n + owner_n, reason_n)};
    size_t size = ENTRY_HEAD + n + owner_n + reason_n;
    *bytes = wr_str_of(bytes->p + size, bytes->n - size);
    return is_key(match, out->key);
}

wr_err wr_list_image_restore(struct wr_list_table *table, struct wr_str bytes,
                             struct wr_error *error)
{
    while (bytes.n != 0) {
        struct wr_list_entry entries[RESTORED_MAX];
        size_t n = 0;
        for (; n < RESTORED_MAX && bytes.n != 0; n++) {
            if (!take_entry(table->match, &bytes, &entries[n])) {
                return wr_fail(error, WR_E_STATE, "the snapshot's entries of a list are broken");
            }
        }
        bool fits = table->n + n <= WR_LIMIT_LIST_ENTRIES &&
                    (table->match != WR_LIST_BIN || table->n + n <= WR_LIMIT_LIST_SPANS);
        if (!fits || !wr_list_table_room(table, entries, n)) {
            return wr_fail(error, WR_E_MEMORY, "no room to restore a list");
        }
        for (size_t i = 0; i < n; i++) {
            wr_list_table_put(table, &entries[i]);
        }
    }
    return WR_OK;
}
