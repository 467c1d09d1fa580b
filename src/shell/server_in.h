/* SPDX-License-Identifier: Apache-2.0 */
/* The server from within: what its files share.
 *
 *   loop.c    polls, reads, runs batches, releases answers: whose turn it is
 *   accept.c  new connections
 *   request.c  one request out of what a connection has sent
 *   sweep.c   the deadlines of connections
 *   conn.c    connections: buffers, slots for answers, sending; conn_input.c: what they read
 *   shed.c    the bound on what all of them hold together
 *   route.c   one request: which resource, which method
 *   admit.c   which decisions are taken, and which are refused for want of time
 *   pace.c    how much a connection asks, told by its bytes
 *   turn.c    who has his turn, and who is refused, while too much is asked
 *   decide.c  decisions: the batch, its answers, rows to the journal
 *   gather.c  answers that need rows of the journal or many parts (retries, batches, labels)
 *   late_ids.c  events that are remembered no longer, found by id for their labels
 *   id_memory.c  what the ids will take of memory, told ahead
 *   answer.c  heads, problem documents
 *   challenge.c  challengers, scored when the answers have left
 *   snapshots.c  the state as files, and a start from them (snapshots.h)
 *   shared.c  what other nodes saw: requests that wait a moment for it
 *   lists.c   lists: what is put on them while running
 *   reload.c  the next pack: loaded beside, taken over between batches
 *   opa.c     OPA's API, with files of its own (opa.h)
 *   beginning.c  what of a start needs no pack: the journal is opened beside it
 *   server.c  life; folding; recovery of the journal
 *
 * Order. A connection's answers leave in the order of its requests. Each request gets a slot; a
 * slot holds bytes of the connection's output buffer, or points to a gathering whose bytes are
 * still to come, and names the sequence that must be kept before it leaves. A refusal for overload
 * takes none: it leaves with the answer before it. */
#ifndef WR_SERVER_IN_H
#define WR_SERVER_IN_H

#include "shell/access.h"
#include "shell/buffers.h"
#include "shell/id_finder.h"
#include "shell/journal_thread.h"
#include "shell/metrics.h"
#include "shell/packs.h"
#include "shell/reserve.h"
#include "shell/server.h"
#include "shell/snapshots.h"
#include "wire/h1.h"

#include <stdatomic.h>

#define WR_LIMIT_SLOTS       64u /* answers of one connection that may wait */
#define WR_LIMIT_PER_WAKE    16u /* requests of one connection in one turn; refusals: four times */
#define WR_LIMIT_REFUSALS    16384u
#define WR_LIMIT_OUT_BACKLOG (512u * 1024) /* unsent bytes beyond which nothing more is read */
/* bytes that all connections hold: input, answers not sent; what a turn takes may come on top */
#define WR_LIMIT_CLIENT_MEMORY (256ull * 1024 * 1024)
#define WR_LIMIT_BATCH_ITEMS   10000u /* requests in one body of decisions:batch, or labels */
#define WR_LIMIT_GATHERINGS    4096u
#define WR_LIMIT_GATHER_SIZE   (64u * 1024 * 1024) /* bytes of one gathered answer */
#define WR_LIMIT_IN_FLIGHT     65536u        /* decisions whose answers wait for the journal */
#define WR_LIMIT_LATE_ROW      (128u * 1024) /* bytes of an entry that is held back */
#define WR_ADDRESS_LEAST       64u           /* connections that any address may have */
#define WR_KEPT_DESCRIPTORS    32u           /* for the journal, listeners and logs */
#define WR_SCRATCH_ROOM                                                                            \
    (24u * 1024 * 1024) /* a whole batch of the engine fits, reserved for the worst; what is       \
                           touched stays within 2 MiB */
#define WR_SCRATCH_ROOM_INLINE                                                                     \
    (4u * 1024 * 1024) /* where there are no threads, as in wasm: what is reserved there is taken; \
                          more comes when a batch wants it */

#define WR_DEADLINE_SHAKE_NS  5000000000 /* handshakes, since the connection was taken */
#define WR_DEADLINE_HEAD_NS   5000000000
#define WR_DEADLINE_BODY_NS   10000000000
#define WR_DEADLINE_WRITE_NS  5000000000
#define WR_DEADLINE_IDLE_NS   30000000000
#define WR_DEADLINE_LINGER_NS 500000000
#define WR_DEADLINE_DRAIN_NS  10000000000
#define WR_DEADLINE_PACK_NS   60000000000 /* a loaded pack waits until its entry can be made */
#define WR_WAITED_NS          200000      /* a poll that took longer has waited */
#define WR_SWEEP_NS           100000000   /* deadlines are looked at that often */
#define WR_ACCEPT_PAUSE_NS    50000000    /* after an accept that failed */
#define WR_BEHIND_NS          1000000     /* between two looks whether the journal has room */
#define WR_TRIM_NS            1000000000
#define WR_RECOVER_NS         1000000000
#define WR_TURN_NS            5000000 /* then what is decided is sent; no run takes longer */
#define WR_FOLDING_ROWS       128     /* read between two looks at the clock */
#define WR_SAMPLE             16 /* one batch, and one turn, of so many is timed stage by stage */

