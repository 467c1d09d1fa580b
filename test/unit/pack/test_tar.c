/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "pack/tar.h"

static const struct wr_memory memory = CHECK_MEMORY;

struct fixture {
    struct wr_arena arena;
    struct wr_buf archive;
    const struct wr_pack_file *files;
    size_t n;
    struct wr_error error;
};

static void open_fixture(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    wr_arena_init(&f->arena, &memory, 64 << 20);
    f->archive = wr_buf_in(&f->arena, 4096);
}

/* One header as any tar would write it, with a right checksum. */
static void add_entry(struct fixture *f, const char *name, char type, const char *bytes, size_t n)
{
    char head[512] = {0};
    unsigned sum = 0;
    memcpy(head, name, strlen(name));
    snprintf(head + 100, 8, "%07o", 0644);
    snprintf(head + 124, 12, "%011o", (unsigned)n);
    memset(head + 148, ' ', 8);
    head[156] = type;
    memcpy(head + 257,
           "ustar\0"
           "00",
           8);
    for (size_t i = 0; i < sizeof head; i++) {
        sum += (unsigned char)head[i];
    }
    snprintf(head + 148, 8, "%06o", sum);
    wr_buf_add(&f->archive, head, sizeof head);
    wr_buf_add(&f->archive, bytes, n);
    while (f->archive.n % 512 != 0) {
        wr_buf_char(&f->archive, 0);
    }
}

static wr_err read_archive(struct fixture *f)
{
    static const char end[1024];
    wr_buf_add(&f->archive, end, sizeof end);
    return wr_tar_read(&f->arena, wr_buf_view(&f->archive), &f->files, &f->n, &f->error);
}

static wr_err read_one(const char *name, char type, char *text)
{
    struct fixture f;
    open_fixture(&f);
    add_entry(&f, name, type, "x", 1);
    wr_err err = read_archive(&f);
    snprintf(text, 512, "%s", f.error.text);
    wr_arena_deinit(&f.arena);
    return err;
}

TEST("plain files come out, directories are skipped, ./ and / are dropped")
{
    struct fixture f;
    open_fixture(&f);
    add_entry(&f, "./", '5', "", 0);
    add_entry(&f, "./risk.rego", '0', "package risk", 12);
    add_entry(&f, "/data.json", 0, "{}", 2);
    add_entry(&f, "lists/a.txt", '0', "", 0);
    CHECK_INT(read_archive(&f), WR_OK);
    CHECK_INT(f.n, 3);
    CHECK(wr_str_eq(f.files[0].path, WR_STR("risk.rego")));
    CHECK(wr_str_eq(f.files[0].bytes, WR_STR("package risk")));
    CHECK(wr_str_eq(f.files[1].path, WR_STR("data.json")));
    CHECK(wr_str_eq(f.files[2].path, WR_STR("lists/a.txt")) && f.files[2].bytes.n == 0);
    wr_arena_deinit(&f.arena);
}

TEST("links, devices and paths that leave the pack are refused")
{
    static const struct {
        const char *name;
        char type;
    } cases[] = {
        {"a", '1'},    {"a", '2'},   {"a", '3'},    {"a", '4'},      {"a", '6'},
        {"a", 'S'},    {"a", 'V'},   {"../a", '0'}, {"a/../b", '0'}, {"a/..", '0'},
        {"..", '0'},   {"//a", '0'}, {"a//b", '0'}, {"a/./b", '0'},  {"a/", '0'},
        {"a\\b", '0'}, {"./", '0'},  {"\xff", '0'}, {"a", '5'},
    };
    char text[512];
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        if (read_one(cases[i].name, cases[i].type, text) != WR_E_PACK) {
            fprintf(stderr, "accepted: %s of type %c\n", cases[i].name, cases[i].type);
        }
        CHECK_INT(read_one(cases[i].name, cases[i].type, text), WR_E_PACK);
    }
    CHECK_INT(read_one("a", '0', text), WR_OK);
}

