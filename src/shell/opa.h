/* SPDX-License-Identifier: Apache-2.0 */
/* OPA's HTTP API, from within: what its files share.
 *
 *   opa.c         which resource, which method
 *   opa_reply.c   answers in OPA's shapes: documents, errors, gzip, how they are counted
 *   opa_body.c    requests: parameters, JSON, YAML, gzip
 *   opa_store.c   modules and base documents, and the programs made of them
 *   opa_data.c    /v0/data, /v1/data (GET, POST) and POST /
 *   opa_write.c   /v1/data (PUT, PATCH, DELETE)
 *   opa_policy.c  /v1/policies
 *   opa_query.c   /v1/query, /v1/compile
 *   opa_status.c  /health, /v1/config, /v1/status
 *
 * The store stands apart from what decides: a decision reads the pack's own program and never this
 * one. What lies under the pack's roots, or a bundle's, cannot be changed here.
 *
 * Bounds. On a node that decides, each request costs the loop at most WR_LIMIT_OPA_FUEL_NODE of
 * evaluation, or the compilation of WR_LIMIT_OPA_CODE_NODE bytes of modules in
 * WR_LIMIT_OPA_STEPS_NODE steps or of WR_LIMIT_OPA_QUERY_NODE of a query, and the store holds at
 * most WR_LIMIT_OPA_DATA_NODE; a server without a pack has the larger ones.
 *
 * Source: OPA 0.60, REST API and its behaviour as recorded in test/golden/opa.                   */
#ifndef WR_OPA_H
#define WR_OPA_H

#include "shell/server_in.h"

#include "rego/rego.h"

#define WR_LIMIT_OPA_MODULES      1024u
#define WR_LIMIT_OPA_QUERIES      128u           /* prepared and kept */
#define WR_LIMIT_OPA_QUERY        (1024u * 1024) /* bytes of a query, compiled for one request */
#define WR_LIMIT_OPA_QUERY_NODE   4096u          /* the same beside decisions */
#define WR_LIMIT_OPA_SEGMENTS     32u            /* of a path */
#define WR_LIMIT_OPA_PATH         1024u
#define WR_LIMIT_OPA_PATCHES      1024u                /* operations of one PATCH */
#define WR_LIMIT_OPA_CODE         (64u * 1024 * 1024)  /* bytes of all modules */
#define WR_LIMIT_OPA_CODE_NODE    (256u * 1024)        /* the same beside decisions */
#define WR_LIMIT_OPA_DATA         (512u * 1024 * 1024) /* memory of all base documents */
#define WR_LIMIT_OPA_DATA_NODE    (16u * 1024 * 1024)
#define WR_LIMIT_OPA_FUEL_EXPLAIN 100000u /* statements of an explanation */
#define WR_LIMIT_OPA_FUEL_NODE    2000000u
#define WR_LIMIT_OPA_STEPS_NODE   2000000u /* to check modules; ordinary code: 2 a byte */
#define WR_LIMIT_OPA_INFLATE      100u     /* a body may unpack to so many times its size */
#define WR_LIMIT_OPA_SERIES       128u     /* of http_request_duration_seconds */
#define WR_OPA_GZIP_MIN           1024u /* answers from this size on are packed, when asked for */

struct wr_opa_module {
    struct wr_str id, text;
    struct wr_str file; /* as error messages name it */
    bool by_client;     /* set over the API */
};

/* Modules and what was compiled of them. */
struct wr_opa_code {
    struct wr_arena arena;
    struct wr_opa_module *modules; /* sorted by id */
    uint32_t n_modules;
    size_t size; /* of all texts */
    const struct wr_rego_program *program;
};

/* Base documents. Writes share what they leave alone, until half of the arena is waste. */
struct wr_opa_documents {
    struct wr_arena arena;
    struct wr_value root;
    size_t live; /* bytes taken when it was last copied */
};

struct wr_opa_query {
    struct wr_str key;
    struct wr_rego_query *query;
};

#define WR_OPA_BUCKETS 10
struct wr_opa_series {
    const char *handler;
    uint16_t method, status;
    uint64_t n[WR_OPA_BUCKETS + 1]; /* not cumulative; the last: slower than all bounds */
    uint64_t sum_ns;
};

