/* SPDX-License-Identifier: Apache-2.0 */
/* The reader: a state machine over tokens, with one stack of open containers and one of values.
 *
 * The values of all open containers lie on one stack, in order; closing a container moves its own
 * into the arena, sorted if it is an object, and leaves one value in their place. A token that the
 * end of a piece cuts is collected in `carry` and scanned on from where the scan stopped, so that
 * the cost is linear in the bytes whatever the pieces. */
#include "value/json_read.h"
#include "value/json_text.h"

enum state {
    WANT_VALUE,
    WANT_VALUE_OR_END, /* behind [ */
    WANT_KEY,
    WANT_KEY_OR_END, /* behind { */
    WANT_COLON,
    WANT_COMMA_OR_END,
    DONE,
};

enum { FIRST_VALUES = 96, SORT_MAX = 32, FAST_DIGITS = 18, CARRY_FIRST = 64 };

const struct wr_json_limits wr_json_as_opa = {.huge = true};

struct level {
    uint32_t base; /* index of the container's first value on the stack */
    bool object;
};

struct wr_json_reader {
    struct wr_arena *arena;
    uint64_t size_max, offset; /* offset: of the first byte of the present piece or token */
    uint32_t depth_max, values_left;
    uint32_t depth;
    enum state state;
    bool borrow, huge;
    wr_err failed;
    const char *why;
    uint64_t failed_at;
    struct wr_value *stack;
    size_t n, cap;
    bool carrying;
    struct wr_json_token token;
    struct wr_buf carry;
    struct level levels[WR_LIMIT_VALUE_DEPTH];
    struct wr_value first[FIRST_VALUES];
};

static void reader_init(struct wr_json_reader *r, struct wr_arena *arena, bool borrow,
                        const struct wr_json_limits *limits)
{
    static const struct wr_json_limits none = {0};
    limits = limits != NULL ? limits : &none;
    r->arena = arena;
    r->borrow = borrow;
    r->huge = limits->huge;
    r->size_max = limits->size_max != 0 ? limits->size_max : WR_LIMIT_JSON_SIZE;
    r->size_max = WR_MIN(r->size_max, (uint64_t)UINT32_MAX);
    r->depth_max = limits->depth_max != 0 ? limits->depth_max : WR_LIMIT_VALUE_DEPTH;
    r->depth_max = WR_MIN(r->depth_max, (uint32_t)WR_LIMIT_VALUE_DEPTH);
    r->values_left = limits->n_max != 0 ? limits->n_max : UINT32_MAX;
    r->offset = 0;
    r->depth = 0;
    r->state = WANT_VALUE;
    r->failed = WR_OK;
    r->stack = r->first;
    r->n = 0;
    r->cap = FIRST_VALUES;
    r->carrying = false;
    r->carry = (struct wr_buf){.arena = arena};
}

static wr_err fail(struct wr_json_reader *r, wr_err code, uint64_t at, const char *why)
{
    r->failed = code;
    r->failed_at = at;
    r->why = why;
    return code;
}

static wr_err no_memory(struct wr_json_reader *r)
{
    return fail(r, WR_E_MEMORY, r->offset, "the arena is full");
}

static wr_err report(const struct wr_json_reader *r, struct wr_error *error)
{
    if (r->failed == WR_OK) {
        return WR_OK;
    }
    return wr_fail_at(error, r->failed, r->failed_at, "%s, at byte %llu", r->why,
                      (unsigned long long)r->failed_at);
}

/* ── values ─────────────────────────────────────────────────────────────────────────────────── */

static bool grow_stack(struct wr_json_reader *r)
{
    struct wr_value *wider =
        wr_arena_alloc(r->arena, r->cap * 2 * sizeof *wider, alignof(struct wr_value));
    if (wider == NULL) {
        return false;
    }
    memcpy(wider, r->stack, r->n * sizeof *wider);
    r->stack = wider;
    r->cap *= 2;
    return true;
}

static inline wr_err push(struct wr_json_reader *r, struct wr_value v)
{
    if (WR_UNLIKELY(r->n == r->cap) && !grow_stack(r)) {
        return no_memory(r);
    }
    r->stack[r->n++] = v;
    return WR_OK;
}

