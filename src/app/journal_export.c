/* SPDX-License-Identifier: Apache-2.0 */
/* See journal_export.h. */
#include "app/journal_export.h"
#include "app/file.h"
#include "engine/record.h"
#include "value/json_read.h"
#include "value/json_write.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum format { FORMAT_JSONL, FORMAT_CSV, FORMAT_SQLITE };
enum { COMMIT_EVERY = 10000 };

struct wr_journal_export {
    enum format format;
    FILE *out;
    const char *path;
    struct wr_arena scratch;
    sqlite3 *db;
    sqlite3_stmt *insert;
    uint64_t n;
};

static const char *kind_name(enum wr_record_kind kind)
{
    static const char *const names[] = {[WR_RECORD_DECISION] = "decision",
                                        [WR_RECORD_LABEL] = "label",
                                        [WR_RECORD_ACTIVATION] = "activation",
                                        [WR_RECORD_SHADOW] = "shadow",
                                        [WR_RECORD_LIST] = "list"};
    WR_ASSERT((unsigned)kind < WR_COUNTOF(names));
    return names[kind];
}

/* ── JSON lines ─────────────────────────────────────────────────────────────────────────────── */
static void write_json(struct wr_buf *buf, const struct wr_record *record)
{
    wr_format(buf,
              "{\"sequence\":%llu,\"kind\":\"%s\",\"epoch\":%u,\"now_us\":%lld,\"budget\":%d,"
              "\"flags\":%u,\"id\":",
              (unsigned long long)record->sequence, kind_name(record->kind), record->epoch,
              (long long)record->now_us, (int)record->budget, record->flags);
    wr_json_write_string(buf, record->id, WR_JSON_COMPACT);
    const struct {
        const char *name;
        struct wr_str json;
    } parts[] = {
        {"event", record->event}, {"derived", record->derived}, {"document", record->document}};
    for (size_t i = 0; i < WR_COUNTOF(parts); i++) {
        if (parts[i].json.n != 0) {
            wr_format(buf, ",\"%s\":%.*s", parts[i].name, WR_FMT(parts[i].json));
        }
    }
    wr_buf_str(buf, WR_STR(",\"pack\":\""));
    wr_buf_hex(buf, record->pack_digest, sizeof record->pack_digest);
    wr_buf_str(buf, WR_STR("\"}\n"));
}

/* ── CSV (RFC 4180) ─────────────────────────────────────────────────────────────────────────── */
static const char csv_header[] =
    "sequence,kind,epoch,now_us,event_us,id,outcome,score,reasons,late,"
    "degraded,budget,pack,event,derived,document\n";

static void write_cell(struct wr_buf *buf, struct wr_str text)
{
    wr_buf_str(buf, WR_STR(",\""));
    for (size_t i = 0; i < text.n; i++) {
        wr_buf_char(buf, text.p[i]);
        if (text.p[i] == '"') {
            wr_buf_char(buf, '"');
        }
    }
    wr_buf_char(buf, '"');
}

static void write_score(struct wr_buf *buf, const struct wr_value *document)
{
    const struct wr_value *score = wr_object_get_str(document, WR_STR("score"));
    wr_buf_char(buf, ',');
    if (score != NULL && wr_is(*score, WR_NUMBER)) {
        wr_json_write(buf, score, WR_JSON_COMPACT);
    }
}

static struct wr_str reasons_of(struct wr_arena *arena, const struct wr_value *document)
{
    const struct wr_value *reasons = wr_object_get_str(document, WR_STR("reasons"));
    struct wr_buf buf = wr_buf_in(arena, 64);
    for (uint32_t i = 0; reasons != NULL && wr_is(*reasons, WR_ARRAY) && i < reasons->n; i++) {
        const struct wr_value *code = wr_is(reasons->items[i], WR_OBJECT)
                                          ? wr_object_get_str(&reasons->items[i], WR_STR("code"))
                                          : NULL;
        if (code != NULL && wr_is(*code, WR_STRING)) {
            wr_buf_str(&buf, i > 0 ? WR_STR(" ") : WR_STR(""));
            wr_buf_str(&buf, wr_text(*code));
        }
    }
    return wr_buf_view(&buf);
}

