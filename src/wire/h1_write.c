/* SPDX-License-Identifier: Apache-2.0 */
/* Status lines, fields and chunks. */
#include "wire/h1.h"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *wr_h1_reason(int status)
{
    for (size_t i = 0; i < WR_COUNTOF(reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Status";
}

static void add(struct wr_buf *buf, const char *text)
{
    wr_buf_add(buf, text, strlen(text));
}

void wr_h1_write_field(struct wr_buf *buf, struct wr_str name, struct wr_str value)
{
    wr_buf_str(buf, name);
    add(buf, ": ");
    char *at = wr_buf_reserve(buf, value.n + 2);
    if (at == NULL) {
        return;
    }
    for (size_t i = 0; i < value.n; i++) {
        bool control = (uint8_t)value.p[i] < 0x20 || value.p[i] == 0x7F;
        at[i] = control ? ' ' : value.p[i];
    }
    memcpy(at + value.n, "\r\n", 2);
    buf->n += value.n + 2;
}

void wr_h1_write_head(struct wr_buf *buf, const struct wr_h1_reply *reply)
{
    WR_ASSERT(reply->status >= 200 && reply->status <= 599);
    add(buf, "HTTP/1.1 ");
    wr_buf_u64(buf, (uint64_t)reply->status);
    wr_buf_char(buf, ' ');
    add(buf, wr_h1_reason(reply->status));
    add(buf, "\r\n");
    if (reply->content_type.n != 0) {
        wr_h1_write_field(buf, WR_STR("Content-Type"), reply->content_type);
    }
    if (reply->chunked) {
        add(buf, "Transfer-Encoding: chunked\r\n");
    } else if (reply->status != 204 && reply->status != 304) {
        add(buf, "Content-Length: ");
        wr_buf_u64(buf, reply->content_length);
        add(buf, "\r\n");
    }
    if (!reply->keep_alive) {
        add(buf, "Connection: close\r\n");
    } else if (reply->minor == 0) {
        add(buf, "Connection: keep-alive\r\n");
    }
    if (reply->fields.n != 0) {
        wr_buf_str(buf, reply->fields);
    }
    add(buf, "\r\n");
}

void wr_h1_write_chunk(struct wr_buf *buf, struct wr_str data)
{
    if (data.n == 0) {
        add(buf, "0\r\n\r\n");
        return;
    }
    wr_format(buf, "%zx\r\n", data.n);
    wr_buf_str(buf, data);
    add(buf, "\r\n");
}

void wr_h1_write_continue(struct wr_buf *buf)
{
    add(buf, "HTTP/1.1 100 Continue\r\n\r\n");
}
