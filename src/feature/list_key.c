/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/list_key.h"

#include "base/ip.h"
#include "base/num.h"

enum { BIN_MIN = 4, BIN_MAX = 12, CARD_MAX = 19, TOKEN_BYTES = 16 };

static const char *const names[WR_LIST_MATCHES] = {
    [WR_LIST_EXACT] = "exact", [WR_LIST_PREFIX] = "prefix", [WR_LIST_CIDR] = "cidr",
    [WR_LIST_BIN] = "bin",     [WR_LIST_HASH] = "hash",
};

const char *wr_list_match_name(enum wr_list_match match)
{
    WR_ASSERT((unsigned)match < WR_LIST_MATCHES);
    return names[match];
}

bool wr_list_match_read(struct wr_str name, enum wr_list_match *out)
{
    for (unsigned i = 0; i < WR_LIST_MATCHES; i++) {
        if (wr_str_eq(name, wr_str_z(names[i]))) {
            *out = (enum wr_list_match)i;
            return true;
        }
    }
    return false;
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
static const char *read_text(struct wr_str text, size_t n_max, const char *too_long,
                             struct wr_list_key *out)
{
    if (text.n > n_max) {
        return too_long;
    }
    memcpy(out->bytes, text.p, text.n);
    out->n = text.n;
    return NULL;
}

static const char *read_cidr(struct wr_str text, struct wr_list_key *out)
{
    size_t slash = wr_str_find(text, WR_STR("/"), 0);
    struct wr_str address = wr_str_of(text.p, slash == SIZE_MAX ? text.n : slash);
    struct wr_ip ip;
    if (!wr_ip_read(address, &ip)) {
        return "wanted a network such as 10.0.0.0/8 or 2001:db8::/32";
    }
    bool mapped = ip.is_v4 && wr_str_find(address, WR_STR(":"), 0) != SIZE_MAX;
    uint64_t width = ip.is_v4 ? 32 : 128, bits = width;
    if (slash != SIZE_MAX) {
        struct wr_str digits = wr_str_of(text.p + slash + 1, text.n - slash - 1);
        bool plain = digits.n > 0 && digits.n <= 3 && digits.p[0] >= '0' && digits.p[0] <= '9' &&
                     (digits.n == 1 || digits.p[0] != '0');
        if (mapped || !plain || !wr_num_read_u64(digits, &bits) || bits > width) {
            return "the bits behind the slash are 0 to 32, or 0 to 128 for IPv6";
        }
    }
    struct wr_ip masked = ip;
    wr_ip_mask(&masked, (unsigned)bits);
    if (memcmp(masked.bytes, ip.bytes, sizeof ip.bytes) != 0) {
        return "the address has bits behind its network's";
    }
    out->bytes[0] = ip.is_v4 ? 4 : 6;
    out->bytes[1] = (char)bits;
    out->n = 2 + (ip.is_v4 ? 4 : 16);
    memcpy(out->bytes + 2, ip.bytes, out->n - 2);
    return NULL;
}

static bool read_digits(struct wr_str text, size_t n_min, size_t n_max, uint64_t *out)
{
    if (text.n < n_min || text.n > n_max) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
        *out = *out * 10 + (uint64_t)(text.p[i] - '0');
    }
    return true;
}

static void put_be64(char *out, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (char)(v >> (56 - 8 * i));
    }
}

static uint64_t get_be64(const char *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) {
        v = v << 8 | (uint8_t)p[i];
    }
    return v;
}

