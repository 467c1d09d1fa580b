/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader over JSONTestSuite (by its manifest) and over texts of its own, each whole, byte
 * by byte and split in two at every position; and the writer as the reader's inverse. */
#include "check.h"
#include "value/json_read.h"
#include "value/json_write.h"

#include <dirent.h>

#define CORPUS WEIR_SHARED "/corpora/json/"

static const struct wr_memory memory = CHECK_MEMORY;
static struct wr_arena arena;

struct verdict {
    wr_err code;
    struct wr_error error;
    struct wr_value value;
};

static struct verdict read_whole(struct wr_str text, bool borrow,
                                 const struct wr_json_limits *limits)
{
    struct verdict v = {.code = WR_OK};
    v.code = wr_json_read(&arena, text, borrow, limits, &v.value, &v.error);
    return v;
}

/* In pieces of `step` bytes, after a first piece of `head` bytes. */
static struct verdict read_pieces(struct wr_str text, size_t head, size_t step,
                                  const struct wr_json_limits *limits)
{
    struct verdict v = {.code = WR_OK};
    struct wr_json_reader *reader = wr_json_open(&arena, limits);
    size_t at = 0, size = head;
    while (at < text.n && v.code == WR_OK) {
        size = WR_MIN(size, text.n - at);
        char *piece = malloc(size + 1); /* its own block: over-reads show under the sanitizer */
        if (size != 0) {
            memcpy(piece, text.p + at, size);
        }
        v.code = wr_json_feed(reader, wr_str_of(piece, size), &v.error);
        free(piece);
        at += size;
        size = step;
    }
    if (v.code == WR_OK) {
        v.code = wr_json_finish(reader, &v.value, &v.error);
    }
    return v;
}

static bool same(const struct verdict *a, const struct verdict *b)
{
    if (a->code != b->code) {
        fprintf(stderr, "verdict %s against %s (%s)\n", wr_err_name(a->code), wr_err_name(b->code),
                b->code != WR_OK ? b->error.text : "");
        return false;
    }
    if (a->code != WR_OK) {
        if (strcmp(a->error.text, b->error.text) != 0 || a->error.offset != b->error.offset) {
            fprintf(stderr, "\"%s\" against \"%s\"\n", a->error.text, b->error.text);
            return false;
        }
        return true;
    }
    struct wr_buf x = wr_buf_in(&arena, 256), y = wr_buf_in(&arena, 256);
    wr_json_write(&x, &a->value, WR_JSON_COMPACT);
    wr_json_write(&y, &b->value, WR_JSON_COMPACT);
    return wr_value_eq(&a->value, &b->value) && wr_str_eq(wr_buf_view(&x), wr_buf_view(&y)) &&
           wr_value_hash(&a->value) == wr_value_hash(&b->value);
}

/* Splits at every position of short texts, at some hundred positions of long ones. */
static bool splits_agree(struct wr_str text, const struct wr_json_limits *limits)
{
    struct verdict whole = read_whole(text, true, limits), copied = read_whole(text, false, limits);
    struct verdict bytes = read_pieces(text, 1, 1, limits),
                   threes = read_pieces(text, 2, 3, limits);
    bool good = same(&whole, &copied) && same(&whole, &bytes) && same(&whole, &threes);
    size_t stride = text.n / 400 + 1;
    for (size_t head = 1; head < text.n && good; head += stride) {
        struct wr_arena_mark mark = wr_arena_mark(&arena);
        struct verdict split = read_pieces(text, head, text.n, limits);
        good = same(&whole, &split);
        wr_arena_rewind(&arena, mark);
    }
    return good;
}

static struct wr_str read_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, CORPUS "%s", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return (struct wr_str){0};
    }
    size_t cap = 1 << 21;
    char *bytes = malloc(cap);
    size_t n = fread(bytes, 1, cap, file);
    fclose(file);
    return wr_str_of(bytes, n);
}

static void begin(void)
{
    wr_arena_init(&arena, &memory, (size_t)1 << 30);
}

