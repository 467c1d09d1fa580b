/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request, line by line. A line is scanned for forbidden bytes as it comes in, taken
 * apart when it is complete, and kept as offsets until the head is; so a byte is looked at once
 * however the head trickles in, and what is refused is refused at the same byte. */
#include "wire/h1.h"
#include "wire/h1_text.h"

enum stage { START, FIELDS, COMPLETE, FAILED }; /* START: blank lines and the request line */

static const struct wr_str method_names[] = {
    [WR_H1_GET] = {"GET", 3},         [WR_H1_HEAD] = {"HEAD", 4},   [WR_H1_POST] = {"POST", 4},
    [WR_H1_PUT] = {"PUT", 3},         [WR_H1_PATCH] = {"PATCH", 5}, [WR_H1_DELETE] = {"DELETE", 6},
    [WR_H1_OPTIONS] = {"OPTIONS", 7},
};

static const struct known {
    struct wr_str name;
    bool single; /* a second one is refused */
} known_fields[WR_H1_KNOWN_COUNT] = {
    [WR_H1_HOST] = {{"host", 4}, true},
    [WR_H1_CONTENT_TYPE] = {{"content-type", 12}, true},
    [WR_H1_CONTENT_LENGTH] = {{"content-length", 14}, true},
    [WR_H1_TRANSFER_ENCODING] = {{"transfer-encoding", 17}, true},
    [WR_H1_CONNECTION] = {{"connection", 10}, false},
    [WR_H1_ACCEPT] = {{"accept", 6}, false},
    [WR_H1_AUTHORIZATION] = {{"authorization", 13}, true},
    [WR_H1_EXPECT] = {{"expect", 6}, true},
    [WR_H1_IF_NONE_MATCH] = {{"if-none-match", 13}, false},
    [WR_H1_ACCEPT_ENCODING] = {{"accept-encoding", 15}, false},
};

void wr_h1_init(struct wr_h1_reader *r, uint64_t body_max)
{
    r->body_max = body_max != 0 ? body_max : WR_LIMIT_H1_BODY;
    r->status = 0;
    r->why = NULL;
    r->scanned = r->line = r->fields_start = r->blank_lines = r->n_fields = 0;
    r->stage = START;
}

static bool refuse(struct wr_h1_reader *r, int status, const char *why)
{
    r->stage = FAILED;
    r->status = status;
    r->why = why;
    return false;
}

static struct wr_h1_span span(const char *base, struct wr_str s)
{
    return (struct wr_h1_span){(uint16_t)(s.p - base), (uint16_t)s.n};
}

static struct wr_str view(const char *base, struct wr_h1_span s)
{
    return wr_str_of(base + s.at, s.n);
}

/* ── the request line ───────────────────────────────────────────────────────────────────────── */

