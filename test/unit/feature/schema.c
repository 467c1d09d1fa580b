/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "base/rng.h"
#include "feature/instant.h"

static const char *const pack =
    "{'event': {'id': 'tx.id', 'time': {'path': 'tx.time', 'unit': 'ms'},"
    "           'amount': {'path': 'tx.amount', 'type': 'money', 'scale': 2}},"
    " 'entities': {'customer': {'path': 'user.id', 'required': true},"
    "              'corridor': ['from', 'to']},"
    " 'fields': {'device.risk': {'type': 'number', 'scale': 3}},"
    " 'features': {'spent': {'entity': 'customer', 'sum': 'tx.amount', 'window': '1d'},"
    "              'risk': {'entity': 'customer', 'avg': 'device.risk', 'window': '1d'},"
    "              'ips': {'entity': 'customer', 'distinct': 'device.ip', 'window': '1h'}}}";

static struct fixture f;
static struct wr_event event;

static wr_err read_text(const char *document)
{
    struct wr_value v = fixture_json(&f.arena, document);
    memset(&f.error, 0, sizeof f.error);
    return wr_event_read(f.schema, &v, &event, &f.error);
}

static void open_pack(const char *text)
{
    if (fixture_plan(&f, text) != WR_OK) {
        fprintf(stderr, "%s\n", f.error.text);
        abort();
    }
}

/* Wants WR_E_FIELD at a path, with a word of the reason. */
static void check_refused(const char *document, const char *where, const char *word)
{
    CHECK_INT(read_text(document), WR_E_FIELD);
    CHECK_STR(f.error.where, where);
    CHECK(strstr(f.error.text, where) != NULL);
    if (strstr(f.error.text, word) == NULL) {
        fprintf(stderr, "\"%s\" lacks \"%s\"\n", f.error.text, word);
        CHECK(false);
    }
}

static const struct wr_event_field *field(const char *path, enum wr_field_type type)
{
    uint32_t i = wr_schema_field(f.schema, wr_str_z(path), type);
    CHECK(i != UINT32_MAX);
    return &event.fields[i];
}

TEST("an event's id, time, amount, fields and keys are taken from their paths")
{
    open_pack(pack);
    CHECK_INT(read_text("{'tx': {'id': 'a-1', 'time': 1522540831250, 'amount': 57.16},"
                        " 'user': {'id': 596}, 'device': {'ip': '10.0.0.1', 'risk': 0.25},"
                        " 'from': 'DE', 'to': 'FR'}"),
              WR_OK);
    CHECK_TEXT(event.id.p, event.id.n, "a-1");
    CHECK_INT(event.time_ms, 1522540831250);
    CHECK_INT(event.amount, 5716);
    CHECK_INT(field("tx.amount", WR_FIELD_MONEY)->units, 5716);
    CHECK_INT(field("device.risk", WR_FIELD_NUMBER)->units, 250);
    const struct wr_event_field *ip = field("device.ip", WR_FIELD_KEY);
    CHECK(ip->present && ip->hash != 0);
    CHECK_TEXT(ip->text.p, ip->text.n, "10.0.0.1");
    CHECK(event.keys[0].present && event.keys[1].present);
    fixture_close(&f);
}

TEST("what only features read may be absent, and null is absent")
{
    open_pack(pack);
    CHECK_INT(read_text("{'tx': {'id': 7, 'time': 5, 'amount': 1}, 'user': {'id': 'u'},"
                        " 'device': {'ip': null}, 'from': 'DE', 'to': null}"),
              WR_OK);
    CHECK_TEXT(event.id.p, event.id.n, "7");
    CHECK(!field("device.ip", WR_FIELD_KEY)->present);
    CHECK(!field("device.risk", WR_FIELD_NUMBER)->present);
    uint32_t corridor = wr_schema_entity(f.schema, WR_STR("corridor"));
    CHECK(!event.keys[corridor].present && event.keys[1 - corridor].present);
    fixture_close(&f);
}