TEST("a file that stands in the archive twice is refused")
{
    struct fixture f;
    open_fixture(&f);
    add_entry(&f, "a", '0', "1", 1);
    add_entry(&f, "./a", '0', "2", 1);
    CHECK_INT(read_archive(&f), WR_E_PACK);
    CHECK_INT(f.error.offset, 1024);
    wr_arena_deinit(&f.arena);
}

TEST("long names come from pax and GNU headers and from the prefix field")
{
    struct fixture f;
    char name[201];
    memset(name, 'n', 200);
    name[200] = 0;
    char pax[256];
    snprintf(pax, sizeof pax, "210 path=%s\n", name);
    open_fixture(&f);
    add_entry(&f, "pax", 'x', pax, strlen(pax));
    add_entry(&f, "short", '0', "1", 1);
    add_entry(&f, "././@LongLink", 'L', name, 200);
    add_entry(&f, "short", '5', "", 0);
    add_entry(&f, "other", '0', "2", 1);
    CHECK_INT(read_archive(&f), WR_OK);
    CHECK_INT(f.n, 2);
    CHECK_TEXT(f.files[0].path.p, f.files[0].path.n, name);
    CHECK(wr_str_eq(f.files[1].path, WR_STR("other")));
    wr_arena_deinit(&f.arena);
}

TEST("malformed pax headers are refused")
{
    static const char *const texts[] = {"path=x\n",          "9 path=x",  "99 path=x\n",
                                        "0 path=x\n",        " path=x\n", "12 size=100\n",
                                        "999999999 path=x\n"};
    for (size_t i = 0; i < WR_COUNTOF(texts); i++) {
        struct fixture f;
        open_fixture(&f);
        add_entry(&f, "pax", 'x', texts[i], strlen(texts[i]));
        add_entry(&f, "a", '0', "1", 1);
        CHECK_INT(read_archive(&f), WR_E_PACK);
        wr_arena_deinit(&f.arena);
    }
}

TEST("every cut of an archive is refused, every changed header byte is refused or harmless")
{
    struct fixture f;
    open_fixture(&f);
    add_entry(&f, "a", '0', "hello", 5);
    for (size_t n = 0; n < f.archive.n; n += 37) {
        const struct wr_pack_file *files;
        size_t count;
        char *copy = malloc(n + 1);
        memcpy(copy, f.archive.p, n);
        CHECK_INT(wr_tar_read(&f.arena, wr_str_of(copy, n), &files, &count, NULL), WR_E_PACK);
        free(copy);
    }
    CHECK_INT(read_archive(&f), WR_OK);
    for (size_t at = 0; at < 512; at++) {
        const struct wr_pack_file *files;
        size_t count;
        char *copy = malloc(f.archive.n);
        memcpy(copy, f.archive.p, f.archive.n);
        copy[at] ^= 1;
        wr_err err = wr_tar_read(&f.arena, wr_str_of(copy, f.archive.n), &files, &count, NULL);
        bool of_sum = at >= 148 && at < 156;
        CHECK(err == WR_E_PACK || (of_sum && err == WR_OK));
        free(copy);
    }
    wr_arena_deinit(&f.arena);
}

TEST("what is written is read back, and the same files give the same bytes")
{
    char deep[180];
    memset(deep, 'd', sizeof deep);
    deep[90] = '/';
    const struct wr_pack_file files[] = {
        {WR_STR("weir.json"), WR_STR("{}")},
        {wr_str_of(deep, sizeof deep), WR_STR("deep")},
        {WR_STR("empty"), WR_STR("")},
    };
    struct fixture f;
    open_fixture(&f);
    CHECK_INT(wr_tar_write(&f.archive, files, 3, &f.error), WR_OK);
    CHECK_INT(wr_tar_read(&f.arena, wr_buf_view(&f.archive), &f.files, &f.n, &f.error), WR_OK);
    CHECK_INT(f.n, 3);
    for (size_t i = 0; i < f.n; i++) {
        CHECK(wr_str_eq(f.files[i].path, files[i].path));
        CHECK(wr_str_eq(f.files[i].bytes, files[i].bytes));
    }
    wr_arena_deinit(&f.arena);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
