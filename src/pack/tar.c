/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/tar.h"

/* Offsets and sizes of header fields: POSIX.1-1988 (ustar), pax: POSIX.1-2001. */
enum {
    BLOCK = 512,
    NAME_AT = 0,
    NAME_SIZE = 100,
    MODE_AT = 100,
    SIZE_AT = 124,
    SIZE_SIZE = 12,
    SUM_AT = 148,
    SUM_SIZE = 8,
    TYPE_AT = 156,
    MAGIC_AT = 257,
    PREFIX_AT = 345,
    PREFIX_SIZE = 155,
};

struct reader {
    struct wr_arena *arena;
    struct wr_str archive;
    size_t at;               /* of the header in hand */
    struct wr_str long_name; /* from a pax or GNU header before it; .p NULL when none */
    struct wr_pack_file *files;
    size_t n, cap;
    uint64_t bytes;
    struct wr_error *error;
};

static wr_err refuse(struct reader *r, const char *what)
{
    return wr_fail_at(r->error, WR_E_PACK, r->at, "the archive is refused: %s", what);
}

static bool read_octal(const uint8_t *field, size_t n, uint64_t *out)
{
    size_t i = 0;
    uint64_t value = 0;
    while (i < n && field[i] == ' ') {
        i++;
    }
    size_t first = i;
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++) {
        value = value * 8 + (uint64_t)(field[i] - '0');
    }
    *out = value;
    return i > first && (i == n || field[i] == ' ' || field[i] == 0);
}

static wr_err check_sum(struct reader *r, const uint8_t *head)
{
    uint64_t want, sum = 0;
    if (!read_octal(head + SUM_AT, SUM_SIZE, &want)) {
        return refuse(r, "a header has no checksum");
    }
    for (size_t i = 0; i < BLOCK; i++) {
        bool of_sum = i >= SUM_AT && i < SUM_AT + SUM_SIZE;
        sum += of_sum ? (uint64_t)' ' : head[i];
    }
    return sum == want ? WR_OK : refuse(r, "a header's checksum is wrong");
}

static struct wr_str field_text(const uint8_t *field, size_t n)
{
    size_t used = 0;
    while (used < n && field[used] != 0) {
        used++;
    }
    return wr_str_of((const char *)field, used);
}

/* Joins prefix and name; without a prefix the name is borrowed. */
static wr_err header_path(struct reader *r, const uint8_t *head, struct wr_str *path)
{
    if (r->long_name.p != NULL) {
        *path = r->long_name;
        r->long_name = (struct wr_str){NULL, 0};
        return WR_OK;
    }
    struct wr_str name = field_text(head + NAME_AT, NAME_SIZE);
    bool ustar = memcmp(head + MAGIC_AT, "ustar", 5) == 0 && head[MAGIC_AT + 5] == 0;
    struct wr_str prefix = ustar ? field_text(head + PREFIX_AT, PREFIX_SIZE) : WR_STR("");
    if (prefix.n == 0) {
        *path = name;
        return WR_OK;
    }
    char *text = wr_arena_alloc(r->arena, prefix.n + 1 + name.n, 1);
    if (text == NULL) {
        return wr_fail(r->error, WR_E_MEMORY, "no room for the names of an archive");
    }
    memcpy(text, prefix.p, prefix.n);
    text[prefix.n] = '/';
    memcpy(text + prefix.n + 1, name.p, name.n);
    *path = wr_str_of(text, prefix.n + 1 + name.n);
    return WR_OK;
}

