/* SPDX-License-Identifier: Apache-2.0 */
/* See segment.h. Pages of 8 KiB: measured best for rows of about a kilobyte. The file format's
 * bytes 18 and 19 (read and write version) are set to 2, which is what `journal_mode=WAL` does,
 * without its two syncs. Source: sqlite.org/fileformat2.html section 1.3. */
#include "shell/segment.h"

enum { COPY_SIZE = 1 << 18 };

static const char schema[] =
    "PRAGMA page_size=8192;PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;"
    "PRAGMA application_id=1464158546;PRAGMA user_version=1;"
    "BEGIN;"
    "CREATE TABLE entries(sequence INTEGER PRIMARY KEY,kind INTEGER NOT NULL,link BLOB NOT NULL,"
    "payload BLOB NOT NULL);"
    "CREATE TABLE meta(key TEXT PRIMARY KEY,value) WITHOUT ROWID;";

static wr_err refuse(struct wr_segment *segment, const char *path, struct wr_error *error)
{
    const char *why = sqlite3_errmsg(segment->db);
    enum wr_io io = wr_vfs_take_failure(segment->vfs);
    wr_err code = io == WR_IO_OK
                      ? wr_fail(error, WR_E_STATE, "%s: %s", path, why)
                      : wr_fail(error, WR_E_STATE, "%s: %s (%s)", path, why, wr_io_text(io));
    wr_segment_close(segment, false);
    return code;
}

/* ── making ─────────────────────────────────────────────────────────────────────────────────── */
static int put_meta(sqlite3 *db, const char *key, const void *blob, int n, int64_t number)
{
    sqlite3_stmt *insert = NULL;
    int code = sqlite3_prepare_v2(db, "INSERT INTO meta VALUES(?,?)", -1, &insert, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(insert, 1, key, -1, SQLITE_STATIC);
        if (blob != NULL) {
            sqlite3_bind_blob(insert, 2, blob, n, SQLITE_STATIC);
        } else {
            sqlite3_bind_int64(insert, 2, number);
        }
        code = sqlite3_step(insert) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(db);
    }
    sqlite3_finalize(insert);
    return code;
}

static int fill(sqlite3 *db, const struct wr_segment_meta *meta)
{
    uint8_t node[8], keys[32];
    wr_put64(node, meta->node);
    for (int i = 0; i < 2; i++) {
        wr_put64(keys + 16 * i, meta->keys[i].k0);
        wr_put64(keys + 16 * i + 8, meta->keys[i].k1);
    }
    int code = sqlite3_exec(db, schema, NULL, NULL, NULL);
    code = code != SQLITE_OK ? code : put_meta(db, "version", NULL, 0, WR_SEGMENT_VERSION);
    code = code != SQLITE_OK ? code : put_meta(db, "node", node, sizeof node, 0);
    code = code != SQLITE_OK ? code : put_meta(db, "epoch", NULL, 0, meta->epoch);
    code = code != SQLITE_OK ? code : put_meta(db, "keys", keys, sizeof keys, 0);
    code = code != SQLITE_OK ? code : put_meta(db, "first", NULL, 0, (int64_t)meta->first);
    code = code != SQLITE_OK ? code : put_meta(db, "link", meta->link, sizeof meta->link, 0);
    return code != SQLITE_OK ? code : sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
}

/* Marks the new file as one in WAL mode, makes its empty log, and makes both safe. */
static enum wr_io settle(const struct wr_port_disk *disk, const char *directory, const char *from,
                         const char *path)
{
    char log_path[WR_SEGMENT_PATH_MAX + 8];
    struct wr_buf log = wr_buf_fixed(log_path, sizeof log_path);
    wr_format(&log, "%s-wal%c", path, 0);
    int32_t file;
    enum wr_io result = disk->open(disk->context, from, WR_DISK_WRITE, &file);
    if (result != WR_IO_OK) {
        return result;
    }
    result = disk->write_at(disk->context, file, "\2\2", 2, 18);
    result = result != WR_IO_OK ? result : disk->sync(disk->context, file);
    enum wr_io closed = disk->close(disk->context, file);
    result = result != WR_IO_OK ? result : closed;
    if (result == WR_IO_OK) {
        result = disk->open(disk->context, log_path, WR_DISK_WRITE | WR_DISK_CREATE, &file);
    }
    if (result == WR_IO_OK) {
        result = disk->truncate(disk->context, file, 0);
        closed = disk->close(disk->context, file);
        result = result != WR_IO_OK ? result : closed;
    }
    result = result != WR_IO_OK ? result : disk->rename(disk->context, from, path);
    return result != WR_IO_OK ? result : disk->sync_directory(disk->context, directory);
}

