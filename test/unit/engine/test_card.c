/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "engine/card.h"

#include "value/json_read.h"
#include "value/json_write.h"

static const struct wr_memory memory = CHECK_MEMORY;

static bool is_card(const char *text)
{
    char digits[19];
    size_t n;
    return wr_card_is_number(wr_str_z(text), digits, &n);
}

TEST("published test numbers of each network are card numbers")
{
    static const char *const numbers[] = {
        "4111111111111111", "4222222222222",       "4012888888881881",    "5555555555554444",
        "5105105105105100", "2223003122003222",    "378282246310005",     "371449635398431",
        "6011111111111117", "6011000990139424",    "3530111333300000",    "3566002020360505",
        "30569309025904",   "38520000023237",      "36227206271667",      "6200000000000005",
        "6759649826438453", "4111 1111 1111 1111", "4111-1111-1111-1111", "2200000000000004",
    };
    for (size_t i = 0; i < WR_COUNTOF(numbers); i++) {
        if (!is_card(numbers[i])) {
            fprintf(stderr, "%s\n", numbers[i]);
        }
        CHECK(is_card(numbers[i]));
    }
}

TEST("what fails Luhn, length, issuer or form is not a card number")
{
    static const char *const texts[] = {
        "4111111111111112",      /* Luhn */
        "411111111111",          /* 12 digits */
        "41111111111111111111",  /* 20 digits */
        "1700000000000",         /* milliseconds */
        "1700000000000003",      /* microseconds, some of which pass Luhn */
        "9999999999999995",      /* no issuer */
        "card 4111111111111111", /* in a text */
        " 4111111111111111",
        "4111111111111111 ",
        "-4111111111111111",
        "4111.1111.1111.1111",
        "",
    };
    for (size_t i = 0; i < WR_COUNTOF(texts); i++) {
        CHECK(!is_card(texts[i]));
    }
}

/* Tokenises a document; the result as JSON, or the error's name and place. */
static const char *tokenise(const char *json, const char *key, const char *exempt_path)
{
    static char room[1024];
    struct wr_arena arena;
    struct wr_value document;
    struct wr_error error = {0};
    struct wr_buf buf = wr_buf_fixed(room, sizeof room - 1);
    wr_arena_init(&arena, &memory, 1 << 20);
    wr_err err = wr_json_read(&arena, wr_str_z(json), true, NULL, &document, NULL);
    CHECK_INT(err, WR_OK);
    const struct wr_value *exempt[2] = {
        exempt_path != NULL ? wr_object_get_str(&document, wr_str_z(exempt_path)) : NULL, NULL};
    err = wr_card_tokenise(&arena, &document, exempt, wr_str_z(key), &error);
    if (err == WR_OK) {
        wr_json_write(&buf, &document, WR_JSON_COMPACT);
    } else {
        CHECK(strstr(error.text, "4111") == NULL);
        wr_format(&buf, "%s at %s", wr_err_name(err), error.where);
    }
    room[buf.n] = 0;
    wr_arena_deinit(&arena);
    return room;
}

TEST("with a key a card number becomes a token, the same for the same card however it is written")
{
    char first[256];
    snprintf(first, sizeof first, "%s", tokenise("{\"pan\":\"4111111111111111\"}", "key", NULL));
    CHECK(strncmp(first, "{\"pan\":\"card_", 13) == 0);
    CHECK_INT(strlen(first), strlen("{\"pan\":\"\"}") + WR_CARD_TOKEN_SIZE);
    CHECK_STR(tokenise("{\"pan\":4111111111111111}", "key", NULL), first);
    CHECK_STR(tokenise("{\"pan\":\"4111 1111 1111 1111\"}", "key", NULL), first);
    CHECK(strcmp(tokenise("{\"pan\":\"4111111111111111\"}", "other key", NULL), first) != 0);
    CHECK(strcmp(tokenise("{\"pan\":\"5555555555554444\"}", "key", NULL), first) != 0);
}

TEST("without a key the place is named and the number is not")
{
    CHECK_STR(tokenise("{\"a\":{\"b\":[1,{\"pan\":\"4111111111111111\"}]}}", "", NULL),
              "card_number at a.b[1].pan");
    CHECK_STR(tokenise("{\"a\":4111111111111111}", "", NULL), "card_number at a");
    CHECK_STR(tokenise("{\"a\":{\"4111111111111111\":1}}", "key", NULL), "card_number at a");
}

TEST("the deepest document that the reader lets through is walked to its end")
{
    char json[3 * WR_LIMIT_REQUEST_DEPTH], where[3 * WR_LIMIT_REQUEST_DEPTH];
    size_t n = WR_LIMIT_REQUEST_DEPTH, m = 0;
    memset(json, '[', n);
    m = (size_t)sprintf(json + n, "4111111111111111");
    memset(json + n + m, ']', n);
    json[2 * n + m] = 0;
    CHECK(strncmp(tokenise(json, "", NULL), "card_number at [0][0][0]", 24) == 0);
    snprintf(where, sizeof where, "%s", tokenise(json, "key", NULL));
    CHECK(strstr(where, "[\"card_") != NULL);
}

TEST("event id and time are exempt")
{
    CHECK_STR(tokenise("{\"id\":\"4111111111111111\"}", "", "id"), "{\"id\":\"4111111111111111\"}");
}

TEST("other values stay as they are")
{
    const char *json = "{\"a\":[null,true,1.5,-4111111111111111,4111111111111111.5,1e15],"
                       "\"b\":\"4111111111111112\",\"c\":{},\"d\":[]}";
    CHECK_STR(tokenise(json, "", NULL), json);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