/* Drops "./" and one leading "/" (OPA writes "/policy.rego"), and checks each part. */
static wr_err clean_path(struct reader *r, struct wr_str *path)
{
    if (wr_str_starts(*path, WR_STR("./"))) {
        *path = wr_str_of(path->p + 2, path->n - 2);
    } else if (wr_str_starts(*path, WR_STR("/"))) {
        *path = wr_str_of(path->p + 1, path->n - 1);
    }
    if (path->n == 0 || path->n > WR_LIMIT_PACK_PATH) {
        return refuse(r, "a path is empty or too long");
    }
    for (size_t start = 0; start <= path->n;) {
        size_t end = wr_str_find(*path, WR_STR("/"), start);
        end = end == SIZE_MAX ? path->n : end;
        struct wr_str part = wr_str_of(path->p + start, end - start);
        if (part.n == 0 || wr_str_eq(part, WR_STR(".")) || wr_str_eq(part, WR_STR("..")) ||
            wr_utf8_invalid_at(part.p, part.n) != part.n || memchr(part.p, '\\', part.n) != NULL) {
            return refuse(r, "a path leaves the pack or is not plain");
        }
        start = end + 1;
    }
    return WR_OK;
}

static wr_err add_file(struct reader *r, struct wr_str path, struct wr_str bytes)
{
    wr_err err = clean_path(r, &path);
    if (err != WR_OK) {
        return err;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (wr_str_eq(r->files[i].path, path)) {
            return refuse(r, "a file stands in it twice");
        }
    }
    r->bytes += bytes.n;
    if (r->n == WR_LIMIT_PACK_FILES || r->bytes > WR_LIMIT_PACK_SIZE) {
        return wr_fail_at(r->error, WR_E_LIMIT, r->at,
                          "the archive has more than %d files or %u bytes", WR_LIMIT_PACK_FILES,
                          WR_LIMIT_PACK_SIZE);
    }
    if (r->n == r->cap) {
        size_t cap = WR_MAX(r->cap * 2, (size_t)32);
        struct wr_pack_file *files = WR_NEW_ARRAY(r->arena, struct wr_pack_file, cap);
        if (files == NULL) {
            return wr_fail(r->error, WR_E_MEMORY, "no room for the list of an archive's files");
        }
        if (r->n != 0) {
            memcpy(files, r->files, r->n * sizeof *files);
        }
        r->files = files;
        r->cap = cap;
    }
    r->files[r->n++] = (struct wr_pack_file){path, bytes};
    return WR_OK;
}

/* A pax record is "LENGTH key=value\n", LENGTH counting all of it. Only `path` concerns us; `size`
 * would make this reader and others see different files, so it is refused. */
/* The decimal number before a pax record's blank; 0 when there is none. */
static size_t pax_length(struct wr_str text, size_t at, size_t *blank)
{
    size_t n = 0;
    for (*blank = at; *blank < text.n && *blank < at + 8; (*blank)++) {
        char c = text.p[*blank];
        if (c == ' ') {
            return n;
        }
        if (c < '0' || c > '9') {
            return 0;
        }
        n = n * 10 + (size_t)(c - '0');
    }
    return 0;
}

static wr_err read_pax(struct reader *r, struct wr_str text)
{
    size_t at = 0, blank;
    while (at < text.n) {
        size_t n = pax_length(text, at, &blank);
        if (n > text.n - at || at + n <= blank + 1 || text.p[at + n - 1] != '\n') {
            return refuse(r, "a pax header is malformed");
        }
        struct wr_str record = wr_str_of(text.p + blank + 1, at + n - blank - 2);
        if (wr_str_starts(record, WR_STR("path="))) {
            r->long_name = wr_str_of(record.p + 5, record.n - 5);
        } else if (wr_str_starts(record, WR_STR("size=")) ||
                   wr_str_starts(record, WR_STR("GNU.sparse"))) {
            return refuse(r, "a pax header changes a file's size");
        }
        at += n;
    }
    return WR_OK;
}

static wr_err read_entry(struct reader *r, const uint8_t *head, struct wr_str bytes)
{
    struct wr_str path = {NULL, 0};
    wr_err err;
    switch (head[TYPE_AT]) {
    case 0:
    case '0':
        err = header_path(r, head, &path);
        return err != WR_OK ? err : add_file(r, path, bytes);
    case '5':
        r->long_name = (struct wr_str){NULL, 0};
        return bytes.n == 0 ? WR_OK : refuse(r, "a directory with content");
    case 'L':
        r->long_name = field_text((const uint8_t *)bytes.p, bytes.n);
        return WR_OK;
    case 'x':
        return read_pax(r, bytes);
    case 'g': /* global comments, as `git archive` writes them */
        return WR_OK;
    default:
        return refuse(r, "it holds something that is not a plain file (a link or a device)");
    }
}

