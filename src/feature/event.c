/* SPDX-License-Identifier: Apache-2.0 */
/* From a request document to a struct wr_event. Canonical bytes of a key part: a tag, then
 * 's' length(4) text | 'b' 0 or 1 | 'n' mantissa(8) scale(1), without trailing zeros | 't'
 * length(4) number text that no 64-bit decimal holds | 'p' length(4) start of a text | '4' or '6'
 * and the 16 bytes of a network. So 1 and "1" differ, 1 and 1.0 do not, and no two lists of parts
 * give the same bytes. */
#include "base/ip.h"
#include "base/num.h"
#include "feature/instant.h"
#include "feature/schema.h"

static wr_err refuse(struct wr_error *error, const struct wr_path *path, const char *want)
{
    wr_err err = wr_fail(error, WR_E_FIELD, "%.*s: %s", WR_FMT(path->text), want);
    wr_error_where(error, path->text.p, path->text.n);
    return err;
}

/* ── numbers ────────────────────────────────────────────────────────────────────────────────── */
static bool within_units(int64_t units)
{
    return units > -WR_LIMIT_UNITS && units < WR_LIMIT_UNITS;
}

/* m / 10^cut, half to even. */
static int64_t round_off(int64_t m, unsigned cut)
{
    int64_t power = 1;
    for (unsigned i = 0; i < cut; i++) {
        power *= 10;
    }
    int64_t quotient = m / power, rest = m % power;
    int64_t twice_rest = (rest < 0 ? -rest : rest) - (power - (rest < 0 ? -rest : rest));
    bool away = twice_rest > 0 || (twice_rest == 0 && (quotient & 1) != 0);
    return cut == 0 || !away ? quotient : quotient + (m < 0 ? -1 : 1);
}

/* The digits of a number's text without leading zeros, and how many stand before the point once
 * the exponent is applied. */
struct digits {
    struct wr_str text; /* digits and at most one point */
    int64_t before_point;
    bool negative;
};

static struct digits digits_of(struct wr_str text)
{
    struct digits d = {.negative = text.n > 0 && text.p[0] == '-'};
    size_t from = d.negative ? 1 : 0, end = from;
    while (end < text.n && text.p[end] != 'e' && text.p[end] != 'E') {
        end++;
    }
    struct wr_str exponent = wr_str_of(text.p + WR_MIN(end + 1, text.n), 0);
    exponent.n = text.n - (size_t)(exponent.p - text.p);
    if (exponent.n != 0 && !wr_num_read_i64(exponent, &d.before_point)) {
        d.before_point = exponent.p[0] == '-' ? -INT32_MAX : INT32_MAX;
    }
    d.before_point = WR_MAX(-INT32_MAX, WR_MIN(INT32_MAX, d.before_point));
    bool point = false;
    for (; from < end && (text.p[from] == '0' || text.p[from] == '.'); from++) {
        d.before_point -= point && text.p[from] == '0' ? 1 : 0;
        point = point || text.p[from] == '.';
    }
    d.text = wr_str_of(text.p + from, end - from);
    for (size_t i = 0; i < d.text.n && !point && d.text.p[i] != '.'; i++) {
        d.before_point++;
    }
    return d;
}

/* The text times 10^scale, rounded half to even on all its digits; false above 18 digits. */
static bool scaled_text(struct wr_str text, unsigned scale, int64_t *units)
{
    struct digits d = digits_of(text);
    int64_t keep = d.before_point + scale, n = 0, v = 0, next = 0;
    bool rest = false;
    for (size_t i = 0; i < d.text.n; i++) {
        int digit = d.text.p[i] - '0';
        if (d.text.p[i] == '.') {
            continue;
        }
        if (n < keep && n >= 18) {
            return false;
        }
        v = n < keep ? v * 10 + digit : v;
        next = n == keep ? digit : next;
        rest = rest || (n > keep && digit != 0);
        n++;
    }
    if (n != 0 && keep > 18) {
        return false;
    }
    for (; n < keep && v != 0; n++) {
        v *= 10;
    }
    next = keep < 0 ? 0 : next;
    v += next > 5 || (next == 5 && (rest || (v & 1) != 0)) ? 1 : 0;
    *units = d.negative ? -v : v;
    return true;
}

