/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/go_value.h"
#include "rego/builtin_family.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>

void wr_go_put(struct wr_go_object *object, const char *name, struct wr_value value)
{
    WR_ASSERT(object->n < WR_GO_FIELDS);
    object->pairs[object->n++] = (struct wr_pair){wr_string(wr_str_z(name)), value};
}

struct wr_value wr_go_end(struct wr_arena *arena, struct wr_go_object *object)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, object->n);
    if (pairs == NULL) {
        return wr_null();
    }
    memcpy(pairs, object->pairs, object->n * sizeof *pairs);
    return wr_object_from(pairs, object->n);
}

void wr_go_add(struct wr_arena *arena, struct wr_go_list *list, struct wr_value value)
{
    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? 4 : list->cap * 2;
        struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, cap);
        if (items == NULL) {
            return;
        }
        if (list->n > 0) {
            memcpy(items, list->items, list->n * sizeof *items);
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->n++] = value;
}

struct wr_value wr_go_list_end(const struct wr_go_list *list)
{
    return list->n == 0 ? wr_null() : wr_array(list->items, list->n);
}

static struct wr_value text_of(const struct wr_buf *buf)
{
    return buf->overflow ? wr_null() : wr_string(wr_buf_view(buf));
}

struct wr_value wr_go_text(struct wr_arena *arena, struct wr_str text)
{
    struct wr_buf buf = wr_buf_in(arena, text.n + 1);
    for (size_t at = 0; at < text.n;) {
        uint32_t rune;
        unsigned n = wr_utf8_decode(text.p + at, text.n - at, &rune);
        if (n == 0) {
            wr_buf_str(&buf, WR_STR("\xef\xbf\xbd"));
            at++;
        } else {
            wr_buf_add(&buf, text.p + at, n);
            at += n;
        }
    }
    return text_of(&buf);
}

struct wr_value wr_go_base64(struct wr_arena *arena, struct wr_str bytes)
{
    struct wr_buf buf = wr_buf_in(arena, bytes.n / 3 * 4 + 8);
    wr_base64_write(&buf, bytes, false, true);
    return text_of(&buf);
}

struct wr_value wr_go_base64url(struct wr_arena *arena, struct wr_str bytes)
{
    struct wr_buf buf = wr_buf_in(arena, bytes.n / 3 * 4 + 8);
    wr_base64_write(&buf, bytes, true, false);
    return text_of(&buf);
}

static struct wr_value number_of(struct wr_arena *arena, const BIGNUM *number)
{
    struct wr_value value = wr_null();
    char *digits = number == NULL ? NULL : BN_bn2dec(number);
    if (digits == NULL) {
        arena->failed = true;
        return value;
    }
    struct wr_str text = wr_str_copy(arena, wr_str_z(digits));
    if (text.p != NULL) {
        value = wr_number_text(text);
    }
    OPENSSL_free(digits);
    return value;
}

struct wr_value wr_go_unsigned(struct wr_arena *arena, struct wr_str bytes)
{
    BIGNUM *number =
        bytes.n > INT32_MAX ? NULL : BN_bin2bn((const uint8_t *)bytes.p, (int)bytes.n, NULL);
    struct wr_value value = number_of(arena, number);
    BN_free(number);
    return value;
}

struct wr_value wr_go_signed(struct wr_arena *arena, struct wr_der bytes)
{
    if (bytes.n == 0 || bytes.p[0] < 0x80) {
        return wr_go_unsigned(arena, wr_der_str(bytes));
    }
    /* -x = value - 2^(8n) */
    BIGNUM *number = bytes.n > INT32_MAX ? NULL : BN_bin2bn(bytes.p, (int)bytes.n, NULL);
    BIGNUM *power = BN_new();
    bool ok = number != NULL && power != NULL && BN_set_bit(power, (int)(bytes.n * 8)) == 1 &&
              BN_sub(number, number, power) == 1;
    struct wr_value value = number_of(arena, ok ? number : NULL);
    BN_free(number);
    BN_free(power);
    return value;
}

struct wr_value wr_go_oid(struct wr_arena *arena, struct wr_der oid)
{
    struct wr_go_list list = {0};
    size_t at = 0;
    unsigned index = 0;
    uint32_t arc;
    bool ok = true;
    while (wr_der_oid_arc(oid, &at, &index, &arc, &ok)) {
        wr_go_add(arena, &list, wr_int(arc));
    }
    return wr_go_list_end(&list);
}

/* RFC 5952: the longest run of at least two zero groups, the first of equals, becomes "::". */
static void write_ip6(struct wr_buf *buf, const uint8_t *p)
{
    unsigned best = 8, best_n = 1;
    for (unsigned i = 0, n; i < 8; i += n + 1) {
        for (n = 0; i + n < 8 && p[2 * (i + n)] == 0 && p[2 * (i + n) + 1] == 0; n++) {
        }
        if (n > best_n) {
            best = i;
            best_n = n;
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        if (i == best) {
            wr_buf_str(buf, WR_STR("::"));
            i += best_n - 1;
            continue;
        }
        if (i > 0 && i != best + best_n) {
            wr_buf_char(buf, ':');
        }
        wr_format(buf, "%x", (unsigned)p[2 * i] << 8 | p[2 * i + 1]);
    }
}

struct wr_value wr_go_ip(struct wr_arena *arena, struct wr_str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    struct wr_buf buf = wr_buf_in(arena, 48);
    if (bytes.n == 16 && memcmp(p, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
        p += 12;
        bytes.n = 4;
    }
    if (bytes.n == 4) {
        wr_format(&buf, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
    } else if (bytes.n == 16) {
        write_ip6(&buf, p);
    } else {
        wr_buf_char(&buf, '?');
        wr_buf_hex(&buf, p, bytes.n);
    }
    return text_of(&buf);
}
