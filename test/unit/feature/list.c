/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: how entries are written; the table against a plain array over random changes; its bytes.
 */
#include "check.h"
#include "feature/list_table.h"

#include "base/rng.h"
#include "feature/instant.h"

static size_t bytes_out;

static void *take(void *context, size_t size)
{
    long *left = context;
    if (left != NULL && (*left)-- <= 0) {
        return NULL;
    }
    bytes_out += size;
    return malloc(size);
}

static void give(void *context, void *block, size_t size)
{
    (void)context;
    bytes_out -= size;
    free(block);
}

static const struct wr_memory memory = {take, give, NULL};

/* ── spelling ───────────────────────────────────────────────────────────────────────────────── */
TEST("each entry has one spelling, and what is none is told")
{
    static const struct {
        enum wr_list_match match;
        const char *text, *want; /* NULL: refused */
    } rows[] = {
        {WR_LIST_EXACT, "a b", "a b"},
        {WR_LIST_EXACT, "", NULL},
        {WR_LIST_CIDR, "10.0.0.0/8", "10.0.0.0/8"},
        {WR_LIST_CIDR, "10.1.2.3", "10.1.2.3/32"},
        {WR_LIST_CIDR, "0.0.0.0/0", "0.0.0.0/0"},
        {WR_LIST_CIDR, "10.1.2.3/8", NULL},
        {WR_LIST_CIDR, "10.0.0.0/33", NULL},
        {WR_LIST_CIDR, "10.0.0.0/08", NULL},
        {WR_LIST_CIDR, "10.0.0.0/", NULL},
        {WR_LIST_CIDR, "10.0.0.0/-1", NULL},
        {WR_LIST_CIDR, "x", NULL},
        {WR_LIST_CIDR, "2001:0DB8:0:0:0:0:0:0/32", "2001:db8::/32"},
        {WR_LIST_CIDR, "2001:db8::1:0:0:1", "2001:db8::1:0:0:1/128"},
        {WR_LIST_CIDR, "::/0", "::/0"},
        {WR_LIST_CIDR, "::1", "::1/128"},
        {WR_LIST_CIDR, "fe80::/10", "fe80::/10"},
        {WR_LIST_CIDR, "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7/128"},
        {WR_LIST_CIDR, "::ffff:1.2.3.4", "1.2.3.4/32"},
        {WR_LIST_CIDR, "::ffff:1.2.3.4/96", NULL},
        {WR_LIST_BIN, "400000", "400000"},
        {WR_LIST_BIN, "400000-400000", "400000"},
        {WR_LIST_BIN, "000100-000199", "000100-000199"},
        {WR_LIST_BIN, "400999-400000", NULL},
        {WR_LIST_BIN, "4000-40099", NULL},
        {WR_LIST_BIN, "400", NULL},
        {WR_LIST_BIN, "4000001234567", NULL},
        {WR_LIST_BIN, "40000x", NULL},
        {WR_LIST_HASH, "card_00112233445566778899aabbccddeeff",
         "card_00112233445566778899aabbccddeeff"},
        {WR_LIST_HASH, "card_00112233445566778899aabbccddeefF", NULL},
        {WR_LIST_HASH, "4111111111111111", NULL},
    };
    for (size_t i = 0; i < WR_COUNTOF(rows); i++) {
        struct wr_list_key key;
        char room[WR_LIMIT_LIST_VALUE];
        struct wr_buf text = wr_buf_fixed(room, sizeof room);
        const char *wrong = wr_list_key_read(rows[i].match, wr_str_z(rows[i].text), &key);
        CHECK((wrong == NULL) == (rows[i].want != NULL));
        if (wrong == NULL && rows[i].want != NULL) {
            wr_list_key_write(rows[i].match, wr_str_of(key.bytes, key.n), &text);
            CHECK(wr_str_eq(wr_buf_view(&text), wr_str_z(rows[i].want)));
        }
    }
    char long_text[WR_LIMIT_LIST_VALUE + 1];
    struct wr_list_key key;
    memset(long_text, 'x', sizeof long_text);
    CHECK(wr_list_key_read(WR_LIST_EXACT, wr_str_of(long_text, 513), &key) != NULL);
    CHECK(wr_list_key_read(WR_LIST_EXACT, wr_str_of(long_text, 512), &key) == NULL);
    CHECK(wr_list_key_read(WR_LIST_PREFIX, wr_str_of(long_text, 65), &key) != NULL);
    CHECK(wr_list_key_read(WR_LIST_PREFIX, wr_str_of(long_text, 64), &key) == NULL);
}

