/* SPDX-License-Identifier: Apache-2.0 */
/* The lexer: one character of look-ahead, so that a bad character spoils the token before it, as in
 * OPA, whose messages and positions these are. */
#include "rego/lex.h"
#include "rego/parse.h"

#define BYTE_ORDER_MARK 0xFEFF
#define END_OF_TEXT     (-1)

static void complain(struct wr_lexeme *out, const char *message)
{
    if (out != NULL && out->n_messages < WR_LEX_MESSAGES) {
        out->messages[out->n_messages++] = message;
    }
}

/* Reads a character beyond ASCII into current and width. */
static void read_wide(struct wr_lexer *lx, struct wr_lexeme *out)
{
    uint32_t code_point;
    unsigned width = wr_utf8_decode(lx->text.p + lx->offset, lx->text.n - lx->offset, &code_point);
    if (width == 0) {
        lx->current = 0xFFFD;
        lx->width = 1;
        complain(out, "illegal utf-8 character");
        return;
    }
    lx->current = (int32_t)code_point;
    lx->width = width;
    if (code_point == BYTE_ORDER_MARK && lx->offset > 0) {
        complain(out, "illegal byte-order mark");
    }
}

static void advance(struct wr_lexer *lx, struct wr_lexeme *out)
{
    if (lx->offset >= lx->text.n) {
        lx->current = END_OF_TEXT;
        lx->offset = (uint32_t)lx->text.n + 1;
        lx->width = 1;
        return;
    }
    uint8_t byte = (uint8_t)lx->text.p[lx->offset];
    lx->current = byte;
    lx->width = 1;
    if (byte == 0) {
        complain(out, "illegal null character");
    } else if (byte >= 0x80) {
        read_wide(lx, out);
    }
    lx->offset += lx->width;
    if (byte == '\n') {
        lx->row++;
        lx->col = 0;
    } else {
        lx->col++;
    }
}

void wr_lex_init(struct wr_lexer *lexer, struct wr_str text)
{
    WR_ASSERT(text.n < UINT32_MAX);
    *lexer = (struct wr_lexer){.text = text, .row = 1};
    advance(lexer, NULL);
    if (lexer->current == BYTE_ORDER_MARK) {
        advance(lexer, NULL);
    }
}