#define WR_OVERLOAD_TARGET_NS 5000000   /* a queue stands: nothing waited less than that, */
#define WR_OVERLOAD_WINDOW_NS 100000000 /* in so long, at the node or on a connection; */
#define WR_OVERLOAD_N         16u       /* with so many decisions in it, */
#define WR_OVERLOAD_TURNS     3u        /* or in so many turns; */
#define WR_OVERLOAD_HOLDS     5u        /* of a connection also for so many windows after it */
#define WR_OVERLOAD_REFUSE_NS 10000000  /* then what waited longer than that is refused, */
#define WR_OVERLOAD_SENDS     4         /* and at the node what cannot be decided in a turn of */
#define WR_OVERLOAD_CONN_NS   29000     /* so many sends, and this at least, */
#define WR_OVERLOAD_LEAST_NS  1000000   /* for each connection touched; so much at least and */
#define WR_OVERLOAD_MOST_NS   5000000   /* most; of it 5/4, or */
#define WR_REFUSING_NS        2500000   /* that if it is less, at most goes to refusals */
#define WR_PACE_NS            268435456 /* what a connection sends is counted in that, 2^28 */
#define WR_OVERLOAD_LATE_NS                                                                        \
    40000000 /* also what waited longer than that, or than 4/5 of the                              \
                deadline, */
#define WR_OVERLOAD_LATE_N                                                                         \
    256u /* but for so many in a window: after a pause of the machine                              \
            those who waited get the fallback */
#define WR_OVERLOAD_TELL_NS 10000000000 /* between two lines of the log about it */
#define WR_ARRIVALS         4

#define WR_SHARED_FRESH_US    10000 /* what was fetched so lately is not fetched again */
#define WR_LIMIT_SHARED_ITEMS 256u  /* of a batch: keys of so many of its items are asked for */

struct wr_gathering;
struct wr_stream;

struct wr_arrival { /* bytes of a connection from `at` on came at `ns` */
    uint64_t at;
    int64_t ns;
};

struct wr_wait { /* of decisions in a window: does a queue stand? */
    int64_t since_ns, least_ns, turn_ns;
    uint32_t n, n_turns;
    bool stood;     /* it did in the window before */
    uint32_t holds; /* for so many windows more it counts as if it did */
};

struct wr_turns { /* the last ones: means; 0: not known */
    int64_t turn_ns, decided_1024ths;
};

struct wr_admission { /* admit.c, turn.c */
    struct wr_wait wait;
    bool is_over;                   /* more is asked than can be decided: turns are planned */
    uint32_t n_turned_away;         /* in this window, for want of time */
    uint32_t n_late;                /* in this window */
    uint64_t n_told;                /* refused, when the log last told of it, or not its matter, */
    uint64_t n_expired_told;        /* since their callers had gone, when it did, */
    int64_t told_ns;                /* which was then; 0: never */
    bool conn_stood;                /* in this window: one was refused for its connection's queue */
    uint64_t n_begun;               /* decided before this window */
    uint64_t n_decided;             /* before this turn */
    int64_t send_ns;                /* to one connection: the mean; 0: not known */
    int64_t planned_ns;             /* how long this turn may be, */
    uint32_t budget;                /* and how many it may decide; 0: none was planned */
    bool is_crowded;                /* this turn has not time for all */
    bool one_each;                  /* in this turn no connection has more than one decision */
    struct wr_turns turns, crowded; /* with many decisions; that had not time for all */
    int64_t run_ns, run_1024ths;    /* of the last decisions by themselves: means; 0: not known */
    uint32_t run_most;              /* decisions that fit a turn's time by that; 0: not known */
};

struct wr_terms {        /* how a request is to be answered, by its head */
    int64_t deadline_us; /* the caller's; 0: none, or one that is not heard */
    uint8_t minor;       /* of the version */
    bool keep_alive, head_only, want_features;
};

struct wr_slot {
    uint64_t needs;      /* sequence that must be kept; 0 = none */
    int64_t first_ns;    /* first byte of the request */
    int64_t handed_ns;   /* when the row was handed to the journal; 0 = no row */
    uint32_t n;          /* bytes in the output buffer */
    uint32_t elapsed_at; /* of the digits of Weir-Elapsed-Us, from the slot's start; 0 = none */
    struct wr_gathering *gathering;
};

struct wr_claim {   /* on a planned turn */
    uint32_t n;     /* requests that wait */
    uint32_t level; /* who comes first (turn.c) */
};

enum wr_conn_stage { WR_CONN_HEAD, WR_CONN_BODY, WR_CONN_CHUNKED, WR_CONN_LINGER };

