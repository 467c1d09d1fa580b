/* SPDX-License-Identifier: Apache-2.0 */
#include "value/json_layout.h"

static void new_line(struct wr_buf *out, uint32_t depth)
{
    wr_buf_char(out, '\n');
    for (uint32_t i = 0; i < depth; i++) {
        wr_buf_str(out, WR_STR("  "));
    }
}

void wr_json_lay_out(struct wr_buf *out, struct wr_str json)
{
    uint32_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i];
        if (in_string) {
            wr_buf_char(out, c);
            if (c == '\\') {
                wr_buf_char(out, json.p[++i]);
            }
            in_string = c != '"';
        } else if ((c == '{' || c == '[') && json.p[i + 1] != c + 2) {
            wr_buf_char(out, c);
            new_line(out, ++depth);
        } else if (c == '{' || c == '[') { /* empty */
            wr_buf_char(out, c);
            wr_buf_char(out, json.p[++i]);
        } else if (c == '}' || c == ']') {
            new_line(out, --depth);
            wr_buf_char(out, c);
        } else if (c == ',') {
            wr_buf_char(out, c);
            new_line(out, depth);
        } else {
            wr_buf_char(out, c);
            wr_buf_str(out, c == ':' ? WR_STR(" ") : WR_STR(""));
            in_string = c == '"';
        }
    }
}
