/* SPDX-License-Identifier: Apache-2.0 */
/* MaxMind databases of any bytes, and entries of lists of any text. Properties: whatever opens is
 * looked up without reading outside of it, and a text found lies in it; an entry that is read is
 * spelt in one way, which is read as the same. The first byte chooses the path, or the match. */
#include "fuzz.h"

#include "feature/list_key.h"
#include "feature/mmdb.h"

static void look_up(struct wr_str bytes, uint8_t choice)
{
    static const struct wr_str paths[4][2] = {{{"country", 7}, {"iso_code", 8}},
                                              {{"autonomous_system_number", 24}, {"", 0}},
                                              {{"location", 8}, {"latitude", 8}},
                                              {{"name", 4}, {"", 0}}};
    static const char *const addresses[] = {"192.0.2.1", "203.0.113.7", "2001:db8:ffff::1", "::1"};
    struct wr_mmdb db;
    struct wr_arena arena;
    if (wr_mmdb_open(bytes, &db, NULL) != WR_OK) {
        return;
    }
    wr_arena_init(&arena, &fuzz_memory, 1 << 16);
    for (size_t i = 0; i < WR_COUNTOF(addresses); i++) {
        struct wr_ip ip;
        demand(wr_ip_read(wr_str_z(addresses[i]), &ip));
        const struct wr_str *names = paths[choice % 4];
        struct wr_value v = wr_mmdb_find(&db, &ip, names, names[1].n != 0 ? 2 : 1, &arena);
        demand(!wr_is(v, WR_STRING) || (v.text >= bytes.p && v.text + v.n <= bytes.p + bytes.n));
    }
    wr_arena_deinit(&arena);
}

static void spell(struct wr_str text, enum wr_list_match match)
{
    struct wr_list_key key, again;
    char room[WR_LIMIT_LIST_VALUE];
    struct wr_buf out = wr_buf_fixed(room, sizeof room);
    if (wr_list_key_read(match, text, &key) != NULL) {
        return;
    }
    wr_list_key_write(match, wr_str_of(key.bytes, key.n), &out);
    demand(!out.overflow && wr_list_key_read(match, wr_buf_view(&out), &again) == NULL);
    demand(again.n == key.n && memcmp(again.bytes, key.bytes, key.n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct wr_str rest = wr_str_of((const char *)data + 1, size - 1);
    if (data[0] < 128) {
        look_up(rest, data[0]);
    } else {
        spell(rest, (enum wr_list_match)(data[0] % WR_LIST_MATCHES));
    }
    return 0;
}