static bool all_zero(const uint8_t *block)
{
    for (size_t i = 0; i < BLOCK; i++) {
        if (block[i] != 0) {
            return false;
        }
    }
    return true;
}

wr_err wr_tar_read(struct wr_arena *arena, struct wr_str archive, const struct wr_pack_file **files,
                   size_t *n, struct wr_error *error)
{
    struct reader r = {.arena = arena, .archive = archive, .error = error};
    for (;;) {
        if (archive.n - r.at < BLOCK) {
            return refuse(&r, "it ends without its closing block");
        }
        const uint8_t *head = (const uint8_t *)archive.p + r.at;
        if (all_zero(head)) {
            break;
        }
        uint64_t size;
        wr_err err = check_sum(&r, head);
        if (err != WR_OK) {
            return err;
        }
        if (!read_octal(head + SIZE_AT, SIZE_SIZE, &size) || size > archive.n - r.at - BLOCK) {
            return refuse(&r, "a file's size is malformed or past the end");
        }
        err = read_entry(&r, head, wr_str_of((const char *)head + BLOCK, (size_t)size));
        if (err != WR_OK) {
            return err;
        }
        size_t padded = ((size_t)size + BLOCK - 1) / BLOCK * BLOCK;
        r.at += BLOCK + WR_MIN(padded, archive.n - r.at - BLOCK);
    }
    *files = r.files;
    *n = r.n;
    return WR_OK;
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */
static void put_octal(uint8_t *field, size_t digits, uint64_t value)
{
    for (size_t i = digits; i-- > 0; value >>= 3) {
        field[i] = (uint8_t)('0' + (value & 7));
    }
}

/* A name over 100 bytes is cut at a '/' into prefix and name. */
static bool put_name(uint8_t *head, struct wr_str path)
{
    if (path.n <= NAME_SIZE) {
        memcpy(head + NAME_AT, path.p, path.n);
        return true;
    }
    for (size_t cut = path.n - NAME_SIZE - 1; cut < path.n && cut <= PREFIX_SIZE; cut++) {
        if (path.p[cut] == '/') {
            memcpy(head + PREFIX_AT, path.p, cut);
            memcpy(head + NAME_AT, path.p + cut + 1, path.n - cut - 1);
            return true;
        }
    }
    return false;
}

wr_err wr_tar_write(struct wr_buf *out, const struct wr_pack_file *files, size_t n,
                    struct wr_error *error)
{
    static const uint8_t zeros[2 * BLOCK];
    for (size_t i = 0; i < n; i++) {
        uint8_t head[BLOCK] = {0};
        uint64_t sum = 0;
        if (!put_name(head, files[i].path)) {
            return wr_fail(error, WR_E_LIMIT, "%.*s: the path is too long for an archive",
                           WR_FMT(files[i].path));
        }
        put_octal(head + MODE_AT, 7, 0644);
        put_octal(head + 108, 7, 0);
        put_octal(head + 116, 7, 0);
        put_octal(head + SIZE_AT, 11, files[i].bytes.n);
        put_octal(head + 136, 11, 0);
        memset(head + SUM_AT, ' ', SUM_SIZE);
        head[TYPE_AT] = '0';
        memcpy(head + MAGIC_AT,
               "ustar\0"
               "00",
               8);
        for (size_t j = 0; j < BLOCK; j++) {
            sum += head[j];
        }
        put_octal(head + SUM_AT, 6, sum);
        head[SUM_AT + 6] = 0;
        wr_buf_add(out, head, BLOCK);
        wr_buf_str(out, files[i].bytes);
        wr_buf_add(out, zeros, (size_t)(-files[i].bytes.n & (BLOCK - 1)));
    }
    wr_buf_add(out, zeros, sizeof zeros);
    return out->overflow ? wr_fail(error, WR_E_MEMORY, "no room for the archive") : WR_OK;
}
