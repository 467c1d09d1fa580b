/* SPDX-License-Identifier: Apache-2.0 */
#include "app/yaml_file.h"
#include "check.h"
#include "rego/yaml.h"
#include "value/json_write.h"

static const struct wr_memory memory = CHECK_MEMORY;
static struct wr_error error;
static char text[4096];

static wr_err read_yaml(const char *yaml)
{
    struct wr_arena arena;
    struct wr_value v;
    wr_arena_init(&arena, &memory, 1 << 20);
    wr_err code = wr_yaml_file_read(&arena, wr_str_z(yaml), &v, &error);
    struct wr_buf buf = wr_buf_fixed(text, sizeof text - 1);
    if (code == WR_OK) {
        wr_json_write(&buf, &v, WR_JSON_COMPACT);
    }
    text[buf.n] = '\0';
    wr_arena_deinit(&arena);
    return code;
}

TEST("plain scalars are typed as every reader of YAML types them")
{
    CHECK_INT(read_yaml("[1, -2.50, +3, 1e3, 0.5, .5, 5., -0, true, True, FALSE, null, Null, ~]"),
              WR_OK);
    CHECK_STR(text, "[1,-2.5,3,1000,0.5,0.5,5,0,true,true,false,null,null,null]");
    CHECK_INT(
        read_yaml("['1', \"no\", x y, 7d, 2020-01-01, 12:30, tRUE, 10.0.0.1, ., -, +.e5, '']"),
        WR_OK);
    CHECK_STR(
        text,
        "[\"1\",\"no\",\"x "
        "y\",\"7d\",\"2020-01-01\",\"12:30\",\"tRUE\",\"10.0.0.1\",\".\",\"-\",\"+.e5\",\"\"]");
    CHECK_INT(read_yaml("[9223372036854775807, 18446744073709551615, 18446744073709551616]"),
              WR_OK);
    CHECK_STR(text, "[9223372036854775807,18446744073709551615,18446744073709552000]");
}

TEST("a plain scalar that readers of YAML disagree on is refused")
{
    static const char *const disputed[] = {"no",    "NO",   "Yes",   "y",    "N",     "on",
                                           "OFF",   "010",  "-007",  "0x1F", "0b11",  "0o17",
                                           "1_000", ".inf", "-.Inf", ".nan", "1e400", "<<"};
    for (size_t i = 0; i < WR_COUNTOF(disputed); i++) {
        char yaml[64];
        snprintf(yaml, sizeof yaml, "a:\n  b: %s\n", disputed[i]);
        CHECK_INT(read_yaml(yaml), WR_E_CONFIG);
        CHECK(error.row == 2 && error.col == 6);
        snprintf(yaml, sizeof yaml, "a: '%s'\n", disputed[i]);
        CHECK_INT(read_yaml(yaml), WR_OK);
    }
}

TEST("places count lines and characters, bytes only where there are no characters")
{
    CHECK_INT(read_yaml("a: \xC3\xA9\nb: no\n"), WR_E_CONFIG);
    CHECK(error.row == 2 && error.col == 4 && error.offset == WR_NO_OFFSET);
    CHECK_INT(read_yaml("a: 1\nb: \xFF\n"), WR_E_CONFIG);
    CHECK(error.row == 0 && error.offset == 8);
}

TEST("blocks and flows nest, keys are sorted")
{
    CHECK_INT(read_yaml("b:\n  - {z: 1, a: [x]}\na:\n"), WR_OK);
    CHECK_STR(text, "{\"a\":null,\"b\":[{\"a\":[\"x\"],\"z\":1}]}");
}

TEST("what would hide a meaning is refused with its row")
{
    static const char *const bad[] = {"a: &x 1\n",    "a: *x\n",     "a: !!str 1\n",
                                      "a: 1\na: 2\n", "1: x\n",      "--- 1\n--- 2\n",
                                      "a: [1\n",      "? [a]\n: 1\n"};
    for (size_t i = 0; i < WR_COUNTOF(bad); i++) {
        CHECK_INT(read_yaml(bad[i]), WR_E_CONFIG);
        CHECK(error.row >= 1);
    }
}

TEST("nesting stops at its limit")
{
    char deep[256];
    memset(deep, '[', WR_LIMIT_YAML_DEPTH);
    memset(deep + WR_LIMIT_YAML_DEPTH, ']', WR_LIMIT_YAML_DEPTH);
    deep[2 * WR_LIMIT_YAML_DEPTH] = '\0';
    CHECK_INT(read_yaml(deep), WR_OK);
    memset(deep, '[', WR_LIMIT_YAML_DEPTH + 1);
    memset(deep + WR_LIMIT_YAML_DEPTH + 1, ']', WR_LIMIT_YAML_DEPTH + 1);
    deep[2 * WR_LIMIT_YAML_DEPTH + 2] = '\0';
    CHECK_INT(read_yaml(deep), WR_E_CONFIG);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
