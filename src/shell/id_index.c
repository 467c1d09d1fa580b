/* SPDX-License-Identifier: Apache-2.0 */
/* See id_index.h. */
#include "shell/id_index.h"

#include "shell/journal.h"

enum {
    BLOCK = 4096,
    HEAD_SUMMED = 80,
    BLOCK_HEAD = 16,
    ENTRY = 12,
    PER_BLOCK = (BLOCK - BLOCK_HEAD) / ENTRY,
    AT_ONCE = 16, /* blocks written with one call */
    NAME_DIGITS = 16,
    NAME_SIZE = 4 + NAME_DIGITS + 1 + NAME_DIGITS + 4,
    PATH = WR_LIMIT_STATE_PATH + 64,
    BUCKETS = 256,
    FEW = 64, /* entries of a bucket that is not divided again */
    /* What the work costs, more or less, in nanoseconds: to look at an entry, to put it elsewhere,
     * to write a block, most of which is the system's. */
    LOOK_NS = 3,
    MOVE_NS = 20,
    BLOCK_NS = 12500,
};
_Static_assert(AT_ONCE *BLOCK == WR_ID_ROOM, "as many blocks as fit are written at once");
static const uint8_t magic[8] = {'W', 'E', 'I', 'R', 'I', 'D', 'S', 1};

/* ── names ──────────────────────────────────────────────────────────────────────────────────── */
static void path_of(const struct wr_id_place *place, struct wr_id_range range, char out[PATH])
{
    struct wr_buf path = wr_buf_fixed(out, PATH);
    wr_format(&path, "%s/ids-%016llx-%016llx.idx%c", place->directory,
              (unsigned long long)range.first, (unsigned long long)range.last, 0);
    WR_ASSERT(!path.overflow);
}

static void new_path(const struct wr_id_place *place, char out[PATH])
{
    struct wr_buf path = wr_buf_fixed(out, PATH);
    wr_format(&path, "%s/ids.new%c", place->directory, 0);
    WR_ASSERT(!path.overflow);
}