TEST("a required path that is missing, and a wrong type, are refused by path and wanted type")
{
    open_pack(pack);
    check_refused("{}", "tx.id", "missing");
    check_refused("{'tx': 5}", "tx.id", "missing");
    check_refused("{'tx': {'id': ''}}", "tx.id", "string");
    check_refused("{'tx': {'id': true}}", "tx.id", "string");
    check_refused("{'tx': {'id': 1.5}}", "tx.id", "whole number");
    check_refused("{'tx': {'id': 1}}", "tx.time", "number");
    check_refused("{'tx': {'id': 1, 'time': 'x'}}", "tx.time", "number");
    check_refused("{'tx': {'id': 1, 'time': 1e300}}", "tx.time", "unit");
    check_refused("{'tx': {'id': 1, 'time': 1}}", "tx.amount", "missing");
    check_refused("{'tx': {'id': 1, 'time': 1, 'amount': '1'}}", "tx.amount", "number");
    check_refused("{'tx': {'id': 1, 'time': 1, 'amount': 1.005}}", "tx.amount", "2 decimals");
    check_refused("{'tx': {'id': 1, 'time': 1, 'amount': 45035996273704.96}}", "tx.amount", "2^52");
    check_refused("{'tx': {'id': 1, 'time': 1, 'amount': 1e300}}", "tx.amount", "2^52");
    check_refused("{'tx': {'id': 1, 'time': 1, 'amount': 1}}", "user.id", "missing");
    check_refused("{'tx': {'id': 1, 'time': 1, 'amount': 1}, 'user': {'id': []}}", "user.id",
                  "string");
    check_refused("{'tx': {'id': 1, 'time': 1, 'amount': 1}, 'user': {'id': 1},"
                  " 'device': {'risk': 'high'}}",
                  "device.risk", "number");
    check_refused("{'tx': {'id': 1, 'time': 1, 'amount': 1}, 'user': {'id': 1},"
                  " 'device': {'ip': {}}}",
                  "device.ip", "string");
    fixture_close(&f);
}

TEST("ids and keys of over-long text are refused by limit")
{
    static char text[4096], id[600];
    open_pack(pack);
    memset(id, 'x', sizeof id - 1);
    sprintf(text, "{'tx': {'id': '%.129s', 'time': 1, 'amount': 1}, 'user': {'id': 1}}", id);
    CHECK_INT(read_text(text), WR_E_LIMIT);
    sprintf(text, "{'tx': {'id': '%.128s', 'time': 1, 'amount': 1}, 'user': {'id': '%.507s'}}", id,
            id);
    CHECK_INT(read_text(text), WR_OK);
    sprintf(text, "{'tx': {'id': 1, 'time': 1, 'amount': 1}, 'user': {'id': '%.508s'}}", id);
    CHECK_INT(read_text(text), WR_E_LIMIT);
    CHECK_STR(f.error.where, "user.id");
    fixture_close(&f);
}

static struct wr_event_key key_of(const char *from, const char *to)
{
    char text[256];
    sprintf(text,
            "{'tx': {'id': 1, 'time': 1, 'amount': 1}, 'user': {'id': 1}, 'from': %s, 'to': %s}",
            from, to);
    CHECK_INT(read_text(text), WR_OK);
    return event.keys[wr_schema_entity(f.schema, WR_STR("corridor"))];
}

static bool same_key(struct wr_event_key a, struct wr_event_key b)
{
    return a.hash == b.hash && a.check == b.check;
}

TEST("keys differ by type and by part, and agree for equal numbers")
{
    open_pack(pack);
    CHECK(!same_key(key_of("1", "2"), key_of("'1'", "2")));
    CHECK(!same_key(key_of("'ab'", "'c'"), key_of("'a'", "'bc'")));
    CHECK(!same_key(key_of("true", "2"), key_of("1", "2")));
    CHECK(!same_key(key_of("1", "2"), key_of("2", "1")));
    CHECK(!same_key(key_of("10", "2"), key_of("1", "2")));
    CHECK(same_key(key_of("1", "2"), key_of("1.0", "2e0")));
    CHECK(same_key(key_of("1.5", "2"), key_of("15e-1", "2.00")));
    CHECK(same_key(key_of("1e300", "2"), key_of("1e300", "2")));
    CHECK(!same_key(key_of("'1e300'", "2"), key_of("1e300", "2")));
    struct wr_event_key corridor = key_of("'x'", "'y'");
    f.schema->key.k0++;
    CHECK(!same_key(corridor, key_of("'x'", "'y'")));
    fixture_close(&f);
}

