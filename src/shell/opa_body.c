/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of OPA's API: parameters, paths, and bodies in JSON or YAML, packed or not. */
#include "shell/opa.h"

#include "rego/yaml.h"
#include "shell/go_json.h"
#include "value/json_read.h"

#include <zlib.h>

/* ── parameters and paths ───────────────────────────────────────────────────────────────────── */
static bool is_word(struct wr_str s, const char *lower)
{
    size_t n = strlen(lower);
    for (size_t i = 0; i < s.n && s.n == n; i++) {
        if ((s.p[i] | 0x20) != lower[i]) {
            return false;
        }
    }
    return s.n == n;
}

bool wr_opa_flag(const struct wr_opa_call *call, const char *name)
{
    struct wr_str value;
    return wr_h1_query(call->request->head->query, wr_str_z(name), &value) &&
           (value.n == 0 || is_word(value, "true"));
}

bool wr_opa_parameter(struct wr_opa_call *call, const char *name, struct wr_str *value)
{
    struct wr_str raw;
    if (!wr_h1_query(call->request->head->query, wr_str_z(name), &raw)) {
        return false;
    }
    char *room = wr_arena_alloc(&call->server->scratch, raw.n, 1);
    *value = room != NULL ? wr_str_of(room, wr_h1_unescape(raw, true, room)) : wr_str_of(NULL, 0);
    return true;
}

bool wr_opa_segments(struct wr_opa_call *call, struct wr_str path, struct wr_str *segments,
                     size_t *n)
{
    *n = 0;
    while (path.n > 0) {
        if (path.p[0] == '/') {
            path = wr_str_of(path.p + 1, path.n - 1);
            continue;
        }
        size_t end = wr_str_find(path, WR_STR("/"), 0);
        struct wr_str part = wr_str_of(path.p, WR_MIN(end, path.n));
        char *room = wr_arena_alloc(&call->server->scratch, part.n, 1);
        if (*n == WR_LIMIT_OPA_SEGMENTS || room == NULL) {
            return false;
        }
        segments[(*n)++] = wr_str_of(room, wr_h1_unescape(part, false, room));
        path = wr_str_of(path.p + part.n, path.n - part.n);
    }
    return true;
}

/* ── bodies ─────────────────────────────────────────────────────────────────────────────────── */
static const char *unpack(struct wr_opa_call *call, struct wr_str in, struct wr_str *out)
{
    size_t cap = WR_MIN((size_t)call->server->config.body_max, in.n * WR_LIMIT_OPA_INFLATE + 4096);
    if (in.n < 10) {
        return in.n == 0 ? "EOF" : "unexpected EOF";
    }
    if ((uint8_t)in.p[0] != 0x1F || (uint8_t)in.p[1] != 0x8B) {
        return "gzip: invalid header";
    }
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n};
    char *room = wr_arena_alloc(&call->server->scratch, cap, 1);
    if (room == NULL || inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
        return "no room to unpack the body";
    }
    stream.next_out = (Bytef *)room;
    stream.avail_out = (uInt)cap;
    int state = inflate(&stream, Z_FINISH);
    *out = wr_str_of(room, cap - stream.avail_out);
    inflateEnd(&stream);
    if (state == Z_STREAM_END) {
        return NULL;
    }
    return stream.avail_out == 0   ? "the body unpacks to more than the largest body"
           : state == Z_DATA_ERROR ? "gzip: invalid checksum"
                                   : "unexpected EOF";
}

bool wr_opa_unpacked(struct wr_opa_call *call, const char *prefix, struct wr_str *body)
{
    struct wr_str coding = wr_h1_field(call->request->head, WR_STR("Content-Encoding"));
    *body = call->request->body;
    if (coding.p == NULL || wr_str_find(coding, WR_STR("gzip"), 0) == SIZE_MAX) {
        return true;
    }
    const char *why = unpack(call, call->request->body, body);
    if (why != NULL) {
        wr_opa_fail(call, 400, "invalid_parameter", "%scould not decompress the body: %s", prefix,
                    why);
    }
    return why == NULL;
}

bool wr_opa_is_yaml(const struct wr_opa_call *call)
{
    struct wr_str type = call->request->head->known[WR_H1_CONTENT_TYPE];
    return type.p != NULL && wr_str_find(type, WR_STR("yaml"), 0) != SIZE_MAX;
}

bool wr_opa_read_json(struct wr_opa_call *call, struct wr_str text, struct wr_value *out,
                      struct wr_buf *message)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_json_limits limits = {.depth_max = WR_LIMIT_REQUEST_DEPTH, .huge = true};
    size_t used;
    /* Bytes behind the first document are not looked at, as in OPA. */
    if (wr_json_read_prefix(&call->server->scratch, text, true, &limits, out, &used, &error) ==
        WR_OK) {
        return true;
    }
    if (!wr_go_json_complain(message, text)) { /* a limit of ours, or text that is not UTF-8 */
        wr_buf_str(message, wr_str_z(error.text));
    }
    return false;
}

bool wr_opa_read_yaml(struct wr_opa_call *call, struct wr_str text, struct wr_value *out,
                      struct wr_buf *message)
{
    struct wr_yaml *node = NULL;
    struct wr_yaml_error error = {0};
    *out = wr_null();
    if (text.n == 0) {
        return true;
    }
    if (wr_yaml_read(&call->server->scratch, text, &node, &error) != WR_OK) {
        wr_format(message, "yaml: line %u: %s", error.line,
                  error.message != NULL ? error.message : "no room");
        return false;
    }
    *out = wr_yaml_value(&call->server->scratch, node);
    if (out->type == WR_UNDEFINED) {
        wr_buf_str(message, WR_STR("yaml: a key is not a string"));
    }
    return out->type != WR_UNDEFINED;
}

/* Go's decoder takes any case of a field's name when the exact one is not there. */
const struct wr_value *wr_opa_member(const struct wr_value *object, const char *lower)
{
    const struct wr_value *exact =
        object->type == WR_OBJECT ? wr_object_get_str(object, wr_str_z(lower)) : NULL;
    for (uint32_t i = 0; object->type == WR_OBJECT && exact == NULL && i < object->n; i++) {
        if (is_word(wr_text(object->pairs[i].key), lower)) {
            exact = &object->pairs[i].value;
        }
    }
    return exact;
}

const char *wr_opa_go_type(const struct wr_value *v)
{
    return v->type == WR_BOOL ? "bool" : wr_type_name(*v);
}