/* The number times 10^scale, rounded half to even. */
static bool scaled_near(const struct wr_value *number, unsigned scale, int64_t *units)
{
    if (wr_number_to_scaled(number, scale, units)) {
        return true;
    }
    if (number->kind == WR_TEXT) {
        return scaled_text(wr_text(*number), scale, units);
    }
    if (number->scale <= scale) {
        return false;
    }
    *units = round_off(number->i, number->scale - scale);
    return true;
}

static wr_err read_number(const struct wr_field *field, const struct wr_value *v, int64_t *units,
                          struct wr_error *error)
{
    if (!wr_is(*v, WR_NUMBER)) {
        return refuse(error, &field->path, "needs a number");
    }
    bool money = field->type == WR_FIELD_MONEY;
    bool exact =
        money ? wr_number_to_scaled(v, field->scale, units) : scaled_near(v, field->scale, units);
    if (exact && within_units(*units)) {
        return WR_OK;
    }
    double d = wr_number_to_double(v);
    bool large = !(d < 9e15 && d > -9e15) || exact;
    if (money && !large) {
        wr_err err = wr_fail(error, WR_E_FIELD, "%.*s: needs an amount of at most %u decimals",
                             WR_FMT(field->path.text), field->scale);
        wr_error_where(error, field->path.text.p, field->path.text.n);
        return err;
    }
    return refuse(error, &field->path, "needs a number within 2^52 units of its scale");
}

/* ── keys ───────────────────────────────────────────────────────────────────────────────────── */
static bool decimal_of(const struct wr_value *v, int64_t *mantissa, unsigned *scale)
{
    *scale = v->scale;
    *mantissa = v->i;
    if (v->kind == WR_TEXT) {
        *scale = 0;
        while (*scale <= 18 && !wr_number_to_scaled(v, *scale, mantissa)) {
            ++*scale;
        }
        if (*scale > 18) {
            return false;
        }
    }
    while (*scale > 0 && *mantissa % 10 == 0) {
        *mantissa /= 10;
        --*scale;
    }
    return true;
}

static void add_text(struct wr_buf *buf, char tag, struct wr_str text)
{
    uint8_t n[4];
    wr_put32(n, (uint32_t)text.n);
    wr_buf_char(buf, tag);
    wr_buf_add(buf, n, sizeof n);
    wr_buf_str(buf, text);
}

/* False when the value is not a scalar. */
static bool add_canonical(struct wr_buf *buf, const struct wr_value *v)
{
    int64_t mantissa;
    unsigned scale;
    uint8_t bytes[9];
    switch (v->type) {
    case WR_STRING:
        add_text(buf, 's', wr_text(*v));
        return true;
    case WR_BOOL:
        wr_buf_char(buf, 'b');
        wr_buf_char(buf, v->i != 0 ? 1 : 0);
        return true;
    case WR_NUMBER:
        if (!decimal_of(v, &mantissa, &scale)) {
            add_text(buf, 't', wr_text(*v));
            return true;
        }
        wr_put64(bytes, (uint64_t)mantissa);
        bytes[8] = (uint8_t)scale;
        wr_buf_char(buf, 'n');
        wr_buf_add(buf, bytes, sizeof bytes);
        return true;
    default:
        return false;
    }
}

/* The network of an address, or the start of a text; tagged like no whole value. */
static bool add_part(struct wr_buf *buf, const struct wr_entity *entity, const struct wr_value *v)
{
    struct wr_ip ip;
    if (!wr_is(*v, WR_STRING)) {
        return false;
    }
    struct wr_str text = wr_text(*v);
    if (entity->prefix != 0) {
        add_text(buf, 'p', wr_str_of(text.p, WR_MIN(text.n, (size_t)entity->prefix)));
        return true;
    }
    if (!wr_ip_read(text, &ip)) {
        return false;
    }
    wr_ip_mask(&ip, ip.is_v4 ? entity->cidr4 : entity->cidr6);
    wr_buf_char(buf, ip.is_v4 ? '4' : '6');
    wr_buf_add(buf, ip.bytes, sizeof ip.bytes);
    return true;
}