struct wr_conn {
    int32_t sock; /* -1: free */
    uint32_t index, generation;
    enum wr_conn_stage stage;
    uint32_t interest;
    bool is_local;
    bool is_probe;       /* it came in over a probe: address */
    bool cert_is_read;   /* cert_scopes is what the client's certificate grants */
    uint8_t cert_scopes; /* WR_SCOPE_... */
    bool closing;        /* close when all answers have left */
    bool broken;         /* the peer is gone: close now */
    bool blocked;        /* no further request before a gathering ends */
    bool lingers;        /* after the last answer, input is read and dropped for a moment */
    bool more;           /* parsing stopped at a limit, not for want of bytes */
    bool spent;          /* its last request took what one may take in one turn */
    bool eof;            /* the peer sends no more */
    bool in_batch;       /* a request of it is in the current batch */
    bool touched;        /* in the list of this turn */
    bool held;           /* its next request waits for what other nodes saw */
    bool was_held;       /* and has waited */
    bool readable;       /* it has been told of, and is not read yet */
    bool is_passed_over; /* in this turn its decisions are refused */
    bool decides;        /* its last head asked for a decision: so does what repeats it */
    uint32_t waiting;    /* place from 1 in the list of those that wait for the journal */
    uint32_t n_arrivals;
    char *in;                                /* received bytes; NULL when there are none */
    size_t in_cap, in_n, in_at;              /* in_at: start of the current request */
    uint64_t in_base;                        /* bytes of the stream before the buffer */
    struct wr_arrival arrivals[WR_ARRIVALS]; /* n_arrivals of them */
    size_t need;                             /* BODY: bytes of the whole request */
    size_t body_at, body_n, raw_at; /* CHUNKED: start, decoded bytes, next byte to decode */
    char *out;
    size_t out_cap, out_n, out_at; /* out_at: first byte not sent */
    struct wr_slot slots[WR_LIMIT_SLOTS];
    uint32_t slot_first, n_slots;
    int64_t first_ns;   /* first byte of the current request; 0 = none yet */
    int64_t head_ns;    /* its head was complete */
    int64_t stalled_ns; /* since when the peer takes nothing; 0 = it does */
    int64_t active_ns;  /* last sign of life: it was taken, or bytes of it were read or written */
    struct wr_wait wait;
    int64_t told_ns;              /* readable since that look; 0: since this turn */
    int64_t read_ns;              /* when bytes of it were last read */
    int64_t pace;                 /* bytes in WR_PACE_NS: a mean that fades */
    int64_t request_sixteenths;   /* of the bytes of what it asks: the mean; 0: not known yet */
    uint32_t n_asked;             /* by its last request: items of a batch, or so many alike;
                                     0: they are not known */
    struct wr_claim claim;        /* on the last planned turn in which it was touched */
    uint32_t n_passed_over;       /* is_passed_over in so many turns in a row */
    uint64_t ticket;              /* held until this fetch is done, */
    int64_t held_ns;              /* or until then; */
    int64_t hold_ns;              /* it was read then */
    struct wr_stream *stream;     /* the answer that leaves in pieces; NULL: none */
    size_t net_bytes;             /* the network held for it after its last call (port.h) */
    struct wr_h1_reader reader;   /* of the head that is awaited, */
    struct wr_h1_body body;       /* CHUNKED: and of what follows the last one */
    struct wr_terms terms;        /* what its last head asks for, */
    struct wr_h1_pattern pattern; /* and its bytes */
};

_Static_assert(sizeof(struct wr_conn) <= 4096, "an idle connection costs at most 4 KiB");

struct wr_pending { /* one decision on its way through the current batch */
    struct wr_conn *conn;
    struct wr_slot *slot; /* reserved: answers are in order */
    int64_t first_ns, read_ns;
    uint8_t minor;
    bool keep_alive;
};

#define WR_LIMIT_PACKS_HELD 4u /* the running one, that of the state, one to come, one to go */

enum wr_reload_stage { WR_RELOAD_IDLE, WR_RELOAD_LOADING, WR_RELOAD_LOADED };

struct wr_reload {
    atomic_uint stage; /* LOADING -> LOADED by the loading thread, all else by the loop */
    bool asked;        /* load again when this one is done */
    bool has_ticket;   /* somebody waits for the answer */
    bool has_thread;
    uint64_t ticket;
    uintptr_t thread;
    struct wr_loaded_pack loaded;
    int64_t waits_from_ns; /* for its entry; 0: it does not */
    wr_err err;
    struct wr_error error;
    struct wr_loaded_pack held[WR_LIMIT_PACKS_HELD]; /* packs of the source in use */
    uint32_t n_held;
};

struct wr_opa;

struct wr_beginning { /* beginning.c */
    bool begun, has_thread;
    uintptr_t thread;
    atomic_uint stage;
    struct wr_gate gate; /* opened by the thread with each stage */
    struct wr_server_room fills;
    struct wr_snapshot_files files;
    struct wr_journal_options options;
    struct wr_snapshot_ahead ahead;
    wr_err err; /* of opening */
    struct wr_error error;
    enum wr_io settled;
};

