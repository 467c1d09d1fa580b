/* SPDX-License-Identifier: Apache-2.0 */
/* Journal rows and logs of any bytes. Properties: a payload that decodes encodes to itself, and its
 * parts lie in it; a log whose file is any bytes behind a good head opens, unless what should be
 * its table of phrases is none, scans to an end within the file, and every row before that end is
 * found by its sequence and expands or is refused; nothing reads past the file. The first byte
 * chooses: payload, or a log with a head made right, with or without a table, or of version 2. */
#include "fuzz.h"

#include "engine/record.h"
#include "shell/log.h"

static struct wr_str file_bytes;

/* ── a file in memory ───────────────────────────────────────────────────────────────────────── */
static enum wr_io disk_open(void *context, const char *path, uint32_t flags, int32_t *file)
{
    (void)context;
    (void)path;
    (void)flags;
    *file = 1;
    return WR_IO_OK;
}

static enum wr_io disk_close(void *context, int32_t file)
{
    (void)context;
    (void)file;
    return WR_IO_OK;
}

static enum wr_io disk_read(void *context, int32_t file, void *bytes, size_t n, uint64_t offset,
                            size_t *got)
{
    (void)context;
    (void)file;
    demand(offset <= file_bytes.n);
    *got = WR_MIN(n, file_bytes.n - (size_t)offset);
    if (*got > 0) {
        memcpy(bytes, file_bytes.p + offset, *got);
    }
    return WR_IO_OK;
}

static enum wr_io disk_size(void *context, int32_t file, uint64_t *size)
{
    (void)context;
    (void)file;
    *size = file_bytes.n;
    return WR_IO_OK;
}

static const struct wr_port port = {
    .disk = {.open = disk_open, .close = disk_close, .read_at = disk_read, .size = disk_size},
    .memory = {fuzz_take, fuzz_give, NULL},
};

/* ── payloads ───────────────────────────────────────────────────────────────────────────────── */
static void check_payload(struct wr_str payload)
{
    struct wr_record record;
    struct wr_error error;
    if (wr_record_decode(payload, &record, &error) != WR_OK) {
        return;
    }
    char *room = malloc(payload.n + 1);
    struct wr_buf buf = wr_buf_fixed(room, payload.n);
    demand(wr_record_size(&record) == payload.n);
    wr_record_encode(&buf, &record);
    demand(!buf.overflow && wr_str_eq(wr_buf_view(&buf), payload));
    free(room);
}

/* ── logs ───────────────────────────────────────────────────────────────────────────────────── */
/* Makes the sum right of a table of the size that the head tells, brought into what the file has.
 */
static uint32_t make_table(uint8_t *bytes, size_t n)
{
    uint32_t table_n = n > 168 ? wr_get32(bytes + 20) % (uint32_t)(n - 167) : 0;
    wr_put32(bytes + 20, table_n);
    if (table_n != 0) {
        wr_sha256_of(bytes + 160, table_n, bytes + 128);
    }
    return table_n;
}

static void check_log(uint8_t *bytes, size_t n)
{
    struct wr_log log;
    struct wr_segment_meta meta;
    struct wr_log_row row;
    struct wr_error error;
    if (n < 128) {
        return;
    }
    uint32_t table_n = make_table(bytes, n);
    memcpy(bytes, bytes[7] % 4 == 0 ? "WEIRLOG\2" : "WEIRLOG\3", 8);
    table_n = bytes[7] == 3 ? table_n : 0;
    wr_put64(bytes + 56, 1 + wr_get64(bytes + 56) % 1000);
    wr_sha256_of(bytes, 96, bytes + 96);
    file_bytes = wr_str_of((const char *)bytes, n);
    enum wr_io opened = wr_log_open(&port, "x", &log, &meta);
    demand(opened == WR_IO_OK || (opened == WR_IO_INVALID && table_n != 0));
    if (opened != WR_IO_OK) {
        wr_log_close(&log);
        return;
    }
    demand(log.table.n == table_n && (table_n == 0 || log.phrases.n <= WR_LIMIT_PHRASES));
    if (wr_log_scan(&log, meta.link, NULL, &error) == WR_OK) {
        demand(log.end <= n && log.end >= log.begin && log.synced <= log.end &&
               log.next >= log.first);
        for (uint64_t sequence = log.first; sequence < log.next; sequence++) {
            demand(wr_log_find(&log, sequence, &row) && row.sequence == sequence &&
                   row.next <= log.end);
            struct wr_str plain;
            wr_err err = wr_log_plain(&log, &row, &plain, &error);
            demand(err == WR_OK || (err == WR_E_JOURNAL && wr_is_condensed(row.payload)));
            demand(plain.n <= WR_LIMIT_RECORD_SIZE);
        }
        demand(!wr_log_find(&log, log.next, &row));
    }
    wr_log_close(&log);
}