TEST("keys can be networks of addresses and starts of texts")
{
    static const struct {
        const char *entity, *a, *b;
        bool same;
    } cases[] = {
        {"net", "10.1.2.3", "10.1.2.200", true},
        {"net", "10.1.2.3", "10.1.3.3", false},
        {"net", "10.1.2.3", "::ffff:10.1.2.9", true},
        {"net", "2001:db8:0:1::1", "2001:db8:0:1ff::1", false},
        {"net", "2001:db8:0:100::1", "2001:db8:0:1ff::2", true}, /* 56 bits */
        {"net", "10.1.2.0", "a01:200::", false},
        {"wide", "2001:db8::1", "2001:db8:1::1", true}, /* 32 bits stated */
        {"bin", "4111110000", "4111119999", true},
        {"bin", "411111", "41111", false},
    };
    open_pack("{'entities': {'bin': {'path': 'v', 'prefix': 6}, 'net': {'path': 'v', 'cidr': 24},"
              " 'wide': {'path': 'v', 'cidr': 16, 'cidr6': 32}, 'plain': 'v'}}");
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        char text[128];
        struct wr_event_key key;
        uint32_t entity = wr_schema_entity(f.schema, wr_str_z(cases[i].entity));
        bool bin = cases[i].entity[0] == 'b';
        f.schema->n_entities = 1; /* read this one alone: the others want other texts */
        f.schema->entities[0] = f.schema->entities[entity];
        snprintf(text, sizeof text, "{'v': '%s'}", cases[i].a);
        CHECK_INT(read_text(text), WR_OK);
        key = event.keys[0];
        snprintf(text, sizeof text, "{'v': '%s'}", cases[i].b);
        CHECK_INT(read_text(text), WR_OK);
        CHECK((key.hash == event.keys[0].hash) == cases[i].same);
        check_refused(bin ? "{'v': 4111}" : "{'v': 'somewhere'}", "v", bin ? "string" : "address");
        fixture_close(&f);
        open_pack("{'entities': {'bin': {'path': 'v', 'prefix': 6}, 'net': {'path': 'v',"
                  " 'cidr': 24}, 'wide': {'path': 'v', 'cidr': 16, 'cidr6': 32}}}");
    }
    static const char *const broken[] = {
        "'prefix': 0",  "'prefix': 513",           "'cidr': 33",
        "'cidr6': 64",  "'cidr': 8, 'cidr6': 129", "'cidr': 8, 'prefix': 2",
        "'prefix': '6'"};
    for (size_t i = 0; i < WR_COUNTOF(broken); i++) {
        char text[128];
        snprintf(text, sizeof text, "{'entities': {'net': {'path': 'v', %s}}}", broken[i]);
        fixture_close(&f);
        CHECK_INT(fixture_plan(&f, text), WR_E_PACK);
    }
    fixture_close(&f);
}

TEST("equal values of two kinds of entity have different keys")
{
    open_pack("{'entities': {'sender': 'id', 'receiver': 'id'}}");
    CHECK_INT(read_text("{'id': 'x'}"), WR_OK);
    CHECK(event.keys[0].present && event.keys[1].present);
    CHECK(!same_key(event.keys[0], event.keys[1]));
    fixture_close(&f);
}