static bool read_version(struct wr_h1_reader *r, struct wr_str version)
{
    bool shaped = version.n == 8 && memcmp(version.p, "HTTP/", 5) == 0 && version.p[6] == '.' &&
                  version.p[5] >= '0' && version.p[5] <= '9' && version.p[7] >= '0' &&
                  version.p[7] <= '9';
    if (!shaped) {
        return refuse(r, 400, "the request line is not: method, target, version");
    }
    if (version.p[5] != '1' || version.p[7] > '1') {
        return refuse(r, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    }
    r->minor = (uint8_t)(version.p[7] - '0');
    return true;
}

static bool read_method(struct wr_h1_reader *r, struct wr_str method)
{
    if (method.n == 0 || !wr_h1_all(method, WR_H1_TOKEN)) {
        return refuse(r, 400, "the method is not a token");
    }
    for (size_t i = 0; i < WR_COUNTOF(method_names); i++) {
        if (wr_str_eq(method, method_names[i])) {
            r->method = (uint8_t)i;
            return true;
        }
    }
    return refuse(r, 501, "the method is not known");
}

static bool is_authority(struct wr_str s)
{
    return s.n != 0 && wr_h1_all(s, WR_H1_HOST_CHAR);
}

static bool is_dots(struct wr_str segment) /* "." or "..", a dot perhaps as %2e */
{
    size_t dots = 0;
    for (size_t i = 0; i < segment.n; dots++) {
        if (segment.p[i] == '.') {
            i++;
        } else if (segment.n - i >= 3 && wr_h1_same(wr_str_of(segment.p + i, 3), WR_STR("%2e"))) {
            i += 3;
        } else {
            return false;
        }
    }
    return dots == 1 || dots == 2;
}

static bool check_path(struct wr_h1_reader *r, struct wr_str path)
{
    size_t from = 1;
    for (size_t i = 1; i <= path.n; i++) {
        if (i == path.n || path.p[i] == '/') {
            if (is_dots(wr_str_of(path.p + from, i - from))) {
                return refuse(r, 400, "the target has a dot segment");
            }
            from = i + 1;
        }
    }
    return true;
}

static bool check_escapes(struct wr_h1_reader *r, struct wr_str target)
{
    for (size_t i = 0; i < target.n; i++) {
        if (target.p[i] == '#') {
            return refuse(r, 400, "the target has a fragment");
        }
        if (target.p[i] != '%') {
            continue;
        }
        if (target.n - i < 3 || wr_h1_hex(target.p[i + 1]) < 0 || wr_h1_hex(target.p[i + 2]) < 0 ||
            (target.p[i + 1] == '0' && target.p[i + 2] == '0')) {
            return refuse(r, 400, "the target has a bad escape");
        }
    }
    return true;
}

/* Takes scheme and authority off a target in absolute form. */
static bool skip_authority(struct wr_h1_reader *r, struct wr_str *target)
{
    size_t scheme = target->n >= 7 && wr_h1_same(wr_str_of(target->p, 7), WR_STR("http://"))    ? 7
                    : target->n >= 8 && wr_h1_same(wr_str_of(target->p, 8), WR_STR("https://")) ? 8
                                                                                                : 0;
    size_t stop = scheme;
    while (stop < target->n && target->p[stop] != '/' && target->p[stop] != '?') {
        stop++;
    }
    if (scheme == 0 || !is_authority(wr_str_of(target->p + scheme, stop - scheme))) {
        return refuse(r, 400, "the target is neither a path nor an http URI");
    }
    *target = wr_str_of(target->p + stop, target->n - stop);
    return true;
}

static bool read_target(struct wr_h1_reader *r, const char *base, struct wr_str target)
{
    r->target = span(base, target);
    r->query = span(base, wr_str_of(target.p, 0));
    r->path = r->target;
    r->has_query = false;
    if (target.n == 0) {
        return refuse(r, 400, "the request line has no target");
    }
    if (wr_str_eq(target, WR_STR("*"))) {
        return r->method == WR_H1_OPTIONS || refuse(r, 400, "the target * is for OPTIONS only");
    }
    if (!check_escapes(r, target) || (target.p[0] != '/' && !skip_authority(r, &target))) {
        return false;
    }
    const char *mark = target.n != 0 ? memchr(target.p, '?', target.n) : NULL;
    struct wr_str path = wr_str_of(target.p, mark != NULL ? (size_t)(mark - target.p) : target.n);
    if (mark != NULL) {
        r->has_query = true;
        r->query = span(base, wr_str_of(mark + 1, target.n - path.n - 1));
    }
    r->path = span(base, path);
    return check_path(r, path);
}

static bool read_request_line(struct wr_h1_reader *r, const char *base, struct wr_str line)
{
    const char *first = memchr(line.p, ' ', line.n);
    const char *second =
        first != NULL ? memchr(first + 1, ' ', (size_t)(line.p + line.n - first - 1)) : NULL;
    if (second == NULL) {
        return refuse(r, 400, "the request line is not: method, target, version");
    }
    struct wr_str version = wr_str_of(second + 1, (size_t)(line.p + line.n - second - 1));
    return read_version(r, version) &&
           read_method(r, wr_str_of(line.p, (size_t)(first - line.p))) &&
           read_target(r, base, wr_str_of(first + 1, (size_t)(second - first - 1)));
}

/* ── fields ─────────────────────────────────────────────────────────────────────────────────── */

static bool read_field(struct wr_h1_reader *r, const char *base, struct wr_str line)
{
    size_t name_n = 0;
    while (name_n < line.n && wr_h1_is(line.p[name_n], WR_H1_TOKEN)) {
        name_n++;
    }
    if (name_n == 0 || name_n == line.n || line.p[name_n] != ':') {
        return refuse(r, 400, "a field is not: name, colon, value");
    }
    if (r->n_fields == WR_LIMIT_H1_FIELDS) {
        return refuse(r, 431, "there are more than 64 fields");
    }
    struct wr_str value = wr_h1_trim(wr_str_of(line.p + name_n + 1, line.n - name_n - 1));
    r->names[r->n_fields] = span(base, wr_str_of(line.p, name_n));
    r->values[r->n_fields++] = span(base, value);
    return true;
}

static int known_of(struct wr_str name)
{
    if (name.n < 4 || name.n > 17) {
        return -1;
    }
    for (int i = 0; i < WR_H1_KNOWN_COUNT; i++) {
        if (name.n == known_fields[i].name.n && wr_h1_same(name, known_fields[i].name)) {
            return i;
        }
    }
    return -1;
}

static void apply_connection(struct wr_str value, struct wr_h1_head *head, bool *close)
{
    struct wr_str option;
    while (wr_h1_next(&value, &option)) {
        if (wr_h1_same(option, WR_STR("close"))) {
            *close = true;
        } else if (wr_h1_same(option, WR_STR("keep-alive"))) {
            head->keep_alive = true;
        }
    }
}

static bool collect_fields(struct wr_h1_reader *r, const char *base, struct wr_h1_head *head)
{
    bool close = false;
    head->keep_alive = r->minor == 1;
    head->n_fields = r->n_fields;
    for (uint32_t i = 0; i < r->n_fields; i++) {
        struct wr_h1_field *field = &head->fields[i];
        *field = (struct wr_h1_field){view(base, r->names[i]), view(base, r->values[i])};
        int known = known_of(field->name);
        if (known < 0) {
            continue;
        }
        if (head->known[known].p == NULL) {
            head->known[known] = field->value;
        } else if (known_fields[known].single) {
            return refuse(r, 400, "a field that may stand once stands twice");
        }
        if (known == WR_H1_CONNECTION) {
            apply_connection(field->value, head, &close);
        }
    }
    head->keep_alive = head->keep_alive && !close;
    return true;
}

static bool check_host(struct wr_h1_reader *r, const struct wr_h1_head *head)
{
    struct wr_str host = head->known[WR_H1_HOST];
    if (host.p == NULL) {
        return r->minor == 0 || refuse(r, 400, "there is no Host field");
    }
    return is_authority(host) || refuse(r, 400, "the Host field is not a host");
}

static bool read_length(struct wr_h1_reader *r, struct wr_h1_head *head)
{
    struct wr_str text = head->known[WR_H1_CONTENT_LENGTH];
    if (text.p == NULL) {
        return true;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            text.n = 0;
            break;
        }
        value = WR_MIN(value, UINT64_MAX / 10 - 1) * 10 + (uint64_t)(text.p[i] - '0');
    }
    if (text.n == 0) {
        return refuse(r, 400, "Content-Length is not one decimal number");
    }
    if (value > r->body_max) {
        return refuse(r, 413, "the body is larger than allowed");
    }
    head->has_length = true;
    head->content_length = value;
    return true;
}

