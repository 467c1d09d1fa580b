/* SPDX-License-Identifier: Apache-2.0 */
/* Heads that repeat. What was found in one head is what stands in another of the same bytes, at the
 * same places; the digits of Content-Length may differ where their number does not. So the strict
 * reader has read every head that is taken here, but for those digits. */
#include "wire/h1.h"

static struct wr_h1_span span(const char *base, struct wr_str s)
{
    return s.p == NULL ? (struct wr_h1_span){0, 0}
                       : (struct wr_h1_span){(uint16_t)(s.p - base), (uint16_t)s.n};
}

/* Nothing begins at the first byte of a head but the method. */
static struct wr_str view(const char *base, struct wr_h1_span s)
{
    return s.at == 0 ? (struct wr_str){0} : wr_str_of(base + s.at, s.n);
}

/* Which of the known fields has its value there; WR_H1_KNOWN_COUNT: none. */
static uint8_t known_at(const struct wr_h1_head *head, const char *value)
{
    uint8_t known = 0;
    while (known < WR_H1_KNOWN_COUNT && head->known[known].p != value) {
        known++;
    }
    return known;
}

void wr_h1_keep(struct wr_h1_pattern *pattern, const char *bytes, size_t n,
                const struct wr_h1_head *head)
{
    enum { DIGITS_MAX = 18 }; /* more could overflow */
    struct wr_str digits = head->known[WR_H1_CONTENT_LENGTH];
    pattern->n = 0;
    if (n > sizeof pattern->bytes || head->n_fields > WR_LIMIT_H1_PATTERN_FIELDS || head->chunked ||
        head->expect_continue || digits.n > DIGITS_MAX || head->target.p[0] != '/') {
        return;
    }
    memcpy(pattern->bytes, bytes, n);
    pattern->n = (uint16_t)n;
    pattern->digits_at = (uint16_t)(digits.p != NULL ? (size_t)(digits.p - bytes) : n);
    pattern->digits_n = (uint16_t)digits.n;
    pattern->method = (uint8_t)head->method;
    pattern->minor = head->minor;
    pattern->keep_alive = head->keep_alive;
    pattern->n_fields = (uint8_t)head->n_fields;
    pattern->target = span(bytes, head->target);
    pattern->path = span(bytes, head->path);
    pattern->query = span(bytes, head->query);
    for (uint32_t i = 0; i < head->n_fields; i++) {
        pattern->names[i] = span(bytes, head->fields[i].name);
        pattern->values[i] = span(bytes, head->fields[i].value);
        pattern->known[i] = known_at(head, head->fields[i].value.p);
    }
}

static bool read_digits(const char *digits, size_t n, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t digit = (uint32_t)(uint8_t)digits[i] - '0';
        if (digit > 9) {
            return false;
        }
        *value = *value * 10 + digit;
    }
    return true;
}

bool wr_h1_repeats(const struct wr_h1_pattern *pattern, uint64_t body_max, struct wr_str bytes,
                   struct wr_h1_head *head)
{
    uint64_t length;
    size_t at = pattern->digits_at, behind = at + pattern->digits_n;
    if (pattern->n == 0 || bytes.n < pattern->n || !wr_bytes_eq(bytes.p, pattern->bytes, at) ||
        !wr_bytes_eq(bytes.p + behind, pattern->bytes + behind, pattern->n - behind) ||
        !read_digits(bytes.p + at, pattern->digits_n, &length) || length > body_max) {
        return false;
    }
    head->method = (enum wr_h1_method)pattern->method;
    head->minor = pattern->minor;
    head->keep_alive = pattern->keep_alive;
    head->chunked = head->expect_continue = false;
    head->has_length = pattern->digits_n != 0;
    head->content_length = length;
    return true;
}

void wr_h1_recall(const struct wr_h1_pattern *pattern, const char *bytes, struct wr_h1_head *head)
{
    head->target = view(bytes, pattern->target);
    head->path = view(bytes, pattern->path);
    head->query = view(bytes, pattern->query);
    memset(head->known, 0, sizeof head->known);
    head->n_fields = pattern->n_fields;
    for (uint32_t i = 0; i < pattern->n_fields; i++) {
        struct wr_str value = view(bytes, pattern->values[i]);
        head->fields[i] = (struct wr_h1_field){view(bytes, pattern->names[i]), value};
        if (pattern->known[i] < WR_H1_KNOWN_COUNT) {
            head->known[pattern->known[i]] = value;
        }
    }
}