TEST("numbers round half to even at their scale, money never rounds")
{
    static const struct {
        const char *text;
        int64_t units;
    } cases[] = {{"0.0005", 0},
                 {"0.0015", 2},
                 {"0.00251", 3},
                 {"-0.0005", 0},
                 {"-0.0015", -2},
                 {"1e-3", 1},
                 {"2.5e-3", 2},
                 {"-1.5e-3", -2},
                 {"123456.789", 123456789},
                 {"0.00149999999999999999999999", 1},
                 {"0.00150000000000000000000001", 2},
                 {"0.0025000000000000000000000", 2},
                 {"-0.00250000000000000000000001", -3},
                 {"12345678901234567890e-12", 12345678901},
                 {"0.5e-4000000000000000000000", 0},
                 {"9e-4", 1},
                 {"5e-5", 0},
                 {"0e99", 0},
                 {"-0", 0},
                 {"1e9", 1000000000000},
                 {"0.5e0", 500},
                 {"0.0000000000000000000000000025e24", 2}};
    open_pack(pack);
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        char text[256];
        sprintf(text,
                "{'tx': {'id': 1, 'time': 1, 'amount': 1.50}, 'user': {'id': 1},"
                " 'device': {'risk': %s}}",
                cases[i].text);
        CHECK_INT(read_text(text), WR_OK);
        CHECK_INT(field("device.risk", WR_FIELD_NUMBER)->units, cases[i].units);
        CHECK_INT(event.amount, 150);
    }
    fixture_close(&f);
}

static int64_t time_of(const char *time, const char *value)
{
    char text[512];
    sprintf(text, "{'event': {'time': %s}}", time);
    open_pack(text);
    sprintf(text, "{'t': %s}", value);
    wr_err err = read_text(text);
    fixture_close(&f);
    return err == WR_OK ? event.time_ms : err == WR_E_FIELD ? INT64_MIN : INT64_MAX;
}

TEST("times come in five units, with an origin, cut off to milliseconds")
{
    CHECK_INT(time_of("{'path': 't', 'unit': 's'}", "1.2567"), 1256);
    CHECK_INT(time_of("{'path': 't', 'unit': 's'}", "-0.0001"), -1);
    CHECK_INT(time_of("{'path': 't', 'unit': 's'}", "31e0"), 31000);
    CHECK_INT(time_of("{'path': 't', 'unit': 's', 'origin': '2018-04-01'}", "31"), 1522540831000);
    CHECK_INT(time_of("{'path': 't', 'unit': 's', 'origin': 1000}", "1"), 1001000);
    CHECK_INT(time_of("{'path': 't', 'unit': 'ms'}", "1522540831250"), 1522540831250);
    CHECK_INT(time_of("{'path': 't', 'unit': 'ms'}", "1.9"), 1);
    CHECK_INT(time_of("{'path': 't', 'unit': 'us'}", "1522540831250999"), 1522540831250);
    CHECK_INT(time_of("{'path': 't', 'unit': 'ns'}", "1522540831250999999"), 1522540831250);
    CHECK_INT(time_of("{'path': 't', 'unit': 'ns'}", "-1"), -1);
    CHECK_INT(time_of("'t'", "'2018-04-01T00:00:31.25Z'"), 1522540831250);
    CHECK_INT(time_of("'t'", "5"), INT64_MIN);
    CHECK_INT(time_of("'t'", "'2018-04-01'"), INT64_MIN);
}

