/* SPDX-License-Identifier: Apache-2.0 */
#include "app/serve_log.h"
#include "app/log_push.h"
#include "feature/instant.h"
#include "value/json_write.h"

#include <stdio.h>
#include <time.h>

static struct wr_log_push *also;

void wr_serve_log_also(struct wr_log_push *push)
{
    also = push;
}

void wr_serve_log(void *context, const char *level, const char *event, const char *text)
{
    if (context != NULL && strcmp(context, "error") == 0 && strcmp(level, "error") != 0) {
        return;
    }
    struct timespec now;
    char when[32], room[2048];
    clock_gettime(CLOCK_REALTIME, &now);
    struct wr_buf instant = wr_buf_fixed(when, sizeof when);
    wr_instant_write(&instant, (uint32_t)now.tv_sec); /* gmtime would read the zone's file first */
    struct wr_buf buf = wr_buf_fixed(room, sizeof room - 1);
    wr_format(&buf, "{\"time\":\"%.*s.%03ldZ\",\"level\":\"%s\",\"event\":\"%s\",\"text\":",
              (int)instant.n - 1, when, now.tv_nsec / 1000000, level, event);
    wr_json_write_string(&buf, wr_str_z(text), WR_JSON_COMPACT);
    wr_buf_str(&buf, WR_STR("}\n"));
    fwrite(buf.p, 1, buf.n, stdout);
    fflush(stdout);
    if (also != NULL) {
        wr_log_push_line(also, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, level,
                         wr_str_of(buf.p, buf.n - 1));
    }
}