struct wr_folding { /* folding.c */
    bool is_under_way;
    bool restored;            /* from a snapshot */
    struct wr_engine *engine; /* between two pieces */
    struct wr_folding_rows {
        uint64_t next, last; /* sequences yet to be read; none when next is behind last */
    } told, folded;
};

struct wr_server {
    const struct wr_port *port;
    const struct wr_pack *pack;
    struct wr_server_config config;
    struct wr_arena access_arena;
    struct wr_access access; /* no principals: there is no access file */
    struct wr_journal *journal;
    struct wr_journal_thread *thread; /* NULL while the journal is not ok */
    struct wr_beginning beginning;
    struct wr_engine *engine; /* NULL while it must be folded again, and until it is */
    struct wr_folding folding;
    const struct wr_pack *rows_by; /* whose phrases cut the rows; NULL: they are plain */
    uint64_t n_folded;
    int32_t listeners[WR_LIMIT_ADDRESSES];
    bool listening; /* the listeners are watched */
    bool draining, drained, poll_failed, clock_is_off;
    bool failed; /* engine or journal: the turn ends with wr_server_fail */
    int64_t drain_ns;
    /* time */
    int64_t now_ns;     /* monotonic, of this turn */
    int64_t arrived_ns; /* what is read in this turn may have come as early as that */
    int64_t looked_ns;  /* when the sockets were looked at last */
    int64_t start_ns, sweep_ns, trim_ns, recover_ns;
    int64_t wall_anchor_ns; /* wall minus monotonic */
    int64_t now_us, last_event_us;
    int64_t deadline_us;
    /* connections */
    struct wr_conn **conns; /* n_connections_max of them, made when needed */
    uint64_t *peers;        /* by index: the address of an open one; 0: none, or unknown */
    uint32_t n_conns, conns_made, *free_conns, n_free;
    uint32_t n_conns_shut; /* how many there were when the listeners were shut, */
    int64_t shut_ns;       /* and when that was */
    struct wr_conn **touched, **waiting, **flushing;
    uint32_t n_touched, n_waiting;
    bool disk_behind;  /* in this turn a stream found no room for rows */
    uint32_t n_parsed; /* of the touched: the first so many have had their turn */
    struct wr_buffers buffers;
    uint64_t kept_seen;
    uint32_t n_in_flight;
    struct wr_admission admission;
    uint64_t n_refused; /* for overload */
    /* the current batch */
    struct wr_request requests[WR_LIMIT_ENGINE_BATCH];
    struct wr_pending pending[WR_LIMIT_ENGINE_BATCH];
    uint32_t n_pending;
    struct wr_answer *answers;
    struct wr_arena scratch; /* reset after every batch or request */
    void *scratch_room;
    size_t n_scratch_room;
    struct wr_gathering **gatherings;
    uint32_t n_gatherings, gather_generation;
    struct wr_snapshots snapshots;
    struct wr_reload reload;
    const struct wr_pack *first_pack;
    uintptr_t packs_thread; /* writes the first pack into the state directory */
    bool has_packs_thread;
    bool began_full;             /* the start found no room on the disk, */
    bool room_misleads;          /* and the system told of much (a quota): it is not gone by */
    bool keeps_first_late;       /* what a start keeps waits until there is */
    struct wr_opa *opa;          /* NULL before its first use */
    struct wr_id_finder *finder; /* NULL: no journal, or no memory */
    uint64_t ids_told;           /* ids of the engine before this place */
    int64_t ids_told_ns;
    uint64_t ids_looked; /* id_memory.c: how many there were */
    /* other nodes */
    struct wr_redis *redis; /* NULL: there are none */
    struct wr_fleet *fleet; /* of the engine; NULL: the pack has no feature of scope fleet */
    struct wr_conn **held;  /* in order of their tickets */
    uint32_t n_held;
    uint64_t dropped_tiles, dropped_events; /* with the tables of packs before */
    int64_t turn_ns;      /* the longest of the last turns, an eighth less with each since */
    int64_t tell_from_us; /* events from then on are told again after a restart, or take a place */
    struct wr_metrics metrics;
    uint64_t n_runs, n_flushes; /* with answers; of each one in WR_SAMPLE is timed */
    char *late_row; /* the row of the last entry of challengers, until the next row or the sweep */
    size_t late_row_n;
    uint64_t late_row_sequence;
    int64_t late_row_ns;
    int64_t shadow_ns; /* what scoring the challengers of a decision takes; 0: not known */
    int64_t stage_mark_ns, stage_ns[WR_ENGINE_STAGES];
    char node_text[17];
};