static const char *read_bin(struct wr_str text, struct wr_list_key *out)
{
    size_t dash = wr_str_find(text, WR_STR("-"), 0);
    struct wr_str first = wr_str_of(text.p, dash == SIZE_MAX ? text.n : dash);
    struct wr_str last = dash == SIZE_MAX ? first : wr_str_of(text.p + dash + 1, text.n - dash - 1);
    uint64_t low, high;
    if (first.n != last.n || !read_digits(first, BIN_MIN, BIN_MAX, &low) ||
        !read_digits(last, BIN_MIN, BIN_MAX, &high)) {
        return "wanted 4 to 12 digits, or two such numbers of one length with a hyphen between";
    }
    if (low > high) {
        return "the range ends before it begins";
    }
    out->bytes[0] = (char)first.n;
    put_be64(out->bytes + 1, low);
    put_be64(out->bytes + 9, high);
    out->n = 17;
    return NULL;
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *read_token(struct wr_str text, struct wr_list_key *out)
{
    static const char wrong[] = "wanted a card's token: card_ and 32 hexadecimal digits";
    if (text.n != 5 + 2 * TOKEN_BYTES || memcmp(text.p, "card_", 5) != 0) {
        return wrong;
    }
    for (size_t i = 0; i < TOKEN_BYTES; i++) {
        int high = hex_of(text.p[5 + 2 * i]), low = hex_of(text.p[6 + 2 * i]);
        if (high < 0 || low < 0) {
            return wrong;
        }
        out->bytes[i] = (char)(high << 4 | low);
    }
    out->n = TOKEN_BYTES;
    return NULL;
}

const char *wr_list_key_read(enum wr_list_match match, struct wr_str text, struct wr_list_key *out)
{
    if (text.n == 0) {
        return "a value is empty";
    }
    switch (match) {
    case WR_LIST_EXACT:
        return read_text(text, WR_LIMIT_LIST_VALUE, "a value is longer than 512 bytes", out);
    case WR_LIST_PREFIX:
        return read_text(text, WR_LIMIT_LIST_PREFIX, "a prefix is longer than 64 bytes", out);
    case WR_LIST_CIDR:
        return read_cidr(text, out);
    case WR_LIST_BIN:
        return read_bin(text, out);
    case WR_LIST_HASH:
        return read_token(text, out);
    case WR_LIST_MATCHES:
        break;
    }
    WR_UNREACHABLE();
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */
/* RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as "::". */
static void write_v6(const uint8_t *bytes, struct wr_buf *out)
{
    int best = -1, best_n = 1;
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && bytes[2 * (i + n)] == 0 && bytes[2 * (i + n) + 1] == 0) {
            n++;
        }
        if (n > best_n) {
            best = i;
            best_n = n;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            wr_buf_str(out, WR_STR("::"));
            i += best_n - 1;
            continue;
        }
        bool after_gap = best >= 0 && i == best + best_n;
        wr_format(out, i > 0 && !after_gap ? ":%x" : "%x",
                  (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1]);
    }
}

static void write_cidr(struct wr_str key, struct wr_buf *out)
{
    const uint8_t *bytes = (const uint8_t *)key.p;
    WR_ASSERT(key.n == (bytes[0] == 4 ? 6u : 18u));
    if (bytes[0] == 4) {
        wr_format(out, "%u.%u.%u.%u", bytes[2], bytes[3], bytes[4], bytes[5]);
    } else {
        write_v6(bytes + 2, out);
    }
    wr_format(out, "/%u", bytes[1]);
}

static void write_padded(uint64_t v, unsigned digits, struct wr_buf *out)
{
    char room[BIN_MAX];
    WR_ASSERT(digits <= BIN_MAX);
    for (unsigned i = digits; i-- > 0; v /= 10) {
        room[i] = (char)('0' + v % 10);
    }
    wr_buf_add(out, room, digits);
}

static void write_bin(struct wr_str key, struct wr_buf *out)
{
    uint64_t low = get_be64(key.p + 1), high = get_be64(key.p + 9);
    write_padded(low, (uint8_t)key.p[0], out);
    if (low != high) {
        wr_buf_char(out, '-');
        write_padded(high, (uint8_t)key.p[0], out);
    }
}

void wr_list_key_write(enum wr_list_match match, struct wr_str key, struct wr_buf *out)
{
    switch (match) {
    case WR_LIST_EXACT:
    case WR_LIST_PREFIX:
        wr_buf_str(out, key);
        return;
    case WR_LIST_CIDR:
        write_cidr(key, out);
        return;
    case WR_LIST_BIN:
        write_bin(key, out);
        return;
    case WR_LIST_HASH:
        wr_buf_str(out, WR_STR("card_"));
        wr_buf_hex(out, key.p, key.n);
        return;
    case WR_LIST_MATCHES:
        break;
    }
    WR_UNREACHABLE();
}

/* ── beginnings of card numbers ─────────────────────────────────────────────────────────────── */
static void widen(uint64_t low, uint64_t high, size_t digits, uint64_t *first, uint64_t *last)
{
    uint64_t times = 1;
    for (; digits < BIN_MAX; digits++) {
        times *= 10;
    }
    *first = low * times;
    *last = high * times + (times - 1);
}

void wr_list_bin_span(struct wr_str key, uint64_t *first, uint64_t *last)
{
    WR_ASSERT(key.n == 17);
    widen(get_be64(key.p + 1), get_be64(key.p + 9), (uint8_t)key.p[0], first, last);
}

bool wr_list_bin_digits(struct wr_str text, uint64_t *first, uint64_t *last)
{
    uint64_t v;
    if (!read_digits(text, BIN_MIN, CARD_MAX, &v)) {
        return false;
    }
    struct wr_str head = wr_str_of(text.p, WR_MIN(text.n, (size_t)BIN_MAX));
    bool is_number = read_digits(head, BIN_MIN, BIN_MAX, &v);
    WR_ASSERT(is_number);
    widen(v, v, head.n, first, last);
    return true;
}