wr_err wr_segment_create(const struct wr_port *port, struct wr_vfs *vfs, const char *directory,
                         const char *path, const struct wr_segment_meta *meta,
                         struct wr_error *error)
{
    char from[WR_SEGMENT_PATH_MAX + 8];
    struct wr_buf name = wr_buf_fixed(from, sizeof from);
    wr_format(&name, "%s.new%c", path, 0);
    struct wr_segment segment = {.vfs = vfs};
    enum wr_io removed = port->disk.remove(port->disk.context, from);
    if (removed != WR_IO_OK && removed != WR_IO_ABSENT) {
        return wr_fail(error, WR_E_STATE, "%s: %s", from, wr_io_text(removed));
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(from, &segment.db, flags, wr_vfs_name(vfs));
    code = code != SQLITE_OK ? code : fill(segment.db, meta);
    if (code != SQLITE_OK) {
        return refuse(&segment, from, error);
    }
    if (!wr_segment_close(&segment, false)) {
        return wr_fail(error, WR_E_STATE, "%s: cannot close it", from);
    }
    enum wr_io result = settle(&port->disk, directory, from, path);
    if (result != WR_IO_OK) {
        return wr_fail(error, WR_E_STATE, "%s: %s", path, wr_io_text(result));
    }
    return WR_OK;
}

/* ── opening ────────────────────────────────────────────────────────────────────────────────── */
static bool is_number(sqlite3_stmt *row, const char *key, uint64_t *out)
{
    if (strcmp((const char *)sqlite3_column_text(row, 0), key) != 0 ||
        sqlite3_column_type(row, 1) != SQLITE_INTEGER || sqlite3_column_int64(row, 1) < 0) {
        return false;
    }
    *out = (uint64_t)sqlite3_column_int64(row, 1);
    return true;
}

static bool is_blob(sqlite3_stmt *row, const char *key, uint8_t *out, int n)
{
    if (strcmp((const char *)sqlite3_column_text(row, 0), key) != 0 ||
        sqlite3_column_type(row, 1) != SQLITE_BLOB || sqlite3_column_bytes(row, 1) != n) {
        return false;
    }
    memcpy(out, sqlite3_column_blob(row, 1), (size_t)n);
    return true;
}

/* False when something is missing or strange. */
static bool read_meta(sqlite3 *db, struct wr_segment_meta *meta)
{
    uint8_t node[8], keys[32];
    uint64_t version = 0, epoch = 0;
    unsigned found = 0;
    sqlite3_stmt *select = NULL;
    if (sqlite3_prepare_v2(db, "SELECT key,value FROM meta", -1, &select, NULL) != SQLITE_OK) {
        return false;
    }
    while (sqlite3_step(select) == SQLITE_ROW && sqlite3_column_text(select, 0) != NULL) {
        found |= is_number(select, "version", &version) ? 1u : 0;
        found |= is_blob(select, "node", node, sizeof node) ? 2u : 0;
        found |= is_number(select, "epoch", &epoch) ? 4u : 0;
        found |= is_blob(select, "keys", keys, sizeof keys) ? 8u : 0;
        found |= is_number(select, "first", &meta->first) ? 16u : 0;
        found |= is_blob(select, "link", meta->link, sizeof meta->link) ? 32u : 0;
    }
    sqlite3_finalize(select);
    if (found != 63 || version != WR_SEGMENT_VERSION || epoch > UINT32_MAX || meta->first == 0) {
        return false;
    }
    meta->node = wr_get64(node);
    meta->epoch = (uint32_t)epoch;
    for (int i = 0; i < 2; i++) {
        meta->keys[i].k0 = wr_get64(keys + 16 * i);
        meta->keys[i].k1 = wr_get64(keys + 16 * i + 8);
    }
    return true;
}

static int prepare(struct wr_segment *segment, bool to_append)
{
    const struct {
        const char *sql;
        sqlite3_stmt **out;
        bool writes;
    } all[] = {
        {"BEGIN", &segment->begin, true},
        {"COMMIT", &segment->commit, true},
        {"ROLLBACK", &segment->rollback, true},
        {"INSERT INTO entries VALUES(?,?,?,?)", &segment->insert, true},
        {"UPDATE meta SET value=? WHERE key='epoch'", &segment->epoch, true},
        {"SELECT payload,link FROM entries WHERE sequence=?", &segment->fetch, false},
        {"SELECT payload,link,sequence FROM entries WHERE sequence BETWEEN ? AND ? "
         "ORDER BY sequence",
         &segment->range, false},
    };
    int code = SQLITE_OK;
    for (size_t i = 0; i < WR_COUNTOF(all) && code == SQLITE_OK; i++) {
        if (to_append || !all[i].writes) {
            code = sqlite3_prepare_v3(segment->db, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                      all[i].out, NULL);
        }
    }
    return code;
}

static enum wr_io copy_bytes(const struct wr_port_disk *disk, int32_t from, int32_t to,
                             uint64_t size)
{
    char *room = sqlite3_malloc(COPY_SIZE);
    enum wr_io result = room == NULL ? WR_IO_LIMIT : WR_IO_OK;
    for (uint64_t at = 0; at < size && result == WR_IO_OK;) {
        size_t n = (size_t)WR_MIN(size - at, (uint64_t)COPY_SIZE), got = 0;
        result = disk->read_at(disk->context, from, room, n, at, &got);
        if (result == WR_IO_OK && got == 0) {
            result = WR_IO_FAILED;
        }
        if (result == WR_IO_OK) {
            result = disk->write_at(disk->context, to, room, got, at);
        }
        at += got;
    }
    sqlite3_free(room);
    return result;
}

/* The whole log under a new name, synced. */
static enum wr_io copy_log(const struct wr_port_disk *disk, const char *log, const char *copy)
{
    int32_t from, to;
    uint64_t size = 0;
    enum wr_io result = disk->open(disk->context, log, WR_DISK_READ, &from);
    if (result != WR_IO_OK) {
        return result;
    }
    result = disk->size(disk->context, from, &size);
    if (result == WR_IO_OK && size == 0) {
        result = WR_IO_ABSENT;
    }
    if (result == WR_IO_OK) {
        disk->remove(disk->context, copy); /* of an earlier attempt */
        result =
            disk->open(disk->context, copy, WR_DISK_WRITE | WR_DISK_CREATE | WR_DISK_FRESH, &to);
        if (result == WR_IO_OK) {
            result = copy_bytes(disk, from, to, size);
            result = result != WR_IO_OK ? result : disk->sync(disk->context, to);
            enum wr_io closed = disk->close(disk->context, to);
            result = result != WR_IO_OK ? result : closed;
        }
    }
    enum wr_io closed = disk->close(disk->context, from);
    return result != WR_IO_OK ? result : closed;
}

/* See the head of segment.h. */
static enum wr_io renew_log(const struct wr_port_disk *disk, const char *path)
{
    char log[WR_SEGMENT_PATH_MAX + 8], copy[WR_SEGMENT_PATH_MAX + 16];
    char directory[WR_SEGMENT_PATH_MAX];
    struct wr_buf log_name = wr_buf_fixed(log, sizeof log);
    struct wr_buf copy_name = wr_buf_fixed(copy, sizeof copy);
    wr_format(&log_name, "%s-wal%c", path, 0);
    wr_format(&copy_name, "%s-wal.new%c", path, 0);
    enum wr_io result = copy_log(disk, log, copy);
    if (result != WR_IO_OK) {
        return result == WR_IO_ABSENT ? WR_IO_OK : result; /* no log, or an empty one */
    }
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] != '/') {
        n--;
    }
    struct wr_buf name = wr_buf_fixed(directory, sizeof directory);
    wr_buf_add(&name, path, n > 1 ? n - 1 : n);
    wr_format(&name, n == 0 ? ".%c" : "%c", 0);
    result = disk->rename(disk->context, copy, log);
    return result != WR_IO_OK ? result : disk->sync_directory(disk->context, directory);
}