static wr_err read_key(const struct wr_schema *schema, uint32_t at, const struct wr_value *document,
                       struct wr_event *event, struct wr_error *error)
{
    const struct wr_entity *entity = &schema->entities[at];
    struct wr_event_key *key = &event->keys[at];
    char room[WR_LIMIT_KEY_BYTES];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    key->present = false;
    for (uint32_t i = 0; i < entity->n_parts; i++) {
        const struct wr_path *path = &entity->parts[i];
        const struct wr_value *v = wr_path_get(path, document);
        if (v == NULL) {
            return entity->required ? refuse(error, path, "is missing (string, number or boolean)")
                                    : WR_OK;
        }
        bool whole = i != 0 || (entity->prefix == 0 && entity->cidr4 == 0);
        if (!whole && !add_part(&buf, entity, v)) {
            return refuse(error, path,
                          entity->prefix != 0 ? "needs a string" : "needs an IP address, a string");
        }
        if (whole && !add_canonical(&buf, v)) {
            return refuse(error, path, "needs a string, a number or a boolean");
        }
        if (buf.overflow) {
            wr_err err = wr_fail(error, WR_E_LIMIT, "%.*s: the key of %.*s is over %d bytes",
                                 WR_FMT(path->text), WR_FMT(entity->name), WR_LIMIT_KEY_BYTES);
            wr_error_where(error, path->text.p, path->text.n);
            return err;
        }
    }
    struct wr_hash_key salted = {schema->key.k0, schema->key.k1 ^ entity->salt};
    struct wr_hash128 h = wr_siphash24_128(salted, buf.p, buf.n);
    *key = (struct wr_event_key){.hash = h.lo, .check = (uint32_t)h.hi, .present = true};
    if (WR_UNLIKELY((schema->fleet_entities >> at & 1) != 0)) {
        salted = (struct wr_hash_key){schema->fleet_key.k0, schema->fleet_key.k1 ^ entity->salt};
        event->fleet_keys[at] = wr_siphash24_128(salted, buf.p, buf.n);
    }
    return WR_OK;
}

static wr_err read_hashed(const struct wr_schema *schema, const struct wr_field *field,
                          const struct wr_value *v, struct wr_event_field *out,
                          struct wr_error *error)
{
    char room[WR_LIMIT_KEY_BYTES];
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    if (!add_canonical(&buf, v)) {
        return refuse(error, &field->path, "needs a string, a number or a boolean");
    }
    if (buf.overflow) {
        wr_err err = wr_fail(error, WR_E_LIMIT, "%.*s: is over %d bytes", WR_FMT(field->path.text),
                             WR_LIMIT_KEY_BYTES - 5);
        wr_error_where(error, field->path.text.p, field->path.text.n);
        return err;
    }
    uint64_t hash = wr_siphash13(schema->key, buf.p, buf.n);
    out->hash = hash != 0 ? hash : 1;
    out->text = wr_is(*v, WR_STRING) ? wr_text(*v) : wr_str_of("", 0);
    return WR_OK;
}

