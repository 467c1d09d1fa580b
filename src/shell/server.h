/* SPDX-License-Identifier: Apache-2.0 */
/* The server: HTTP in, decisions journalled, HTTP out; over a port, so that the simulator and the
 * wasm module run the same code as the native binary.
 *
 *   struct wr_server_config config = wr_server_defaults();
 *   config.addresses[config.n_addresses++] = "127.0.0.1:8181";
 *   config.state_directory = "/var/lib/weir";
 *   wr_server_open(&port, pack, &config, &server, &error)   journal locked, state folded, listening
 *   wr_server_run(server, &error)                           until a termination signal or a drain
 *   wr_server_close(server)
 *
 * One thread calls all of this; where the port has threads, the journal has one of its own. */
#ifndef WR_SERVER_H
#define WR_SERVER_H

#include "engine/engine.h"
#include "port/port.h"
#include "rego/rego.h"
#include "shell/redis.h"

#define WR_LIMIT_ADDRESSES 4

enum wr_server_mode {
    WR_MODE_DURABLE = 0, /* an answer leaves after its row is synced */
    WR_MODE_FAST = 1,    /* after its row is in the log file; synced at least every 100 ms */
};
const char *wr_server_mode_name(enum wr_server_mode mode); /* "durable", "fast" */

/* A pack that a running server may change to, and whoever keeps its memory. */
struct wr_loaded_pack {
    const struct wr_pack *pack;
    void *owner;
};

/* Where the next pack of a running server comes from. `load` reads and compiles it, on a thread of
 * its own where the port has threads, one call at a time; on an error nothing is handed over.
 * `give` takes back what load returned when nothing refers to it any more. Both NULL: the server
 * keeps the pack it was opened with. */
struct wr_pack_source {
    wr_err (*load)(void *context, struct wr_loaded_pack *out, struct wr_error *error);
    void (*give)(void *context, struct wr_loaded_pack *loaded);
    void *context;
};

/* Who may connect and ask, read again when the port asks for a reload: `read` puts the text of the
 * access file into the arena, and makes new connections use new certificates. On an error nothing
 * has changed. NULL: what the server was opened with stays. */
struct wr_credentials {
    wr_err (*read)(void *context, struct wr_arena *arena, struct wr_str *access,
                   struct wr_error *error);
    void *context;
};

/* Modules and data that a bundle owns; its roots cannot be changed over the API. */
struct wr_opa_bundle {
    struct wr_str name, revision;
    const struct wr_str *roots; /* "a/b"; "" is everything */
    size_t n_roots;
};

struct wr_opa_source {
    struct wr_str id;   /* under /v1/policies */
    struct wr_str file; /* as messages name it */
    struct wr_str text;
};

struct wr_opa_label {
    struct wr_str name, value;
};

/* What OPA's API serves beside the pack, or without one. */
struct wr_opa_config {
    bool writable; /* clients may set policies and data outside of the roots of pack and bundles */
    bool v1;       /* modules are Rego v1 */
    const struct wr_opa_source *modules; /* without a pack: what it begins with */
    size_t n_modules;
    struct wr_value data;
    const struct wr_opa_bundle *bundles;
    size_t n_bundles;
    const struct wr_opa_label *labels; /* of /v1/config */
    size_t n_labels;
    struct wr_builtin_env env; /* zones, crypto, print; time and seed are the server's */
};

/* What became of log lines that are pushed somewhere (app/log_push.h). */
struct wr_log_stats {
    uint64_t n_lines, n_pushed, n_dropped, n_failed; /* failed: attempts */
};

struct wr_server;

