/* SPDX-License-Identifier: Apache-2.0 */
#include "app/remote.h"

#include "app/file.h"
#include "value/json_read.h"

#include <time.h>

wr_err wr_remote_open(struct wr_remote *remote, const char *address, const char *token,
                      struct wr_error *error)
{
    *remote = (struct wr_remote){.client = {.fd = -1}};
    wr_arena_init(&remote->arena, &wr_heap, WR_GIB(1));
    struct wr_buf headers = wr_buf_fixed(remote->headers, sizeof remote->headers);
    if (token != NULL && token[0] != '\0') {
        wr_format(&headers, "Authorization: Bearer %s\r\n", token);
    }
    if (headers.overflow || (token != NULL && strpbrk(token, "\r\n") != NULL)) {
        return wr_fail(error, WR_E_USAGE, "the token is none");
    }
    wr_err code = wr_client_open(&remote->client, address, 0, error);
    remote->client.headers = wr_buf_view(&headers);
    return code;
}

void wr_remote_close(struct wr_remote *remote)
{
    wr_client_close(&remote->client);
    wr_arena_deinit(&remote->arena);
}

static struct wr_str text_at(const struct wr_value *object, const char *key)
{
    const struct wr_value *v =
        wr_is(*object, WR_OBJECT) ? wr_object_get_str(object, wr_str_z(key)) : NULL;
    return v != NULL && wr_is(*v, WR_STRING) ? wr_text(*v) : wr_str_of("", 0);
}

static int64_t number_at(const struct wr_value *object, const char *key, int64_t otherwise)
{
    const struct wr_value *v =
        wr_is(*object, WR_OBJECT) ? wr_object_get_str(object, wr_str_z(key)) : NULL;
    int64_t n;
    return v != NULL && wr_is(*v, WR_NUMBER) && wr_number_to_i64(v, &n) ? n : otherwise;
}

static wr_err once(struct wr_remote *remote, const char *method, struct wr_str path,
                   struct wr_str body, struct wr_client_answer *answer, struct wr_error *error)
{
    bool got = false;
    if (!wr_client_send(&remote->client, method, path, body)) {
        return wr_fail(error, WR_E_LIMIT, "the request is too large");
    }
    wr_err code = wr_client_answer(&remote->client, 60000, answer, &got, error);
    return code != WR_OK || got ? code
                                : wr_fail(error, WR_E_IO, "the service has not answered in 60 s");
}

wr_err wr_remote_ask(struct wr_remote *remote, const char *method, struct wr_str path,
                     struct wr_str body, struct wr_remote_answer *out, struct wr_error *error)
{
    struct wr_client_answer answer = {0};
    wr_err code = WR_OK;
    for (int i = 0; i <= WR_REMOTE_PATIENCE_S; i++) {
        code = once(remote, method, path, body, &answer, error);
        if (code != WR_OK || answer.status != 503) {
            break;
        }
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    wr_arena_reset(&remote->arena);
    struct wr_str text =
        code == WR_OK ? wr_str_copy(&remote->arena, answer.body) : wr_str_of("null", 4);
    *out = (struct wr_remote_answer){.status = answer.status, .item = -1};
    if (code == WR_OK &&
        wr_json_read(&remote->arena, text, true, NULL, &out->document, NULL) != WR_OK) {
        code = wr_fail(error, WR_E_HTTP, "the answer is no JSON");
    }
    if (code != WR_OK || answer.status == 200) {
        return code;
    }
    struct wr_str detail = text_at(&out->document, "detail");
    out->row = (uint32_t)WR_MAX(number_at(&out->document, "row", 0), (int64_t)0);
    out->item = number_at(&out->document, "item", -1);
    return wr_fail(error, WR_E_USAGE, "%.*s (%d)",
                   WR_FMT(detail.n != 0 ? detail : WR_STR("the service refused it")),
                   answer.status);
}

void wr_remote_escape(struct wr_buf *out, struct wr_str text)
{
    static const char plain[] = "-._~";
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter || (c != '\0' && strchr(plain, c) != NULL)) {
            wr_buf_char(out, c);
        } else {
            wr_format(out, "%%%02X", (unsigned)(uint8_t)c);
        }
    }
}