/* ── id and time ────────────────────────────────────────────────────────────────────────────── */
static wr_err read_id(const struct wr_schema *schema, const struct wr_value *document,
                      struct wr_event *event, struct wr_error *error)
{
    event->id = wr_str_of("", 0);
    if (!schema->has_id) {
        return WR_OK;
    }
    const struct wr_value *v = wr_path_get(&schema->id, document);
    int64_t number;
    if (v != NULL && wr_is(*v, WR_STRING)) {
        event->id = wr_text(*v);
    } else if (v != NULL && wr_is(*v, WR_NUMBER) && wr_number_to_i64(v, &number)) {
        struct wr_buf buf = wr_buf_fixed(event->id_room, sizeof event->id_room);
        wr_buf_i64(&buf, number);
        event->id = wr_buf_view(&buf);
    }
    if (v == NULL && !schema->id_required) {
        return WR_OK;
    }
    if (event->id.n == 0) {
        return refuse(error, &schema->id,
                      v == NULL ? "is missing (string or whole number)"
                                : "needs a string that is not empty, or a whole number");
    }
    if (event->id.n > WR_LIMIT_EVENT_ID) {
        wr_err err = wr_fail(error, WR_E_LIMIT, "%.*s: the id is over %d bytes",
                             WR_FMT(schema->id.text), WR_LIMIT_EVENT_ID);
        wr_error_where(error, schema->id.text.p, schema->id.text.n);
        return err;
    }
    return WR_OK;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Number of a unit to milliseconds, fractions cut off towards minus infinity. */
static bool ms_of_number(const struct wr_value *v, enum wr_time_unit unit, int64_t *ms)
{
    static const int64_t per_ms[] = {[WR_TIME_MS] = 1, [WR_TIME_US] = 1000, [WR_TIME_NS] = 1000000};
    int64_t m;
    if (unit == WR_TIME_S) {
        unsigned scale = v->kind == WR_DEC && v->scale > 3 ? v->scale : 3;
        if (!wr_number_to_scaled(v, scale, &m)) {
            return false;
        }
        for (; scale > 3; scale--) {
            m = floor_div(m, 10);
        }
        *ms = m;
        return true;
    }
    unsigned scale = v->kind == WR_DEC ? v->scale : 0;
    if (!wr_number_to_scaled(v, scale, &m)) {
        return false;
    }
    for (; scale > 0; scale--) {
        m = floor_div(m, 10);
    }
    *ms = floor_div(m, per_ms[unit]);
    return true;
}

static wr_err read_time(const struct wr_schema *schema, const struct wr_value *document,
                        struct wr_event *event, struct wr_error *error)
{
    event->has_time = schema->has_time;
    event->time_ms = 0;
    if (!schema->has_time) {
        return WR_OK;
    }
    const struct wr_value *v = wr_path_get(&schema->time, document);
    bool text = schema->time_unit == WR_TIME_RFC3339;
    if (v == NULL && !schema->time_required) {
        event->has_time = false;
        return WR_OK;
    }
    if (v == NULL) {
        return refuse(error, &schema->time,
                      text ? "is missing (RFC 3339 text)" : "is missing (number)");
    }
    int64_t ms = 0;
    bool known = text ? wr_is(*v, WR_STRING) && wr_instant_read(wr_text(*v), false, &ms)
                      : wr_is(*v, WR_NUMBER) && ms_of_number(v, schema->time_unit, &ms) &&
                            wr_add_i64(ms, schema->time_origin_ms, &ms);
    if (!known || ms < WR_INSTANT_MS_MIN || ms > WR_INSTANT_MS_MAX) {
        return refuse(error, &schema->time,
                      text ? "needs RFC 3339 text of the years 0001 to 9999"
                           : "needs a number in the unit of the schema, years 0001 to 9999");
    }
    event->time_ms = ms;
    return WR_OK;
}

static wr_err read_amount(const struct wr_schema *schema, const struct wr_value *document,
                          struct wr_event *event, struct wr_error *error)
{
    event->has_amount = false;
    event->amount = 0;
    if (!schema->has_amount) {
        return WR_OK;
    }
    const struct wr_value *v = wr_path_get(&schema->amount.path, document);
    if (v == NULL) {
        return schema->amount_required ? refuse(error, &schema->amount.path, "is missing (number)")
                                       : WR_OK;
    }
    event->has_amount = true;
    return read_number(&schema->amount, v, &event->amount, error);
}

wr_err wr_event_read(const struct wr_schema *schema, const struct wr_value *document,
                     struct wr_event *event, struct wr_error *error)
{
    wr_err err = read_id(schema, document, event, error);
    err = err == WR_OK ? read_time(schema, document, event, error) : err;
    err = err == WR_OK ? read_amount(schema, document, event, error) : err;
    for (uint32_t i = 0; err == WR_OK && i < schema->n_entities; i++) {
        err = read_key(schema, i, document, event, error);
    }
    for (uint32_t i = 0; err == WR_OK && i < schema->n_fields; i++) {
        const struct wr_field *field = &schema->fields[i];
        struct wr_event_field *out = &event->fields[i];
        const struct wr_value *v = wr_path_get(&field->path, document);
        *out = (struct wr_event_field){.present = v != NULL};
        if (v != NULL) {
            err = field->type == WR_FIELD_KEY ? read_hashed(schema, field, v, out, error)
                                              : read_number(field, v, &out->units, error);
        }
    }
    return err;
}