TEST("RFC 3339 is read to the letter")
{
    static const struct {
        const char *text;
        int64_t ms; /* INT64_MIN: refused */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T12:00:00+02:00", 951818400000},
        {"2000-02-29t12:00:00z", 951825600000},
        {"2000-02-29 12:00:00.123456789Z", 951825600123},
        {"1900-03-01T00:00:00Z", -2203891200000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"0001-01-01T00:00:00Z", -62135596800000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"0001-01-01T00:00:00+00:01", INT64_MIN},
        {"1900-02-29T00:00:00Z", INT64_MIN},
        {"2018-13-01T00:00:00Z", INT64_MIN},
        {"2018-00-01T00:00:00Z", INT64_MIN},
        {"2018-04-31T00:00:00Z", INT64_MIN},
        {"2018-04-01T24:00:00Z", INT64_MIN},
        {"2018-04-01T00:60:00Z", INT64_MIN},
        {"2018-04-01T00:00:61Z", INT64_MIN},
        {"2018-04-01T00:00:00", INT64_MIN},
        {"2018-04-01T00:00:00.Z", INT64_MIN},
        {"2018-04-01T00:00:00Zx", INT64_MIN},
        {"2018-04-01T00:00:00+24:00", INT64_MIN},
        {"2018-04-01T00:00:00+0200", INT64_MIN},
        {"18-04-01T00:00:00Z", INT64_MIN},
        {"", INT64_MIN},
        {"2018-04-01", INT64_MIN},
    };
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        int64_t ms = INT64_MIN;
        bool known = wr_instant_read(wr_str_z(cases[i].text), false, &ms);
        CHECK_INT(known ? ms : INT64_MIN, cases[i].ms);
    }
    int64_t ms;
    CHECK(wr_instant_read(WR_STR("2018-04-01"), true, &ms) && ms == 1522540800000);
}

TEST("durations are a whole number and a unit")
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {{"0s", 0},         {"90s", 90000},
                 {"10m", 600000},   {"1h", 3600000},
                 {"7d", 604800000}, {"2w", 1209600000},
                 {"5ms", 5},        {"", -1},
                 {"s", -1},         {"-1s", -1},
                 {"1.5h", -1},      {"1 h", -1},
                 {"1y", -1},        {"10000d", 864000000000},
                 {"10001d", -1},    {"99999999999999999999s", -1}};
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        int64_t ms = -1;
        bool known = wr_duration_read(wr_str_z(cases[i].text), &ms);
        CHECK_INT(known ? ms : -1, cases[i].ms);
    }
}

/* ── broken packs ───────────────────────────────────────────────────────────────────────────── */
static void check_broken(const char *text, const char *where, const char *word)
{
    wr_err err = fixture_plan(&f, text);
    CHECK(err == WR_E_PACK || err == WR_E_LIMIT);
    CHECK(f.plan == NULL);
    if (strstr(f.error.where, where) == NULL || strstr(f.error.text, word) == NULL) {
        fprintf(stderr, "%s: \"%s\" at \"%s\" lacks \"%s\" at \"%s\"\n", text, f.error.text,
                f.error.where, word, where);
        CHECK(false);
    }
    wr_arena_deinit(&f.arena);
}

TEST("a broken event or entity section is refused by its key")
{
    check_broken("5", "weir.json", "object");
    check_broken("{'event': 5}", "event", "needs");
    check_broken("{'event': {'idd': 'x'}}", "event", "needs");
    check_broken("{'event': {'id': 5}}", "event.id", "path");
    check_broken("{'event': {'id': 'a..b'}}", "event.id", "empty");
    check_broken("{'event': {'id': 'a.b.c.d.e.f.g.h.i'}}", "event.id", "over 8");
    check_broken("{'event': {'time': {'path': 't', 'unit': 'min'}}}", "event.time.unit", "rfc");
    check_broken("{'event': {'time': {'path': 't', 'unit': 's', 'resolution': 'us'}}}",
                 "event.time.resolution", "s or ms");
    check_broken("{'event': {'time': {'path': 't', 'unit': 's', 'origin': 'now'}}}",
                 "event.time.origin", "RFC");
    check_broken("{'event': {'time': {'path': 't', 'origin': '2018-04-01'}}}", "event.time.origin",
                 "unit");
    check_broken("{'event': {'amount': {'path': 'a', 'scale': 13}}}", "scale", "0 to 12");
    check_broken("{'event': {'lateness': '2d'}}", "event.lateness", "1d");
    check_broken("{'entities': ['a']}", "entities", "needs");
    check_broken("{'entities': {'a': []}}", "a", "1 to 4");
    check_broken("{'entities': {'a': ['a', 'b', 'c', 'd', 'e']}}", "a", "1 to 4");
    check_broken("{'entities': {'a': {'path': 'x', 'color': 1}}}", "a", "required");
    check_broken("{'features': []}", "features", "needs");
}

