/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

struct wr_str wr_str_z(const char *zero_terminated)
{
    return wr_str_of(zero_terminated, strlen(zero_terminated));
}

int wr_str_cmp(struct wr_str a, struct wr_str b)
{
    size_t n = WR_MIN(a.n, b.n);
    int order = n == 0 ? 0 : memcmp(a.p, b.p, n);
    if (order != 0) {
        return order;
    }
    return (a.n > b.n) - (a.n < b.n);
}

bool wr_str_starts(struct wr_str s, struct wr_str prefix)
{
    return s.n >= prefix.n && wr_str_eq(wr_str_of(s.p, prefix.n), prefix);
}

bool wr_str_ends(struct wr_str s, struct wr_str suffix)
{
    return s.n >= suffix.n && wr_str_eq(wr_str_of(s.p + (s.n - suffix.n), suffix.n), suffix);
}

size_t wr_str_find(struct wr_str s, struct wr_str needle, size_t from)
{
    if (needle.n > s.n || from > s.n - needle.n) {
        return SIZE_MAX;
    }
    if (needle.n == 0) {
        return from;
    }
    for (size_t i = from; i <= s.n - needle.n; i++) {
        if (s.p[i] == needle.p[0] && memcmp(s.p + i, needle.p, needle.n) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

struct wr_str wr_str_copy(struct wr_arena *arena, struct wr_str s)
{
    char *copy = wr_arena_alloc(arena, s.n + 1, 1);
    if (copy == NULL) {
        return (struct wr_str){0};
    }
    if (s.n != 0) {
        memcpy(copy, s.p, s.n);
    }
    copy[s.n] = '\0';
    return wr_str_of(copy, s.n);
}

struct wr_buf wr_buf_fixed(void *room, size_t cap)
{
    return (struct wr_buf){.p = room, .cap = cap};
}

struct wr_buf wr_buf_in(struct wr_arena *arena, size_t first_cap)
{
    struct wr_buf buf = {.arena = arena};
    buf.p = wr_arena_alloc(arena, first_cap, 1);
    buf.cap = buf.p != NULL ? first_cap : 0;
    buf.overflow = buf.p == NULL;
    return buf;
}

static bool grow(struct wr_buf *buf, size_t n)
{
    enum { ALIGNED_FROM = 1 << 16 };
    if (buf->arena == NULL || n > SIZE_MAX / 4 || buf->cap > SIZE_MAX / 4) {
        return false;
    }
    size_t cap = WR_MAX(buf->cap * 2, buf->n + n);
    /* A large one may become a module: aligned, it can be opened where it lies. */
    char *p = wr_arena_alloc(buf->arena, cap, cap >= ALIGNED_FROM ? 64 : 1);
    if (p == NULL) {
        return false;
    }
    if (buf->n != 0) {
        memcpy(p, buf->p, buf->n);
    }
    buf->p = p;
    buf->cap = cap;
    return true;
}

char *wr_buf_reserve(struct wr_buf *buf, size_t n)
{
    if (buf->overflow || (n > buf->cap - buf->n && !grow(buf, n))) {
        buf->overflow = true;
        return NULL;
    }
    return buf->p + buf->n;
}

void wr_buf_add_slowly(struct wr_buf *buf, const void *bytes, size_t n)
{
    if (!buf->overflow && buf->arena == NULL && n > buf->cap - buf->n) { /* keep what fits */
        size_t room = buf->cap - buf->n;
        if (room != 0) {
            memcpy(buf->p + buf->n, bytes, room);
        }
        buf->n = buf->cap;
        buf->overflow = true;
        return;
    }
    char *at = wr_buf_reserve(buf, n);
    if (at != NULL && n != 0) {
        memcpy(at, bytes, n);
        buf->n += n;
    }
}

static void add_number(struct wr_buf *buf, uint64_t v, unsigned radix, unsigned width, char pad,
                       bool negative)
{
    char text[72];
    size_t at = sizeof text;
    do {
        text[--at] = "0123456789abcdef"[v % radix];
        v /= radix;
    } while (v != 0);
    if (negative && pad != '0') {
        text[--at] = '-';
        negative = false;
    }
    width = WR_MIN(width, 40U);
    while (sizeof text - at + (negative ? 1 : 0) < width) {
        text[--at] = pad;
    }
    if (negative) {
        text[--at] = '-';
    }
    wr_buf_add(buf, text + at, sizeof text - at);
}

/* Eight digits at a time: none of their four pairs waits for another. */
char *wr_digits_before(char *end, uint64_t v)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    for (; v >= 100000000; v /= 100000000) {
        uint32_t eight = (uint32_t)(v % 100000000), high = eight / 10000, low = eight % 10000;
        end -= 8;
        memcpy(end, pairs + 2 * (high / 100), 2);
        memcpy(end + 2, pairs + 2 * (high % 100), 2);
        memcpy(end + 4, pairs + 2 * (low / 100), 2);
        memcpy(end + 6, pairs + 2 * (low % 100), 2);
    }
    uint32_t rest = (uint32_t)v;
    for (; rest >= 100; rest /= 100) {
        end -= 2;
        memcpy(end, pairs + 2 * (rest % 100), 2);
    }
    if (rest >= 10) {
        end -= 2;
        memcpy(end, pairs + 2 * rest, 2);
    } else if (rest != 0) {
        *--end = (char)('0' + rest);
    }
    return end;
}

void wr_buf_u64(struct wr_buf *buf, uint64_t v)
{
    char room[20], *end = room + sizeof room, *at = wr_digits_before(end, v);
    if (v == 0) {
        *--at = '0';
    }
    wr_buf_add(buf, at, (size_t)(end - at));
}

void wr_buf_i64(struct wr_buf *buf, int64_t v)
{
    add_number(buf, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, 0, ' ', v < 0);
}

void wr_buf_hex(struct wr_buf *buf, const void *bytes, size_t n)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < n; i++) {
        wr_buf_char(buf, "0123456789abcdef"[b[i] >> 4]);
        wr_buf_char(buf, "0123456789abcdef"[b[i] & 15]);
    }
}