TEST("instants of entries are written as they are read")
{
    for (uint64_t s = 0; s < UINT32_MAX; s += 86400 * 3 + 4567) {
        char room[32];
        struct wr_buf text = wr_buf_fixed(room, sizeof room);
        int64_t ms;
        wr_instant_write(&text, (uint32_t)s);
        CHECK(wr_instant_read(wr_buf_view(&text), false, &ms) && ms == (int64_t)s * 1000);
    }
}

/* ── an oracle: a plain array ───────────────────────────────────────────────────────────────── */
enum { PLAIN_MAX = 4000 };
struct plain {
    char value[64];
    struct wr_list_key key;
    uint32_t created_s, expires_s;
    bool hides;
    char owner[16], reason[16];
};
struct world {
    enum wr_list_match match;
    struct wr_list_table table, file;
    struct plain own[PLAIN_MAX], in_file[PLAIN_MAX];
    size_t n_own, n_file;
    int64_t kept_s;
    struct wr_rng rng;
};

static unsigned draw(struct world *w, unsigned n)
{
    return (unsigned)wr_rng_below(&w->rng, n);
}

static void make_value(struct world *w, char out[64])
{
    switch (w->match) {
    case WR_LIST_EXACT:
    case WR_LIST_PREFIX:
        snprintf(out, 64, "%.*s%u", (int)draw(w, 3), "abc", draw(w, 150));
        return;
    case WR_LIST_CIDR: {
        unsigned bits = 8 + draw(w, 25);
        uint32_t ip = (10u << 24 | draw(w, 4) << 16 | draw(w, 4) << 8 | draw(w, 8)) &
                      (bits == 0 ? 0 : ~0u << (32 - bits));
        if (draw(w, 3) == 0) {
            snprintf(out, 64, "2001:db8:%x::/%u", draw(w, 4) << 8, 40 + draw(w, 3) * 4);
            return;
        }
        snprintf(out, 64, "%u.%u.%u.%u/%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255,
                 bits);
        return;
    }
    case WR_LIST_BIN: {
        unsigned from = 400000 + draw(w, 200), n = draw(w, 30);
        snprintf(out, 64, draw(w, 2) == 0 ? "%u-%u" : "%u0-%u9", from, from + n);
        return;
    }
    case WR_LIST_HASH:
        snprintf(out, 64, "card_%032x", draw(w, 200));
        return;
    case WR_LIST_MATCHES:
        break;
    }
    abort();
}

static void make_question(struct world *w, char out[64])
{
    switch (w->match) {
    case WR_LIST_CIDR:
        if (draw(w, 3) == 0) {
            snprintf(out, 64, "2001:db8:%x::%x", draw(w, 1024), draw(w, 99));
        } else {
            snprintf(out, 64, "10.%u.%u.%u", draw(w, 4), draw(w, 4), draw(w, 10));
        }
        return;
    case WR_LIST_BIN:
        snprintf(out, 64, draw(w, 2) == 0 ? "%u%u" : "%u", 400000 + draw(w, 240), draw(w, 100));
        return;
    case WR_LIST_PREFIX:
        snprintf(out, 64, "%.*s%u", (int)draw(w, 4), "abc", draw(w, 20000));
        return;
    default:
        make_value(w, out);
    }
}

static bool covers(const struct world *w, const struct plain *entry, struct wr_str text)
{
    struct wr_list_key key;
    if (w->match == WR_LIST_PREFIX) {
        return wr_str_starts(text, wr_str_z(entry->value));
    }
    if (w->match == WR_LIST_BIN) {
        uint64_t low, high, first, last;
        wr_list_bin_span(wr_str_of(entry->key.bytes, entry->key.n), &low, &high);
        return wr_list_bin_digits(text, &first, &last) && low <= first && last <= high;
    }
    if (wr_list_key_read(w->match, text, &key) != NULL) {
        return false;
    }
    if (w->match == WR_LIST_CIDR) { /* bit by bit */
        if (key.bytes[0] != entry->key.bytes[0]) {
            return false;
        }
        for (int bit = 0; bit < (uint8_t)entry->key.bytes[1]; bit++) {
            int mask = 128 >> bit % 8, at = 2 + bit / 8;
            if ((key.bytes[at] & mask) != (entry->key.bytes[at] & mask)) {
                return false;
            }
        }
        return true;
    }
    return key.n == entry->key.n && memcmp(key.bytes, entry->key.bytes, key.n) == 0;
}