struct wr_opa {
    const struct wr_memory *memory;
    const struct wr_opa_bundle *bundles;
    size_t n_bundles;
    struct wr_opa_bundle own; /* the pack as a bundle */
    bool writable, beside_decisions, v1;
    bool changed; /* over the API */
    struct wr_opa_code *code;
    struct wr_opa_documents *documents;
    struct wr_arena arena;                 /* program and queries; begun anew at every change */
    const struct wr_rego_program *program; /* code with documents */
    struct wr_opa_query queries[WR_LIMIT_OPA_QUERIES];
    uint32_t n_queries;
    struct wr_opa_series series[WR_LIMIT_OPA_SERIES];
    uint32_t n_series;
    char id[37]; /* labels.id */
};

enum wr_opa_explain {
    WR_EXPLAIN_OFF,
    WR_EXPLAIN_FULL,
    WR_EXPLAIN_NOTES,
    WR_EXPLAIN_FAILS,
    WR_EXPLAIN_DEBUG,
};

#define WR_OPA_METRICS 12
struct wr_opa_metric {
    const char *name;
    int64_t value;
};

/* One request. */
struct wr_opa_call {
    struct wr_server *server;
    struct wr_conn *conn;
    const struct wr_http_request *request;
    struct wr_opa *opa;
    const char *handler; /* as metrics name it */
    struct wr_str path;  /* behind the resource's name: "" or "/a/b", still escaped */
    bool pretty, metrics, instrument, provenance, strict;
    bool packs; /* this answer may be packed */
    enum wr_opa_explain explain;
    int64_t begun_ns;
    struct wr_opa_metric figures[WR_OPA_METRICS];
    uint32_t n_figures;
};

/* ── opa_reply.c ────────────────────────────────────────────────────────────────────────────── */
void wr_opa_reply(struct wr_opa_call *call, int status, struct wr_str type, struct wr_str body);
/* Compact JSON text, laid out when `pretty`, with a line end. */
void wr_opa_document(struct wr_opa_call *call, int status, struct wr_str json, bool pretty);
void wr_opa_fail(struct wr_opa_call *call, int status, const char *code, const char *format, ...)
    WR_PRINTF(4, 5);
/* The same with the list of what is wrong with a module or query. */
void wr_opa_fail_list(struct wr_opa_call *call, int status, const char *code, const char *message,
                      const struct wr_rego_errors *errors);
void wr_opa_fail_eval(struct wr_opa_call *call, const struct wr_error *error);
void wr_opa_no_room(struct wr_opa_call *call);
void wr_opa_figure(struct wr_opa_call *call, const char *name, int64_t value);
int64_t wr_opa_now_ns(const struct wr_opa_call *call);
/* Appends "metrics":{..} with what was measured, sorted. */
void wr_opa_write_metrics(struct wr_buf *json, struct wr_opa_call *call);
/* Appends a key behind a reference: .name, ["a b"] or [0]. */
void wr_opa_write_key(struct wr_buf *out, struct wr_str key);
/* Appends the histogram of all answers, as Prometheus reads it. */
void wr_opa_write_series(struct wr_buf *out, const struct wr_opa *opa);

/* ── opa_body.c ─────────────────────────────────────────────────────────────────────────────── */
/* A parameter that is there and empty counts as true. */
bool wr_opa_flag(const struct wr_opa_call *call, const char *name);
/* Unescaped, in the scratch arena. False: there is none. */
bool wr_opa_parameter(struct wr_opa_call *call, const char *name, struct wr_str *value);
/* The path's segments, unescaped one by one. False: too many, or no room. */
bool wr_opa_segments(struct wr_opa_call *call, struct wr_str path, struct wr_str *segments,
                     size_t *n);
/* The body unpacked; false when it has answered. */
bool wr_opa_unpacked(struct wr_opa_call *call, const char *prefix, struct wr_str *body);
/* Reads the first JSON document of text; else `message` tells what Go would say. */
bool wr_opa_read_json(struct wr_opa_call *call, struct wr_str text, struct wr_value *out,
                      struct wr_buf *message);
bool wr_opa_read_yaml(struct wr_opa_call *call, struct wr_str text, struct wr_value *out,
                      struct wr_buf *message);
bool wr_opa_is_yaml(const struct wr_opa_call *call);
const struct wr_value *wr_opa_member(const struct wr_value *object, const char *lower);
/* "array", "number" ... as Go names what it found. */
const char *wr_opa_go_type(const struct wr_value *v);

