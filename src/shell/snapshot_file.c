/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/snapshot_in.h"

enum { NAME_DIGITS = 16, MAC_KEY = 32 };
const uint8_t wr_snapshot_tail_magic[8] = {'W', 'E', 'I', 'R', 'I', 'M', 'G', WR_SNAPSHOT_VERSION};
const uint8_t wr_snapshot_block_magic[4] = {'W', 'R', 's', 'n'};

/* ── names and keys ─────────────────────────────────────────────────────────────────────────── */
void wr_snapshot_path(const struct wr_snapshot_place *place, uint64_t sequence,
                      char out[WR_SNAPSHOT_PATH])
{
    struct wr_buf path = wr_buf_fixed(out, WR_SNAPSHOT_PATH);
    wr_format(&path, "%s/snapshot-%016llx.img%c", place->directory, (unsigned long long)sequence,
              0);
}

void wr_snapshot_new_path(const struct wr_snapshot_place *place, char out[WR_SNAPSHOT_PATH])
{
    struct wr_buf path = wr_buf_fixed(out, WR_SNAPSHOT_PATH);
    wr_format(&path, "%s/snapshot.new%c", place->directory, 0);
}

static bool parse_name(const char *name, uint64_t *sequence)
{
    struct wr_str text = wr_str_z(name);
    if (text.n != 9 + NAME_DIGITS + 4 || !wr_str_starts(text, WR_STR("snapshot-")) ||
        !wr_str_ends(text, WR_STR(".img"))) {
        return false;
    }
    *sequence = 0;
    for (size_t i = 9; i < 9 + NAME_DIGITS; i++) {
        char c = text.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        *sequence = *sequence * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return *sequence != 0;
}

void wr_snapshot_mac(const struct wr_snapshot_place *place, const uint8_t *tail, uint8_t mac[32])
{
    uint8_t key[MAC_KEY];
    for (int i = 0; i < 2; i++) {
        wr_put64(key + 16 * i, place->keys[i].k0);
        wr_put64(key + 16 * i + 8, place->keys[i].k1);
    }
    wr_hmac_sha256(key, sizeof key, tail, WR_SNAPSHOT_AT_MAC, mac);
}

uint64_t wr_snapshot_sum(const struct wr_snapshot_place *place, uint64_t number,
                         const void *content, size_t n)
{
    struct wr_hash_key key = {place->keys[0].k0 ^ number, place->keys[1].k1};
    return wr_sum64(key, content, n);
}

uint64_t wr_snapshot_add_sum(uint64_t sum, uint64_t of_block)
{
    return wr_mix64(sum ^ of_block) + of_block;
}

static const struct wr_port_disk *disk_of(const struct wr_snapshot_place *place)
{
    return &place->port->disk;
}

/* ── which there are ────────────────────────────────────────────────────────────────────────── */
struct listing {
    uint64_t *sequences;
    size_t n;
};

static bool list_one(void *arg, const char *name)
{
    struct listing *listing = arg;
    uint64_t sequence;
    if (!parse_name(name, &sequence)) {
        return true;
    }
    size_t at = listing->n;
    for (; at > 0 && listing->sequences[at - 1] < sequence; at--) {
    }
    if (at == WR_LIMIT_SNAPSHOTS) {
        return true;
    }
    size_t n = WR_MIN(listing->n, (size_t)WR_LIMIT_SNAPSHOTS - 1);
    memmove(listing->sequences + at + 1, listing->sequences + at, (n - at) * sizeof sequence);
    listing->sequences[at] = sequence;
    listing->n = n + 1;
    return true;
}

size_t wr_snapshot_list(const struct wr_snapshot_place *place,
                        uint64_t sequences[WR_LIMIT_SNAPSHOTS])
{
    const struct wr_port_disk *disk = disk_of(place);
    struct listing listing = {sequences, 0};
    enum wr_io io = disk->list(disk->context, place->directory, list_one, &listing);
    return io == WR_IO_OK ? listing.n : 0;
}

enum wr_io wr_snapshot_remove(const struct wr_snapshot_place *place, uint64_t sequence)
{
    const struct wr_port_disk *disk = disk_of(place);
    char path[WR_SNAPSHOT_PATH];
    wr_snapshot_path(place, sequence, path);
    return disk->remove(disk->context, path);
}

void wr_snapshot_prune(const struct wr_snapshot_place *place, size_t keep)
{
    uint64_t sequences[WR_LIMIT_SNAPSHOTS];
    size_t n = wr_snapshot_list(place, sequences);
    for (size_t i = keep; i < n; i++) {
        (void)wr_snapshot_remove(place, sequences[i]);
    }
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
static wr_err unfit(uint64_t sequence, const char *what, struct wr_error *error)
{
    return wr_fail(error, WR_E_STATE, "snapshot-%016llx.img: %s", (unsigned long long)sequence,
                   what);
}

static wr_err unreadable(uint64_t sequence, enum wr_io io, struct wr_error *error)
{
    return wr_fail(error, WR_E_IO, "snapshot-%016llx.img: %s", (unsigned long long)sequence,
                   wr_io_text(io));
}

static wr_err read_tail(const struct wr_snapshot_place *place, const uint8_t *tail,
                        uint64_t sequence, struct wr_snapshot_info *info, struct wr_error *error)
{
    uint8_t mac[32], wrong = 0;
    if (memcmp(tail, wr_snapshot_tail_magic, sizeof wr_snapshot_tail_magic - 1) != 0) {
        return unfit(sequence, "torn, or no snapshot", error);
    }
    if (tail[7] != WR_SNAPSHOT_VERSION) {
        return unfit(sequence, "of another version", error);
    }
    wr_snapshot_mac(place, tail, mac);
    for (int i = 0; i < 32; i++) {
        wrong |= mac[i] ^ tail[WR_SNAPSHOT_AT_MAC + i];
    }
    *info = (struct wr_snapshot_info){
        .node = wr_get64(tail + 8),
        .sequence = wr_get64(tail + 16),
        .epoch = wr_get32(tail + 152),
        .begun_us = (int64_t)wr_get64(tail + 120),
        .n_blocks = wr_get64(tail + 128),
        .n_bytes = wr_get64(tail + 136),
        .sum = wr_get64(tail + 144),
        .place = {wr_get64(tail + 160), wr_get64(tail + 16), wr_get64(tail + 168), {0}},
    };
    memcpy(info->place.link, tail + 24, 32);
    memcpy(info->pack_digest, tail + 56, 32);
    memcpy(info->state_digest, tail + 88, 32);
    return wrong != 0 || info->sequence != sequence
               ? unfit(sequence, "damaged, or of another directory", error)
               : WR_OK;
}

static enum wr_io open_file(const struct wr_snapshot_place *place, uint64_t sequence, int32_t *file,
                            uint64_t *size)
{
    const struct wr_port_disk *disk = disk_of(place);
    char path[WR_SNAPSHOT_PATH];
    wr_snapshot_path(place, sequence, path);
    enum wr_io io = disk->open(disk->context, path, WR_DISK_READ, file);
    if (io == WR_IO_OK && (io = disk->size(disk->context, *file, size)) != WR_IO_OK) {
        disk->close(disk->context, *file);
    }
    return io;
}

wr_err wr_snapshot_look(const struct wr_snapshot_place *place, uint64_t sequence,
                        struct wr_snapshot_info *info, struct wr_error *error)
{
    const struct wr_port_disk *disk = disk_of(place);
    uint8_t tail[WR_SNAPSHOT_TAIL];
    uint64_t size;
    int32_t file;
    size_t got = 0;
    enum wr_io io = open_file(place, sequence, &file, &size);
    if (io != WR_IO_OK) {
        return unreadable(sequence, io, error);
    }
    if (size >= WR_SNAPSHOT_TAIL) {
        io = disk->read_at(disk->context, file, tail, sizeof tail, size - WR_SNAPSHOT_TAIL, &got);
    }
    disk->close(disk->context, file);
    if (io != WR_IO_OK) {
        return unreadable(sequence, io, error);
    }
    if (got != sizeof tail) {
        return unfit(sequence, "torn, or no snapshot", error);
    }
    wr_err err = read_tail(place, tail, sequence, info, error);
    return err == WR_OK && info->n_bytes != size - WR_SNAPSHOT_TAIL
               ? unfit(sequence, "of another length than it says", error)
               : err;
}

void wr_snapshot_read_ahead(const struct wr_snapshot_place *place, struct wr_snapshot_ahead *out)
{
    const struct wr_port_disk *disk = disk_of(place);
    const struct wr_memory *memory = &place->port->memory;
    uint64_t sequences[WR_LIMIT_SNAPSHOTS], size = 0;
    int32_t file;
    size_t got = 0;
    *out = (struct wr_snapshot_ahead){0};
    if (wr_snapshot_list(place, sequences) == 0 ||
        open_file(place, sequences[0], &file, &size) != WR_IO_OK) {
        return;
    }
    out->bytes =
        size != 0 && size <= WR_SNAPSHOT_AHEAD ? memory->take(memory->context, (size_t)size) : NULL;
    if (out->bytes != NULL) {
        out->n = (size_t)size;
        out->sequence = sequences[0];
        enum wr_io io = disk->read_at(disk->context, file, out->bytes, out->n, 0, &got);
        if (io != WR_IO_OK || got != out->n) {
            wr_snapshot_drop_ahead(place->port, out);
        }
    }
    disk->close(disk->context, file);
}

void wr_snapshot_drop_ahead(const struct wr_port *port, struct wr_snapshot_ahead *ahead)
{
    if (ahead->bytes != NULL) {
        port->memory.give(port->memory.context, ahead->bytes, ahead->n);
    }
    *ahead = (struct wr_snapshot_ahead){0};
}

struct reading {
    const struct wr_snapshot_place *place;
    const struct wr_snapshot_info *info;
    struct wr_engine *engine;
    int32_t file;
    uint8_t *block; /* taken for the first that is read */
    uint64_t n_blocks, at, sum;
    struct wr_error *error;
};

/* The bytes from `at` on: those that were read ahead, or the file's; as many as there are, a whole
 * block at most. */
static wr_err bytes_at(struct reading *r, const uint8_t **out, size_t *got)
{
    const struct wr_port_disk *disk = disk_of(r->place);
    const struct wr_memory *memory = &r->place->port->memory;
    const struct wr_snapshot_ahead *ahead = r->place->ahead;
    size_t want =
        (size_t)WR_MIN(WR_SNAPSHOT_HEAD + (uint64_t)WR_SNAPSHOT_BLOCK, r->info->n_bytes - r->at);
    if (ahead != NULL && ahead->sequence == r->info->sequence && r->at + want <= ahead->n) {
        *out = ahead->bytes + r->at;
        *got = want;
        return WR_OK;
    }
    if (r->block == NULL) {
        r->block = memory->take(memory->context, WR_SNAPSHOT_HEAD + WR_SNAPSHOT_BLOCK);
    }
    if (r->block == NULL) {
        return wr_fail(r->error, WR_E_MEMORY, "no room to read a snapshot");
    }
    enum wr_io io = disk->read_at(disk->context, r->file, r->block, want, r->at, got);
    *out = r->block;
    return io == WR_IO_OK ? WR_OK : unreadable(r->info->sequence, io, r->error);
}

/* Reads one block and checks it. */
static wr_err read_block(struct reading *r, struct wr_str *content)
{
    const uint8_t *block = NULL;
    size_t got = 0;
    wr_err err = bytes_at(r, &block, &got);
    if (err != WR_OK) {
        return err;
    }
    uint32_t n = got >= WR_SNAPSHOT_HEAD ? wr_get32(block + 4) : 0;
    if (n == 0 || n > WR_SNAPSHOT_BLOCK || WR_SNAPSHOT_HEAD + n > got ||
        memcmp(block, wr_snapshot_block_magic, sizeof wr_snapshot_block_magic) != 0 ||
        wr_get64(block + 8) != r->n_blocks ||
        wr_get64(block + 16) !=
            wr_snapshot_sum(r->place, r->n_blocks, block + WR_SNAPSHOT_HEAD, n)) {
        return unfit(r->info->sequence, "a block is damaged", r->error);
    }
    *content = wr_str_of((const char *)block + WR_SNAPSHOT_HEAD, n);
    r->sum = wr_snapshot_add_sum(r->sum, wr_get64(block + 16));
    r->n_blocks++;
    r->at += WR_SNAPSHOT_HEAD + n;
    return WR_OK;
}

static wr_err read_blocks(struct reading *r)
{
    wr_err err = WR_OK;
    while (err == WR_OK && r->at < r->info->n_bytes) {
        struct wr_str content = {NULL, 0};
        struct wr_piece piece;
        err = read_block(r, &content);
        while (err == WR_OK && content.n != 0) {
            if (!wr_piece_take(&content, &piece)) {
                return unfit(r->info->sequence, "a block holds no whole pieces", r->error);
            }
            err = r->engine != NULL ? wr_engine_restore(r->engine, &piece, r->error) : WR_OK;
            err = err == WR_E_STATE ? WR_E_PACK : err;
        }
    }
    if (err == WR_OK && (r->n_blocks != r->info->n_blocks || r->sum != r->info->sum)) {
        err = unfit(r->info->sequence, "its blocks are not those it was made of", r->error);
    }
    if (err == WR_OK && r->engine != NULL) {
        err = wr_engine_restore_end(r->engine, r->error);
        err = err == WR_E_STATE ? WR_E_PACK : err;
    }
    return err;
}

wr_err wr_snapshot_load(const struct wr_snapshot_place *place, const struct wr_snapshot_info *info,
                        struct wr_engine *engine, struct wr_error *error)
{
    const struct wr_memory *memory = &place->port->memory;
    const struct wr_port_disk *disk = disk_of(place);
    struct reading r = {.place = place, .info = info, .engine = engine, .error = error};
    uint64_t size;
    enum wr_io io = open_file(place, info->sequence, &r.file, &size);
    if (io != WR_IO_OK) {
        return unreadable(info->sequence, io, error);
    }
    wr_err err = read_blocks(&r);
    if (err == WR_OK && engine != NULL && wr_engine_sequence(engine) != info->sequence) {
        err = unfit(info->sequence, "it stands at another entry than it says", error);
    }
    if (r.block != NULL) {
        memory->give(memory->context, r.block, WR_SNAPSHOT_HEAD + WR_SNAPSHOT_BLOCK);
    }
    disk->close(disk->context, r.file);
    return err;
}