static void end(void)
{
    wr_arena_deinit(&arena);
}

TEST("every file of JSONTestSuite gets the verdict of its manifest, however it is cut")
{
    char line[1024];
    int files = 0, accepted = 0;
    FILE *manifest = fopen(CORPUS "MANIFEST.tsv", "r");
    if (manifest == NULL) {
        fprintf(stderr, "no corpus at %s: not judged\n", CORPUS);
        return;
    }
    while (fgets(line, sizeof line, manifest) != NULL) {
        char name[512], expected[64];
        int size;
        if (sscanf(line, "%511[^\t]\t%d\t%63s", name, &size, expected) != 3) {
            continue;
        }
        begin();
        struct wr_str text = read_file(name);
        CHECK_INT(text.n, size);
        struct verdict whole = read_whole(text, true, NULL);
        if ((whole.code == WR_OK) != (strcmp(expected, "accept") == 0) ||
            !splits_agree(text, NULL)) {
            fprintf(stderr, "%s: %s\n", name, whole.code != WR_OK ? whole.error.text : "accepted");
            check_failures++;
        }
        CHECK(arena.taken <= 64 * text.n + 64 * 1024 || text.n < 4096 || whole.code == WR_OK);
        accepted += whole.code == WR_OK;
        files++;
        free((void *)(uintptr_t)text.p);
        end();
    }
    fclose(manifest);
    CHECK_INT(files, 318);
    CHECK_INT(accepted, 100);
}

TEST("the texts on which parsers differ are read alike however they are cut")
{
    DIR *folder = opendir(CORPUS "test_transform");
    int files = 0;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char name[300];
        snprintf(name, sizeof name, "test_transform/%s", entry->d_name);
        if (strstr(name, ".json") == NULL) {
            continue;
        }
        begin();
        struct wr_str text = read_file(name);
        CHECK(text.n != 0 && splits_agree(text, NULL));
        files++;
        free((void *)(uintptr_t)text.p);
        end();
    }
    CHECK(folder == NULL || files == 22);
    if (folder != NULL) {
        closedir(folder);
    }
}

static const char *written(const char *text, enum wr_json_style style)
{
    static char room[4096];
    struct verdict v = read_whole(wr_str_z(text), true, NULL);
    struct wr_buf buf = wr_buf_fixed(room, sizeof room - 1);
    if (v.code == WR_OK) {
        wr_json_write(&buf, &v.value, style);
    } else {
        wr_format(&buf, "%s: %s", wr_err_name(v.code), v.error.text);
    }
    room[buf.n] = '\0';
    return room;
}

