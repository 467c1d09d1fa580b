/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded reader of UBJSON (ubjson.h). Numbers are big-endian; containers may state their count
 * (#) and the type of their elements ($); an object's keys are lengths and bytes without a marker.
 * Source: the UBJSON specification, draft 12. */
#include "model/ubjson.h"

struct frame {
    bool object, counted;
    char type;      /* of all elements, or 0 */
    uint32_t left;  /* elements to come, when counted */
    uint32_t start; /* of its values on the stack */
};

struct reader {
    struct wr_arena *arena;
    struct wr_error *error;
    const uint8_t *start, *at, *end;
    wr_err code;
    struct frame frames[WR_LIMIT_UBJSON_DEPTH];
    uint32_t depth;
    struct wr_value *stack; /* keys and values of the open containers */
    uint32_t n, cap;
};

static bool fail(struct reader *r, const char *what)
{
    if (r->code == WR_OK) {
        r->code =
            wr_fail_at(r->error, WR_E_MODEL, (uint64_t)(r->at - r->start), "UBJSON: %s", what);
    }
    return false;
}

static bool no_memory(struct reader *r)
{
    if (r->code == WR_OK) {
        r->code = wr_fail(r->error, WR_E_MEMORY, "no memory for a UBJSON document");
    }
    return false;
}

static bool push(struct reader *r, struct wr_value value)
{
    if (r->n == r->cap) {
        uint32_t cap = r->cap == 0 ? 256 : r->cap * 2;
        struct wr_value *more = WR_NEW_ARRAY(r->arena, struct wr_value, cap);
        if (more == NULL) {
            return no_memory(r);
        }
        if (r->n > 0) {
            memcpy(more, r->stack, r->n * sizeof *more);
        }
        r->stack = more;
        r->cap = cap;
    }
    r->stack[r->n++] = value;
    return true;
}

static bool take(struct reader *r, size_t n, const uint8_t **bytes)
{
    if ((size_t)(r->end - r->at) < n) {
        return fail(r, "the document ends too early");
    }
    *bytes = r->at;
    r->at += n;
    return true;
}

static uint64_t big_endian(const uint8_t *p, unsigned n)
{
    uint64_t x = 0;
    for (unsigned i = 0; i < n; i++) {
        x = x << 8 | p[i];
    }
    return x;
}

/* Bytes of a number's payload, or 0. */
static unsigned number_size(char type)
{
    switch (type) {
    case 'i':
    case 'U':
        return 1;
    case 'I':
        return 2;
    case 'l':
    case 'd':
        return 4;
    case 'L':
    case 'D':
        return 8;
    default:
        return 0;
    }
}

static struct wr_value number_of(struct reader *r, char type, const uint8_t *p)
{
    uint64_t bits = big_endian(p, number_size(type));
    uint32_t low = (uint32_t)bits;
    float single;
    double wide;
    switch (type) {
    case 'i':
        return wr_int((int8_t)bits);
    case 'U':
        return wr_int((int64_t)bits);
    case 'I':
        return wr_int((int16_t)bits);
    case 'l':
        return wr_int((int32_t)bits);
    case 'L':
        return wr_int((int64_t)bits);
    case 'd':
        memcpy(&single, &low, sizeof single);
        return wr_number_double(r->arena, (double)single);
    default:
        memcpy(&wide, &bits, sizeof wide);
        return wr_number_double(r->arena, wide);
    }
}

/* A length: a typed non-negative integer below 2^31. */
static bool take_length(struct reader *r, uint32_t *length)
{
    const uint8_t *type, *payload;
    if (!take(r, 1, &type)) {
        return false;
    }
    char marker = (char)*type;
    unsigned size = number_size(marker);
    if (size == 0 || marker == 'd' || marker == 'D' || !take(r, size, &payload)) {
        return fail(r, "a length is no integer");
    }
    struct wr_value value = number_of(r, marker, payload);
    if (value.i < 0 || value.i > INT32_MAX) {
        return fail(r, "a length is negative or too large");
    }
    *length = (uint32_t)value.i;
    return true;
}

static bool take_string(struct reader *r, struct wr_value *out)
{
    uint32_t n;
    const uint8_t *bytes;
    if (!take_length(r, &n) || !take(r, n, &bytes)) {
        return false;
    }
    struct wr_str text = wr_str_of((const char *)bytes, n);
    if (wr_utf8_invalid_at(text.p, text.n) != text.n) {
        return fail(r, "a string is not UTF-8");
    }
    *out = wr_string(text);
    return true;
}

/* '$' type, '#' count, both optional, behind '[' or '{'. */
static bool open_container(struct reader *r, bool object)
{
    struct frame f = {.object = object, .start = r->n};
    const uint8_t *byte;
    if (r->depth == WR_LIMIT_UBJSON_DEPTH) {
        return fail(r, "containers are nested more than 64 deep");
    }
    if (r->at < r->end && *r->at == '$') {
        r->at++;
        if (!take(r, 1, &byte)) {
            return false;
        }
        f.type = (char)*byte;
        if (number_size(f.type) == 0 || r->at == r->end || *r->at != '#') {
            return fail(r, "a typed container is no list of numbers with a count");
        }
    }
    if (r->at < r->end && *r->at == '#') {
        r->at++;
        f.counted = true;
        if (!take_length(r, &f.left)) {
            return false;
        }
        uint64_t least = (uint64_t)f.left * (f.type != 0 ? number_size(f.type) : 1);
        if (least > (uint64_t)(r->end - r->at)) {
            return fail(r, "a container counts more elements than there are bytes");
        }
    }
    r->frames[r->depth++] = f;
    return true;
}

/* Gathers the innermost container from the stack and puts it back as one value. */
static bool close_container(struct reader *r)
{
    struct frame *f = &r->frames[--r->depth];
    uint32_t n = r->n - f->start;
    struct wr_value value;
    const struct wr_value *from = n == 0 ? NULL : r->stack + f->start; /* no value, no stack */
    if (f->object) {
        struct wr_pair *pairs = WR_NEW_ARRAY(r->arena, struct wr_pair, n / 2);
        if (pairs == NULL) {
            return no_memory(r);
        }
        for (uint32_t i = 0; i < n / 2; i++) {
            pairs[i] = (struct wr_pair){from[2 * (size_t)i], from[2 * (size_t)i + 1]};
        }
        value = wr_object_from(pairs, n / 2);
    } else {
        struct wr_value *items = WR_NEW_ARRAY(r->arena, struct wr_value, n);
        if (items == NULL) {
            return no_memory(r);
        }
        if (n > 0) {
            memcpy(items, from, n * sizeof *items);
        }
        value = wr_array(items, n);
    }
    r->n = f->start;
    return push(r, value);
}

/* One value that starts with `marker`; containers are only opened. */
static bool take_value(struct reader *r, char marker)
{
    const uint8_t *payload;
    struct wr_value value;
    unsigned size = number_size(marker);
    if (size != 0) {
        return take(r, size, &payload) && push(r, number_of(r, marker, payload));
    }
    switch (marker) {
    case 'Z':
        return push(r, wr_null());
    case 'T':
    case 'F':
        return push(r, wr_bool(marker == 'T'));
    case 'C':
        return take(r, 1, &payload) &&
               push(r, wr_string(wr_str_of((const char *)payload, *payload < 0x80)));
    case 'S':
        return take_string(r, &value) && push(r, value);
    case '[':
    case '{':
        return open_container(r, marker == '{');
    default:
        r->at--;
        return fail(r, "a value has an unknown type");
    }
}

/* One element of the innermost container, or its end. */
static bool take_element(struct reader *r)
{
    struct frame *f = &r->frames[r->depth - 1];
    const uint8_t *marker;
    struct wr_value key;
    if (f->counted && f->left == 0) {
        return close_container(r);
    }
    if (!f->counted && r->at < r->end && *r->at == (f->object ? '}' : ']')) {
        r->at++;
        return close_container(r);
    }
    f->left -= f->counted;
    if (f->object && (!take_string(r, &key) || !push(r, key))) {
        return false;
    }
    if (f->type != 0) {
        return take_value(r, f->type);
    }
    return take(r, 1, &marker) && take_value(r, (char)*marker);
}

wr_err wr_ubjson_read(struct wr_arena *arena, struct wr_str bytes, struct wr_value *out,
                      struct wr_error *error)
{
    struct reader *r = WR_NEW(arena, struct reader);
    const uint8_t *marker;
    if (r == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for a UBJSON document");
    }
    r->arena = arena;
    r->error = error;
    r->start = r->at = (const uint8_t *)bytes.p;
    r->end = r->start + bytes.n;
    bool good = take(r, 1, &marker) && take_value(r, (char)*marker);
    while (good && r->depth > 0) {
        good = take_element(r);
    }
    if (good && r->at != r->end) {
        good = fail(r, "there are bytes behind the document");
    }
    if (good && wr_arena_failed(arena)) {
        no_memory(r);
    }
    if (r->code == WR_OK) {
        *out = r->stack[0];
    }
    return r->code;
}
