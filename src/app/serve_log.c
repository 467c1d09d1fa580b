/* SPDX-License-Identifier: Apache-2.0 */
#include "app/serve_log.h"
#include "value/json_write.h"

#include <stdio.h>
#include <time.h>

void wr_serve_log(void *context, const char *level, const char *event, const char *text)
{
    if (context != NULL && strcmp(context, "error") == 0 && strcmp(level, "error") != 0) {
        return;
    }
    struct timespec now;
    struct tm utc;
    char when[32], room[2048];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    struct wr_buf buf = wr_buf_fixed(room, sizeof room - 1);
    wr_format(&buf, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"event\":\"%s\",\"text\":", when,
              now.tv_nsec / 1000000, level, event);
    wr_json_write_string(&buf, wr_str_z(text), WR_JSON_COMPACT);
    wr_buf_str(&buf, WR_STR("}\n"));
    fwrite(buf.p, 1, buf.n, stdout);
    fflush(stdout);
}
