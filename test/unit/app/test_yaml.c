/* SPDX-License-Identifier: Apache-2.0 */
#include "app/yaml_file.h"
#include "check.h"
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

TEST("scalars are typed as the core schema says")
{
    CHECK_INT(read_yaml("[1, -2.50, 1e3, 007, 0.5, .5, true, True, null, ~, '1', x y, 1.]"), WR_OK);
    CHECK_STR(text,
              "[1,-2.50,1e3,\"007\",0.5,\".5\",true,\"True\",null,null,\"1\",\"x y\",\"1.\"]");
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