static const struct {
    const char *text, *want;
} compact[] = {
    {" [ 1 , 2.50 ,-0, 1E5, 1e-7 ] ", "[1,2.50,-0,1E5,1e-7]"},
    {"{\"b\":1,\"a\":{\"y\":[],\"x\":{}},\"\":null}",
     "{\"\":null,\"a\":{\"x\":{},\"y\":[]},\"b\":1}"},
    {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
    {"\"\\u00e9\\ud83d\\ude00\\n\\/\\b\\u0000\"", "\"\xC3\xA9\xF0\x9F\x98\x80\\n/\\u0008\\u0000\""},
    {"[true,false,null]", "[true,false,null]"},
    {"123456789012345678901234567890.5", "123456789012345678901234567890.5"},
    {"{\"abcdefgh1\":1,\"abcdefgh\":2,\"abcdefg\":3,\"abc\":4,\"ab\":5,\"b\":6,\"abcd\":7}",
     "{\"ab\":5,\"abc\":4,\"abcd\":7,\"abcdefg\":3,\"abcdefgh\":2,\"abcdefgh1\":1,\"b\":6}"},
    {"", "need_more: the document ends too early, at byte 0"},
    {"[1,", "need_more: the document ends too early, at byte 3"},
    {"[1", "need_more: the document ends too early, at byte 2"},
    {"[\"a", "need_more: the document ends within a value, at byte 3"},
    {"tru", "need_more: the document ends within a value, at byte 3"},
    {"[1,]", "json: a value is expected, at byte 3"},
    {"[1 2]", "json: a comma or ] is expected, at byte 3"},
    {"{\"a\":1 ]", "json: a comma or } is expected, at byte 7"},
    {"{\"a\" 1}", "json: a colon is expected, at byte 5"},
    {"{1:1}", "json: a key in quotes is expected, at byte 1"},
    {"{\"a\":1,}", "json: a key in quotes is expected, at byte 7"},
    {"1 2", "json: the document goes on behind its end, at byte 2"},
    {"nulL", "json: neither true nor false nor null, at byte 3"},
    {"[01]", "json: a number with a leading zero, at byte 2"},
    {"[-]", "json: a number that lacks a digit, at byte 2"},
    {"[1.]", "json: a number that lacks a digit, at byte 3"},
    {"[1e400]", "number: a number beyond the largest double, at byte 1"},
    {"\"a\nb\"", "json: a control character in a string, at byte 2"},
    {"\"\\x\"", "json: an unknown escape, at byte 2"},
    {"\"\\u12g4\"", "json: not a hexadecimal digit in an escape, at byte 5"},
    {"\"\\ud800x\"", "json: a high surrogate without a low one, at byte 1"},
    {"\"\\udc00\"", "json: a low surrogate without a high one, at byte 1"},
    {"\"\xC0\x80\"", "utf8: not UTF-8, at byte 1"},
    {"\xEF\xBB\xBF{}", "json: a value is expected, at byte 0"},
};

TEST("documents are written in canonical form, and errors name their place")
{
    begin();
    for (size_t i = 0; i < WR_COUNTOF(compact); i++) {
        CHECK_STR(written(compact[i].text, WR_JSON_COMPACT), compact[i].want);
        CHECK(splits_agree(wr_str_z(compact[i].text), NULL));
    }
    end();
}

TEST("the pretty and the HTML styles differ as OPA's do")
{
    begin();
    CHECK_STR(written("{\"b\":[1,{}],\"a\":\"<&>\"}", WR_JSON_PRETTY),
              "{\n  \"a\": \"<&>\",\n  \"b\": [\n    1,\n    {}\n  ]\n}");
    CHECK_STR(written("\"<&>\xE2\x80\xA8\xE2\x80\xA9\xE2\x82\xAC\"", WR_JSON_HTML_SAFE),
              "\"\\u003c\\u0026\\u003e\\u2028\\u2029\xE2\x82\xAC\"");
    CHECK_STR(written("\"\xE2\x80\xA8\"", WR_JSON_COMPACT), "\"\xE2\x80\xA8\"");
    end();
}

TEST("every control character is escaped, and reads back; none may stand raw")
{
    begin();
    for (unsigned c = 0; c < 0x20; c++) {
        char text = (char)c, raw[3] = {'"', (char)c, '"'};
        struct wr_value v = wr_string(wr_str_of(&text, 1));
        struct wr_buf buf = wr_buf_in(&arena, 16);
        wr_json_write(&buf, &v, WR_JSON_COMPACT);
        struct verdict again = read_whole(wr_buf_view(&buf), true, NULL);
        CHECK(buf.n >= 4 && again.code == WR_OK && wr_value_eq(&again.value, &v));
        CHECK_INT(read_whole(wr_str_of(raw, 3), true, NULL).code, WR_E_JSON);
    }
    end();
}

TEST("sets become arrays, and keys that are not strings their text")
{
    begin();
    char room[200];
    struct wr_value items[3] = {wr_int(2), wr_string(WR_STR("\"")), wr_int(1)};
    struct wr_value set = wr_set_from(items, 3);
    struct wr_pair pairs[2] = {{set, wr_int(1)}, {wr_decimal(150, 2), wr_null()}};
    struct wr_value object = wr_object_from(pairs, 2);
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_json_write(&buf, &object, WR_JSON_COMPACT);
    CHECK_TEXT(buf.p, buf.n, "{\"1.50\":null,\"[1,2,\\\"\\\\\\\"\\\"]\":1}");
    buf.n = 0;
    wr_rego_write(&buf, &object);
    CHECK_TEXT(buf.p, buf.n, "{1.50: null, {1, 2, \"\\\"\"}: 1}");
    buf.n = 0;
    struct wr_value empty = wr_set_from(NULL, 0);
    wr_rego_write(&buf, &empty);
    CHECK_TEXT(buf.p, buf.n, "set()");
    buf.n = 0;
    struct wr_value odd = wr_string(WR_STR("\x01\x7F\xC2\x85\xC3\xA9\t"));
    wr_rego_write(&buf, &odd);
    CHECK_TEXT(buf.p, buf.n, "\"\\x01\\x7f\\u0085\xC3\xA9\\t\"");
    end();
}

TEST("a key whose text does not fit sets overflow and writes nothing past the room")
{
    struct wr_value items[2] = {wr_int(1), wr_int(2)};
    struct wr_value set = wr_set_from(items, 2);
    struct wr_pair pair = {set, wr_int(1)};
    struct wr_value object = wr_object_from(&pair, 1);
    for (size_t cap = 0; cap < 11; cap++) {
        char *room = malloc(cap + 1);
        struct wr_buf buf = wr_buf_fixed(room, cap);
        wr_json_write(&buf, &object, WR_JSON_COMPACT);
        CHECK(buf.overflow && buf.n <= cap);
        free(room);
    }
}

static void check_limit(const char *text, struct wr_json_limits limits, const char *want)
{
    struct verdict v = read_whole(wr_str_z(text), true, &limits);
    if (want == NULL) {
        CHECK_INT(v.code, WR_OK);
    } else {
        CHECK_INT(v.code, WR_E_LIMIT);
        CHECK_STR(v.error.text, want);
    }
    CHECK(splits_agree(wr_str_z(text), &limits));
}

TEST("limits of size, depth and number of values hold to the byte")
{
    begin();
    check_limit("[1,2]", (struct wr_json_limits){.size_max = 5}, NULL);
    check_limit("[1,2]", (struct wr_json_limits){.size_max = 4},
                "the document is larger than allowed, at byte 4");
    check_limit("[12345", (struct wr_json_limits){.size_max = 4},
                "the document is larger than allowed, at byte 4");
    check_limit("[[[]]]", (struct wr_json_limits){.depth_max = 3}, NULL);
    check_limit("[[{}]]", (struct wr_json_limits){.depth_max = 2},
                "the document is nested deeper than allowed, at byte 2");
    check_limit("{\"a\":[1,true]}", (struct wr_json_limits){.n_max = 4}, NULL);
    check_limit("{\"a\":[1,true]}", (struct wr_json_limits){.n_max = 3},
                "the document has more values than allowed, at byte 8");
    check_limit("[\"\\n\",[]]", (struct wr_json_limits){.n_max = 2},
                "the document has more values than allowed, at byte 6");
    char deep[2 * WR_LIMIT_VALUE_DEPTH + 3];
    for (size_t n = WR_LIMIT_VALUE_DEPTH; n <= WR_LIMIT_VALUE_DEPTH + 1; n++) {
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        deep[2 * n] = '\0';
        check_limit(deep, (struct wr_json_limits){.depth_max = 1000},
                    n == WR_LIMIT_VALUE_DEPTH
                        ? NULL
                        : "the document is nested deeper than allowed, at byte 128");
    }
    struct verdict bad = read_whole(WR_STR("[}xxx"), true, &(struct wr_json_limits){.size_max = 3});
    CHECK_INT(bad.code, WR_E_JSON);
    end();
}

TEST("a prefix is read to the end of its document and no further")
{
    begin();
    struct wr_value v;
    struct wr_error error;
    size_t used;
    struct wr_str lines = WR_STR(" {\"a\":1}\n{\"a\":2} x");
    CHECK_INT(wr_json_read_prefix(&arena, lines, true, NULL, &v, &used, &error), WR_OK);
    CHECK_INT(used, 8);
    CHECK_INT(wr_json_read_prefix(&arena, wr_str_of(lines.p + 8, lines.n - 8), true, NULL, &v,
                                  &used, &error),
              WR_OK);
    CHECK_INT(used, 8);
    CHECK_INT(wr_json_read_prefix(&arena, WR_STR("12,"), true, NULL, &v, &used, &error), WR_OK);
    CHECK_INT(used, 2);
    CHECK_INT(wr_json_read_prefix(&arena, WR_STR("{\"a\":"), true, NULL, &v, &used, &error),
              WR_E_NEED_MORE);
    CHECK_INT(wr_json_read_prefix(&arena, WR_STR("[1,2]   "), true,
                                  &(struct wr_json_limits){.size_max = 5}, &v, &used, &error),
              WR_OK);
    CHECK_INT(wr_json_read_prefix(&arena, WR_STR("  \n"), true, NULL, &v, &used, &error),
              WR_E_NEED_MORE);
    end();
}

TEST("borrowed strings point into the text, copied ones do not")
{
    begin();
    static const char text[] = "[\"abc\", 1e5]";
    struct verdict borrowed = read_whole(wr_str_z(text), true, NULL);
    struct verdict copied = read_whole(wr_str_z(text), false, NULL);
    CHECK(borrowed.value.items[0].text == text + 2);
    CHECK(borrowed.value.items[1].text == text + 8);
    CHECK(copied.value.items[0].text != text + 2);
    CHECK(copied.value.items[1].text != text + 8);
    end();
}

TEST("the reader ends with an error at every point where memory may run out")
{
    static const char text[] = "{\"k\":[1,2,{\"a\":\"x\\ny\",\"b\":1e5}],\"l\":\"abc\"}";
    struct verdict v = {.code = WR_OK};
    size_t cap = 64;
    char *room = malloc(1 << 16);
    for (; cap < 1 << 16; cap += 8) {
        wr_arena_init_fixed(&arena, room, cap, NULL, 0);
        v = read_whole(wr_str_z(text), false, NULL);
        if (v.code == WR_OK) {
            break;
        }
        CHECK_INT(v.code, WR_E_MEMORY);
    }
    CHECK_INT(v.code, WR_OK);
    CHECK(cap < 1000);
    for (cap = 64; cap < 1 << 16; cap += 8) {
        wr_arena_init_fixed(&arena, room, cap, NULL, 0);
        struct wr_json_reader *reader = wr_json_open(&arena, NULL);
        if (reader == NULL) {
            continue;
        }
        v.code = WR_OK;
        for (size_t i = 0; i < sizeof text - 1 && v.code == WR_OK; i++) {
            v.code = wr_json_feed(reader, wr_str_of(text + i, 1), &v.error);
        }
        v.code = v.code == WR_OK ? wr_json_finish(reader, &v.value, &v.error) : v.code;
        if (v.code == WR_OK) {
            break;
        }
        CHECK_INT(v.code, WR_E_MEMORY);
    }
    CHECK_INT(v.code, WR_OK);
    free(room);
}

static struct wr_str repeat(const char *open, const char *unit, const char *close, size_t n)
{
    char *text = malloc(n * strlen(unit) + 64), *at = text;
    at += sprintf(at, "%s", open);
    for (size_t i = 0; i < n; i++) {
        memcpy(at, unit, strlen(unit));
        at += strlen(unit);
    }
    at += sprintf(at, "%s", close);
    return wr_str_of(text, (size_t)(at - text));
}

TEST("memory stays below 64 bytes a byte of input, for the shortest values and for long tokens")
{
    static const char *const shapes[][3] = {{"[", "0,", "0]"},       {"[", "[],", "0]"},
                                            {"[", "{},", "0]"},      {"{", "\"\":0,", "\"\":0}"},
                                            {"\"", "\\n", "\""},     {"\"", "abcdefgh", "\""},
                                            {"[", "[0],", "0]"},     {"[", "{\"\":0},", "0]"},
                                            {"[", "1e5,", "0]"},     {"0.", "1", ""},
                                            {"[", "\"\\n\",", "0]"}, {"[", "\"a\",", "0]"}};
    for (size_t i = 0; i < WR_COUNTOF(shapes); i++) {
        struct wr_str text = repeat(shapes[i][0], shapes[i][1], shapes[i][2], 100000);
        begin();
        CHECK_INT(read_whole(text, false, NULL).code, WR_OK);
        CHECK(arena.taken <= 64 * text.n + 64 * 1024);
        end();
        begin();
        CHECK_INT(read_pieces(text, 1, 1, NULL).code, WR_OK);
        CHECK(arena.taken <= 64 * text.n + 64 * 1024);
        end();
        free((void *)(uintptr_t)text.p);
    }
}

TEST("objects of any number of keys are sorted, with the last of equal keys")
{
    for (int n = 1; n < 200; n += 7) {
        begin();
        struct wr_buf text = wr_buf_in(&arena, 1 << 14);
        wr_buf_char(&text, '{');
        for (int i = 0; i < 2 * n; i++) { /* every key twice, in scattered order */
            wr_format(&text, "%s\"key%d\":%d", i > 0 ? "," : "", (i * 211) % n, i);
        }
        wr_buf_char(&text, '}');
        struct verdict v = read_whole(wr_buf_view(&text), true, NULL);
        CHECK_INT(v.code, WR_OK);
        CHECK_INT(v.value.n, n);
        for (uint32_t i = 1; i < v.value.n; i++) {
            CHECK(wr_value_cmp(&v.value.pairs[i - 1].key, &v.value.pairs[i].key) < 0);
        }
        for (int i = n; i < 2 * n; i++) {
            char key[32];
            int key_n = snprintf(key, sizeof key, "key%d", (i * 211) % n);
            const struct wr_value *got = wr_object_get_str(&v.value, wr_str_of(key, (size_t)key_n));
            CHECK(got != NULL && got->i == i);
        }
        end();
    }
}

static uint64_t seed = 42;

static unsigned dice(unsigned sides)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(seed >> 33) % sides;
}