/* ── conn.c, conn_input.c ───────────────────────────────────────────────────────────────────── */
struct wr_conn *wr_conn_open(struct wr_server *server, int32_t sock, bool is_local);
void wr_conn_close(struct wr_server *server, struct wr_conn *conn);
/* Reads once. */
void wr_conn_read(struct wr_server *server, struct wr_conn *conn);
/* Drops the bytes of finished requests; only when no view into them is left. */
void wr_conn_compact(struct wr_server *server, struct wr_conn *conn);
/* The next slot, of an answer that begins at the end of the output; NULL when all are taken. */
struct wr_slot *wr_conn_slot(struct wr_conn *conn, int64_t first_ns);
/* The slot's answer may leave when this sequence is kept. */
void wr_slot_needs(struct wr_server *server, struct wr_slot *slot, uint64_t sequence);
/* Room for n more bytes of output; NULL closes the connection (no memory). */
char *wr_conn_room(struct wr_server *server, struct wr_conn *conn, size_t n);
/* Appends a finished answer to its slot, which is the last one. */
void wr_conn_add(struct wr_server *server, struct wr_conn *conn, struct wr_slot *slot,
                 struct wr_str bytes);
/* Appends n times an answer that waits for nothing by itself: it leaves with the one before it. A
 * slot is free, and no answer before it is without its bytes, but for gatherings. */
void wr_conn_append(struct wr_server *server, struct wr_conn *conn, struct wr_str bytes,
                    uint32_t n);
/* Sends what may leave, in the midst of a turn; nothing once the turn has failed. Whether any of it
 * was taken. */
bool wr_conn_send(struct wr_server *server, struct wr_conn *conn);
/* Sends what may leave; arms the poll set; closes when due. The last act of a turn. */
void wr_conn_flush(struct wr_server *server, struct wr_conn *conn);
void wr_conn_touch(struct wr_server *server, struct wr_conn *conn);
/* True when another request may be read now. */
bool wr_conn_may_parse(const struct wr_conn *conn);
/* When the first byte at in_at came; 0 when there is none yet. */
int64_t wr_conn_arrival(struct wr_conn *conn);
/* When the last byte before this place of the input came; while marks behind it are there. */
int64_t wr_conn_arrival_before(const struct wr_conn *conn, size_t at);
void wr_conn_free_all(struct wr_server *server);

/* ── accept.c ───────────────────────────────────────────────────────────────────────────────── */
/* Listens again when there is a place again. */
void wr_accept_when_possible(struct wr_server *server);
/* Takes connections that wait at a listener, as many as one turn has time for. */
void wr_accept_some(struct wr_server *server, uint32_t listener);

/* ── request.c ──────────────────────────────────────────────────────────────────────────────── */
/* Reads them out of a head. */
struct wr_terms wr_request_terms(const struct wr_h1_head *head);
/* Takes one request out of the buffer and routes it; false when there is none, whole, to be had. */
bool wr_request_take(struct wr_server *server, struct wr_conn *conn);

/* ── sweep.c ────────────────────────────────────────────────────────────────────────────────── */
/* Closes connections that are late or idle. Every WR_SWEEP_NS. */
void wr_conn_sweep(struct wr_server *server);

/* ── shed.c ─────────────────────────────────────────────────────────────────────────────────── */
/* When clients hold more than they may: closes connections. Between turns. */
void wr_conn_shed(struct wr_server *server);

/* ── route.c ────────────────────────────────────────────────────────────────────────────────── */
struct wr_http_request {
    const struct wr_h1_head *head; /* NULL: a decision's, whose head repeats; all else is here */
    struct wr_terms terms;
    uint32_t n; /* so many alike that came at once: more than one only where all are refused */
    struct wr_str body;
    int64_t first_ns; /* its first byte came */
    int64_t whole_ns; /* its last byte came: from then on it waits for us */
};
/* May the caller ask this? Nothing is answered. */
bool wr_route_allows(struct wr_server *server, struct wr_conn *conn, const struct wr_h1_head *head);
/* Answers one whole request, or puts it into the batch. */
/* "probe:ADDRESS": whoever reaches it may ask GET /health, /metrics, /status and GET or POST
 * /drain, and nothing else, with or without an access file. */
bool wr_address_is_probe(const char *address);
void wr_route(struct wr_server *server, struct wr_conn *conn,
              const struct wr_http_request *request);

/* ── admit.c ────────────────────────────────────────────────────────────────────────────────── */
/* WR_OK when this request may be decided; WR_E_OVERLOAD when too much waits, or when it waited for
 * longer than the caller does. */
wr_err wr_admit(struct wr_server *server, struct wr_conn *conn,
                const struct wr_http_request *request, struct wr_error *error);
/* The parts of it: too much waits, or it has waited too long; */
bool wr_admit_is_late(struct wr_server *server, struct wr_conn *conn,
                      const struct wr_http_request *request);
wr_err wr_admit_fail_late(struct wr_error *error);
/* the node can decide now. */
wr_err wr_admit_ready(const struct wr_server *server, struct wr_error *error);
bool wr_admit_is_overloaded(const struct wr_server *server);
/* A turn begins: an overload after which nobody has asked for long is none any more. */
void wr_admit_look(struct wr_server *server);
/* Logs how many were refused since the last such line (event `overload`), at once, and then once in
 * WR_OVERLOAD_TELL_NS. */