static void check_feature(const char *definition, const char *word)
{
    char text[512];
    sprintf(text, "{'entities': {'e': 'id'}, 'features': {'f1': %s}}", definition);
    check_broken(text, "f1", word);
}

TEST("a broken feature is refused by its name and key")
{
    check_feature("5", "needs");
    check_feature("{}", "kind");
    check_feature("{'entity': 'e', 'window': '1d'}", "kind");
    check_feature("{'entity': 'e', 'count': true, 'sum': 'x', 'window': '1d'}", "more than once");
    check_feature("{'entity': 'x', 'count': true, 'window': '1d'}", "entity");
    check_feature("{'count': true, 'window': '1d'}", "entity");
    check_feature("{'entity': 'e', 'count': true}", "window");
    check_feature("{'entity': 'e', 'count': true, 'window': '0s'}", "window");
    check_feature("{'entity': 'e', 'count': true, 'window': '367d'}", "366");
    check_feature("{'entity': 'e', 'count': true, 'window': '360d', 'delay': '7d'}", "366");
    check_feature("{'entity': 'e', 'count': true, 'window': 60}", "duration");
    check_feature("{'entity': 'e', 'count': false, 'window': '1d'}", "true");
    check_feature("{'entity': 'e', 'sum': 5, 'window': '1d'}", "path");
    check_feature("{'entity': 'e', 'share': 'label.', 'window': '1d'}", "label.NAME");
    check_feature("{'entity': 'e', 'share': '', 'window': '1d'}", "condition");
    check_feature("{'entity': 'e', 'count': true, 'window': '1d', 'where': 1}", "where");
    check_feature("{'entity': 'e', 'count': true, 'window': '1d', 'includeself': true}",
                  "unknown key");
    check_feature("{'entity': 'e', 'count': true, 'window': '1d', 'include_self': 1}", "true");
    check_feature("{'entity': 'e', 'count': true, 'window': '1d', 'missing': 'x'}", "missing");
    check_feature("{'entity': 'e', 'count': true, 'window': '1d', 'scope': 'all'}", "scope");
    check_feature("{'value': 'a.b', 'window': '1d'}", "alone");
    check_feature("{'rego': 5}", "string");
    check_feature("{'value': 'a..b'}", "empty");
    check_feature("{'entity': 'e', 'seconds_since_last': true, 'delay': '1d'}", "delay");
}

TEST("limits of features, conditions and fields are refused, not overrun")
{
    static char text[65536];
    char *at = text + sprintf(text, "{'entities': {'e': 'id'}, 'features': {'a': {'value': 'x'}");
    for (int i = 0; i < WR_LIMIT_FEATURES; i++) {
        at += sprintf(at, ", 'f%d': {'value': 'x'}", i);
    }
    sprintf(at, "}}");
    check_broken(text, "", "256");
    static const char *const words[] = {"16 conditions", "8 fields", "4 labels"};
    for (int form = 0; form < 3; form++) {
        at = text + sprintf(text, "{'entities': {'e': 'id'}, 'features': {'a': {'value': 'x'}");
        for (int i = 0; i < 17; i++) {
            at += sprintf(at, ", 'f%d': {'entity': 'e', 'window': '1d', ", i);
            at += form == 0   ? sprintf(at, "'count': true, 'where': 'c%d'}", i)
                  : form == 1 ? sprintf(at, "'sum': 'x%d'}", i)
                              : sprintf(at, "'share': 'label.l%d'}", i);
        }
        sprintf(at, "}}");
        check_broken(text, "", words[form]);
    }
}