static bool read_coding(struct wr_h1_reader *r, struct wr_h1_head *head)
{
    struct wr_str list = head->known[WR_H1_TRANSFER_ENCODING], coding;
    bool unknown = false;
    if (list.p == NULL) {
        return true;
    }
    if (head->known[WR_H1_CONTENT_LENGTH].p != NULL) {
        return refuse(r, 400, "Content-Length and Transfer-Encoding stand together");
    }
    if (r->minor == 0) {
        return refuse(r, 400, "HTTP/1.0 knows no Transfer-Encoding");
    }
    while (wr_h1_next(&list, &coding)) {
        const char *parameter = coding.n != 0 ? memchr(coding.p, ';', coding.n) : NULL;
        struct wr_str name = coding;
        name.n = parameter != NULL ? (size_t)(parameter - coding.p) : coding.n;
        if (name.n == 0 || !wr_h1_all(wr_h1_trim(name), WR_H1_TOKEN) || head->chunked) {
            return refuse(r, 400, "Transfer-Encoding is not a list that ends in chunked");
        }
        head->chunked = wr_h1_same(coding, WR_STR("chunked"));
        unknown = unknown || !head->chunked;
    }
    return !unknown || refuse(r, 501, "only the transfer coding chunked is known");
}

static bool read_expect(struct wr_h1_reader *r, struct wr_h1_head *head)
{
    struct wr_str expect = head->known[WR_H1_EXPECT];
    if (expect.p == NULL || r->minor == 0) {
        return true;
    }
    head->expect_continue = wr_h1_same(expect, WR_STR("100-continue"));
    return head->expect_continue || refuse(r, 417, "the expectation is not known");
}

static bool complete(struct wr_h1_reader *r, const char *base, struct wr_h1_head *head)
{
    head->method = (enum wr_h1_method)r->method;
    head->minor = r->minor;
    head->chunked = head->has_length = head->expect_continue = false;
    head->content_length = 0;
    head->target = view(base, r->target);
    head->path = r->path.n != 0 ? view(base, r->path) : WR_STR("/");
    head->query = r->has_query ? view(base, r->query) : (struct wr_str){0};
    memset(head->known, 0, sizeof head->known);
    return collect_fields(r, base, head) && check_host(r, head) && read_length(r, head) &&
           read_coding(r, head) && read_expect(r, head);
}

/* ── lines ──────────────────────────────────────────────────────────────────────────────────── */

/* Position that the bytes up to and with the CR (in fields: with its LF) must not reach. */
static size_t limit_of(const struct wr_h1_reader *r)
{
    return r->stage == FIELDS ? (size_t)r->fields_start + WR_LIMIT_H1_FIELDS_SIZE - 1
                              : (size_t)r->line + WR_LIMIT_H1_LINE + 1;
}