static struct plain *find_plain(struct plain *entries, size_t n, const struct wr_list_key *key)
{
    for (size_t i = 0; i < n; i++) {
        if (entries[i].key.n == key->n && memcmp(entries[i].key.bytes, key->bytes, key->n) == 0) {
            return &entries[i];
        }
    }
    return NULL;
}

static bool alive(const struct world *w, const struct plain *entry, int64_t at_s)
{
    return entry->expires_s == 0 || (entry->expires_s > at_s && entry->expires_s > w->kept_s);
}

static bool plain_holds(struct world *w, struct wr_str text, int64_t at_s)
{
    for (size_t i = 0; i < w->n_own; i++) {
        if (!w->own[i].hides && alive(w, &w->own[i], at_s) && covers(w, &w->own[i], text)) {
            return true;
        }
    }
    for (size_t i = 0; i < w->n_file; i++) {
        struct plain *own = find_plain(w->own, w->n_own, &w->in_file[i].key);
        if (covers(w, &w->in_file[i], text) &&
            !(own != NULL && own->hides && alive(w, own, at_s))) {
            return true;
        }
    }
    return false;
}

static struct wr_list_entry view(const struct plain *entry)
{
    return (struct wr_list_entry){.key = wr_str_of(entry->key.bytes, entry->key.n),
                                  .created_s = entry->created_s,
                                  .expires_s = entry->expires_s,
                                  .hides = entry->hides,
                                  .owner = wr_str_z(entry->owner),
                                  .reason = wr_str_z(entry->reason)};
}

static void make_entry(struct world *w, struct plain *out, int64_t now_s)
{
    memset(out, 0, sizeof *out);
    make_value(w, out->value);
    CHECK(wr_list_key_read(w->match, wr_str_z(out->value), &out->key) == NULL);
    out->created_s = (uint32_t)now_s;
    out->expires_s = draw(w, 3) == 0 ? (uint32_t)(now_s + 1 + draw(w, 200000)) : 0;
    snprintf(out->owner, sizeof out->owner, draw(w, 2) == 0 ? "%.0u" : "o%u", draw(w, 3));
    snprintf(out->reason, sizeof out->reason, draw(w, 2) == 0 ? "%.0u" : "r%u", draw(w, 50));
}

static void put(struct world *w, int64_t now_s)
{
    struct plain made;
    make_entry(w, &made, now_s);
    struct plain *old = find_plain(w->own, w->n_own, &made.key);
    made.hides = draw(w, 4) == 0 && find_plain(w->in_file, w->n_file, &made.key) != NULL;
    made.expires_s = made.hides ? 0 : made.expires_s;
    struct wr_list_entry entry = view(&made);
    bool was_there = old != NULL && !old->hides && alive(w, old, INT64_MIN);
    CHECK(wr_list_table_room(&w->table, &entry, 1));
    CHECK_INT(wr_list_table_put(&w->table, &entry), was_there);
    made.created_s = was_there ? old->created_s : made.created_s;
    if (old != NULL) {
        *old = made;
    } else if (w->n_own < PLAIN_MAX) {
        w->own[w->n_own++] = made;
    }
}

static void drop(struct world *w)
{
    struct plain made;
    make_entry(w, &made, 0);
    struct plain *old = find_plain(w->own, w->n_own, &made.key);
    bool was_there = old != NULL && !old->hides && alive(w, old, INT64_MIN);
    CHECK_INT(wr_list_table_drop(&w->table, wr_str_of(made.key.bytes, made.key.n)), was_there);
    if (old != NULL) {
        *old = w->own[--w->n_own];
    }
}

static void check_walk(struct world *w)
{
    struct wr_list_cursor cursor = {0};
    struct wr_list_entry entry;
    size_t n = 0, want = 0;
    while (wr_list_table_next(&w->table, &cursor, &entry)) {
        struct wr_list_key key = {.n = entry.key.n};
        memcpy(key.bytes, entry.key.p, key.n);
        const struct plain *plain = find_plain(w->own, w->n_own, &key);
        CHECK(plain != NULL);
        if (plain != NULL) {
            CHECK(entry.created_s == plain->created_s && entry.expires_s == plain->expires_s);
            CHECK(wr_str_eq(entry.owner, wr_str_z(plain->owner)));
            CHECK(wr_str_eq(entry.reason, wr_str_z(plain->reason)) && entry.hides == plain->hides);
        }
        n++;
    }
    for (size_t i = 0; i < w->n_own; i++) {
        want += alive(w, &w->own[i], INT64_MIN);
    }
    CHECK_INT(n, want);
}