static wr_err write_csv(struct wr_arena *arena, struct wr_buf *buf, const struct wr_record *record,
                        struct wr_error *error)
{
    static const char *const budgets[] = {"full", "no_explain", "fallback"};
    struct wr_value document = wr_undefined();
    if (record->kind == WR_RECORD_DECISION) {
        wr_err err = wr_json_read(arena, record->document, true, NULL, &document, error);
        if (err != WR_OK) {
            return err;
        }
    }
    bool decided = wr_is(document, WR_OBJECT);
    wr_format(buf, "%llu,%s,%u,%lld,%lld", (unsigned long long)record->sequence,
              kind_name(record->kind), record->epoch, (long long)record->now_us,
              (long long)record->event_us);
    write_cell(buf, record->id);
    wr_format(buf, ",%s", decided ? wr_outcome_name(record->outcome) : "");
    if (decided) {
        write_score(buf, &document);
        write_cell(buf, reasons_of(arena, &document));
    } else {
        wr_buf_str(buf, WR_STR(",,"));
    }
    wr_format(buf, ",%s,%s,%s,", (record->flags & WR_RECORD_LATE) != 0 ? "true" : "false",
              (record->flags & WR_RECORD_DEGRADED) != 0 ? "true" : "false",
              budgets[record->budget]);
    wr_buf_hex(buf, record->pack_digest, sizeof record->pack_digest);
    write_cell(buf, record->event);
    write_cell(buf, record->derived);
    write_cell(buf, record->document);
    wr_buf_char(buf, '\n');
    return WR_OK;
}

/* ── SQLite ─────────────────────────────────────────────────────────────────────────────────── */
static const char schema[] =
    "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;"
    "CREATE TABLE entries(sequence INTEGER PRIMARY KEY,kind TEXT NOT NULL,epoch INTEGER NOT NULL,"
    "now_us INTEGER NOT NULL,event_us INTEGER NOT NULL,id TEXT NOT NULL,outcome TEXT,"
    "flags INTEGER NOT NULL,budget INTEGER NOT NULL,pack TEXT NOT NULL,event TEXT,derived TEXT,"
    "document TEXT,payload BLOB NOT NULL);BEGIN";
static const char finish[] =
    "COMMIT;CREATE INDEX entries_id ON entries(id);CREATE INDEX entries_now ON entries(now_us)";

static wr_err sql_failed(const struct wr_journal_export *export, struct wr_error *error)
{
    return wr_fail(error, WR_E_IO, "%s: %s", export->path, sqlite3_errmsg(export->db));
}

static void bind_text(sqlite3_stmt *row, int column, struct wr_str text)
{
    if (text.n == 0) {
        sqlite3_bind_null(row, column);
    } else {
        sqlite3_bind_text(row, column, text.p, (int)text.n, SQLITE_STATIC);
    }
}

static wr_err write_sql(struct wr_journal_export *export, const struct wr_record *record,
                        struct wr_str payload, struct wr_error *error)
{
    char hex[65];
    sqlite3_stmt *row = export->insert;
    struct wr_buf pack = wr_buf_fixed(hex, sizeof hex);
    wr_buf_hex(&pack, record->pack_digest, sizeof record->pack_digest);
    sqlite3_bind_int64(row, 1, (int64_t)record->sequence);
    sqlite3_bind_text(row, 2, kind_name(record->kind), -1, SQLITE_STATIC);
    sqlite3_bind_int64(row, 3, record->epoch);
    sqlite3_bind_int64(row, 4, record->now_us);
    sqlite3_bind_int64(row, 5, record->event_us);
    sqlite3_bind_text(row, 6, record->id.p, (int)record->id.n, SQLITE_STATIC);
    bind_text(row, 7,
              record->kind == WR_RECORD_DECISION ? wr_str_z(wr_outcome_name(record->outcome))
                                                 : WR_STR(""));
    sqlite3_bind_int(row, 8, record->flags);
    sqlite3_bind_int(row, 9, (int)record->budget);
    bind_text(row, 10, wr_buf_view(&pack));
    bind_text(row, 11, record->event);
    bind_text(row, 12, record->derived);
    bind_text(row, 13, record->document);
    sqlite3_bind_blob(row, 14, payload.p, (int)payload.n, SQLITE_STATIC);
    int code = sqlite3_step(row);
    sqlite3_reset(row);
    bool turn = code == SQLITE_DONE && ++export->n % COMMIT_EVERY == 0;
    if (code != SQLITE_DONE ||
        (turn && sqlite3_exec(export->db, "COMMIT;BEGIN", NULL, NULL, NULL) != SQLITE_OK)) {
        return sql_failed(export, error);
    }
    return WR_OK;
}