static bool over_limit(struct wr_h1_reader *r)
{
    return r->stage == FIELDS ? refuse(r, 431, "the fields are larger than allowed")
                              : refuse(r, 414, "the request line is longer than allowed");
}

/* Finds the end of the line: true with its text, or false when refused or more is needed. */
static bool next_line(struct wr_h1_reader *r, struct wr_str bytes, struct wr_str *line)
{
    unsigned class = r->stage == FIELDS ? WR_H1_VALUE : WR_H1_LINE;
    size_t limit = limit_of(r), stop = WR_MIN(bytes.n, limit), i = r->scanned;
    i = wr_h1_skip(bytes.p, i, stop, class);
    r->scanned = (uint32_t)i;
    if (i >= limit) {
        return over_limit(r);
    }
    if (i == bytes.n) {
        return false;
    }
    if (bytes.p[i] != '\r') {
        return refuse(r, 400, "a control character, or a byte that does not belong here");
    }
    if (i + 1 == bytes.n) {
        return false;
    }
    if (bytes.p[i + 1] != '\n') {
        return refuse(r, 400, "a carriage return without a line feed");
    }
    *line = wr_str_of(bytes.p + r->line, i - r->line);
    r->scanned = r->line = (uint32_t)i + 2;
    return true;
}

static bool take_line(struct wr_h1_reader *r, const char *base, struct wr_str line,
                      struct wr_h1_head *head)
{
    if (r->stage == START && line.n == 0) {
        return ++r->blank_lines <= WR_LIMIT_H1_BLANK_LINES ||
               refuse(r, 400, "there are too many blank lines before the request");
    }
    if (r->stage == START) {
        r->stage = FIELDS;
        r->fields_start = r->line;
        return read_request_line(r, base, line);
    }
    if (line.n != 0) {
        return read_field(r, base, line);
    }
    if (!complete(r, base, head)) {
        return false;
    }
    r->stage = COMPLETE;
    return true;
}

enum wr_h1_result wr_h1_read(struct wr_h1_reader *r, struct wr_str bytes, struct wr_h1_head *head,
                             size_t *used)
{
    struct wr_str line;
    *used = 0;
    while (r->stage < COMPLETE && next_line(r, bytes, &line) && take_line(r, bytes.p, line, head)) {
    }
    if (r->stage == FAILED) {
        return WR_H1_BAD;
    }
    *used = r->stage == COMPLETE ? r->line : 0;
    return r->stage == COMPLETE ? WR_H1_DONE : WR_H1_MORE;
}

/* ── looking up ─────────────────────────────────────────────────────────────────────────────── */

struct wr_str wr_h1_field(const struct wr_h1_head *head, struct wr_str name)
{
    for (uint32_t i = 0; i < head->n_fields; i++) {
        if (wr_h1_same(head->fields[i].name, name)) {
            return head->fields[i].value;
        }
    }
    return (struct wr_str){0};
}

bool wr_h1_lists(struct wr_str value, struct wr_str token)
{
    struct wr_str element;
    while (wr_h1_next(&value, &element)) {
        const char *parameter = element.n != 0 ? memchr(element.p, ';', element.n) : NULL;
        if (parameter != NULL) {
            element.n = (size_t)(parameter - element.p);
        }
        if (wr_h1_same(wr_h1_trim(element), token)) {
            return true;
        }
    }
    return false;
}

bool wr_h1_query(struct wr_str query, struct wr_str name, struct wr_str *value)
{
    while (query.n != 0) {
        const char *and = memchr(query.p, '&', query.n);
        struct wr_str pair = wr_str_of(query.p, and != NULL ? (size_t)(and-query.p) : query.n);
        const char *equals = pair.n != 0 ? memchr(pair.p, '=', pair.n) : NULL;
        size_t name_n = equals != NULL ? (size_t)(equals - pair.p) : pair.n;
        if (wr_str_eq(wr_str_of(pair.p, name_n), name)) {
            size_t skip = WR_MIN(name_n + 1, pair.n);
            *value = wr_str_of(pair.p + skip, pair.n - skip);
            return true;
        }
        size_t skip = WR_MIN(pair.n + 1, query.n);
        query = wr_str_of(query.p + skip, query.n - skip);
    }
    return false;
}

size_t wr_h1_unescape(struct wr_str s, bool in_query, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && s.n - i >= 3 && wr_h1_hex(s.p[i + 1]) >= 0 &&
            wr_h1_hex(s.p[i + 2]) >= 0) {
            out[n++] = (char)(wr_h1_hex(s.p[i + 1]) << 4 | wr_h1_hex(s.p[i + 2]));
            i += 2;
        } else {
            out[n++] = in_query && s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    return n;
}