void wr_admit_tell(struct wr_server *server);
/* A turn has ended, after so long. */
void wr_admit_learn(struct wr_server *server, int64_t turn_ns);
/* n decisions, at least one, took so long by themselves. */
void wr_admit_decided(struct wr_server *server, uint32_t n, int64_t took_ns);
/* How many decisions the engine is given at once: 1 to WR_LIMIT_ENGINE_BATCH, and by what the last
 * ones took no more than last WR_TURN_NS. */
uint32_t wr_admit_run_most(const struct wr_server *server);
/* What one decision has taken by itself, in ns; 0: not known. */
int64_t wr_admit_each_ns(const struct wr_admission *admission);

/* ── pace.c ─────────────────────────────────────────────────────────────────────────────────── */
/* So many bytes of a connection were read. */
void wr_pace_read(const struct wr_server *server, struct wr_conn *conn, size_t n);
/* What it has just asked had so many bytes. */
void wr_pace_measure(struct wr_conn *conn, size_t bytes);
/* False: how many requests it brings cannot be told; it counts as one, and no more are taken. */
bool wr_pace_is_known(const struct wr_conn *conn);
/* Requests that are read and wait, */
size_t wr_pace_there(const struct wr_conn *conn);
/* and those that come in so long: 0 where it is not known. */
size_t wr_pace_coming(const struct wr_conn *conn, int64_t ns);

/* ── turn.c ─────────────────────────────────────────────────────────────────────────────────── */
/* While overloaded, before anything is read: puts the connections whose decisions are refused in
 * this turn to the front of those touched; returns how many they are. */
uint32_t wr_turn_plan(struct wr_server *server);
/* To send to so many connections took so long. */
void wr_turn_sent(struct wr_server *server, uint32_t n, int64_t took_ns);

/* ── decide.c ───────────────────────────────────────────────────────────────────────────────── */
/* WR_OK when decisions can be taken now; else why not. */
wr_err wr_decide_ready(const struct wr_server *server, struct wr_error *error);
/* Why decisions are taken and not recorded ("full"); NULL: they are, or there are none. */
const char *wr_decide_unrecorded(const struct wr_server *server);
void wr_decide_one(struct wr_server *server, struct wr_conn *conn,
                   const struct wr_http_request *request);
/* Runs what has been collected. */
void wr_decide_batch(struct wr_server *server);
/* Gives server->requests to the engine and times it; now_ns is the end of it. */
wr_err wr_decide_run(struct wr_server *server, uint32_t n, int64_t before_ns,
                     struct wr_error *error);
/* For a request that is the n-th of its batch, or comes with n, and has asked for that deadline. */
enum wr_budget wr_decide_budget(const struct wr_server *server, int64_t asked_us, int64_t first_ns,
                                uint32_t n);
void wr_decide_count(struct wr_server *server, const struct wr_answer *answer,
                     enum wr_budget budget);
int64_t wr_decide_now_us(const struct wr_server *server);

/* ── keep.c ─────────────────────────────────────────────────────────────────────────────────── */
/* Hands an entry's row to the journal, waiting for room; false when the journal has failed. */
bool wr_keep(struct wr_server *server, const struct wr_answer *entry);
/* Hands over the row that is held back, if there is one; wr_keep does so first. */
bool wr_keep_late(struct wr_server *server);
/* The phrases of the server's pack, in scratch; empty when there is no memory for them. */
struct wr_str wr_keep_phrases(struct wr_server *server);
/* Before the journal's thread runs: its segment gets the phrases of the pack, if it has others. */
wr_err wr_keep_begin(struct wr_server *server, struct wr_error *error);
/* The pack is another one: so are the phrases of the rows that follow. False when the journal has
 * failed. */
bool wr_keep_follow_pack(struct wr_server *server);

/* ── gather.c ───────────────────────────────────────────────────────────────────────────────── */
void wr_gather_batch(struct wr_server *server, struct wr_conn *conn,
                     const struct wr_http_request *request);
/* Has the connection an answer under way, and is there room for its next piece? */
bool wr_batch_may_go_on(const struct wr_conn *conn);
/* Decides and writes that piece. */
void wr_batch_go_on(struct wr_server *server, struct wr_conn *conn);
/* Bytes of memory that it holds. */
size_t wr_batch_held(const struct wr_conn *conn);
/* The answer is written, or the connection has gone. */
void wr_batch_forget(struct wr_conn *conn);
void wr_gather_labels(struct wr_server *server, struct wr_conn *conn,
                      const struct wr_http_request *request);
void wr_gather_decision(struct wr_server *server, struct wr_conn *conn,
                        const struct wr_http_request *request, struct wr_str id);
/* The answer to a known id: the first answer's bytes, once the journal has given them. */
void wr_gather_replay(struct wr_server *server, const struct wr_pending *pending, uint64_t sequence,
                      bool want_features);
/* Reserves the place of an answer that wr_gather_give brings later; the connection waits for it.
 * False when there is no room: that has been answered. */
