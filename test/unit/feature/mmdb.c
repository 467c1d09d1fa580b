/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of addresses: made-up databases (test/data/mmdb/make.py), whole and broken. */
#include "check.h"
#include "feature/mmdb.h"

static void *take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

static const struct wr_memory memory = {take, give, NULL};

static struct wr_str read_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, WEIR_SOURCE "/test/data/mmdb/%s", name);
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        perror(path);
        exit(1);
    }
    char *room = malloc(1 << 20);
    size_t n = fread(room, 1, 1 << 20, in);
    fclose(in);
    return wr_str_of(realloc(room, n), n); /* to the byte, for the sanitizer */
}

/* The value as JSON-like text in static room: "?" when there is none. */
static const char *find(const struct wr_mmdb *db, const char *address, const char *path)
{
    static char text[128];
    char room[4096];
    struct wr_arena arena;
    struct wr_str names[WR_LIMIT_MMDB_DEPTH];
    struct wr_ip ip;
    uint32_t n = 0;
    wr_arena_init_fixed(&arena, room, sizeof room, &memory, 1 << 20);
    for (struct wr_str rest = wr_str_z(path); rest.n > 0;) {
        size_t dot = wr_str_find(rest, WR_STR("."), 0);
        names[n++] = wr_str_of(rest.p, dot == SIZE_MAX ? rest.n : dot);
        rest = dot == SIZE_MAX ? wr_str_of("", 0) : wr_str_of(rest.p + dot + 1, rest.n - dot - 1);
    }
    CHECK(wr_ip_read(wr_str_z(address), &ip));
    struct wr_value v = wr_mmdb_find(db, &ip, names, n, &arena);
    struct wr_buf buf = wr_buf_fixed(text, sizeof text - 1);
    if (wr_is(v, WR_STRING)) {
        wr_buf_str(&buf, wr_text(v));
    } else if (wr_is(v, WR_NUMBER)) {
        wr_number_write(&buf, &v);
    } else {
        wr_buf_str(&buf, wr_is_true(v)    ? WR_STR("true")
                         : wr_is_false(v) ? WR_STR("false")
                                          : WR_STR("?"));
    }
    text[buf.n] = '\0';
    wr_arena_deinit(&arena);
    return text;
}

TEST("addresses lead to what is known of them, in trees of every width")
{
    static const char *const files[] = {"geo24.mmdb", "geo28.mmdb", "geo32.mmdb", "four.mmdb"};
    static const struct {
        const char *address, *path, *want;
    } rows[] = {
        {"192.0.2.0", "country.iso_code", "DE"},
        {"192.0.2.255", "autonomous_system_number", "64500"},
        {"192.0.3.0", "country.iso_code", "?"},
        {"198.51.100.127", "country.iso_code", "FR"},
        {"198.51.100.128", "name", "中国"},
        {"203.0.113.7", "autonomous_system_number", "4200000000"},
        {"203.0.113.7", "is_anonymous", "true"},
        {"192.0.2.1", "is_anonymous", "false"},
        {"203.0.113.6", "country.iso_code", "?"},
        {"192.0.2.1", "country.geoname_id", "2921044"},
        {"192.0.2.1", "location.latitude", "51.5"},
        {"192.0.2.1", "country", "?"},
        {"192.0.2.1", "country.iso_code.x", "?"},
        {"192.0.2.1", "nothing", "?"},
        {"0.0.0.0", "name", "?"},
        {"::ffff:192.0.2.1", "country.iso_code", "DE"},
        {"2001:db8::1", "country.iso_code", "JP"},
        {"2001:db8:fffe:ffff::", "name", "日本"},
        {"2001:db8:ffff:1::", "country.iso_code", "BR"},
        {"2001:db9::", "country.iso_code", "?"},
        {"::1", "country.iso_code", "?"},
    };
    for (size_t f = 0; f < WR_COUNTOF(files); f++) {
        struct wr_str bytes = read_file(files[f]);
        struct wr_mmdb db;
        struct wr_error error = {0};
        CHECK_INT(wr_mmdb_open(bytes, &db, &error), WR_OK);
        for (size_t i = 0; i < WR_COUNTOF(rows); i++) {
            bool v6 =
                strchr(rows[i].address, ':') != NULL && strstr(rows[i].address, "ffff:1") == NULL;
            v6 = v6 || strstr(rows[i].address, "db8") != NULL;
            const char *got = find(&db, rows[i].address, rows[i].path);
            CHECK_STR(got, db.is_v6 || !v6 ? rows[i].want : "?");
        }
        free((void *)(uintptr_t)bytes.p);
    }
}

TEST("broken databases are refused or tell nothing, and do no harm")
{
    struct wr_str whole = read_file("geo28.mmdb");
    struct wr_mmdb db;
    size_t refused = 0;
    for (size_t n = 0; n < whole.n; n += 7) { /* cut */
        char *copy = malloc(n + 1);
        memcpy(copy, whole.p, n);
        refused += wr_mmdb_open(wr_str_of(copy, n), &db, NULL) != WR_OK;
        free(copy);
    }
    CHECK(refused > 100);
    for (size_t at = 0; at < whole.n; at++) {
        static const uint8_t flips[] = {0xff, 0x20, 0x01};
        for (size_t k = 0; k < WR_COUNTOF(flips); k++) {
            char *copy = malloc(whole.n);
            memcpy(copy, whole.p, whole.n);
            copy[at] = (char)(copy[at] ^ flips[k]);
            if (wr_mmdb_open(wr_str_of(copy, whole.n), &db, NULL) == WR_OK) {
                find(&db, "192.0.2.1", "is_anonymous");
                find(&db, "2001:db8:ffff::", "country.iso_code");
            }
            free(copy);
        }
    }
    free((void *)(uintptr_t)whole.p);
    struct wr_error error = {0};
    CHECK_INT(wr_mmdb_open(WR_STR("nothing"), &db, &error), WR_E_PACK);
    CHECK(strstr(error.text, "metadata") != NULL);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