/* Takes a finished value or key. */
static inline wr_err emit(struct wr_json_reader *r, struct wr_value v)
{
    if (r->state == WANT_KEY || r->state == WANT_KEY_OR_END) {
        r->state = WANT_COLON;
    } else {
        r->state = r->depth == 0 ? DONE : WANT_COMMA_OR_END;
    }
    return push(r, v);
}

static inline wr_err count_value(struct wr_json_reader *r, uint64_t at)
{
    if (WR_UNLIKELY(r->values_left == 0)) {
        return fail(r, WR_E_LIMIT, at, "the document has more values than allowed");
    }
    r->values_left--;
    return WR_OK;
}

static wr_err open_container(struct wr_json_reader *r, bool object, uint64_t at)
{
    if (r->depth == r->depth_max) {
        return fail(r, WR_E_LIMIT, at, "the document is nested deeper than allowed");
    }
    r->levels[r->depth++] = (struct level){(uint32_t)r->n, object};
    r->state = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    return count_value(r, at);
}

/* n bytes at p, 4 or 8, as a number that orders as they do. */
static inline uint64_t big_endian(const char *p, unsigned n)
{
    uint32_t half;
    uint64_t word;
    memcpy(&half, p, sizeof half);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    half = __builtin_bswap32(half);
#endif
    if (n == 4) {
        return half;
    }
    memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The first eight bytes likewise, zeros behind a shorter key. */
static inline uint64_t leading_bytes(struct wr_value key)
{
    const char *p = key.text;
    uint32_t n = key.n;
    if (n >= 8) {
        return big_endian(p, 8);
    }
    if (n >= 4) { /* two words that overlap */
        return big_endian(p, 4) << 32 | big_endian(p + n - 4, 4) << (8 * (8 - n));
    }
    if (n == 0) {
        return 0;
    }
    return (uint64_t)(uint8_t)p[0] << 56 | (uint64_t)(uint8_t)p[n / 2] << (56 - 8 * (n / 2)) |
           (uint64_t)(uint8_t)p[n - 1] << (8 * (8 - n));
}

static inline int cmp_keys(const struct wr_pair *a, const struct wr_pair *b)
{
    return wr_str_cmp(wr_text(a->key), wr_text(b->key));
}

/* Takes back the shift that made room at `at`. */
static void close_gap(uint64_t *sorted, uint8_t *order, uint32_t at, uint32_t count)
{
    for (uint32_t k = at; k < count; k++) {
        sorted[k] = sorted[k + 1];
        order[k] = order[k + 1];
    }
}

/* Few keys: sorts their indexes by insertion, by the leading bytes as far as they differ, the last
 * of equal keys taking the place, and gathers the pairs. Requests of one client come with their
 * keys in one order, which branch prediction learns. */
static uint32_t gather_sorted(const struct wr_pair *from, uint32_t n, struct wr_pair *to)
{
    uint64_t sorted[SORT_MAX]; /* leading bytes, in order */
    uint8_t order[SORT_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t lead = leading_bytes(from[i].key);
        uint32_t at = count;
        int last = -1; /* how the key before `at` compares with this one */
        while (at > 0 && sorted[at - 1] >= lead) {
            last = sorted[at - 1] > lead ? 1 : cmp_keys(&from[order[at - 1]], &from[i]);
            if (last <= 0) {
                break;
            }
            sorted[at] = sorted[at - 1];
            order[at] = order[at - 1];
            at--;
        }
        if (WR_UNLIKELY(at > 0 && last == 0)) {
            close_gap(sorted, order, at, count);
            order[at - 1] = (uint8_t)i;
            continue;
        }
        sorted[at] = lead;
        order[at] = (uint8_t)i;
        count++;
    }
    for (uint32_t k = 0; k < count; k++) {
        to[k] = from[order[k]];
    }
    return count;
}

static wr_err close_container(struct wr_json_reader *r)
{
    struct level level = r->levels[--r->depth];
    const struct wr_value *children = r->stack + level.base;
    size_t n = r->n - level.base;
    struct wr_value v = {.type = level.object ? WR_OBJECT : WR_ARRAY};
    if (n != 0) {
        struct wr_value *kept =
            wr_arena_alloc(r->arena, n * sizeof *kept, alignof(struct wr_value));
        if (kept == NULL) {
            return no_memory(r);
        }
        if (level.object && n / 2 <= SORT_MAX) {
            v.pairs = (const struct wr_pair *)kept;
            v.n = gather_sorted((const struct wr_pair *)children, (uint32_t)(n / 2),
                                (struct wr_pair *)kept);
        } else {
            memcpy(kept, children, n * sizeof *kept);
            v = level.object ? wr_object_from((struct wr_pair *)kept, n / 2) : wr_array(kept, n);
        }
    }
    r->n = level.base;
    r->state = WANT_COMMA_OR_END; /* not a key, whatever came before */
    return emit(r, v);
}

/* ── tokens ─────────────────────────────────────────────────────────────────────────────────── */

static struct wr_str literal_for(char first)
{
    return first == 't' ? WR_STR("true") : first == 'f' ? WR_STR("false") : WR_STR("null");
}

static enum wr_json_scan scan_literal(const char *p, size_t n, struct wr_json_token *token)
{
    struct wr_str literal = literal_for(p[0]);
    for (; token->at < literal.n; token->at++) {
        if (token->at == n) {
            return WR_SCAN_MORE;
        }
        if (p[token->at] != literal.p[token->at]) {
            token->code = WR_E_JSON;
            token->why = "neither true nor false nor null";
            return WR_SCAN_BAD;
        }
    }
    return WR_SCAN_DONE;
}

static enum wr_json_scan scan(struct wr_json_reader *r, const char *p, size_t n, bool final)
{
    switch (p[0]) {
    case '"':
        return wr_json_scan_string(p, n, &r->token);
    case 't':
    case 'f':
    case 'n':
        return scan_literal(p, n, &r->token);
    default:
        return wr_json_scan_number(p, n, final, &r->token);
    }
}

/* The value of a scanned string; `stays`: the bytes outlive the value. */
static wr_err emit_string(struct wr_json_reader *r, struct wr_str text, bool escapes, bool stays)
{
    if (!escapes && stays) {
        return emit(r, wr_string(text));
    }
    char *copy = wr_arena_alloc(r->arena, text.n, 1);
    if (copy == NULL) {
        return no_memory(r);
    }
    size_t n = text.n;
    if (escapes) {
        n = wr_json_unescape(text.p, text.n, copy);
    } else if (n != 0) {
        memcpy(copy, text.p, n);
    }
    return emit(r, wr_string(wr_str_of(copy, n)));
}

static wr_err emit_number(struct wr_json_reader *r, struct wr_str text, uint64_t at, bool stays)
{
    struct wr_value v = wr_number_text(text);
    if (v.kind == WR_TEXT) {
        if (!r->huge && wr_json_is_huge(text)) {
            return fail(r, WR_E_NUMBER, at, "a number beyond the largest double");
        }
        if (!stays) {
            v.text = wr_str_copy(r->arena, text).p;
            if (v.text == NULL) {
                return no_memory(r);
            }
        }
    }
    return emit(r, v);
}

/* The scanned token at p; `at` is its offset. */
static wr_err emit_token(struct wr_json_reader *r, const char *p, uint64_t at, bool stays)
{
    bool is_key = r->state == WANT_KEY || r->state == WANT_KEY_OR_END;
    if (!is_key && count_value(r, at) != WR_OK) {
        return r->failed;
    }
    switch (p[0]) {
    case '"':
        return emit_string(r, wr_str_of(p + 1, r->token.at - 2), r->token.has_escapes, stays);
    case 't':
    case 'f':
        return emit(r, wr_bool(p[0] == 't'));
    case 'n':
        return emit(r, wr_null());
    default:
        return emit_number(r, wr_str_of(p, r->token.at), at, stays);
    }
}

/* Reads the token at p, or begins to carry it. Returns the bytes used; r->failed tells errors. */
static size_t token(struct wr_json_reader *r, const char *p, size_t n, bool final, uint64_t at)
{
    r->token = (struct wr_json_token){0};
    switch (scan(r, p, n, final)) {
    case WR_SCAN_DONE:
        emit_token(r, p, at, r->borrow);
        return r->token.at;
    case WR_SCAN_BAD:
        fail(r, r->token.code, at + r->token.at, r->token.why);
        return n;
    default:
        break;
    }
    if (final) {
        fail(r, WR_E_NEED_MORE, at + n, "the document ends within a value");
        return n;
    }
    r->carry.n = 0;
    wr_buf_add(&r->carry, p, n);
    r->carrying = true;
    if (r->carry.overflow) {
        no_memory(r);
    }
    return n;
}

/* A plain decimal of up to 18 digits with a byte behind it: returns its length, else 0. */
static inline size_t short_number(const char *p, const char *end, struct wr_value *out)
{
    const char *at = p + (*p == '-'), *point = NULL;
    const char *first = at;
    uint64_t mantissa = 0;
    while (at < end && (uint8_t)(*at - '0') < 10) {
        mantissa = mantissa * 10 + (uint64_t)(*at++ - '0');
    }
    if (at == first || (*first == '0' && at - first > 1)) {
        return 0;
    }
    size_t digits = (size_t)(at - first), scale = 0;
    if (at < end && *at == '.') {
        point = ++at;
        while (at < end && (uint8_t)(*at - '0') < 10) {
            mantissa = mantissa * 10 + (uint64_t)(*at++ - '0');
        }
        scale = (size_t)(at - point);
        digits += scale;
    }
    if (digits > FAST_DIGITS || at == end || (point != NULL && scale == 0) || (*at | 0x20) == 'e' ||
        (*p == '-' && mantissa == 0)) {
        return 0;
    }
    *out = wr_decimal(*p == '-' ? -(int64_t)mantissa : (int64_t)mantissa, (unsigned)scale);
    return (size_t)(at - p);
}

/* ── the machine ────────────────────────────────────────────────────────────────────────────── */

static size_t read_string(struct wr_json_reader *r, const char *p, size_t n, bool final,
                          uint64_t at)
{
    size_t close = wr_json_skip_plain(p, n, 1);
    if (WR_UNLIKELY(close == n || p[close] != '"')) {
        return token(r, p, n, final, at);
    }
    bool is_key = r->state == WANT_KEY || r->state == WANT_KEY_OR_END;
    if (is_key || count_value(r, at) == WR_OK) {
        emit_string(r, wr_str_of(p + 1, close - 1), false, r->borrow);
    }
    return close + 1;
}

/* A value that begins at p; returns the bytes used. */
static size_t read_value(struct wr_json_reader *r, const char *p, size_t n, bool final, uint64_t at)
{
    struct wr_value number;
    size_t used;
    switch (*p) {
    case '"':
        return read_string(r, p, n, final, at);
    case '{':
    case '[':
        open_container(r, *p == '{', at);
        return 1;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        used = short_number(p, p + n, &number);
        if (used != 0) {
            if (count_value(r, at) == WR_OK) {
                emit(r, number);
            }
            return used;
        }
        return token(r, p, n, final, at);
    case 't':
    case 'f':
    case 'n':
        return token(r, p, n, final, at);
    default:
        fail(r, WR_E_JSON, at, "a value is expected");
        return n;
    }
}

/* A plain string, short number or literal with a byte behind it: its end, or NULL. */
static inline const char *read_plain(const char *p, const char *end, struct wr_value *out)
{
    size_t n = (size_t)(end - p), used;
    if (*p == '"') {
        size_t close = wr_json_skip_plain(p, n, 1);
        if (n - close < 2 || p[close] != '"') {
            return NULL;
        }
        *out = wr_string(wr_str_of(p + 1, close - 1));
        return p + close + 1;
    }
    if (*p >= 'f') {
        struct wr_str literal = literal_for(*p);
        if (n <= literal.n || memcmp(p, literal.p, literal.n) != 0) {
            return NULL;
        }
        *out = *p == 'n' ? wr_null() : wr_bool(*p == 't');
        return p + literal.n;
    }
    used = short_number(p, end, out);
    return used != 0 ? p + used : NULL;
}

/* Closes what closes behind a member: as long as objects end within objects. */
static inline const char *close_objects(struct wr_json_reader *r, const char *p, const char *end)
{
    while (p < end && *p == '}' && r->depth > 0 && r->levels[r->depth - 1].object) {
        p++;
        if (close_container(r) != WR_OK) {
            break;
        }
    }
    return p;
}

/* The common case in one loop, objects of plain keys and values, without space but one behind the
 * colon. Goes as far as it is sure and leaves all else, errors too, to the machine, in the state
 * that belongs to the place: returns where the machine goes on, `p` itself when at once. */
static const char *read_members(struct wr_json_reader *r, const char *p, const char *end)
{
    while (r->cap - r->n >= 2 && r->values_left > 0) {
        size_t left = (size_t)(end - p), close = wr_json_skip_plain(p, left, 1);
        if (left - close < 4 || p[close] != '"' || p[close + 1] != ':') {
            return p;
        }
        struct wr_value *member = r->stack + r->n;
        const char *q = p + close + 2;
        q += *q == ' ';
        if (*q == '{' && end - q > 1 && q[1] == '"' && r->depth < r->depth_max) {
            member[0] = wr_string(wr_str_of(p + 1, close - 1));
            r->n++;
            open_container(r, true, 0); /* cannot fail here */
            p = q + 1;
            continue;
        }
        q = read_plain(q, end, &member[1]);
        if (q == NULL) {
            return p;
        }
        member[0] = wr_string(wr_str_of(p + 1, close - 1));
        r->n += 2;
        r->values_left--;
        r->state = WANT_COMMA_OR_END;
        q = close_objects(r, q, end);
        if (r->state != WANT_COMMA_OR_END || r->failed != WR_OK || end - q < 2 || *q != ',' ||
            q[1] != '"' || !r->levels[r->depth - 1].object) {
            return q;
        }
        r->state = WANT_KEY;
        p = q + 1;
    }
    return p;
}

static size_t read_comma_or_end(struct wr_json_reader *r, char c, uint64_t at)
{
    bool object = r->levels[r->depth - 1].object;
    if (c == ',') {
        r->state = object ? WANT_KEY : WANT_VALUE;
    } else if (c == (object ? '}' : ']')) {
        close_container(r);
    } else {
        fail(r, WR_E_JSON, at, object ? "a comma or } is expected" : "a comma or ] is expected");
    }
    return 1;
}

static size_t step(struct wr_json_reader *r, const char *p, size_t n, bool final, uint64_t at)
{
    switch (r->state) {
    case WANT_VALUE_OR_END:
        if (*p == ']') {
            close_container(r);
            return 1;
        }
        return read_value(r, p, n, final, at);
    case WANT_VALUE:
        return read_value(r, p, n, final, at);
    case WANT_KEY_OR_END:
    case WANT_KEY:
        if (*p == '"') {
            return read_string(r, p, n, final, at);
        }
        if (*p == '}' && r->state == WANT_KEY_OR_END) {
            close_container(r);
        } else {
            fail(r, WR_E_JSON, at, "a key in quotes is expected");
        }
        return 1;
    case WANT_COLON:
        if (*p == ':') {
            r->state = WANT_VALUE;
        } else {
            fail(r, WR_E_JSON, at, "a colon is expected");
        }
        return 1;
    case WANT_COMMA_OR_END:
        return read_comma_or_end(r, *p, at);
    default:
        fail(r, WR_E_JSON, at, "the document goes on behind its end");
        return 1;
    }
}

/* Reads on; with `first_only` it stops behind the document. Returns the bytes used. */
static size_t run(struct wr_json_reader *r, struct wr_str text, bool final, bool first_only)
{
    const char *p = text.p, *end = text.p + text.n;
    while (p < end && r->failed == WR_OK) {
        if (first_only && r->state == DONE) {
            break;
        }
        if ((uint8_t)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
            p++;
            continue;
        }
        if (*p == '"' && r->borrow && (r->state == WANT_KEY || r->state == WANT_KEY_OR_END)) {
            const char *next = read_members(r, p, end);
            if (next != p) {
                p = next;
                continue;
            }
        }
        p += step(r, p, (size_t)(end - p), final, r->offset + (uint64_t)(p - text.p));
    }
    return (size_t)(p - text.p);
}

static wr_err check_done(struct wr_json_reader *r, uint64_t end)
{
    if (r->failed == WR_OK && r->state != DONE) {
        fail(r, WR_E_NEED_MORE, end, "the document ends too early");
    }
    return r->failed;
}

static wr_err read(struct wr_json_reader *r, struct wr_str text, bool first_only,
                   struct wr_value *out, size_t *used)
{
    bool too_large = text.n > r->size_max;
    text.n = too_large ? (size_t)r->size_max : text.n;
    *used = run(r, text, !too_large, first_only);
    if (too_large && r->failed == WR_OK && !(first_only && r->state == DONE)) {
        fail(r, WR_E_LIMIT, r->size_max, "the document is larger than allowed");
    }
    *out = check_done(r, text.n) == WR_OK ? r->stack[0] : wr_undefined();
    return r->failed;
}

wr_err wr_json_read(struct wr_arena *arena, struct wr_str text, bool borrow,
                    const struct wr_json_limits *limits, struct wr_value *out,
                    struct wr_error *error)
{
    struct wr_json_reader r;
    size_t used;
    reader_init(&r, arena, borrow, limits);
    return read(&r, text, false, out, &used) == WR_OK ? WR_OK : report(&r, error);
}

wr_err wr_json_read_prefix(struct wr_arena *arena, struct wr_str text, bool borrow,
                           const struct wr_json_limits *limits, struct wr_value *out, size_t *used,
                           struct wr_error *error)
{
    struct wr_json_reader r;
    reader_init(&r, arena, borrow, limits);
    return read(&r, text, true, out, used) == WR_OK ? WR_OK : report(&r, error);
}

struct wr_json_reader *wr_json_open(struct wr_arena *arena, const struct wr_json_limits *limits)
{
    struct wr_json_reader *r = wr_arena_alloc(arena, sizeof *r, alignof(struct wr_json_reader));
    if (r != NULL) {
        reader_init(r, arena, false, limits);
    }
    return r;
}

/* Completes the carried token from the piece, in steps that double, so that little is copied that
 * does not belong to it. Returns the bytes used. */
static size_t feed_carry(struct wr_json_reader *r, struct wr_str piece)
{
    size_t used = 0;
    while (r->carrying && r->failed == WR_OK && used < piece.n) {
        size_t before = r->carry.n;
        size_t part = WR_MIN(piece.n - used, WR_MAX(before, (size_t)CARRY_FIRST));
        uint64_t start = r->offset + used - before; /* offset of the token */
        wr_buf_add(&r->carry, piece.p + used, part);
        if (r->carry.overflow) {
            no_memory(r);
            return piece.n;
        }
        switch (scan(r, r->carry.p, r->carry.n, false)) {
        case WR_SCAN_DONE:
            r->carrying = false;
            emit_token(r, r->carry.p, start, false);
            used += r->token.at - before;
            break;
        case WR_SCAN_BAD:
            fail(r, r->token.code, start + r->token.at, r->token.why);
            break;
        default:
            used += part;
            break;
        }
    }
    return used;
}

wr_err wr_json_feed(struct wr_json_reader *r, struct wr_str piece, struct wr_error *error)
{
    uint64_t room = r->size_max - r->offset;
    bool too_large = piece.n > room;
    if (r->failed != WR_OK || piece.n == 0) {
        return report(r, error);
    }
    piece.n = too_large ? (size_t)room : piece.n;
    size_t used = feed_carry(r, piece);
    r->offset += used;
    if (r->failed == WR_OK && used < piece.n) {
        struct wr_str rest = wr_str_of(piece.p + used, piece.n - used);
        run(r, rest, false, false);
        r->offset += rest.n;
    }
    if (too_large && r->failed == WR_OK) {
        fail(r, WR_E_LIMIT, r->size_max, "the document is larger than allowed");
    }
    return report(r, error);
}

wr_err wr_json_finish(struct wr_json_reader *r, struct wr_value *out, struct wr_error *error)
{
    if (r->failed == WR_OK && r->carrying) {
        uint64_t start = r->offset - r->carry.n;
        r->carrying = false;
        /* What is wrong was refused when it came; the end can only complete a number. */
        if (scan(r, r->carry.p, r->carry.n, true) == WR_SCAN_DONE) {
            emit_token(r, r->carry.p, start, false);
        } else {
            fail(r, WR_E_NEED_MORE, r->offset, "the document ends within a value");
        }
    }
    *out = check_done(r, r->offset) == WR_OK ? r->stack[0] : wr_undefined();
    return report(r, error);
}