TEST("features stand in the order of their names, conditions share bits")
{
    open_pack("{'entities': {'e': 'id'}, 'features': {"
              " 'z': {'value': 'tx.amount'}, 'a': {'rego': 'data.derive.a'},"
              " 'm': {'entity': 'e', 'share': 'input.x == 1', 'where': 'input.y', 'window': '1d'},"
              " 'n': {'entity': 'e', 'count': true, 'where': 'input.x == 1', 'window': '1d'},"
              " 'o': {'entity': 'e', 'share': 'label.fraud', 'window': '1d'}}}");
    CHECK_INT(f.plan->n_features, 5);
    CHECK_INT(wr_feature_find(f.plan, WR_STR("a")), 0);
    CHECK_INT(wr_feature_find(f.plan, WR_STR("z")), 4);
    CHECK_INT(wr_feature_find(f.plan, WR_STR("y")), UINT32_MAX);
    CHECK_INT(f.plan->features[0].kind, WR_FEATURE_REGO);
    CHECK_TEXT(f.plan->features[0].source.p, f.plan->features[0].source.n, "data.derive.a");
    CHECK_INT(f.plan->features[4].path.n, 2);
    CHECK_INT(f.plan->n_conditions, 2);
    CHECK_INT(f.plan->features[1].share_bit, f.plan->features[2].where_bit);
    CHECK_INT(f.plan->n_labels, 1);
    CHECK_INT(wr_feature_label_find(f.plan, WR_STR("fraud")), 0);
    CHECK_STR(wr_feature_kind_name(WR_FEATURE_SECONDS_SINCE_LAST), "seconds_since_last");
    fixture_close(&f);
}

/* ── hostile text ───────────────────────────────────────────────────────────────────────────── */
static size_t mutate(struct wr_rng *rng, char *text, size_t n, const char *donor, size_t donor_n)
{
    for (uint64_t k = 1 + wr_rng_below(rng, 4); k > 0 && n > 8; k--) {
        size_t at = wr_rng_below(rng, n - 4), size = 1 + wr_rng_below(rng, 12);
        size = WR_MIN(size, n - at);
        switch (wr_rng_below(rng, 3)) {
        case 0: /* another byte that JSON likes */
            text[at] = "{}[]:,'0123456789.-etrufalsn"[wr_rng_below(rng, 28)];
            break;
        case 1: /* leave out */
            memmove(text + at, text + at + size, n - at - size);
            n -= size;
            break;
        default: /* a piece of another place */
            memcpy(text + at, donor + wr_rng_below(rng, donor_n - size), size);
        }
    }
    text[n] = '\0';
    return n;
}

static void try_pack(const char *text, const char *document, int *opened, int *read)
{
    struct wr_value v;
    struct wr_error error;
    char copy[4096];
    f = (struct fixture){.memory = CHECK_MEMORY};
    wr_arena_init(&f.arena, &f.memory, (size_t)8 << 20);
    for (size_t i = 0; i <= strlen(text); i++) {
        copy[i] = text[i] == '\'' ? '"' : text[i];
    }
    if (wr_json_read(&f.arena, wr_str_z(copy), false, NULL, &v, &error) == WR_OK &&
        wr_schema_open(&f.arena, &v, &f.schema, &error) == WR_OK &&
        wr_feature_plan_open(&f.arena, f.schema, &v, &f.plan, &error) == WR_OK) {
        struct wr_value doc = fixture_json(&f.arena, document);
        ++*opened;
        *read += wr_event_read(f.schema, &doc, &event, &error) == WR_OK;
    }
    wr_arena_deinit(&f.arena);
}

TEST("mangled packs are refused or work, and never crash")
{
    static const char whole[] =
        "{'tx': {'id': 1, 'time': 5, 'amount': 1.25}, 'user': {'id': 2}, 'from': 'a', 'to': 1e99,"
        " 'device': {'ip': 'x', 'risk': 0.5}}";
    static const char *const documents[] = {
        whole, "{'tx': {'id': 'q', 'time': 5, 'amount': 1}, 'user': {'id': [3]}}", "[]"};
    char text[4096];
    struct wr_rng rng;
    int opened = 0, read = 0;
    wr_rng_seed(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        strcpy(text, pack);
        mutate(&rng, text, strlen(text), pack, strlen(pack));
        try_pack(text, documents[i % 3], &opened, &read);
    }
    CHECK(opened > 500 && read > 50);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