static void table_digest(const struct wr_list_table *table, uint8_t out[32])
{
    struct wr_sha256 sha;
    wr_sha256_init(&sha);
    wr_list_table_digest(table, &sha);
    wr_sha256_end(&sha, out);
}

/* Another table with the same entries, put in another order, has the same digest. */
static void check_digest(struct world *w)
{
    struct wr_list_table other;
    uint8_t one[32], two[32];
    wr_list_table_open(&other, &memory, w->match);
    for (size_t i = w->n_own; i-- > 0;) {
        struct wr_list_entry entry = view(&w->own[i]);
        if (alive(w, &w->own[i], INT64_MIN)) {
            CHECK(wr_list_table_room(&other, &entry, 1));
            wr_list_table_put(&other, &entry);
        }
    }
    other.kept_s = w->table.kept_s;
    table_digest(&w->table, one);
    table_digest(&other, two);
    CHECK(memcmp(one, two, 32) == 0);
    other.kept_s++;
    table_digest(&other, two);
    CHECK(memcmp(one, two, 32) != 0);
    wr_list_table_close(&other);
}

static void fill_file(struct world *w)
{
    wr_list_table_open(&w->file, &memory, w->match);
    while (w->n_file < 40) {
        struct plain made;
        make_entry(w, &made, 0);
        made.expires_s = 0;
        if (find_plain(w->in_file, w->n_file, &made.key) == NULL) {
            struct wr_list_entry entry = view(&made);
            CHECK(wr_list_table_room(&w->file, &entry, 1));
            wr_list_table_put(&w->file, &entry);
            w->in_file[w->n_file++] = made;
        }
    }
}

static void run_world(enum wr_list_match match, uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    w->match = match;
    w->kept_s = INT64_MIN;
    wr_rng_seed(&w->rng, seed);
    fill_file(w);
    wr_list_table_open(&w->table, &memory, match);
    for (int step = 0; step < 2500; step++) {
        int64_t now_s = 1700000000 + step * 60;
        char question[64];
        wr_list_table_age(&w->table, now_s, 3);
        w->kept_s = WR_MAX(w->kept_s, now_s - WR_LIST_KEPT_S);
        if (draw(w, 5) < 3) {
            put(w, now_s);
        } else {
            drop(w);
        }
        wr_list_table_tidy(&w->table);
        for (int k = 0; k < 3; k++) {
            int64_t at_s = now_s - draw(w, 2) * draw(w, 200000);
            make_question(w, question);
            struct wr_str text = wr_str_z(question);
            CHECK_INT(wr_list_holds(&w->table, &w->file, text, at_s), plain_holds(w, text, at_s));
        }
        if (step % 400 == 399) {
            check_walk(w);
            check_digest(w);
        }
    }
    wr_list_table_close(&w->table);
    wr_list_table_close(&w->file);
    CHECK_INT(bytes_out, 0);
    free(w);
}

TEST("over random changes the table answers as a plain array, for every kind of match")
{
    for (int match = 0; match < WR_LIST_MATCHES; match++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            run_world((enum wr_list_match)match, seed * 7 + (uint64_t)match);
        }
    }
}

/* ── many ───────────────────────────────────────────────────────────────────────────────────── */
enum { MANY = 1000000, STEP = 1000 };

static void many_step(struct wr_list_table *table, unsigned from, const char *prefix)
{
    static char keys[STEP][24];
    static struct wr_list_entry entries[STEP];
    for (unsigned i = 0; i < STEP; i++) {
        int n = snprintf(keys[i], sizeof keys[i], "%s%012u", prefix, from + i);
        entries[i] = (struct wr_list_entry){.key = wr_str_of(keys[i], (size_t)n),
                                            .created_s = 1700000000,
                                            .owner = WR_STR("fraud desk"),
                                            .reason = WR_STR("import of 2026-11-28")};
    }
    CHECK(wr_list_table_room(table, entries, STEP));
    for (unsigned i = 0; i < STEP; i++) {
        wr_list_table_put(table, &entries[i]);
    }
    wr_list_table_tidy(table);
}

