/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up and walking. */
#include "feature/list_in.h"

#include "base/ip.h"

/* ── one key ────────────────────────────────────────────────────────────────────────────────── */
enum own_answer { UNKNOWN, HOLDS, HIDDEN };

static bool lives(const struct wr_list_table *table, const uint8_t *record, int64_t at_s)
{
    uint32_t expires_s = wr_list_record_expires(record);
    return expires_s == 0 || (expires_s > at_s && expires_s > table->kept_s);
}

static enum own_answer ask_own(const struct wr_list_table *own, uint64_t hash, struct wr_str key,
                               int64_t at_s)
{
    const uint8_t *record = wr_list_look(own, hash, key);
    if (record == NULL || !lives(own, record, at_s)) {
        return UNKNOWN;
    }
    return (wr_get16(record) & WR_LIST_HIDES) != 0 ? HIDDEN : HOLDS;
}

static bool holds_key(const struct wr_list_table *own, const struct wr_list_table *file,
                      struct wr_str key, int64_t at_s)
{
    uint64_t hash = wr_list_hash(key);
    enum own_answer answer = own != NULL && own->n != 0 ? ask_own(own, hash, key, at_s) : UNKNOWN;
    return answer != UNKNOWN ? answer == HOLDS
                             : file != NULL && wr_list_look(file, hash, key) != NULL;
}

/* ── prefixes and networks ──────────────────────────────────────────────────────────────────── */
static uint64_t present(const struct wr_list_table *table, uint32_t word)
{
    return table != NULL ? table->present[word] : 0;
}

static bool holds_prefix(const struct wr_list_table *own, const struct wr_list_table *file,
                         struct wr_str text, int64_t at_s)
{
    for (uint32_t word = 0; word < 2; word++) {
        uint64_t lengths = present(own, word) | present(file, word);
        for (; lengths != 0; lengths &= lengths - 1) {
            size_t n = word * 64 + (size_t)__builtin_ctzll(lengths);
            if (n > text.n) {
                return false;
            }
            if (holds_key(own, file, wr_str_of(text.p, n), at_s)) {
                return true;
            }
        }
    }
    return false;
}

static bool holds_address(const struct wr_list_table *own, const struct wr_list_table *file,
                          struct wr_str text, int64_t at_s)
{
    struct wr_ip ip;
    char key[18];
    if (!wr_ip_read(text, &ip)) {
        return false;
    }
    uint32_t from = ip.is_v4 ? 0 : 33, to = ip.is_v4 ? 33 : WR_LIST_LENGTHS;
    key[0] = ip.is_v4 ? 4 : 6;
    for (uint32_t l = to; l-- > from;) { /* the narrowest first: the address is masked as we go */
        uint64_t both = present(own, l / 64) | present(file, l / 64);
        if ((both >> (l % 64) & 1) == 0) {
            continue;
        }
        wr_ip_mask(&ip, l - from);
        key[1] = (char)(l - from);
        memcpy(key + 2, ip.bytes, ip.is_v4 ? 4 : 16);
        if (holds_key(own, file, wr_str_of(key, ip.is_v4 ? 6 : 18), at_s)) {
            return true;
        }
    }
    return false;
}