/* The file is new and empty: SQLite makes a database of it. */
static wr_err open_sql(struct wr_journal_export *export, struct wr_error *error)
{
    fclose(export->out);
    export->out = NULL;
    int code = sqlite3_open_v2(export->path, &export->db, SQLITE_OPEN_READWRITE, NULL);
    code = code != SQLITE_OK ? code : sqlite3_exec(export->db, schema, NULL, NULL, NULL);
    code = code != SQLITE_OK
               ? code
               : sqlite3_prepare_v2(export->db,
                                    "INSERT INTO entries VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)", -1,
                                    &export->insert, NULL);
    return code == SQLITE_OK ? WR_OK : sql_failed(export, error);
}

/* ── all ────────────────────────────────────────────────────────────────────────────────────── */
static wr_err make_file(struct wr_journal_export *export, struct wr_error *error)
{
    export->out = fopen(export->path, "wxe");
    if (export->out != NULL) {
        return WR_OK;
    }
    return errno == EEXIST
               ? wr_fail(error, WR_E_IO,
                         "%s is there already, and an export writes over nothing: move it away, "
                         "or name a new file with --output",
                         export->path)
               : wr_fail(error, WR_E_IO, "%s: %s", export->path, strerror(errno));
}

wr_err wr_journal_export_open(struct wr_arena *arena, const char *format, const char *path,
                              struct wr_journal_export **out, struct wr_error *error)
{
    static const char *const names[] = {"jsonl", "csv", "sqlite"};
    struct wr_journal_export *export = WR_NEW(arena, struct wr_journal_export);
    size_t i = 0;
    while (i < WR_COUNTOF(names) && strcmp(names[i], format) != 0) {
        i++;
    }
    if (i == WR_COUNTOF(names)) {
        return wr_fail(error, WR_E_USAGE, "--format wants jsonl, csv or sqlite, not %s", format);
    }
    if (i == FORMAT_SQLITE && path == NULL) {
        return wr_fail(error, WR_E_USAGE, "--format sqlite needs a new file: --output FILE");
    }
    if (export == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for an export");
    }
    export->format = (enum format)i;
    export->path = path;
    export->out = stdout;
    wr_arena_init(&export->scratch, &wr_heap, WR_GIB(1));
    *out = export;
    wr_err err = path != NULL ? make_file(export, error) : WR_OK;
    if (err == WR_OK && export->format == FORMAT_SQLITE) {
        err = open_sql(export, error);
    } else if (err == WR_OK && export->format == FORMAT_CSV) {
        fputs(csv_header, export->out);
    }
    return err;
}

wr_err wr_journal_export_row(struct wr_journal_export *export, uint64_t sequence,
                             struct wr_str payload, struct wr_error *error)
{
    struct wr_record record;
    (void)sequence;
    wr_err err = wr_record_decode(payload, &record, error);
    if (err == WR_OK && export->format == FORMAT_SQLITE) {
        return write_sql(export, &record, payload, error);
    }
    struct wr_buf buf = wr_buf_in(&export->scratch, payload.n * 2 + 512);
    if (err == WR_OK && export->format == FORMAT_JSONL) {
        write_json(&buf, &record);
    } else if (err == WR_OK) {
        err = write_csv(&export->scratch, &buf, &record, error);
    }
    if (err == WR_OK && (buf.overflow || fwrite(buf.p, 1, buf.n, export->out) != buf.n)) {
        err = wr_fail(error, WR_E_IO, "%s: cannot write",
                      export->path != NULL ? export->path : "standard output");
    }
    wr_arena_reset(&export->scratch);
    return err;
}

wr_err wr_journal_export_close(struct wr_journal_export *export, bool keep, struct wr_error *error)
{
    wr_err err = WR_OK;
    if (export->db != NULL) {
        sqlite3_finalize(export->insert);
        if (keep && sqlite3_exec(export->db, finish, NULL, NULL, NULL) != SQLITE_OK) {
            err = sql_failed(export, error);
        }
        sqlite3_close(export->db);
    }
    if (export->out != NULL) {
        bool closed = fflush(export->out) == 0;
        closed = (export->out == stdout || fclose(export->out) == 0) && closed;
        if (keep && err == WR_OK && !closed) {
            err = wr_fail(error, WR_E_IO, "cannot write: %s", strerror(errno));
        }
    }
    wr_arena_deinit(&export->scratch);
    return err;
}