/* locking_mode before anything reads the file: only so can a log do without shared memory. */
static const char append_settings[] =
    "PRAGMA locking_mode=EXCLUSIVE;PRAGMA synchronous=NORMAL;PRAGMA wal_autocheckpoint=0;"
    "PRAGMA temp_store=MEMORY;PRAGMA cache_size=-8192;PRAGMA cache_spill=0";

wr_err wr_segment_open(struct wr_segment *segment, struct wr_vfs *vfs, const char *path,
                       bool to_append, struct wr_segment_meta *meta, struct wr_error *error)
{
    memset(segment, 0, sizeof *segment);
    segment->vfs = vfs;
    enum wr_io renewed = to_append ? renew_log(&wr_vfs_port(vfs)->disk, path) : WR_IO_OK;
    if (renewed != WR_IO_OK) {
        return wr_fail(error, WR_E_STATE, "%s-wal: %s", path, wr_io_text(renewed));
    }
    char uri[WR_SEGMENT_PATH_MAX + 32];
    struct wr_buf text = wr_buf_fixed(uri, sizeof uri);
    wr_format(&text, to_append ? "%s%c" : "file:%s?immutable=1%c", path, 0);
    int flags = to_append ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
    int code = sqlite3_open_v2(uri, &segment->db, flags | SQLITE_OPEN_NOMUTEX, wr_vfs_name(vfs));
    if (code == SQLITE_OK) {
        sqlite3_db_config(segment->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_db_config(segment->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        code = to_append ? sqlite3_exec(segment->db, append_settings, NULL, NULL, NULL) : SQLITE_OK;
    }
    if (code != SQLITE_OK) {
        return refuse(segment, path, error);
    }
    if (!read_meta(segment->db, meta)) {
        wr_segment_close(segment, false);
        return wr_fail(error, WR_E_STATE, "%s: not a journal of version %d, or damaged", path,
                       WR_SEGMENT_VERSION);
    }
    code = prepare(segment, to_append);
    if (code == SQLITE_OK && to_append && wr_vfs_log_size(segment->db) > 0) {
        code = wr_segment_checkpoint(segment);
    }
    return code == SQLITE_OK ? WR_OK : refuse(segment, path, error);
}

bool wr_segment_close(struct wr_segment *segment, bool clean)
{
    bool good = true;
    if (clean && segment->db != NULL) {
        sqlite3_db_config(segment->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
        good = wr_segment_checkpoint(segment) == SQLITE_OK;
    }
    sqlite3_stmt *all[] = {segment->begin, segment->commit, segment->rollback, segment->insert,
                           segment->fetch, segment->range,  segment->epoch};
    for (size_t i = 0; i < WR_COUNTOF(all); i++) {
        sqlite3_finalize(all[i]);
    }
    good = sqlite3_close(segment->db) == SQLITE_OK && good;
    *segment = (struct wr_segment){.vfs = segment->vfs};
    return good;
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */
static int run(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    int reset = sqlite3_reset(statement);
    return code == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : code;
}

static int undo(struct wr_segment *segment, int code)
{
    segment->in_transaction = false;
    if (sqlite3_get_autocommit(segment->db) == 0 && run(segment->rollback) != SQLITE_OK) {
        return SQLITE_IOERR;
    }
    return code;
}

int wr_segment_insert(struct wr_segment *segment, uint64_t sequence, uint32_t kind,
                      const uint8_t link[32], struct wr_str payload)
{
    int code = SQLITE_OK;
    if (!segment->in_transaction) {
        code = run(segment->begin);
        segment->in_transaction = code == SQLITE_OK;
    }
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(segment->insert, 1, (int64_t)sequence);
        sqlite3_bind_int(segment->insert, 2, (int)kind);
        sqlite3_bind_blob(segment->insert, 3, link, 32, SQLITE_STATIC);
        sqlite3_bind_blob(segment->insert, 4, payload.p, (int)payload.n, SQLITE_STATIC);
        code = run(segment->insert);
    }
    return code == SQLITE_OK ? code : undo(segment, code);
}

int wr_segment_commit(struct wr_segment *segment)
{
    if (!segment->in_transaction) {
        return SQLITE_OK;
    }
    int code = run(segment->commit);
    if (code != SQLITE_OK) {
        return undo(segment, code);
    }
    segment->in_transaction = false;
    /* SQLite believes in the commit already: what cannot be flushed is a broken file to it. */
    return wr_vfs_log_flush(segment->db) == WR_IO_OK ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

int wr_segment_checkpoint(struct wr_segment *segment)
{
    int in_log = 0, done = 0;
    sqlite3_reset(segment->fetch); /* an open reader would hold the log */
    sqlite3_reset(segment->range);
    int code =
        sqlite3_wal_checkpoint_v2(segment->db, "main", SQLITE_CHECKPOINT_TRUNCATE, &in_log, &done);
    return code == SQLITE_OK && in_log > 0 && done < in_log ? SQLITE_IOERR : code;
}

int wr_segment_set_epoch(struct wr_segment *segment, uint32_t epoch)
{
    sqlite3_bind_int64(segment->epoch, 1, epoch);
    int code = run(segment->epoch);
    if (code == SQLITE_OK && wr_vfs_log_sync(segment->db) != WR_IO_OK) {
        code = SQLITE_IOERR_FSYNC;
    }
    return code;
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
static struct wr_str blob_at(sqlite3_stmt *row, int column)
{
    const char *bytes = sqlite3_column_blob(row, column);
    return wr_str_of(bytes, (size_t)sqlite3_column_bytes(row, column));
}

int wr_segment_last(struct wr_segment *segment, uint64_t *sequence, uint8_t link[32])
{
    sqlite3_stmt *select = NULL;
    *sequence = 0;
    int code = sqlite3_prepare_v2(
        segment->db, "SELECT sequence,link FROM entries ORDER BY sequence DESC LIMIT 1", -1,
        &select, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(select);
        if (code == SQLITE_ROW) {
            struct wr_str blob = blob_at(select, 1);
            *sequence = (uint64_t)sqlite3_column_int64(select, 0);
            code = blob.n == 32 ? SQLITE_OK : SQLITE_CORRUPT;
            if (blob.n == 32) {
                memcpy(link, blob.p, 32);
            }
        }
    }
    sqlite3_finalize(select);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

int wr_segment_fetch(struct wr_segment *segment, uint64_t sequence, struct wr_str *payload,
                     struct wr_str *link)
{
    sqlite3_reset(segment->fetch);
    sqlite3_bind_int64(segment->fetch, 1, (int64_t)sequence);
    int code = sqlite3_step(segment->fetch);
    if (code == SQLITE_ROW) {
        *payload = blob_at(segment->fetch, 0);
        *link = blob_at(segment->fetch, 1);
        return code;
    }
    sqlite3_reset(segment->fetch);
    return code;
}

int wr_segment_next(struct wr_segment *segment, bool restart, uint64_t first, uint64_t last,
                    uint64_t *sequence, struct wr_str *payload, struct wr_str *link)
{
    if (restart) {
        sqlite3_reset(segment->range);
        sqlite3_bind_int64(segment->range, 1, (int64_t)first);
        sqlite3_bind_int64(segment->range, 2, (int64_t)WR_MIN(last, (uint64_t)INT64_MAX));
    }
    int code = sqlite3_step(segment->range);
    if (code == SQLITE_ROW) {
        *payload = blob_at(segment->range, 0);
        *link = blob_at(segment->range, 1);
        *sequence = (uint64_t)sqlite3_column_int64(segment->range, 2);
        return code;
    }
    sqlite3_reset(segment->range);
    return code;
}

uint64_t wr_segment_size(struct wr_segment *segment)
{
    sqlite3_stmt *select = NULL;
    uint64_t size = 0;
    if (sqlite3_prepare_v2(segment->db, "SELECT page_count*8192 FROM pragma_page_count", -1,
                           &select, NULL) == SQLITE_OK &&
        sqlite3_step(select) == SQLITE_ROW) {
        size = (uint64_t)sqlite3_column_int64(select, 0);
    }
    sqlite3_finalize(select);
    return size;
}
