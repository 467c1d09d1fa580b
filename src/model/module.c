/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads model modules (module.h). Source: WebAssembly core specification 1.0, chapter 5
 * (binary format). */
#include "model/module.h"
#include "base/hash.h"
#include "model/explain.h"
#include "model/program.h"

#define PAGE           65536u
#define SECTION_CUSTOM 0
#define SECTION_MEMORY 5
#define SECTION_DATA   11
#define SECTION_COUNT  12
#define MARK_VERSION   1u
#define MARK_SIZE      40u /* version, size, digest */
#define LIMIT_SECTIONS 64u
#define LIMIT_SEGMENTS 64u

static const uint8_t kernel[] = {
#include "model/kernel_wasm.inc"
};

#define HEAD_MAX (sizeof kernel + 512)
_Static_assert(HEAD_MAX <= WR_MODULE_HEAD, "the head of a module has no room");

/* ── stepping through sections ──────────────────────────────────────────────────────────────── */
struct cursor {
    const uint8_t *p;
    size_t at, end;
    struct wr_error *error;
    wr_err code;
};

static bool broken(struct cursor *c, size_t at, const char *what)
{
    if (c->code == WR_OK) {
        c->code = wr_fail_at(c->error, WR_E_WASM, at, "not a model module: %s", what);
    }
    return false;
}

static bool take_byte(struct cursor *c, uint8_t *byte)
{
    if (c->at >= c->end) {
        return broken(c, c->at, "it ends too early");
    }
    *byte = c->p[c->at++];
    return true;
}

/* An unsigned LEB128 of at most 5 bytes and 32 bits. */
static bool take_u32(struct cursor *c, uint32_t *value)
{
    size_t from = c->at;
    uint32_t result = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte;
        if (!take_byte(c, &byte)) {
            return false;
        }
        if (shift == 28 && (byte & 0xf0) != 0) {
            return broken(c, from, "a number is longer than 32 bits");
        }
        result |= (uint32_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *value = result;
            return true;
        }
    }
    return broken(c, from, "a number is longer than 32 bits");
}

struct section {
    uint8_t id;
    size_t start; /* of the id */
    size_t at, end;
};

static bool take_section(struct cursor *c, struct section *s)
{
    uint32_t size;
    s->start = c->at;
    if (!take_byte(c, &s->id) || !take_u32(c, &size)) {
        return false;
    }
    if (s->id > SECTION_COUNT) {
        return broken(c, s->start, "a section of unknown kind");
    }
    if (size > c->end - c->at) {
        return broken(c, s->start, "a section is longer than the file");
    }
    s->at = c->at;
    s->end = c->at += size;
    return true;
}

static struct cursor inside(const struct cursor *c, const struct section *s)
{
    return (struct cursor){.p = c->p, .at = s->at, .end = s->end, .error = c->error};
}