struct wr_server_config {
    const char *addresses[WR_LIMIT_ADDRESSES]; /* as port.h's listen takes them, or
                                                    probe: before that (route.c) */
    uint32_t n_addresses;
    const char *state_directory; /* made when absent (its parent must exist) */
    enum wr_server_mode mode;
    bool keeps_deciding; /* mode fast: also while the journal is full or broken; what is decided
                            then says so, and is forgotten when the journal is back */
    bool event_clock;    /* `now` of a decision is its event's time (WR_NOW_IS_EVENT_TIME): for
                            old data and demonstrations */
    int64_t deadline_us; /* 0: the pack's; else the smaller of both */
    uint32_t n_connections_max; /* further ones wait in the kernel's queue */
    uint32_t n_per_address;     /* of these from one address, further ones are closed at once; 0: a
                                   tenth, but WR_ADDRESS_LEAST at least */
    uint64_t client_memory;     /* bytes that all connections may hold together (shed.c) */
    uint32_t body_max;          /* bytes of one request body (batches included) */
    uint64_t segment_max;       /* bytes of one journal segment */
    uint64_t retain_bytes;      /* of the journal (journal.h); 0: all */
    int64_t retain_us;          /* 0: for ever */
    int64_t snapshot_every_ns;  /* a snapshot of the state at least that often while there are new
                                   entries, and at the end; 0: none is made or used */
    uint64_t snapshot_rows;     /* and after so many entries; 0: by the size of the state */
    uint64_t state_cap;         /* as in wr_engine_config */
    uint64_t ids_cap;
    struct wr_str card_key;
    struct wr_str access; /* text of the access file (access.h); empty: none */
    struct wr_credentials credentials;
    struct wr_pack_source packs; /* asked by POST /v1/pack:reload and when the port says so */
    struct wr_opa_config opa;
    struct wr_redis_config redis; /* what nodes share; address NULL: nothing */
    struct wr_str fleet_key;      /* their secret */
    const char *version;          /* for /health and metrics */
    /* Events worth a line: level "info", "warn" or "error"; event is a fixed word; text a sentence.
     * May be NULL. */
    void (*log)(void *context, const char *level, const char *event, const char *text);
    void *log_context;
    /* For /metrics; NULL when lines are not pushed. */
    void (*log_stats)(void *context, struct wr_log_stats *out);
    void *log_stats_context;
    struct wr_server *begun; /* wr_server_begin's, which the opening takes over; or NULL */
};
struct wr_server_config wr_server_defaults(void);

/* Begins to open the journal of a state directory that has one already, beside what the caller
 * does before wr_server_open, such as reading the pack: that waits for it. Of `config` what
 * concerns the directory, its journal and its snapshots has to be there, and may not change. NULL:
 * nothing was begun (no threads, no journal yet, no memory), and wr_server_open does all. Whoever
 * does not come to open it calls wr_server_close. What the caller is about to fill meanwhile (NULL:
 * none) is touched ahead of it; that may go when the server is open or closed. */
struct wr_server_room {
    void *bytes;
    size_t n;
};
struct wr_server *wr_server_begin(const struct wr_port *port, const struct wr_server_config *config,
                                  struct wr_server_room fills);

/* Without a pack (NULL) the server is OPA alone: no journal, no state directory, no decisions.
 *
 * Locks the state directory, opens the journal, folds it into a new engine, raises the epoch, and
 * listens. `port`, `pack` and the strings of `config` must outlive the server. Errors: WR_E_STATE
 * (another process owns the directory, not a journal of this version ...), WR_E_JOURNAL (the
 * journal is damaged: which row), WR_E_CONFIG (an address), those of the engine. */
WR_NODISCARD wr_err wr_server_open(const struct wr_port *port, const struct wr_pack *pack,
                                   const struct wr_server_config *config, struct wr_server **out,
                                   struct wr_error *error);

/* Serves until the port says that a termination signal came, or until POST /drain, then answers
 * what is in flight (at most 10 s) and returns. Errors: WR_E_IO when polling fails. */
WR_NODISCARD wr_err wr_server_run(struct wr_server *server, struct wr_error *error);

/* One turn of the loop: waits at most timeout_ns for something to do, and does it. False when the
 * server has drained and there will be nothing more. */
bool wr_server_step(struct wr_server *server, int64_t timeout_ns);

/* Begins to drain: no new connections, what is in flight is answered. */
void wr_server_stop(struct wr_server *server);

/* Closes everything; a clean end also folds the write-ahead log into its segment. */
void wr_server_close(struct wr_server *server);

/* The TCP port of the i-th address (for tests that listen on port 0). */
uint16_t wr_server_local_port(const struct wr_server *server, uint32_t i);
/* Sequence of the last entry, and how many rows were folded at start. */
uint64_t wr_server_sequence(const struct wr_server *server);
uint64_t wr_server_n_folded(const struct wr_server *server);

#endif