static bool is_letter(int32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_decimal(int32_t c)
{
    return c >= '0' && c <= '9';
}

/* The zeros of Unicode's decimal digits (category Nd, 15.0) beyond ASCII; nine more follow each. */
static const int32_t digit_zeros[] = {
    0x0660,  0x06F0,  0x07C0,  0x0966,  0x09E6,  0x0A66,  0x0AE6,  0x0B66,  0x0BE6,  0x0C66,
    0x0CE6,  0x0D66,  0x0DE6,  0x0E50,  0x0ED0,  0x0F20,  0x1040,  0x1090,  0x17E0,  0x1810,
    0x1946,  0x19D0,  0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,  0xA8D0,
    0xA900,  0xA9D0,  0xA9F0,  0xAA50,  0xABF0,  0xFF10,  0x104A0, 0x10D30, 0x11066, 0x110F0,
    0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950,
    0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2,
    0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950, 0x1FBF0,
};

static bool is_digit(int32_t c)
{
    if (c < 0x80) {
        return is_decimal(c);
    }
    for (size_t i = 0; i < WR_COUNTOF(digit_zeros); i++) {
        if (c >= digit_zeros[i] && c < digit_zeros[i] + 10) {
            return true;
        }
    }
    return false;
}

static bool skip_decimals(struct wr_lexer *lx, struct wr_lexeme *out)
{
    bool found = false;
    while (is_decimal(lx->current)) {
        advance(lx, out);
        found = true;
    }
    return found;
}

/* 12, 1.5, 1e9, 1.5E-3; letters that follow belong to the malformed number. */
static void scan_number(struct wr_lexer *lx, struct wr_lexeme *out)
{
    skip_decimals(lx, out);
    if (lx->current == '.') {
        advance(lx, out);
        if (!skip_decimals(lx, out)) {
            complain(out, "expected fraction");
        }
    }
    if (lx->current == 'e' || lx->current == 'E') {
        advance(lx, out);
        if (lx->current == '+' || lx->current == '-') {
            advance(lx, out);
        }
        if (!skip_decimals(lx, out)) {
            complain(out, "expected exponent");
        }
    }
    if (is_letter(lx->current)) {
        complain(out, "illegal number format");
        while (is_letter(lx->current) || is_digit(lx->current)) {
            advance(lx, out);
        }
    }
}

static void scan_escape(struct wr_lexer *lx, struct wr_lexeme *out)
{
    switch (lx->current) {
    case '\\':
    case '"':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        advance(lx, out);
        break;
    case 'u': /* up to the last hex digit; what the digits are is for the parser to judge */
        for (int i = 0; i < 4; i++) {
            advance(lx, out);
        }
        break;
    default:
        complain(out, "illegal escape sequence");
    }
}

static void scan_string(struct wr_lexer *lx, struct wr_lexeme *out)
{
    for (;;) {
        int32_t c = lx->current;
        if (c == '\n' || c == END_OF_TEXT) {
            complain(out, "non-terminated string");
            return;
        }
        advance(lx, out);
        if (c == '"') {
            return;
        }
        if (c == '\\') {
            scan_escape(lx, out);
        }
    }
}

static void scan_raw_string(struct wr_lexer *lx, struct wr_lexeme *out)
{
    for (;;) {
        int32_t c = lx->current;
        advance(lx, out);
        if (c == '`') {
            return;
        }
        if (c == END_OF_TEXT) {
            complain(out, "non-terminated string");
            return;
        }
    }
}

static enum wr_token follows(struct wr_lexer *lx, struct wr_lexeme *out, enum wr_token with_equals,
                             enum wr_token without)
{
    if (lx->current != '=') {
        return without;
    }
    advance(lx, out);
    return with_equals;
}

/* One table for the signs of one character. */
static enum wr_token sign(int32_t c)
{
    switch (c) {
    case END_OF_TEXT:
        return WR_TOK_EOF;
    case '[':
        return WR_TOK_LBRACK;
    case ']':
        return WR_TOK_RBRACK;
    case '{':
        return WR_TOK_LBRACE;
    case '}':
        return WR_TOK_RBRACE;
    case '(':
        return WR_TOK_LPAREN;
    case ')':
        return WR_TOK_RPAREN;
    case ',':
        return WR_TOK_COMMA;
    case '+':
        return WR_TOK_ADD;
    case '-':
        return WR_TOK_SUB;
    case '*':
        return WR_TOK_MUL;
    case '/':
        return WR_TOK_QUO;
    case '%':
        return WR_TOK_REM;
    case '&':
        return WR_TOK_AND;
    case '|':
        return WR_TOK_OR;
    case ';':
        return WR_TOK_SEMICOLON;
    case '.':
        return WR_TOK_DOT;
    default:
        return WR_TOK_ILLEGAL;
    }
}

static enum wr_token scan_other(struct wr_lexer *lx, struct wr_lexeme *out)
{
    int32_t c = lx->current;
    advance(lx, out);
    switch (c) {
    case '#':
        while (lx->current != '\n' && lx->current != END_OF_TEXT) {
            advance(lx, out);
        }
        return WR_TOK_COMMENT;
    case '"':
        scan_string(lx, out);
        return WR_TOK_STRING;
    case '`':
        scan_raw_string(lx, out);
        return WR_TOK_STRING;
    case ':':
        return follows(lx, out, WR_TOK_ASSIGN, WR_TOK_COLON);
    case '=':
        return follows(lx, out, WR_TOK_EQUAL, WR_TOK_UNIFY);
    case '>':
        return follows(lx, out, WR_TOK_GTE, WR_TOK_GT);
    case '<':
        return follows(lx, out, WR_TOK_LTE, WR_TOK_LT);
    case '!':
        if (lx->current != '=') {
            complain(out, "illegal ! character");
        }
        return follows(lx, out, WR_TOK_NEQ, WR_TOK_ILLEGAL);
    default:
        return sign(c);
    }
}

static const struct {
    struct wr_str word;
    enum wr_token token;
    uint8_t keyword; /* 0: always on */
} words[] = {
    {{"package", 7}, WR_TOK_PACKAGE, 0},
    {{"import", 6}, WR_TOK_IMPORT, 0},
    {{"as", 2}, WR_TOK_AS, 0},
    {{"default", 7}, WR_TOK_DEFAULT, 0},
    {{"else", 4}, WR_TOK_ELSE, 0},
    {{"not", 3}, WR_TOK_NOT, 0},
    {{"some", 4}, WR_TOK_SOME, 0},
    {{"with", 4}, WR_TOK_WITH, 0},
    {{"null", 4}, WR_TOK_NULL, 0},
    {{"true", 4}, WR_TOK_TRUE, 0},
    {{"false", 5}, WR_TOK_FALSE, 0},
    {{"in", 2}, WR_TOK_IN, WR_REGO_IN | WR_REGO_EVERY},
    {{"every", 5}, WR_TOK_EVERY, WR_REGO_EVERY},
    {{"contains", 8}, WR_TOK_CONTAINS, WR_REGO_CONTAINS},
    {{"if", 2}, WR_TOK_IF, WR_REGO_IF},
};

static enum wr_token word_token(struct wr_str word, uint8_t keywords)
{
    for (size_t i = 0; word.n <= 8 && i < WR_COUNTOF(words); i++) {
        if ((words[i].keyword == 0 || (words[i].keyword & keywords) != 0) &&
            wr_str_eq(word, words[i].word)) {
            return words[i].token;
        }
    }
    return WR_TOK_IDENT;
}

void wr_lex_next(struct wr_lexer *lexer, struct wr_lexeme *out)
{
    int32_t c = lexer->current;
    out->row = lexer->row;
    out->col = lexer->col;
    out->offset = lexer->offset - lexer->width;
    out->n_messages = 0;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        advance(lexer, out);
        out->token = WR_TOK_SPACE;
    } else if (is_letter(c)) {
        do {
            advance(lexer, out);
        } while (is_letter(lexer->current) || is_digit(lexer->current));
        uint32_t end = lexer->offset - lexer->width;
        out->token =
            word_token(wr_str_of(lexer->text.p + out->offset, end - out->offset), lexer->keywords);
    } else if (is_decimal(c)) {
        scan_number(lexer, out);
        out->token = WR_TOK_NUMBER;
    } else {
        out->token = scan_other(lexer, out);
    }
    out->end = lexer->offset - lexer->width;
    if (out->n_messages > 0) {
        out->token = WR_TOK_ILLEGAL;
    }
}

struct wr_str wr_token_text(enum wr_token token)
{
    static const struct wr_str texts[] = {
#define TOKEN_TEXT(symbol, text) {(text), sizeof(text) - 1},
        WR_TOKENS(TOKEN_TEXT)
#undef TOKEN_TEXT
    };
    return texts[token];
}

bool wr_token_is_keyword(enum wr_token token)
{
    return token >= WR_TOK_PACKAGE && token <= WR_TOK_IF;
}

bool wr_lex_is_keyword(struct wr_str word)
{
    return word_token(word, 0) != WR_TOK_IDENT;
}

bool wr_lex_is_future_keyword(struct wr_str word)
{
    return wr_str_eq(word, WR_STR("in")) || wr_str_eq(word, WR_STR("every")) ||
           wr_str_eq(word, WR_STR("if")) || wr_str_eq(word, WR_STR("contains"));
}

bool wr_lex_is_name(struct wr_str word)
{
    if (word.n == 0 || is_decimal(word.p[0])) {
        return false;
    }
    for (size_t i = 0; i < word.n; i++) {
        if (!is_letter(word.p[i]) && !is_decimal(word.p[i])) {
            return false;
        }
    }
    return true;
}