/* ── ranges of card numbers ─────────────────────────────────────────────────────────────────── */
/* How many spans begin at or before `first`. */
static uint32_t n_before(const struct wr_list_table *table, uint64_t first)
{
    uint32_t low = 0, high = table->n_spans;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (table->spans[middle].first <= first) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Asks each span of a table that covers the digits, until one says that the list holds them. */
static bool holds_span(const struct wr_list_table *table, const struct wr_list_table *own,
                       uint64_t first, uint64_t last, int64_t at_s)
{
    for (uint32_t i = n_before(table, first); i-- > 0 && table->spans[i].last_max >= last;) {
        const struct wr_list_span *span = &table->spans[i];
        if (span->last < last) {
            continue;
        }
        struct wr_str key = wr_list_record_key(wr_list_record(table, span->place));
        if (holds_key(own, table == own ? NULL : table, key, at_s)) {
            return true;
        }
    }
    return false;
}

static bool holds_digits(const struct wr_list_table *own, const struct wr_list_table *file,
                         struct wr_str text, int64_t at_s)
{
    uint64_t first, last;
    if (!wr_list_bin_digits(text, &first, &last)) {
        return false;
    }
    return (own != NULL && holds_span(own, own, first, last, at_s)) ||
           (file != NULL && holds_span(file, own, first, last, at_s));
}

bool wr_list_holds(const struct wr_list_table *own, const struct wr_list_table *file,
                   struct wr_str text, int64_t at_s)
{
    struct wr_list_key token;
    const struct wr_list_table *any = file != NULL ? file : own;
    if (any == NULL || text.n == 0) {
        return false;
    }
    switch (any->match) {
    case WR_LIST_EXACT:
        return holds_key(own, file, text, at_s);
    case WR_LIST_PREFIX:
        return holds_prefix(own, file, text, at_s);
    case WR_LIST_CIDR:
        return holds_address(own, file, text, at_s);
    case WR_LIST_BIN:
        return holds_digits(own, file, text, at_s);
    case WR_LIST_HASH:
        return wr_list_key_read(WR_LIST_HASH, text, &token) == NULL &&
               holds_key(own, file, wr_str_of(token.bytes, token.n), at_s);
    case WR_LIST_MATCHES:
        break;
    }
    WR_UNREACHABLE();
}

/* ── spans ──────────────────────────────────────────────────────────────────────────────────── */
static void sum_up(struct wr_list_table *table, uint32_t from)
{
    for (uint32_t i = from; i < table->n_spans; i++) {
        uint64_t before = i > 0 ? table->spans[i - 1].last_max : 0;
        table->spans[i].last_max = WR_MAX(before, table->spans[i].last);
    }
}

void wr_list_spans_add(struct wr_list_table *table, struct wr_str key, uint32_t place)
{
    struct wr_list_span span = {.place = place};
    if (table->match != WR_LIST_BIN) {
        return;
    }
    wr_list_bin_span(key, &span.first, &span.last);
    uint32_t at = n_before(table, span.first);
    WR_ASSERT(table->n_spans < table->cap_spans);
    memmove(&table->spans[at + 1], &table->spans[at], (table->n_spans - at) * sizeof span);
    table->spans[at] = span;
    table->n_spans++;
    sum_up(table, at);
}

/* The span of a key; several may begin alike. */
static uint32_t find_span(const struct wr_list_table *table, struct wr_str key)
{
    uint64_t first, last;
    wr_list_bin_span(key, &first, &last);
    uint32_t i = n_before(table, first);
    do {
        WR_ASSERT(i > 0);
        i--;
    } while (!wr_str_eq(wr_list_record_key(wr_list_record(table, table->spans[i].place)), key));
    return i;
}

void wr_list_spans_drop(struct wr_list_table *table, struct wr_str key)
{
    if (table->match != WR_LIST_BIN) {
        return;
    }
    uint32_t at = find_span(table, key);
    table->n_spans--;
    memmove(&table->spans[at], &table->spans[at + 1], (table->n_spans - at) * sizeof *table->spans);
    sum_up(table, at);
}

void wr_list_spans_move(struct wr_list_table *table, struct wr_str key, uint32_t from, uint32_t to)
{
    if (table->match == WR_LIST_BIN) {
        uint32_t at = find_span(table, key);
        WR_ASSERT(table->spans[at].place == from);
        table->spans[at].place = to;
    }
}

/* ── walking ────────────────────────────────────────────────────────────────────────────────── */
uint8_t *wr_list_record_at(const struct wr_list_table *table, uint64_t *chunk, uint32_t *at)
{
    if (*chunk < table->first) {
        *chunk = table->first;
        *at = 0;
    }
    while (*chunk < table->next) {
        bool is_tail = *chunk + 1 == table->next;
        uint32_t n = is_tail ? table->tail_n : WR_LIST_CHUNK;
        uint8_t *record = table->chunks[*chunk & (table->n_chunks - 1)] + *at;
        if (*at + WR_LIST_HEAD <= n && wr_get16(record) != WR_LIST_END) {
            return record;
        }
        if (is_tail) {
            break;
        }
        ++*chunk;
        *at = 0;
    }
    return NULL;
}

static void read_record(const struct wr_list_table *table, const uint8_t *record,
                        struct wr_list_entry *out)
{
    *out = (struct wr_list_entry){
        .key = wr_list_record_key(record),
        .created_s = wr_get32(record + 2),
        .expires_s = wr_list_record_expires(record),
        .hides = (wr_get16(record) & WR_LIST_HIDES) != 0,
    };
    wr_list_notes_text(&table->notes, wr_list_record_note(record), &out->owner, &out->reason);
}

bool wr_list_table_find(const struct wr_list_table *table, struct wr_str key,
                        struct wr_list_entry *out)
{
    const uint8_t *record = wr_list_look(table, wr_list_hash(key), key);
    if (record == NULL || !lives(table, record, INT64_MIN)) {
        return false;
    }
    read_record(table, record, out);
    return true;
}

bool wr_list_table_next(const struct wr_list_table *table, struct wr_list_cursor *cursor,
                        struct wr_list_entry *out)
{
    for (;;) {
        const uint8_t *record = wr_list_record_at(table, &cursor->chunk, &cursor->at);
        if (record == NULL) {
            return false;
        }
        cursor->at += wr_list_record_size(wr_get16(record));
        if ((wr_get16(record) & WR_LIST_DEAD) == 0 && lives(table, record, INT64_MIN)) {
            read_record(table, record, out);
            return true;
        }
    }
}

/* The sum of the entries' hashes: the order does not matter. */
void wr_list_table_digest(const struct wr_list_table *table, struct wr_sha256 *sha)
{
    static const struct wr_hash_key key = {0x7765697200000002, 0x6c69737400000002};
    struct wr_list_cursor cursor = {0};
    struct wr_list_entry entry;
    uint64_t n = 0, low = 0, high = 0;
    uint8_t out[32];
    while (wr_list_table_next(table, &cursor, &entry)) {
        char text[16 + WR_LIMIT_LIST_VALUE + WR_LIMIT_LIST_OWNER + WR_LIMIT_LIST_REASON];
        struct wr_buf buf = wr_buf_fixed(text, sizeof text);
        wr_put32(text, entry.created_s);
        wr_put32(text + 4, entry.expires_s);
        wr_put16(text + 8, (uint16_t)entry.key.n);
        wr_put16(text + 10, (uint16_t)entry.owner.n);
        wr_put16(text + 12, entry.hides);
        buf.n = 14;
        wr_buf_str(&buf, entry.key);
        wr_buf_str(&buf, entry.owner);
        wr_buf_str(&buf, entry.reason);
        WR_ASSERT(!buf.overflow);
        struct wr_hash128 hash = wr_siphash24_128(key, text, buf.n);
        low += hash.lo;
        high += hash.hi;
        n++;
    }
    wr_put64(out, n);
    wr_put64(out + 8, low);
    wr_put64(out + 16, high);
    wr_put64(out + 24, (uint64_t)table->kept_s);
    wr_sha256_add(sha, out, sizeof out);
}
