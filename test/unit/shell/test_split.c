/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting bodies into documents. */
#include "check.h"
#include "shell/split.h"

static const char *cut(const char *body, bool lines)
{
    static char out[1024];
    struct wr_split split;
    struct wr_str item;
    struct wr_error error = {0};
    size_t n = 0;
    wr_split_open(&split, wr_str_z(body), lines);
    for (;;) {
        if (wr_split_next(&split, &item, &error) != WR_OK) {
            n += (size_t)snprintf(out + n, sizeof out - n, "!%llu",
                                  (unsigned long long)error.offset);
            return out;
        }
        if (item.p == NULL) {
            out[n] = '\0';
            return out;
        }
        n += (size_t)snprintf(out + n, sizeof out - n, "<%.*s>", WR_FMT(item));
    }
}

TEST("arrays are cut at their own commas only")
{
    static const char *const cases[][2] = {
        {"[]", ""},
        {" [ ] \n", ""},
        {"[1]", "<1>"},
        {"[ {\"a\":[1,2]} , \"x,]}\\\"\" ,3 ]", "<{\"a\":[1,2]}><\"x,]}\\\"\"><3>"},
        {"[1,]", "<1>!3"},
        {"[,1]", "!1"},
        {"[1", "!2"},
        {"[1,2", "<1>!4"},
        {"[\"a]", "!4"},
        {"[\"a\\", "!4"},
        {"[1]]", "<1>!3"},
        {"[] []", "!3"},
        {"[1}", "!2"},
        {"[", "!1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_STR(cut(cases[i][0], false), cases[i][1]);
    }
}

TEST("lines are trimmed and blank ones passed over")
{
    CHECK_STR(cut("{\"a\":1}\n\n {\"b\":2} \r\n{}", false), "<{\"a\":1}><{\"b\":2}><{}>");
    CHECK_STR(cut("", false), "");
    CHECK_STR(cut("\n \n", false), "");
    CHECK_STR(cut("[1,2]\n[3]", true), "<[1,2]><[3]>");
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
