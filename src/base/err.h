/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of operating errors: code, name, HTTP status, text.
 *
 * Three kinds of trouble are never mixed. A bug is WR_ASSERT. An operating failure is a wr_err with
 * its place and cause in a struct wr_error that the caller provides. A negative answer (an
 * undefined rule, an unknown key) is a value. Codes are never renumbered; docs/errors.md is
 * generated from this table by `./dev docs`. */
#ifndef WR_ERR_H
#define WR_ERR_H

#include "base/base.h"

/* X(symbol, number, name, http status, what happened, what to do) */
#define WR_ERR_TABLE(X)                                                                            \
    X(MEMORY, 1, "memory", 503, "an arena reached its limit",                                      \
      "send a smaller document, or raise the limit that the message names")                        \
    X(LIMIT, 2, "limit", 422, "a stated limit was exceeded",                                       \
      "stay below the limit that the message names")                                               \
    X(JSON, 3, "json", 400, "the text is not JSON", "mend the document at the byte offset given")  \
    X(UTF8, 4, "utf8", 400, "the text is not UTF-8", "encode the document as UTF-8")               \
    X(NUMBER, 5, "number", 400, "a number is malformed or out of range", "mend the number")        \
    X(NEED_MORE, 6, "need_more", 400, "the document ends too early", "send the whole document")    \
    X(FIELD, 7, "field", 422, "a required field is missing or has the wrong type",                 \
      "send the field that the message names, with the type it names")                             \
    X(RESERVED, 8, "reserved", 422, "the request carries a field that only the engine may set",    \
      "leave out features, fleet, scores, lists and missing")                                      \
    X(CARD_NUMBER, 9, "card_number", 422, "the request carries a card number",                     \
      "send a token, or configure a tokenising key")                                               \
    X(FUTURE, 10, "future", 422, "the event lies too far in the future",                           \
      "check the clock of the sender")                                                             \
    X(CONFLICT, 11, "conflict", 409, "the event id is known with another body",                    \
      "use a new event id for a new event")                                                        \
    X(NOT_FOUND, 12, "not_found", 404, "there is no such thing", "check the path or the id")       \
    X(METHOD, 13, "method", 405, "the method is not allowed here",                                 \
      "use the method that the message names")                                                     \
    X(TOO_LARGE, 14, "too_large", 413, "the body is larger than allowed", "send a smaller body")   \
    X(HTTP, 15, "http", 400, "the bytes are not an HTTP/1.1 request",                              \
      "send a well-formed request")                                                                \
    X(OVERLOAD, 16, "overload", 503, "the node is at its limit", "retry after the time given")     \
    X(JOURNAL, 17, "journal", 503, "the journal cannot take the decision",                         \
      "nothing was decided: retry, here or on another node")                                       \
    X(PACK, 18, "pack", 422, "the pack is broken",                                                 \
      "mend the file and place that the message names")                                            \
    X(REGO_PARSE, 19, "rego_parse_error", 400, "a policy module does not parse",                   \
      "mend the module")                                                                           \
    X(REGO_COMPILE, 20, "rego_compile_error", 400, "a policy module does not compile",             \
      "mend the module")                                                                           \
    X(REGO_TYPE, 21, "rego_type_error", 400, "a policy module has a type error",                   \
      "mend the module")                                                                           \
    X(REGO_UNSAFE, 22, "rego_unsafe_var_error", 400, "a variable is unsafe", "bind the variable")  \
    X(REGO_RECURSION, 23, "rego_recursion_error", 400, "rules depend on themselves",               \
      "break the cycle")                                                                           \
    X(EVAL_CONFLICT, 24, "eval_conflict_error", 500, "rules give different values",                \
      "make the rules agree")                                                                      \
    X(EVAL_TYPE, 25, "eval_type_error", 500, "a builtin got a value of the wrong type",            \
      "mend the policy")                                                                           \
    X(EVAL_BUILTIN, 26, "eval_builtin_error", 500, "a builtin failed",                             \
      "mend the policy or its input")                                                              \
    X(EVAL_MERGE, 27, "eval_with_merge_error", 500, "`with` cannot merge here", "mend the policy") \
    X(EVAL_INTERNAL, 28, "eval_internal_error", 500, "the evaluation failed",                      \
      "report the policy and its input")                                                           \
    X(EVAL_CANCEL, 29, "eval_cancel_error", 500, "the evaluation used up its fuel",                \
      "simplify the policy, or raise its fuel limit")                                              \
    X(MODEL, 30, "model", 422, "the model is broken or not supported",                             \
      "export the model with supported operators; the message names node and offset")              \
    X(WASM, 31, "wasm", 422, "the module is not a model container", "compile the model again")     \
    X(IO, 32, "io", 500, "the operating system refused", "see the cause in the message")           \
    X(USAGE, 33, "usage", 400, "the command line is wrong", "see --help")                          \
    X(CONFIG, 34, "config", 400, "the configuration is wrong",                                     \
      "mend the option, address or key that the message names")                                    \
    X(LABEL, 35, "label", 422, "the label is malformed", "send {id, label}")                       \
    X(UNSUPPORTED, 36, "unsupported", 501, "this is not supported", "see the documentation")       \
    X(LATE_IN_BATCH, 37, "duplicate_in_flight", 503, "the same event id is still being decided",   \
      "retry after the time given")                                                                \
    X(STATE, 38, "state", 500, "the state directory cannot be used",                               \
      "see the cause in the message")                                                              \
    X(UNKNOWN_CALLER, 39, "unknown_caller", 401, "the caller is not known",                        \
      "send Authorization: Bearer with a token of the access file")                                \
    X(SCOPE, 40, "scope", 403, "the caller may not do this",                                       \
      "use a token that has the scope named")                                                      \
    X(LIST, 41, "list", 422, "an entry of a list is malformed",                                    \
      "mend the entry that the message names")                                                     \
    X(STALE, 42, "stale", 412, "it has changed since it was read",                                 \
      "read it again, then decide anew")