/* A good table of a few phrases behind the head; returns where the first row begins. */
static size_t add_table(uint8_t *out, const uint8_t *data)
{
    static const char text[] = "the phrases of a table that a row refers to";
    uint32_t n = 1 + data[0] % 7;
    size_t table_n = 4 + 8 * (size_t)n;
    uint8_t *table = out + 160;
    memset(out, 0, 160 + 128);
    out[7] = 3;
    wr_put32(out + 20, (uint32_t)table_n);
    wr_put32(table, n);
    for (uint32_t i = 0; i < n; i++) {
        wr_put32(table + 4 + 4 * (size_t)i, 4);
        memcpy(table + 4 + 4 * ((size_t)n + i), text + 5 * i, 4);
    }
    return 160 + ((table_n + 7) & ~(size_t)7);
}

/* Rows with right links, so that the fuzzer gets behind the first. */
static size_t add_rows(uint8_t *out, size_t cap, const uint8_t *data, size_t size)
{
    uint8_t link[32] = {0}, digest[32];
    memset(out, 0, 128); /* the first sequence becomes 1 */
    size_t n = size > 4 && data[3] % 2 == 0 ? add_table(out, data) : 128;
    uint64_t tag =
        n > 128 ? wr_phrases_tag(wr_str_of((const char *)out + 160, wr_get32(out + 20))) : 0;
    for (uint64_t sequence = 1; size > 4 && n + 64 + 256 < cap; sequence++) {
        size_t payload_n = WR_MIN(4 + (size_t)data[0] % 60, size);
        uint8_t *row = out + n;
        memcpy(row, "WRrw", 4);
        wr_put32(row + 4, (uint32_t)payload_n);
        wr_put64(row + 8, sequence);
        wr_put64(row + 16, data[1] % 3 == 0 ? n : 128);
        memset(row + 24, 0, 40);
        memcpy(row + 64, data, payload_n);
        memset(row + 64 + payload_n, 0, 8);
        if (data[1] % 2 == 0 && payload_n >= 24) { /* condensed, more or less */
            memcpy(row + 64, "Wc", 2);
            wr_put16(row + 66, data[2] % 8);
            wr_put32(row + 68, data[3]);
            wr_put32(row + 72, data[4] % 16);
            wr_put64(row + 76, tag);
        }
        wr_sha256_of(row + 64, payload_n, digest);
        wr_record_link(link, digest, sequence);
        memcpy(row + 24, link, 32);
        row[24] ^= data[2] == 77; /* now and then a wrong one */
        n += 64 + (payload_n + 7) / 8 * 8;
        data += payload_n;
        size -= payload_n;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[1 << 17];
    if (size < 2 || size > 1 << 15) {
        return 0;
    }
    if (data[0] % 3 == 0) {
        check_payload(wr_str_of((const char *)data + 1, size - 1));
    } else if (data[0] % 3 == 1) {
        memcpy(room, data + 1, size - 1);
        check_log(room, size - 1);
    } else {
        size_t n = add_rows(room, sizeof room, data + 1, size - 1);
        check_log(room, n);
    }
    return 0;
}