struct spec {
    bool has_precision;
    char pad;
    unsigned width, longs; /* longs: 0 int, 1 long, 2 long long, 3 size_t */
    int precision;
};

static const char *read_spec(const char *f, struct spec *spec, va_list *args)
{
    *spec = (struct spec){.pad = ' '};
    if (*f == '0') {
        spec->pad = '0';
        f++;
    }
    while (*f >= '0' && *f <= '9') {
        spec->width = spec->width * 10 + (unsigned)(*f++ - '0');
    }
    if (f[0] == '.' && f[1] == '*') {
        spec->has_precision = true;
        spec->precision = va_arg(*args, int);
        f += 2;
    }
    while (*f == 'l') {
        spec->longs++;
        f++;
    }
    if (*f == 'z') {
        spec->longs = 3;
        f++;
    }
    return f;
}

static void add_signed(struct wr_buf *buf, const struct spec *spec, va_list *args)
{
    int64_t v = spec->longs == 0   ? va_arg(*args, int)
                : spec->longs == 1 ? va_arg(*args, long)
                                   : va_arg(*args, long long);
    add_number(buf, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, spec->width, spec->pad, v < 0);
}

static void add_unsigned(struct wr_buf *buf, const struct spec *spec, unsigned radix, va_list *args)
{
    uint64_t v = spec->longs == 0   ? va_arg(*args, unsigned)
                 : spec->longs == 1 ? va_arg(*args, unsigned long)
                 : spec->longs == 3 ? va_arg(*args, size_t)
                                    : va_arg(*args, unsigned long long);
    add_number(buf, v, radix, spec->width, spec->pad, false);
}

static void add_text(struct wr_buf *buf, const struct spec *spec, const char *text)
{
    text = text != NULL ? text : "(null)";
    size_t n = spec->has_precision ? (size_t)WR_MAX(spec->precision, 0) : strlen(text);
    wr_buf_add(buf, text, n);
}

