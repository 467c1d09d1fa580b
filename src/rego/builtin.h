/* SPDX-License-Identifier: Apache-2.0 */
/* Rego's builtin functions: one table, one calling convention, one set of bounds.
 *
 * A builtin is a pure function of its arguments, the call's environment and nothing else. It
 * allocates only from call->arena, whose results live as long as that arena; scratch memory is
 * rewound before it returns. Arguments are never undefined. It returns
 *
 *   WR_OK               with *out defined: the result; with *out undefined: no result
 *   WR_E_EVAL_TYPE      an operand has the wrong type: "sum: operand 1 must be ... but got ..."
 *   WR_E_EVAL_BUILTIN   anything else that OPA calls a builtin error: "div: divide by zero"
 *   WR_E_EVAL_CANCEL    the fuel is used up
 *   WR_E_MEMORY, WR_E_LIMIT   no room, or a stated limit; these always end the query
 *
 * The text begins with the builtin's name and has neither code nor place: the caller adds both. The
 * caller turns WR_E_EVAL_TYPE and WR_E_EVAL_BUILTIN into undefined unless errors are strict.
 *
 * A relation (walk) returns an array of all its solutions; each is to be unified with the output.
 * The void builtins print and trace return true.                                                */
#ifndef WR_BUILTIN_H
#define WR_BUILTIN_H

#include "value/value.h"

#define WR_LIMIT_BUILTIN_OUTPUT                                                                    \
    (16u * 1024 * 1024)                       /* bytes of text, or 16 times as many values         \
                                               */
#define WR_LIMIT_BUILTIN_ITEMS (1024u * 1024) /* elements that one call may make */
#define WR_LIMIT_BUILTIN_ARGS  16

struct wr_builtin_call;
struct wr_builtin_cache;

enum wr_builtin_flag {
    WR_BUILTIN_NONDET = 1,     /* the result is constant within a query only: do not fold */
    WR_BUILTIN_RELATION = 2,   /* any number of results */
    WR_BUILTIN_NETWORK = 4,    /* fn is NULL: refused at compile time by name */
    WR_BUILTIN_DEPRECATED = 8, /* refused in v1 modules and in strict mode */
    WR_BUILTIN_VOID = 16,      /* no result to bind */
    WR_BUILTIN_LATER = 32,     /* came after OPA 0.60 */
    WR_BUILTIN_INTERNAL = 64,  /* cannot be called by name or replaced by `with` */
};

enum wr_builtin_cost { /* for the compiler's ordering of independent expressions */
                       WR_COST_CONSTANT, /* a few instructions */
                       WR_COST_LINEAR,   /* in the size of the arguments */
                       WR_COST_HEAVY,    /* regular expressions, hashes, parsing */
};

/* `types` describes the call for the type checker and for messages, in the words of OPA:
 *
 *   signature = "(" [ argument { ", " argument } ] ")" [ " => " argument ]
 *   argument  = [ name ": " ] type          a variadic last argument is written "..." before it
 *   type      = one { " | " one }
 *   one       = "any" | "null" | "boolean" | "number" | "string"
 *             | "array[" type "]" | "set[" type "]"
 *             | "object[" type ": " type "]"           any keys of one type
 *             | "object<" key ": " type { "," ... } ">" these keys; then any others: "[any: any]"
 *             | "array<" type { ", " type } ">"        exactly these elements */
struct wr_builtin {
    const char *name;   /* as in OPA: "numbers.range" */
    const char *symbol; /* infix symbol, or NULL */
    const char *types;
    uint8_t arity_min, arity_max;
    uint8_t flags; /* enum wr_builtin_flag */
    uint8_t cost;  /* enum wr_builtin_cost */
    wr_err (*fn)(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                 struct wr_value *out);
};

/* NULL when there is no such builtin. O(log n) string comparisons: for compilers, not for VMs. */
const struct wr_builtin *wr_builtin_find(struct wr_str name);
/* In order of names; NULL past the end. Indexes are stable within a build only. */
const struct wr_builtin *wr_builtin_at(size_t i);
size_t wr_builtin_count(void);

/* ── the world, as far as a builtin may see it ──────────────────────────────────────────────── */

/* Reads the TZif file of a zone ("Europe/Berlin") into the arena; false when there is none. The
 * name has been checked: letters, digits, '_', '-', '+' and single slashes, never "..". */
struct wr_zone_source {
    bool (*load)(void *context, struct wr_arena *arena, struct wr_str name, struct wr_str *tzif);
    void *context;
};

struct wr_print_sink {
    void (*print)(void *context, struct wr_str text);
    void *context;
};

enum wr_crypto_alg {
    WR_CRYPTO_RS256,
    WR_CRYPTO_RS384,
    WR_CRYPTO_RS512,
    WR_CRYPTO_PS256,
    WR_CRYPTO_PS384,
    WR_CRYPTO_PS512,
    WR_CRYPTO_ES256,
    WR_CRYPTO_ES384,
    WR_CRYPTO_ES512,
    WR_CRYPTO_EDDSA,
};