static bool read_digits(const char *text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < NAME_DIGITS; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        *out = *out * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

bool wr_id_index_name(const char *name, struct wr_id_range *range)
{
    struct wr_str text = wr_str_z(name);
    return text.n == NAME_SIZE && wr_str_starts(text, WR_STR("ids-")) &&
           wr_str_ends(text, WR_STR(".idx")) && text.p[4 + NAME_DIGITS] == '-' &&
           read_digits(text.p + 4, &range->first) &&
           read_digits(text.p + 4 + NAME_DIGITS + 1, &range->last) && range->first != 0 &&
           range->first <= range->last && range->last - range->first < UINT32_MAX;
}

bool wr_id_log_name(const char *name, uint64_t *first)
{
    struct wr_str text = wr_str_z(name);
    return text.n == 8 + NAME_DIGITS + 4 && wr_str_starts(text, WR_STR("journal-")) &&
           wr_str_ends(text, WR_STR(".log")) && read_digits(text.p + 8, first) && *first != 0;
}

void wr_id_index_remove(const struct wr_id_place *place, struct wr_id_range range)
{
    char path[PATH];
    path_of(place, range, path);
    (void)place->port->disk.remove(place->port->disk.context, path);
}

/* ── sorting ────────────────────────────────────────────────────────────────────────────────── */
static bool is_less(const struct wr_id_entry *a, const struct wr_id_entry *b)
{
    return a->hash != b->hash ? a->hash < b->hash : a->row < b->row;
}

/* Shell's sort: few entries as a rule, and not slow when one id was decided very often.
 * Gaps: Ciura, 2001, and by a factor of 2.25 beyond. */
static void sort_few(struct wr_breath *breath, struct wr_id_entry *entries, uint32_t n)
{
    static const uint32_t gaps[] = {153401, 68178, 30301, 13467, 5985, 2660, 1182, 525,
                                    233,    103,   46,    20,    9,    4,    1};
    size_t last = WR_COUNTOF(gaps) - 1;
    for (size_t g = n > 16 ? 0 : last; g <= last; g++) {
        for (uint32_t i = gaps[g]; i < n; i++) {
            struct wr_id_entry moved = entries[i];
            uint32_t at = i;
            for (; at >= gaps[g] && is_less(&moved, &entries[at - gaps[g]]); at -= gaps[g]) {
                entries[at] = entries[at - gaps[g]];
            }
            entries[at] = moved;
            wr_breath_count(breath, LOOK_NS + (i - at) / gaps[g]);
        }
    }
}

/* Puts the entries into buckets by eight bits of their hashes, each in turn where it belongs; `end`
 * tells where the buckets end. */
static void spread(struct wr_breath *breath, struct wr_id_entry *entries, uint32_t n,
                   unsigned shift, uint32_t end[BUCKETS])
{
    uint32_t next[BUCKETS];
    memset(end, 0, BUCKETS * sizeof *end);
    for (uint32_t i = 0; i < n; i++) {
        end[entries[i].hash >> shift & (BUCKETS - 1)]++;
        wr_breath_count(breath, LOOK_NS);
    }
    for (uint32_t b = 0, at = 0; b < BUCKETS; b++) {
        next[b] = at;
        at += end[b];
        end[b] = at;
    }
    for (uint32_t b = 0; b < BUCKETS; b++) {
        for (; next[b] < end[b]; next[b]++) {
            struct wr_id_entry moved = entries[next[b]];
            uint32_t home = (uint32_t)(moved.hash >> shift) & (BUCKETS - 1);
            while (home != b) {
                struct wr_id_entry *place = &entries[next[home]++], there = *place;
                *place = moved;
                moved = there;
                wr_breath_count(breath, MOVE_NS);
                home = (uint32_t)(moved.hash >> shift) & (BUCKETS - 1);
            }
            entries[next[b]] = moved;
            wr_breath_count(breath, LOOK_NS);
        }
    }
}

/* Twice by eight bits rather than once by sixteen: where 256 buckets are filled fits into the
 * nearest cache, and each move waits for the entry that it displaces. Source: McIlroy, Bostic and
 * McIlroy, "Engineering radix sort", 1993. */
void wr_id_sort(struct wr_breath *breath, struct wr_id_entry *entries, uint32_t n)
{
    uint32_t end[BUCKETS], end_within[BUCKETS];
    spread(breath, entries, n, 56, end);
    for (uint32_t b = 0, at = 0; b < BUCKETS; at = end[b++]) {
        struct wr_id_entry *bucket = entries + at;
        if (end[b] - at <= FEW) {
            sort_few(breath, bucket, end[b] - at);
            continue;
        }
        spread(breath, bucket, end[b] - at, 48, end_within);
        for (uint32_t k = 0, from = 0; k < BUCKETS; from = end_within[k++]) {
            sort_few(breath, bucket + from, end_within[k] - from);
        }
    }
}

const struct wr_id_entry *wr_id_search(const struct wr_id_entry *entries, uint32_t n, uint64_t hash)
{
    uint32_t low = 0, high = n; /* the first beyond the hash */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (entries[middle].hash <= hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && entries[low - 1].hash == hash ? &entries[low - 1] : NULL;
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */
static uint64_t sum_of(const struct wr_id_place *place, const void *bytes, size_t n)
{
    return wr_sum64((struct wr_hash_key){place->keys[0].k1, place->keys[1].k0}, bytes, n);
}

static uint32_t blocks_of(uint32_t n)
{
    return (n + PER_BLOCK - 1) / PER_BLOCK;
}

static void write_head(const struct wr_id_place *place, struct wr_id_range range,
                       const struct wr_segment_meta *meta, uint32_t n, uint8_t out[BLOCK])
{
    memset(out, 0, BLOCK);
    memcpy(out, magic, sizeof magic);
    wr_put64(out + 8, place->node);
    wr_put64(out + 16, range.first);
    wr_put64(out + 24, range.last);
    wr_put32(out + 32, n);
    wr_put32(out + 36, meta->epoch);
    wr_put64(out + 40, meta->first);
    memcpy(out + 48, meta->link, 32);
    wr_put64(out + HEAD_SUMMED, sum_of(place, out, HEAD_SUMMED));
}

static void write_block(const struct wr_id_place *place, uint32_t number,
                        const struct wr_id_entry *entries, uint32_t n, uint8_t out[BLOCK])
{
    memset(out, 0, BLOCK);
    wr_put32(out + 8, number);
    wr_put32(out + 12, n);
    for (uint32_t i = 0; i < n; i++) {
        wr_put64(out + BLOCK_HEAD + i * ENTRY, entries[i].hash);
        wr_put32(out + BLOCK_HEAD + i * ENTRY + 8, entries[i].row);
    }
    wr_put64(out, sum_of(place, out + 8, BLOCK - 8));
}

static enum wr_io write_blocks(const struct wr_id_place *place, int32_t file,
                               const struct wr_id_entry *entries, uint32_t n)
{
    uint8_t *room = place->room;
    const struct wr_port_disk *disk = &place->port->disk;
    enum wr_io io = WR_IO_OK;
    for (uint32_t b = 0; io == WR_IO_OK && b < blocks_of(n);) {
        uint64_t offset = ((uint64_t)b + 1) * BLOCK;
        uint32_t k = 0;
        for (; k < AT_ONCE && b < blocks_of(n); k++, b++) {
            uint32_t from = b * PER_BLOCK;
            write_block(place, b, entries + from, WR_MIN(n - from, (uint32_t)PER_BLOCK),
                        room + (size_t)k * BLOCK);
        }
        io = disk->write_at(disk->context, file, room, (size_t)k * BLOCK, offset);
        wr_breath_count(place->breath, (uint64_t)k * BLOCK_NS);
    }
    return io;
}

enum wr_io wr_id_index_write(const struct wr_id_place *place, struct wr_id_range range,
                             const struct wr_segment_meta *meta, struct wr_id_entry *entries,
                             uint32_t n)
{
    const struct wr_port_disk *disk = &place->port->disk;
    char path[PATH], fresh[PATH];
    int32_t file;
    WR_ASSERT(n <= WR_LIMIT_ID_FILE);
    path_of(place, range, path);
    new_path(place, fresh);
    wr_id_sort(place->breath, entries, n);
    enum wr_io io = disk->open(disk->context, fresh, WR_DISK_WRITE | WR_DISK_CREATE, &file);
    if (io != WR_IO_OK) {
        return io;
    }
    write_head(place, range, meta, n, place->room);
    io = disk->truncate(disk->context, file, 0);
    io = io != WR_IO_OK ? io : disk->write_at(disk->context, file, place->room, BLOCK, 0);
    io = io != WR_IO_OK ? io : write_blocks(place, file, entries, n);
    enum wr_io closed = disk->close(disk->context, file);
    io = io != WR_IO_OK ? io : closed;
    io = io != WR_IO_OK ? io : disk->rename(disk->context, fresh, path);
    if (io != WR_IO_OK) {
        (void)disk->remove(disk->context, fresh);
    }
    return io;
}

/* ── finding ────────────────────────────────────────────────────────────────────────────────── */
/* One block of the file in the place's room, or NULL. */
static const uint8_t *read_at(const struct wr_id_place *place, int32_t file, uint64_t offset)
{
    const struct wr_port_disk *disk = &place->port->disk;
    size_t got = 0;
    return disk->read_at(disk->context, file, place->room, BLOCK, offset, &got) == WR_IO_OK &&
                   got == BLOCK
               ? place->room
               : NULL;
}

static bool is_of_log(const uint8_t *head, const struct wr_segment_meta *meta)
{
    return wr_get32(head + 36) == meta->epoch && wr_get64(head + 40) == meta->first &&
           memcmp(head + 48, meta->link, sizeof meta->link) == 0;
}

static bool read_head(const struct wr_id_place *place, struct wr_id_range range,
                      const struct wr_segment_meta *meta, int32_t file, uint32_t *n)
{
    const uint8_t *head = read_at(place, file, 0);
    if (head == NULL || memcmp(head, magic, sizeof magic) != 0 ||
        wr_get64(head + HEAD_SUMMED) != sum_of(place, head, HEAD_SUMMED) ||
        wr_get64(head + 8) != place->node || wr_get64(head + 16) != range.first ||
        wr_get64(head + 24) != range.last) {
        return false;
    }
    *n = wr_get32(head + 32);
    return *n <= WR_LIMIT_ID_FILE && (meta == NULL || is_of_log(head, meta));
}

/* A block's entries in the room, or NULL. */
static const uint8_t *read_block(const struct wr_id_place *place, int32_t file, uint32_t number,
                                 uint32_t n)
{
    const uint8_t *bytes = read_at(place, file, ((uint64_t)number + 1) * BLOCK);
    return bytes != NULL && wr_get64(bytes) == sum_of(place, bytes + 8, BLOCK - 8) &&
                   wr_get32(bytes + 8) == number && wr_get32(bytes + 12) == n
               ? bytes + BLOCK_HEAD
               : NULL;
}

static uint64_t hash_at(const uint8_t *entries, uint32_t i)
{
    return wr_get64(entries + (size_t)i * ENTRY);
}

/* How many entries do not exceed the hash. */
static uint32_t up_to(const uint8_t *entries, uint32_t n, uint64_t hash)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hash_at(entries, middle) <= hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Back from the guess until a block begins at or before the hash, then on while there may be more
 * of it: the last one found is the newest. */
static enum wr_id_found walk(const struct wr_id_place *place, int32_t file, uint32_t n,
                             uint64_t hash, uint32_t *row)
{
    uint32_t b = (uint32_t)(((unsigned __int128)hash * n) >> 64) / PER_BLOCK;
    enum wr_id_found found = WR_ID_ABSENT;
    bool back = false, on = false;
    for (;;) {
        uint32_t n_here = WR_MIN(n - b * PER_BLOCK, (uint32_t)PER_BLOCK);
        const uint8_t *entries = read_block(place, file, b, n_here);
        if (entries == NULL) {
            return WR_ID_DAMAGED;
        }
        uint32_t k = up_to(entries, n_here, hash);
        if (k > 0 && hash_at(entries, k - 1) == hash) {
            found = WR_ID_FOUND;
            *row = wr_get32(entries + (size_t)(k - 1) * ENTRY + 8);
        }
        if (k == 0 && !on && b > 0) {
            back = true;
            b--;
        } else if (k == n_here && !back && b + 1 < blocks_of(n)) {
            on = true;
            b++;
        } else {
            return found;
        }
    }
}

enum wr_id_found wr_id_index_find(const struct wr_id_place *place, struct wr_id_range range,
                                  const struct wr_segment_meta *meta, uint64_t hash,
                                  uint64_t *sequence)
{
    const struct wr_port_disk *disk = &place->port->disk;
    char path[PATH];
    int32_t file;
    uint32_t n = 0;
    path_of(place, range, path);
    if (disk->open(disk->context, path, WR_DISK_READ, &file) != WR_IO_OK) {
        return WR_ID_DAMAGED;
    }
    enum wr_id_found found = WR_ID_DAMAGED;
    uint32_t row = 0;
    if (read_head(place, range, meta, file, &n)) {
        found = n == 0 ? WR_ID_ABSENT : walk(place, file, n, hash, &row);
    }
    disk->close(disk->context, file);
    *sequence = range.first + row;
    return found == WR_ID_FOUND && *sequence > range.last ? WR_ID_DAMAGED : found;
}