static void add_upper_hex(struct wr_buf *buf, const struct spec *spec, va_list *args)
{
    size_t from = buf->n;
    add_unsigned(buf, spec, 16, args);
    for (size_t i = from; i < buf->n; i++) {
        if (buf->p[i] >= 'a' && buf->p[i] <= 'f') {
            buf->p[i] = (char)(buf->p[i] - 'a' + 'A');
        }
    }
}

static void add_conversion(struct wr_buf *buf, char kind, const struct spec *spec, va_list *args)
{
    switch (kind) {
    case 's':
        add_text(buf, spec, va_arg(*args, const char *));
        break;
    case 'c':
        wr_buf_char(buf, (char)va_arg(*args, int));
        break;
    case 'd':
    case 'i':
        add_signed(buf, spec, args);
        break;
    case 'u':
        add_unsigned(buf, spec, 10, args);
        break;
    case 'x':
        add_unsigned(buf, spec, 16, args);
        break;
    case 'X':
        add_upper_hex(buf, spec, args);
        break;
    case '%':
        wr_buf_char(buf, '%');
        break;
    default:
        WR_UNREACHABLE();
    }
}

void wr_vformat(struct wr_buf *buf, const char *format, va_list args)
{
    va_list rest;
    va_copy(rest, args);
    for (const char *f = format; *f != '\0'; f++) {
        if (*f != '%') {
            wr_buf_char(buf, *f);
            continue;
        }
        struct spec spec;
        f = read_spec(f + 1, &spec, &rest);
        add_conversion(buf, *f, &spec, &rest);
    }
    va_end(rest);
}

void wr_format(struct wr_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    wr_vformat(buf, format, args);
    va_end(args);
}

uint16_t wr_get16(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] | b[1] << 8);
}

uint32_t wr_get32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)wr_get16(b) | (uint32_t)wr_get16(b + 2) << 16;
}

uint64_t wr_get64(const void *p)
{
    const uint8_t *b = p;
    return (uint64_t)wr_get32(b) | (uint64_t)wr_get32(b + 4) << 32;
}

void wr_put16(void *p, uint16_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)v;
    b[1] = (uint8_t)(v >> 8);
}

void wr_put32(void *p, uint32_t v)
{
    uint8_t *b = p;
    wr_put16(b, (uint16_t)v);
    wr_put16(b + 2, (uint16_t)(v >> 16));
}

void wr_put64(void *p, uint64_t v)
{
    uint8_t *b = p;
    wr_put32(b, (uint32_t)v);
    wr_put32(b + 4, (uint32_t)(v >> 32));
}

static bool is_tail(char c)
{
    return ((uint8_t)c & 0xC0) == 0x80;
}

unsigned wr_utf8_decode(const char *p, size_t n, uint32_t *code_point)
{
    if (n == 0) {
        return 0;
    }
    uint8_t lead = (uint8_t)p[0];
    if (lead < 0x80) {
        *code_point = lead;
        return 1;
    }
    unsigned length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || n < length) {
        return 0;
    }
    uint32_t code = lead & (0xFFU >> (length + 1));
    for (unsigned i = 1; i < length; i++) {
        if (!is_tail(p[i])) {
            return 0;
        }
        code = code << 6 | ((uint8_t)p[i] & 0x3F);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return 0;
    }
    *code_point = code;
    return length;
}

unsigned wr_utf8_encode(uint32_t c, char out[4])
{
    WR_ASSERT(c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF));
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    unsigned length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (unsigned i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    static const uint8_t lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(lead[length] | c);
    return length;
}

size_t wr_utf8_invalid_at(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        if ((uint8_t)p[i] < 0x80) {
            i++;
            continue;
        }
        uint32_t code_point;
        unsigned length = wr_utf8_decode(p + i, n - i, &code_point);
        if (length == 0) {
            return i;
        }
        i += length;
    }
    return n;
}

size_t wr_utf8_count(const char *p, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += !is_tail(p[i]);
    }
    return count;
}
