/* SPDX-License-Identifier: Apache-2.0 */
/* Rego text to tokens, one at a time, with OPA's positions.
 *
 * White space is a token of its own, one for each character, because a reference may not be split
 * by it. Rows and columns count from 1, columns in code points; at the end of the text they stay
 * where the last character was. A malformed token (a string without an end, a byte that is no
 * UTF-8) is WR_TOK_ILLEGAL with one message or more. Numbers and strings are delivered as they are
 * written. The words in, every, if and contains are identifiers unless their keyword is on. */
#ifndef WR_REGO_LEX_H
#define WR_REGO_LEX_H

#include "base/bytes.h"

/* X(symbol, text in messages and names of operators) */
#define WR_TOKENS(X)                                                                               \
    X(ILLEGAL, "illegal")                                                                          \
    X(EOF, "eof")                                                                                  \
    X(SPACE, "whitespace")                                                                         \
    X(IDENT, "identifier")                                                                         \
    X(COMMENT, "comment")                                                                          \
    X(PACKAGE, "package")                                                                          \
    X(IMPORT, "import")                                                                            \
    X(AS, "as")                                                                                    \
    X(DEFAULT, "default")                                                                          \
    X(ELSE, "else")                                                                                \
    X(NOT, "not")                                                                                  \
    X(SOME, "some")                                                                                \
    X(WITH, "with")                                                                                \
    X(NULL, "null")                                                                                \
    X(TRUE, "true")                                                                                \
    X(FALSE, "false")                                                                              \
    X(IN, "in")                                                                                    \
    X(EVERY, "every")                                                                              \
    X(CONTAINS, "contains")                                                                        \
    X(IF, "if")                                                                                    \
    X(NUMBER, "number")                                                                            \
    X(STRING, "string")                                                                            \
    X(LBRACK, "[")                                                                                 \
    X(RBRACK, "]")                                                                                 \
    X(LBRACE, "{")                                                                                 \
    X(RBRACE, "}")                                                                                 \
    X(LPAREN, "(")                                                                                 \
    X(RPAREN, ")")                                                                                 \
    X(COMMA, ",")                                                                                  \
    X(COLON, ":")                                                                                  \
    X(DOT, ".")                                                                                    \
    X(SEMICOLON, ";")                                                                              \
    X(ADD, "plus")                                                                                 \
    X(SUB, "minus")                                                                                \
    X(MUL, "mul")                                                                                  \
    X(QUO, "div")                                                                                  \
    X(REM, "rem")                                                                                  \
    X(AND, "and")                                                                                  \
    X(OR, "or")                                                                                    \
    X(UNIFY, "eq")                                                                                 \
    X(ASSIGN, "assign")                                                                            \
    X(EQUAL, "equal")                                                                              \
    X(NEQ, "neq")                                                                                  \
    X(GT, "gt")                                                                                    \
    X(LT, "lt")                                                                                    \
    X(GTE, "gte")                                                                                  \
    X(LTE, "lte")

enum wr_token {
#define WR_TOKEN_ENUM(symbol, text) WR_TOK_##symbol,
    WR_TOKENS(WR_TOKEN_ENUM)
#undef WR_TOKEN_ENUM
};

#define WR_LEX_MESSAGES 4 /* of one token; further ones are dropped */

struct wr_lexeme {
    enum wr_token token;
    uint32_t row, col, offset, end; /* bytes offset .. end - 1 */
    uint32_t n_messages;
    const char *messages[WR_LEX_MESSAGES];
};

struct wr_lexer { /* plain data: a copy is a saved place */
    struct wr_str text;
    uint32_t offset; /* behind the current character */
    uint32_t row, col;
    uint32_t width; /* of the current character */
    int32_t current;
    uint8_t keywords; /* enum wr_rego_keyword */
};

/* The text must be shorter than 4 GiB. A byte order mark in front is skipped. */
void wr_lex_init(struct wr_lexer *lexer, struct wr_str text);
void wr_lex_next(struct wr_lexer *lexer, struct wr_lexeme *out);
struct wr_str wr_token_text(enum wr_token token);
/* A word of the language: always, or as a future keyword. */
bool wr_token_is_keyword(enum wr_token token);
/* True for not, package, import, as, default, else, with, null, true, false and some: these cannot
 * be names, whatever is imported. */
bool wr_lex_is_keyword(struct wr_str word);
/* in, every, if and contains: words of the language when imported, and in version 1. */
bool wr_lex_is_future_keyword(struct wr_str word);
/* A letter or underscore, then these and digits. */
bool wr_lex_is_name(struct wr_str word);

#endif