static bool take_header(struct cursor *c)
{
    static const uint8_t header[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    if (c->end < 8 || memcmp(c->p, header, 8) != 0) {
        return broken(c, 0, "the header is not that of a WebAssembly module, version 1");
    }
    c->at = 8;
    return true;
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */
static void put_u32(struct wr_buf *out, uint32_t value)
{
    do {
        uint8_t byte = value & 0x7f;
        value >>= 7;
        wr_buf_char(out, (char)(value != 0 ? byte | 0x80 : byte));
    } while (value != 0);
}

/* Always five bytes, so that what follows does not move with the value. */
static void put_wide(struct wr_buf *out, uint32_t value)
{
    for (unsigned i = 0; i < 5; i++, value >>= 7) {
        wr_buf_char(out, (char)((value & 0x7f) | (i < 4 ? 0x80 : 0)));
    }
}

static void put_custom(struct wr_buf *out, struct wr_str name, const void *bytes, size_t n)
{
    wr_buf_char(out, SECTION_CUSTOM);
    put_u32(out, (uint32_t)(1 + name.n + n));
    wr_buf_char(out, (char)name.n);
    wr_buf_str(out, name);
    wr_buf_add(out, bytes, n);
}

static void put_mark(struct wr_buf *out, struct wr_str program)
{
    uint8_t mark[MARK_SIZE];
    wr_put32(mark, MARK_VERSION);
    wr_put32(mark + 4, (uint32_t)program.n);
    wr_sha256_of(program.p, program.n, mark + 8);
    put_custom(out, WR_STR("weir.model"), mark, sizeof mark);
}

/* The kernel's own data segments, without their count. */
struct segments {
    const uint8_t *p;
    size_t n;
    uint32_t count;
};

/* Copies the kernel's sections but for data, with `pages` of memory. */
static struct segments put_kernel(struct wr_buf *out, uint32_t pages)
{
    struct cursor c = {.p = kernel, .at = 8, .end = sizeof kernel};
    struct segments segments = {0};
    struct section s;
    wr_buf_add(out, kernel, 8);
    while (c.at < c.end && take_section(&c, &s)) {
        if (s.id == SECTION_DATA) {
            struct cursor data = inside(&c, &s);
            WR_ASSERT(take_u32(&data, &segments.count));
            segments.p = kernel + data.at;
            segments.n = data.end - data.at;
        } else if (s.id == SECTION_MEMORY) {
            struct wr_buf body;
            char room[8];
            body = wr_buf_fixed(room, sizeof room);
            wr_buf_add(&body, "\1\0", 2); /* one memory, no maximum */
            put_u32(&body, pages);
            wr_buf_char(out, SECTION_MEMORY);
            put_u32(out, (uint32_t)body.n);
            wr_buf_str(out, wr_buf_view(&body));
        } else {
            wr_buf_add(out, kernel + s.start, s.end - s.start);
        }
    }
    WR_ASSERT(c.code == WR_OK);
    return segments;
}

/* All that stands before the held bytes. */
static wr_err put_head(struct wr_buf *out, struct wr_str program, struct wr_str held,
                       struct wr_error *error)
{
    const struct wr_program *p = (const void *)program.p;
    size_t start = out->n;
    uint64_t shift = held.p != program.p ? held.n : 0; /* unpacked behind itself */
    uint64_t pages = (wr_explain_end(p) + shift + PAGE - 1) / PAGE;
    if (pages > 65535) {
        return wr_fail(error, WR_E_LIMIT, "the module would need more than 4 GiB of memory");
    }
    struct segments own = put_kernel(out, (uint32_t)pages);
    put_mark(out, held);
    /* Behind the padding: id, size (5), count (1), own segments, flag, i32.const, end (6), size (5)
     */
    size_t before = out->n - start + 11 + 1 + 5 + 1 + own.n + 6 + 5;
    static const char zeros[64];
    put_custom(out, WR_STR("weir.pad"), zeros, (64 - before % 64) % 64);
    wr_buf_char(out, SECTION_DATA);
    put_wide(out, (uint32_t)(1 + own.n + 6 + 5 + held.n));
    wr_buf_char(out, (char)(own.count + 1));
    wr_buf_add(out, own.p, own.n);
    wr_buf_add(out, "\0\x41\x80\x80\x04\x0b", 6); /* active, at i32.const 65536 */
    put_wide(out, (uint32_t)held.n);
    WR_ASSERT((out->n - start) % 64 == 0 || out->overflow);
    return WR_OK;
}

wr_err wr_module_write(struct wr_str program, struct wr_str held, struct wr_buf *out,
                       struct wr_error *error)
{
    if (wr_buf_reserve(out, held.n + HEAD_MAX) == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for a module of %zu bytes", held.n);
    }
    wr_err err = put_head(out, program, held, error);
    wr_buf_str(out, held);
    return err == WR_OK && out->overflow ? wr_fail(error, WR_E_MEMORY, "no memory for the module")
                                         : err;
}

wr_err wr_module_wrap(struct wr_str program, struct wr_buf *out, struct wr_error *error)
{
    char *room = (char *)(uintptr_t)program.p - WR_MODULE_HEAD;
    struct wr_buf head = wr_buf_fixed(room, WR_MODULE_HEAD);
    wr_err err = put_head(&head, program, program, error);
    if (err != WR_OK) {
        return err;
    }
    WR_ASSERT(out->n == 0 && !head.overflow);
    out->p = (char *)(uintptr_t)program.p - head.n;
    out->n = out->cap = head.n + program.n;
    memmove(out->p, room, head.n);
    return WR_OK;
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
struct reading {
    struct cursor c;
    uint8_t last; /* id of the last section with a fixed place */
    const uint8_t *mark;
    uint32_t pages;
    struct wr_module *module;
    size_t kernel_at; /* how far the code agrees with the kernel of this build */
};

static bool read_custom(struct reading *r, const struct section *s)
{
    struct cursor c = inside(&r->c, s);
    uint32_t n;
    if (!take_u32(&c, &n) || n > c.end - c.at ||
        wr_utf8_invalid_at((const char *)c.p + c.at, n) != n) {
        return broken(&r->c, s->start, "the name of a custom section");
    }
    struct wr_str name = wr_str_of((const char *)c.p + c.at, n);
    if (wr_str_eq(name, WR_STR("weir.model"))) {
        if (r->mark != NULL || c.end - c.at - n != MARK_SIZE ||
            wr_get32(c.p + c.at + n) != MARK_VERSION) {
            return broken(&r->c, s->start, "the section weir.model is of another version");
        }
        r->mark = c.p + c.at + n;
    }
    return true;
}

static bool read_memory(struct reading *r, const struct section *s)
{
    struct cursor c = inside(&r->c, s);
    uint32_t n, flags;
    if (!take_u32(&c, &n) || n != 1 || !take_u32(&c, &flags) || flags != 0 ||
        !take_u32(&c, &r->pages) || r->pages > 65536 || c.at != c.end) {
        return broken(&r->c, s->start, "the memory section");
    }
    return true;
}

/* One active segment: 0, i32.const, address, end, size, bytes. */
static bool read_segment(struct cursor *c, uint32_t *address, struct wr_str *bytes, size_t *at)
{
    uint8_t flag, op, end;
    uint32_t size;
    if (!take_byte(c, &flag) || !take_byte(c, &op) || flag != 0 || op != 0x41 ||
        !take_u32(c, address) || !take_byte(c, &end) || end != 0x0b || !take_u32(c, &size) ||
        size > c->end - c->at) {
        return false;
    }
    *at = c->at;
    *bytes = wr_str_of((const char *)c->p + c->at, size);
    c->at += size;
    return true;
}

static bool read_data(struct reading *r, const struct section *s)
{
    struct cursor c = inside(&r->c, s);
    uint32_t n, address = 0;
    if (!take_u32(&c, &n) || n == 0 || n > LIMIT_SEGMENTS) {
        return broken(&r->c, s->start, "the number of data segments");
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!read_segment(&c, &address, &r->module->program, &r->module->program_at)) {
            return broken(&r->c, c.at, "a data segment");
        }
    }
    if (address != WR_MODULE_BASE || c.at != c.end) {
        return broken(&r->c, s->start, "the last data segment is not a model program");
    }
    return true;
}

static bool read_section(struct reading *r, const struct section *s)
{
    if (s->id == SECTION_CUSTOM) {
        return read_custom(r, s);
    }
    /* The data count section stands before code, though its number is greater. */
    uint8_t place = s->id == SECTION_COUNT ? 10 : s->id >= 10 ? (uint8_t)(s->id + 1) : s->id;
    if (place <= r->last) {
        return broken(&r->c, s->start, "a section is twice or out of order");
    }
    r->last = place;
    if (s->id == SECTION_MEMORY) {
        return read_memory(r, s);
    }
    return s->id == SECTION_DATA ? read_data(r, s) : true;
}

/* Are the sections that hold code those of this build's kernel? */
static bool same_kernel(const uint8_t *bytes, size_t n)
{
    struct cursor a = {.p = kernel, .at = 8, .end = sizeof kernel};
    struct cursor b = {.p = bytes, .at = 8, .end = n};
    struct section s, t;
    while (a.at < a.end && take_section(&a, &s)) {
        if (b.at >= b.end || !take_section(&b, &t)) {
            return false;
        }
        if (s.id == SECTION_DATA) {
            return true;
        }
        if (s.id != t.id || (s.id != SECTION_MEMORY &&
                             !wr_str_eq(wr_str_of((const char *)kernel + s.at, s.end - s.at),
                                        wr_str_of((const char *)bytes + t.at, t.end - t.at)))) {
            return false;
        }
    }
    return true;
}

wr_err wr_module_read(struct wr_str wasm, struct wr_module *module, struct wr_error *error)
{
    *module = (struct wr_module){0};
    struct reading r = {.c = {.p = (const uint8_t *)wasm.p, .end = wasm.n, .error = error},
                        .module = module};
    struct section s;
    if (!take_header(&r.c)) {
        return r.c.code;
    }
    for (uint32_t n = 0; r.c.at < r.c.end; n++) {
        if (n == LIMIT_SECTIONS) {
            broken(&r.c, r.c.at, "more than 64 sections");
            return r.c.code;
        }
        if (!take_section(&r.c, &s) || !read_section(&r, &s)) {
            return r.c.code;
        }
    }
    struct wr_str program = module->program;
    if (r.mark == NULL || program.p == NULL || program.n != wr_get32(r.mark + 4)) {
        broken(&r.c, wasm.n, "there is no section weir.model, or no program of its size");
        return r.c.code;
    }
    if ((uint64_t)r.pages * PAGE < (uint64_t)WR_MODULE_BASE + program.n) {
        broken(&r.c, wasm.n, "its memory is smaller than the program");
        return r.c.code;
    }
    wr_sha256_of(program.p, program.n, module->digest);
    if (memcmp(module->digest, r.mark + 8, 32) != 0) {
        broken(&r.c, module->program_at,
               "the digest of the program is another: bytes were changed");
        return r.c.code;
    }
    module->kernel_known = same_kernel((const uint8_t *)wasm.p, wasm.n);
    return WR_OK;
}