bool wr_gather_later(struct wr_server *server, struct wr_conn *conn,
                     const struct wr_http_request *request, uint64_t *ticket);
/* Brings it, to leave when `needs` (0: nothing) is kept. Nothing happens when the connection has
 * gone. The body is copied. */
void wr_gather_give(struct wr_server *server, uint64_t ticket, int status, struct wr_str body,
                    uint64_t needs);
/* Takes the rows that the journal has found. */
void wr_gather_replies(struct wr_server *server);
/* The row of an id that was looked for; 0: there is none. */
void wr_gather_take_id(struct wr_server *server, uint64_t ticket, uint64_t sequence);
/* The finished bytes, or NULL while some are missing. */
const struct wr_str *wr_gather_bytes(const struct wr_gathering *gathering);
/* The connection has gone, or the answer has left. */
void wr_gather_forget(struct wr_server *server, struct wr_gathering *gathering);
void wr_gather_free_all(struct wr_server *server);

/* ── late_ids.c ─────────────────────────────────────────────────────────────────────────────── */
/* With the journal's thread; its end is no failure of it. */
void wr_late_ids_open(struct wr_server *server);
void wr_late_ids_close(struct wr_server *server);
/* Once a turn: tells what was decided, takes what was found. */
void wr_late_ids_step(struct wr_server *server);
/* Looks for an id of which the engine does not know; the answer comes to wr_gather_take_id. False
 * when too many are being looked for. */
bool wr_late_ids_ask(struct wr_server *server, struct wr_str id, uint64_t ticket);

/* ── id_memory.c ────────────────────────────────────────────────────────────────────────────── */
/* Once a turn. */
void wr_id_memory_step(struct wr_server *server);

/* ── answer.c ───────────────────────────────────────────────────────────────────────────────── */
struct wr_reply {
    int status;
    bool close; /* the connection ends after it */
    uint8_t minor;
    struct wr_str content_type;
    struct wr_str body;
    size_t body_elsewhere;  /* bytes of a body that the caller puts behind the head itself */
    const char *durability; /* NULL: not a decision */
    bool replayed, elapsed, retry_after;
    bool chunked; /* the caller puts chunks behind the head */
    struct wr_str allow, location;
    struct wr_str fields; /* more, each with its line end */
};
/* White space before the value of a field is optional (RFC 9110 section 5.5): the digits are filled
 * in when the answer leaves, without moving anything. */
#define WR_ELAPSED_DIGITS 10
#define WR_ELAPSED_FIELD  "Weir-Elapsed-Us: "
#define WR_ELAPSED_EMPTY  "         0"
_Static_assert(sizeof WR_ELAPSED_EMPTY == WR_ELAPSED_DIGITS + 1, "all of it is filled in");
/* Writes head and body; returns the offset of the digits of Weir-Elapsed-Us, or 0. */
uint32_t wr_answer_write(struct wr_buf *buf, const struct wr_reply *reply);
/* Appends a problem document (RFC 9457). item: its number in a batch, or -1. */
void wr_answer_problem(struct wr_buf *buf, const struct wr_error *error, int status, int64_t item);
/* Answers at once. keep_alive and version as the request had them. */
void wr_answer_send(struct wr_server *server, struct wr_conn *conn,
                    const struct wr_http_request *request, struct wr_reply *reply);
void wr_answer_error(struct wr_server *server, struct wr_conn *conn,
                     const struct wr_http_request *request, const struct wr_error *error);
const char *wr_answer_durability(const struct wr_server *server);

/* ── shared.c ───────────────────────────────────────────────────────────────────────────────── */
WR_NODISCARD wr_err wr_shared_open(struct wr_server *server, struct wr_error *error);
void wr_shared_close(struct wr_server *server);
/* Tables for a new engine: before it is folded, and when that is done. */
WR_NODISCARD wr_err wr_shared_begin(struct wr_server *server, struct wr_engine_config *config,
                                    struct wr_error *error);
void wr_shared_live(struct wr_server *server);
/* The engine has gone. */
void wr_shared_end(struct wr_server *server);
/* After an activation, which may have brought other features. */
void wr_shared_follow_pack(struct wr_server *server);
/* Does the request that the connection has whole wait for what other nodes saw? It is then not
 * taken yet, and parsed again later. At most once per request. It may have come at whole_ns. */
bool wr_shared_hold(struct wr_server *server, struct wr_conn *conn, const struct wr_h1_head *head,
                    struct wr_str body, int64_t whole_ns);
/* At the beginning of a turn, before anything else of it: lets go those that need not wait any
 * longer. The turn before it has taken turn_ns. */
void wr_shared_release(struct wr_server *server, int64_t turn_ns);
void wr_shared_forget(struct wr_server *server, const struct wr_conn *conn);
/* How long the loop may sleep. */
int64_t wr_shared_sleep_ns(const struct wr_server *server, int64_t most_ns);
void wr_shared_metrics(struct wr_buf *out, const struct wr_server *server);

