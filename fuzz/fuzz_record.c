/* SPDX-License-Identifier: Apache-2.0 */
/* Journal rows and logs of any bytes. Properties: a payload that decodes encodes to itself, and its
 * parts lie in it; a log whose file is any bytes behind a good head opens, scans to an end within
 * the file, and every row before that end is found by its sequence; nothing reads past the file.
 * The first byte chooses: payload, or a log with a head made right. */
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
static void check_log(uint8_t *bytes, size_t n)
{
    struct wr_log log;
    struct wr_segment_meta meta;
    struct wr_log_row row;
    struct wr_error error;
    if (n < 128) {
        return;
    }
    memcpy(bytes, "WEIRLOG\2", 8);
    wr_put64(bytes + 56, 1 + wr_get64(bytes + 56) % 1000);
    wr_sha256_of(bytes, 96, bytes + 96);
    file_bytes = wr_str_of((const char *)bytes, n);
    demand(wr_log_open(&port, "x", &log, &meta) == WR_IO_OK);
    if (wr_log_scan(&log, meta.link, NULL, &error) == WR_OK) {
        demand(log.end <= n && log.end >= 128 && log.synced <= log.end && log.next >= log.first);
        for (uint64_t sequence = log.first; sequence < log.next; sequence++) {
            demand(wr_log_find(&log, sequence, &row) && row.sequence == sequence &&
                   row.next <= log.end);
        }
        demand(!wr_log_find(&log, log.next, &row));
    }
    wr_log_close(&log);
}

/* Rows with right links, so that the fuzzer gets behind the first. */
static size_t add_rows(uint8_t *out, size_t cap, const uint8_t *data, size_t size)
{
    uint8_t link[32] = {0}, digest[32];
    size_t n = 128;
    memset(out, 0, n);
    wr_put64(out + 56, 0); /* becomes 1 */
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
        wr_sha256_of(data, payload_n, digest);
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