/* ── opa_store.c ────────────────────────────────────────────────────────────────────────────── */
/* The server's store, made at first use; NULL with *error filled. */
struct wr_opa *wr_opa_store(struct wr_server *server, struct wr_error *error);
/* Text NULL: the module goes. All modules are compiled anew; on an error nothing has changed. */
wr_err wr_opa_set_module(struct wr_opa *opa, struct wr_str id, const struct wr_str *text,
                         struct wr_rego_errors *errors);
const struct wr_opa_module *wr_opa_find_module(const struct wr_opa *opa, struct wr_str id,
                                               uint32_t *at);

/* A pack's program has its modules in the order of the pack's files: the number there of module
 * `at`. */
uint32_t wr_opa_tree_of(const struct wr_opa *opa, uint32_t at);

enum wr_opa_edit { WR_OPA_ADD, WR_OPA_REPLACE, WR_OPA_REMOVE };

enum wr_opa_outcome {
    WR_OPA_DONE,
    WR_OPA_MISSING,  /* 404 resource_not_found */
    WR_OPA_CONFLICT, /* 404 resource_conflict */
    WR_OPA_INVALID,  /* 400 invalid_parameter */
    WR_OPA_NO_ROOM,
};
/* One edit of *root in the documents' arena; nothing is visible before wr_opa_commit. The message
 * tells why not. */
enum wr_opa_outcome wr_opa_edit(struct wr_opa *opa, struct wr_value *root, enum wr_opa_edit edit,
                                const struct wr_str *path, size_t n, struct wr_value value,
                                struct wr_buf *message);
/* Makes the objects above path[0..n). */
enum wr_opa_outcome wr_opa_make_parents(struct wr_opa *opa, struct wr_value *root,
                                        const struct wr_str *path, size_t n,
                                        struct wr_buf *message);
const struct wr_value *wr_opa_read(const struct wr_value *root, const struct wr_str *path, size_t n,
                                   struct wr_buf *message);
/* The new base documents, if no rule stands where they do. */
wr_err wr_opa_commit(struct wr_opa *opa, struct wr_value root, struct wr_rego_errors *errors);
/* True, and why, when a bundle owns the path. */
bool wr_opa_is_owned(const struct wr_opa *opa, const struct wr_str *path, size_t n,
                     struct wr_buf *message);
/* A kept query for a document, or a new one; NULL when it does not compile or there is no room. */
struct wr_rego_query *wr_opa_query(struct wr_opa *opa, struct wr_str key,
                                   const struct wr_str *segments, size_t n, bool *hit);

/* ── the resources ──────────────────────────────────────────────────────────────────────────── */
void wr_opa_v1_data(struct wr_opa_call *call);
void wr_opa_v0_data(struct wr_opa_call *call);
void wr_opa_default(struct wr_opa_call *call); /* POST / */
void wr_opa_put_data(struct wr_opa_call *call);
void wr_opa_patch_data(struct wr_opa_call *call);
void wr_opa_delete_data(struct wr_opa_call *call);
void wr_opa_policies(struct wr_opa_call *call);
void wr_opa_get_policy(struct wr_opa_call *call);
void wr_opa_put_policy(struct wr_opa_call *call);
void wr_opa_delete_policy(struct wr_opa_call *call);
void wr_opa_get_query(struct wr_opa_call *call);
void wr_opa_post_query(struct wr_opa_call *call);
void wr_opa_compile(struct wr_opa_call *call);
void wr_opa_config(struct wr_opa_call *call);
void wr_opa_status(struct wr_opa_call *call);
void wr_opa_health(struct wr_opa_call *call);
void wr_opa_health_rule(struct wr_opa_call *call);
void wr_opa_page(struct wr_opa_call *call); /* GET /: a form for queries */

/* ── opa_explain.c ──────────────────────────────────────────────────────────────────────────── */
/* Appends "explanation":[..] of a query. */
void wr_opa_write_explanation(struct wr_buf *json, struct wr_opa_call *call, struct wr_str query,
                              const struct wr_value *input);

/* An evaluation's surroundings on this server. */
struct wr_rego_context wr_opa_context(const struct wr_opa_call *call, const struct wr_value *input);

#endif