TEST("a million entries of 16 bytes with owner and reason take at most 32 MB")
{
    struct wr_list_table table;
    struct wr_list_entry entry;
    wr_list_table_open(&table, &memory, WR_LIST_EXACT);
    for (unsigned i = 0; i < MANY; i += STEP) {
        many_step(&table, i, "dev-");
    }
    CHECK_INT(table.n, MANY);
    CHECK_INT(table.bytes + sizeof table, bytes_out + sizeof table);
    CHECK(table.bytes + sizeof table <= 32000000);
    CHECK(wr_list_table_find(&table, WR_STR("dev-000000999999"), &entry));
    CHECK(wr_str_eq(entry.reason, WR_STR("import of 2026-11-28")));
    CHECK(!wr_list_table_find(&table, WR_STR("dev-000001000000"), &entry));
    /* Replacing all of them twice leaves no more than a third of it dead. */
    for (unsigned i = 0; i < 2 * MANY; i += STEP) {
        many_step(&table, i % MANY, "dev-");
    }
    CHECK_INT(table.n, MANY);
    CHECK(table.bytes <= 44000000);
    for (unsigned i = 0; i < MANY; i++) {
        char key[24];
        int n = snprintf(key, sizeof key, "dev-%012u", i);
        CHECK(wr_list_table_drop(&table, wr_str_of(key, (size_t)n)));
        if (i % STEP == 0) {
            wr_list_table_tidy(&table);
        }
    }
    CHECK_INT(table.n, 0);
    wr_list_table_close(&table);
    CHECK_INT(bytes_out, 0);
}

TEST("a note whose last entry is replaced lives on in an entry put by the same change")
{
    struct wr_list_table table;
    struct wr_list_entry found, entries[2] = {{.key = WR_STR("a"), .owner = WR_STR("ann")},
                                              {.key = WR_STR("b"), .owner = WR_STR("ann")}};
    wr_list_table_open(&table, &memory, WR_LIST_EXACT);
    CHECK(wr_list_table_room(&table, entries, 1));
    wr_list_table_put(&table, &entries[0]);
    entries[0].owner = WR_STR("bob");
    CHECK(wr_list_table_room(&table, entries, 2));
    wr_list_table_put(&table, &entries[0]);
    wr_list_table_put(&table, &entries[1]);
    CHECK(wr_list_table_find(&table, WR_STR("b"), &found));
    CHECK(wr_str_eq(found.owner, WR_STR("ann")));
    struct wr_list_cursor cursor = {0};
    CHECK(wr_list_table_next(&table, &cursor, &found) && wr_str_eq(found.owner, WR_STR("bob")));
    CHECK(wr_list_table_next(&table, &cursor, &found) &&
          !wr_list_table_next(&table, &cursor, &found));
    wr_list_table_close(&table);
    CHECK_INT(bytes_out, 0);
}

TEST("memory that ends anywhere leaves the table as it was")
{
    for (long left = 0; left < 60; left++) {
        long takes = left;
        struct wr_memory ending = {take, give, &takes};
        struct wr_list_table table;
        struct wr_list_entry entries[40], found;
        char keys[40][40], reasons[40][16];
        wr_list_table_open(&table, &ending, WR_LIST_BIN);
        for (int i = 0; i < 40; i++) {
            struct wr_list_key key;
            snprintf(keys[i], sizeof keys[i], "%d", 400000 + i);
            CHECK(wr_list_key_read(WR_LIST_BIN, wr_str_z(keys[i]), &key) == NULL);
            memcpy(keys[i], key.bytes, key.n);
            snprintf(reasons[i], sizeof reasons[i], "r%d", i / 4);
            entries[i] = (struct wr_list_entry){.key = wr_str_of(keys[i], key.n),
                                                .reason = wr_str_z(reasons[i])};
        }
        bool room = wr_list_table_room(&table, entries, 40);
        CHECK_INT(table.n, 0);
        CHECK(!wr_list_table_find(&table, entries[0].key, &found));
        for (int i = 0; i < 40 && room; i++) {
            wr_list_table_put(&table, &entries[i]);
        }
        CHECK_INT(table.n, room ? 40 : 0);
        CHECK_INT(wr_list_holds(&table, NULL, WR_STR("40001234"), 0), room);
        wr_list_table_close(&table);
        CHECK_INT(bytes_out, 0);
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