enum wr_crypto_key_kind {
    WR_CRYPTO_KEY_PEM,     /* text: a certificate, or a public or private key */
    WR_CRYPTO_KEY_RSA,     /* n, e and, of a private key, d, p, q; big-endian bytes */
    WR_CRYPTO_KEY_EC,      /* curve, x, y and, of a private key, d */
    WR_CRYPTO_KEY_ED25519, /* x and, of a private key, d */
};

struct wr_crypto_key {
    enum wr_crypto_key_kind kind;
    struct wr_str text;  /* PEM */
    struct wr_str curve; /* "P-256", "P-384", "P-521" */
    struct wr_str n, e, d, p, q, x, y;
};

enum wr_x509_op { /* arguments of x509 in the order of the builtin's own */
                  WR_X509_PARSE_CERTIFICATES,
                  WR_X509_PARSE_AND_VERIFY,
                  WR_X509_PARSE_REQUEST,
                  WR_X509_PARSE_KEYPAIR,
                  WR_X509_PARSE_RSA_PRIVATE_KEY,
                  WR_X509_PARSE_PRIVATE_KEYS,
};

/* Public-key cryptography, filled by the native shell and empty (NULL) elsewhere: then the builtins
 * that need it fail with a builtin error that says so. All report WR_E_EVAL_BUILTIN with OPA's
 * text, without the builtin's name. */
struct wr_crypto_table {
    wr_err (*verify)(void *context, enum wr_crypto_alg alg, const struct wr_crypto_key *key,
                     struct wr_str message, struct wr_str signature, bool *valid,
                     struct wr_error *error);
    wr_err (*sign)(void *context, struct wr_arena *arena, enum wr_crypto_alg alg,
                   const struct wr_crypto_key *key, struct wr_str message, struct wr_str *signature,
                   struct wr_error *error);
    wr_err (*x509)(void *context, struct wr_arena *arena, enum wr_x509_op op,
                   const struct wr_value *args, uint32_t n, struct wr_value *out,
                   struct wr_error *error);
    void *context;
};

struct wr_builtin_env {
    int64_t now_ns;                       /* since 1970, UTC */
    uint64_t seed;                        /* of rand.intn and uuid.rfc4122 */
    const struct wr_value *runtime;       /* of opa.runtime; NULL is {} */
    struct wr_print_sink print;           /* .print NULL: dropped */
    struct wr_zone_source zones;          /* .load NULL: UTC alone is known */
    const struct wr_crypto_table *crypto; /* NULL: none */
};

/* ── caches ─────────────────────────────────────────────────────────────────────────────────── */

/* Compiled regular expressions, globs and zones, by key. One for each query (call->cache), and one
 * of a pack (call->prepared), filled at compile time and then only read. Memory is the arena's; at
 * most WR_LIMIT_BUILTIN_CACHE entries, then no more are kept. NULL when there is no room. */
#define WR_LIMIT_BUILTIN_CACHE 4096
struct wr_builtin_cache *wr_builtin_cache_new(struct wr_arena *arena);

/* Compiles ahead what a call with these constant arguments would compile (patterns, globs, zones);
 * an argument not known ahead is undefined. Errors are left to the call itself; only WR_E_MEMORY
 * is reported. */
wr_err wr_builtin_prepare(struct wr_builtin_cache *prepared, const struct wr_builtin_env *env,
                          const struct wr_builtin *builtin, const struct wr_value *args,
                          uint32_t n);

/* ── a call ─────────────────────────────────────────────────────────────────────────────────── */
struct wr_builtin_call {
    const struct wr_builtin *self; /* for messages: set by the caller before each call */
    struct wr_arena *arena;
    const struct wr_builtin_env *env;
    struct wr_builtin_cache *cache;          /* of this query; NULL: nothing is remembered */
    const struct wr_builtin_cache *prepared; /* of the pack; may be NULL */
    struct wr_error *error;                  /* may be NULL */
    uint64_t *fuel; /* units left; one is about one simple operation; NULL: not counted */
    bool v1;        /* as OPA 1.x where it answers otherwise than OPA 0.60 */
};

/* ── for the builtins themselves ────────────────────────────────────────────────────────────── */

/* Takes units of work; WR_E_EVAL_CANCEL when they are used up. */
wr_err wr_builtin_charge(struct wr_builtin_call *call, uint64_t units);
/* "NAME: <text>" as WR_E_EVAL_BUILTIN. */
wr_err wr_builtin_fail(struct wr_builtin_call *call, const char *format, ...) WR_PRINTF(2, 3);
/* "NAME: operand <i+1> <text>" as WR_E_EVAL_TYPE. */
wr_err wr_builtin_operand(struct wr_builtin_call *call, uint32_t i, const char *format, ...)
    WR_PRINTF(3, 4);
/* WR_OK when args[i] has one of the types, else "NAME: operand i must be ... but got ...". */
wr_err wr_builtin_want(struct wr_builtin_call *call, const struct wr_value *args, uint32_t i,
                       enum wr_type type);
wr_err wr_builtin_no_room(struct wr_builtin_call *call);
/* WR_E_LIMIT naming WR_LIMIT_BUILTIN_OUTPUT, or WR_E_MEMORY when the arena failed. */
wr_err wr_builtin_too_large(struct wr_builtin_call *call);

#endif