/* ── lists.c ────────────────────────────────────────────────────────────────────────────────── */
/* Answers a request below /v1/lists; false: it is none. */
bool wr_lists_route(struct wr_server *server, struct wr_conn *conn,
                    const struct wr_http_request *request);
/* Logs what stands on lists that the running pack does not declare. */
void wr_lists_warn(const struct wr_server *server);

/* ── reload.c ───────────────────────────────────────────────────────────────────────────────── */
/* beginning.c */
/* With `beside` the caller does not wait: the journal is opened meanwhile. */
void wr_beginning_open(struct wr_server *server, bool beside);
/* Waits until the journal is opened, or opens it now. Errors: those of wr_journal_open. */
wr_err wr_beginning_opened(struct wr_server *server, struct wr_error *error);
/* The newest snapshot, if it has been read already; NULL: not. */
const struct wr_snapshot_ahead *wr_beginning_ahead(const struct wr_server *server);
/* Waits until its new segment is settled: rows may be appended. */
wr_err wr_beginning_settled(struct wr_server *server, struct wr_error *error);
/* Joins its thread and gives back what was read, when the first answers are out; at most once. */
void wr_beginning_end(struct wr_server *server);

void wr_reload_post(struct wr_server *server, struct wr_conn *conn,
                    const struct wr_http_request *request);
/* Between batches: starts a load that was asked for, takes over the pack that was loaded. */
void wr_reload_step(struct wr_server *server);
/* Waits for a load that is under way; gives all packs of the source back. After the engine. */
void wr_reload_close(struct wr_server *server);
/* Puts the pack that the server starts with beside the journal, without waiting for it. */
void wr_reload_keep_first(struct wr_server *server);

/* ── challenge.c ────────────────────────────────────────────────────────────────────────────── */
/* Are there challengers to score now? */
bool wr_challenge_waits(const struct wr_server *server);
/* At the end of a turn: scores challengers of decisions whose answers have left. */
void wr_challenge_step(struct wr_server *server);
/* Before the end: no row is held back any more. */
void wr_challenge_release(struct wr_server *server);
/* The service ends: scores what waits, for a second at most; what is left is told. */
void wr_challenge_finish(struct wr_server *server);
/* After a fold: the journal says which decisions were never scored. */
WR_NODISCARD wr_err wr_challenge_tell_lost(struct wr_server *server, struct wr_error *error);

/* ── opa.c ──────────────────────────────────────────────────────────────────────────────────── */
/* Answers a request of OPA's API; false: it is none. */
bool wr_opa_route(struct wr_server *server, struct wr_conn *conn,
                  const struct wr_http_request *request);
/* /health?bundles and ?plugins of a node that decides. */
void wr_opa_health_of_node(struct wr_server *server, struct wr_conn *conn,
                           const struct wr_http_request *request);
void wr_opa_not_found(struct wr_server *server, struct wr_conn *conn,
                      const struct wr_http_request *request);
/* Compiles what a server without a pack begins with. */
wr_err wr_opa_open(struct wr_server *server, struct wr_error *error);
/* Appends OPA's own metrics, if its API has been used. */
void wr_opa_metrics(struct wr_buf *out, const struct wr_server *server);
/* The pack is another one: its modules and data take the place of the old one's; what clients have
 * set outside of its roots stays, modules only as far as they compile with it. */
void wr_opa_follow_pack(struct wr_server *server);
void wr_opa_free(struct wr_server *server);

/* ── folding.c ──────────────────────────────────────────────────────────────────────────────── */
/* Opens the engine and restores the newest snapshot that fits; what was folded before is dropped.
 * The server has no engine until the last row is read. Errors: nothing is left. */
WR_NODISCARD wr_err wr_folding_begin(struct wr_server *server, struct wr_error *error);
/* Reads rows until the monotonic clock says end_ns, or all of them for INT64_MAX, and behind the
 * last one tells the journal what a start has to tell it; then the server has its engine, and no
 * folding is under way. Errors: nothing is left.
 * Bound: WR_FOLDING_ROWS rows after end_ns, and no fewer in all. */
WR_NODISCARD wr_err wr_folding_step(struct wr_server *server, int64_t end_ns,
                                    struct wr_error *error);
bool wr_folding_is_under_way(const struct wr_server *server);
/* Closes the engine, whole or not, and what it shares with other nodes. */
void wr_folding_drop(struct wr_server *server);

/* ── server.c ───────────────────────────────────────────────────────────────────────────────── */
void wr_server_log(const struct wr_server *server, const char *level, const char *event,
                   const char *format, ...) WR_PRINTF(4, 5);
/* The deadline of decisions: the pack's or the operator's, whichever is sooner. */
void wr_server_set_deadline(struct wr_server *server);
/* After a failure of journal or engine: withholds answers. */
void wr_server_fail(struct wr_server *server);
/* Without a journal's thread, a turn at a time: tries to start again, every WR_RECOVER_NS, or goes
 * on reading the rows for WR_TURN_NS. */
void wr_server_recover_some(struct wr_server *server);

#endif