typedef enum {
    WR_OK = 0,
#define WR_ERR_ENUM(symbol, number, name, http, text, remedy) WR_E_##symbol = number,
    WR_ERR_TABLE(WR_ERR_ENUM)
#undef WR_ERR_ENUM
} wr_err;

/* Where and why. `where` is a file, module, node or JSON path; offset counts bytes from 0, or is
 * WR_NO_OFFSET; row and col count from 1, or are 0.                                              */
#define WR_NO_OFFSET         UINT64_MAX
#define WR_LIMIT_ERROR_TEXT  512
#define WR_LIMIT_ERROR_WHERE 128
struct wr_error {
    wr_err code;
    uint32_t row, col;
    uint64_t offset;
    char where[WR_LIMIT_ERROR_WHERE];
    char text[WR_LIMIT_ERROR_TEXT];
};

/* Texts are cut to their room and are UTF-8 whatever they quote: other bytes become question marks.
 * Records an error and returns its code, so that `return wr_fail(error, WR_E_X, "...", ...)` reads
 * well. The format is that of wr_vformat in bytes.h. `error` may be NULL. */
wr_err wr_fail(struct wr_error *error, wr_err code, const char *format, ...) WR_PRINTF(3, 4);
wr_err wr_fail_at(struct wr_error *error, wr_err code, uint64_t offset, const char *format, ...)
    WR_PRINTF(4, 5);
void wr_error_where(struct wr_error *error, const char *where, size_t n);

const char *wr_err_name(wr_err code);   /* "json"; "ok" for 0 */
int wr_err_http(wr_err code);           /* 200 for 0 */
const char *wr_err_text(wr_err code);   /* what happened, in general */
const char *wr_err_remedy(wr_err code); /* what to do */

/* Walks the table in order of numbers; returns false past its end. For docs/errors.md and tests. */
bool wr_err_at(size_t i, wr_err *code);

#endif
