/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/1.1 reader on any bytes. Properties: the same requests, bodies and refusal whole and
 * split, with and without a pattern of the head before; bytes used never exceed bytes given;
 * nothing is read after a refusal; all views lie within the bytes. The first two bytes choose where
 * to split. */
#include "fuzz.h"

#include "wire/h1.h"

struct outcome {
    uint64_t digest; /* of all that a server would see */
    int requests, status;
    const char *why;
};

static void see(struct outcome *o, struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        o->digest = (o->digest ^ (uint8_t)s.p[i]) * 1099511628211U;
    }
    o->digest = (o->digest ^ 0x100) * 1099511628211U;
}

static void see_number(struct outcome *o, uint64_t v)
{
    uint8_t bytes[8];
    wr_put64(bytes, v);
    see(o, wr_str_of((const char *)bytes, sizeof bytes));
}

static void see_head(struct outcome *o, const struct wr_h1_head *h, struct wr_str bytes)
{
    see_number(o, (uint64_t)h->method << 8 | (uint64_t)h->minor << 4 |
                      (uint64_t)h->keep_alive << 3 | (uint64_t)h->chunked << 2 |
                      (uint64_t)h->has_length << 1 | (uint64_t)h->expect_continue);
    see_number(o, h->content_length);
    see(o, h->target);
    see(o, h->path);
    see(o, h->query);
    demand(h->target.p >= bytes.p && h->target.p + h->target.n <= bytes.p + bytes.n);
    demand(h->n_fields <= WR_LIMIT_H1_FIELDS);
    for (uint32_t i = 0; i < h->n_fields; i++) {
        const struct wr_h1_field *f = &h->fields[i];
        demand(f->name.p >= bytes.p && f->value.p + f->value.n <= bytes.p + bytes.n);
        see(o, f->name);
        see(o, f->value);
    }
    for (int i = 0; i < WR_H1_KNOWN_COUNT; i++) {
        see(o, h->known[i]);
    }
}

struct connection {
    struct wr_h1_reader reader;
    struct wr_h1_body body;
    struct wr_h1_head head;
    struct wr_str all;
    size_t start, at;
    bool in_body, closed, keeps;
    struct wr_h1_pattern pattern;
};

static void refuse(struct connection *c, struct outcome *o, int status, const char *why)
{
    demand(status >= 400 && status <= 505 && why != NULL);
    o->status = status;
    o->why = why;
    c->closed = true;
}

/* One step over the bytes up to `given`; false when more are needed. */
static bool step(struct connection *c, size_t given, struct outcome *o)
{
    struct wr_str data;
    size_t used;
    if (!c->in_body) {
        struct wr_str bytes = wr_str_of(c->all.p + c->start, given - c->start);
        enum wr_h1_result result = WR_H1_DONE;
        if (c->keeps && wr_h1_repeats(&c->pattern, WR_LIMIT_H1_BODY, bytes, &c->head)) {
            wr_h1_recall(&c->pattern, bytes.p, &c->head);
            used = c->pattern.n;
        } else {
            result = wr_h1_read(&c->reader, bytes, &c->head, &used);
        }
        demand(used <= bytes.n);
        if (result == WR_H1_BAD) {
            refuse(c, o, c->reader.status, c->reader.why);
        }
        if (result != WR_H1_DONE) {
            return false;
        }
        see_head(o, &c->head, bytes);
        if (c->keeps) {
            wr_h1_keep(&c->pattern, bytes.p, used, &c->head);
        }
        wr_h1_body_init(&c->body, &c->head, 0);
        c->at = c->start + used;
        c->in_body = true;
    }
    struct wr_str bytes = wr_str_of(c->all.p + c->at, given - c->at);
    enum wr_h1_result result = wr_h1_body_read(&c->body, bytes, &data, &used);
    demand(used <= bytes.n && c->body.received <= WR_LIMIT_H1_BODY);
    for (size_t i = 0; i < data.n; i++) {
        o->digest = (o->digest ^ (uint8_t)data.p[i]) * 1099511628211U;
    }
    c->at += used;
    if (result == WR_H1_BAD) {
        refuse(c, o, c->body.status, c->body.why);
        return false;
    }
    if (result == WR_H1_DONE) {
        see_number(o, c->body.received);
        o->requests++;
        c->closed = !c->head.keep_alive;
        c->start = c->at;
        c->in_body = false;
        wr_h1_init(&c->reader, 0);
        return !c->closed;
    }
    return c->at < given;
}

static struct outcome converse(struct wr_str all, size_t head, size_t piece, bool keeps)
{
    static struct connection c;
    struct outcome o = {.digest = 14695981039346656037U};
    c = (struct connection){.all = all, .keeps = keeps};
    wr_h1_init(&c.reader, 0);
    for (size_t given = WR_MIN(head, all.n); !c.closed; given = WR_MIN(given + piece, all.n)) {
        while (!c.closed && step(&c, given, &o)) {
        }
        if (given == all.n) {
            break;
        }
    }
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2) {
        return 0;
    }
    struct wr_str all = wr_str_of((const char *)data + 2, n - 2);
    struct outcome whole = converse(all, all.n, 1, true);
    struct outcome split = converse(all, (size_t)data[0] + 1, (size_t)data[1] + 1, false);
    demand(whole.digest == split.digest && whole.requests == split.requests);
    demand(whole.status == split.status && whole.why == split.why);
    return 0;
}