/* Random text made of JSON's pieces: often valid, often nearly so. */
static size_t random_text(char *out, size_t room)
{
    static const char *const bits[] = {"{",        "}",
                                       "[",        "]",
                                       ",",        ":",
                                       "\"a\"",    "\"\"",
                                       "1",        "-0.5",
                                       "1e9",      "true",
                                       "null",     "false",
                                       "\"\\n\"",  "\"\\u12",
                                       "\xC3\xA9", "\"",
                                       " ",        "\"b\":",
                                       "0",        "12345678901234567890"};
    size_t n = 0, pieces = 1 + dice(12);
    for (size_t i = 0; i < pieces; i++) {
        const char *bit = bits[dice(WR_COUNTOF(bits))];
        if (n + strlen(bit) < room) {
            memcpy(out + n, bit, strlen(bit));
            n += strlen(bit);
        }
    }
    return n;
}

TEST("random texts: whole equals split, and writing what was read is a fixed point")
{
    int accepted = 0;
    for (int i = 0; i < 60000; i++) {
        char text[256];
        begin();
        struct wr_str s = wr_str_of(text, random_text(text, sizeof text));
        struct verdict v = read_whole(s, true, NULL);
        if (!splits_agree(s, NULL)) {
            fprintf(stderr, "%.*s\n", WR_FMT(s));
            check_failures++;
        }
        if (v.code == WR_OK) {
            accepted++;
            struct wr_buf once = wr_buf_in(&arena, 64), twice = wr_buf_in(&arena, 64);
            wr_json_write(&once, &v.value, WR_JSON_COMPACT);
            struct verdict again = read_whole(wr_buf_view(&once), true, NULL);
            CHECK(again.code == WR_OK && wr_value_eq(&v.value, &again.value));
            wr_json_write(&twice, &again.value, WR_JSON_COMPACT);
            CHECK(wr_str_eq(wr_buf_view(&once), wr_buf_view(&twice)));
        }
        end();
    }
    CHECK(accepted > 1000);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
