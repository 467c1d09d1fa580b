/* SPDX-License-Identifier: Apache-2.0 */
/* What load.c (when what is sent, and counting) and load_conn.c (bytes of connections) share. */
#ifndef WR_LOAD_IN_H
#define WR_LOAD_IN_H

#include "app/load.h"
#include "app/load_answer.h"
#include "base/rng.h"

struct wr_load_sent { /* a request whose answer is not here yet */
    int64_t intended_ns;
    uint64_t serial; /* of its first event */
    uint32_t n_events;
    bool is_label;
};

struct wr_load_conn {
    int fd;                       /* -1: lost, dialled again at dial_ns */
    struct wr_load_tls_conn *tls; /* NULL: in the clear */
    bool touched, wants_room;
    bool is_first, heard; /* dialled once; has brought an answer since it was dialled last */
    char *in, *out;
    size_t in_at, in_n, in_cap, out_at, out_n;
    struct wr_load_reader reader;
    struct wr_load_sent *sent; /* a ring */
    uint32_t sent_first, n_sent;
    int64_t dial_ns, lost_ns; /* lost_ns: since when */
};

struct wr_load;

/* Makes and dials all connections. */
WR_NODISCARD wr_err wr_load_conns_open(struct wr_load *load, struct wr_error *error);
void wr_load_conns_close(struct wr_load *load);
/* True when the connection can take one more request now. */
bool wr_load_conn_has_room(const struct wr_load *load, const struct wr_load_conn *conn);
/* Room of out_room bytes for a request; wr_load_conn_put says how many were used. */
char *wr_load_conn_room(struct wr_load_conn *conn);
void wr_load_conn_put(struct wr_load *load, struct wr_load_conn *conn, size_t n,
                      const struct wr_load_sent *sent);
/* Sends what was put on all connections since the last call. */
WR_NODISCARD wr_err wr_load_flush(struct wr_load *load, struct wr_error *error);
/* Takes what has come, calling wr_load_take for every answer. */
WR_NODISCARD wr_err wr_load_conn_read(struct wr_load *load, struct wr_load_conn *conn,
                                      struct wr_error *error);
/* The connection has gone: its requests are lost, it is dialled again. */
WR_NODISCARD wr_err wr_load_conn_lose(struct wr_load *load, struct wr_load_conn *conn,
                                      struct wr_error *error);
/* Dials lost connections that are due. */
WR_NODISCARD wr_err wr_load_redial(struct wr_load *load, struct wr_error *error);

/* load.c: counts one answer, or, with answer NULL, one that will never come. */
void wr_load_take(struct wr_load *load, struct wr_load_conn *conn, const struct wr_load_sent *sent,
                  const struct wr_load_answer *answer);

struct wr_load_label { /* a fraud that becomes known */
    int64_t due_ns;
    uint64_t serial;
};
#define WR_LIMIT_LOAD_LABELS 65536 /* waiting; further ones are dropped */

struct wr_load {
    const struct wr_load_config *config;
    const struct wr_load_source *source;
    struct wr_load_result *result;
    struct wr_arena arena;
    int epoll;
    struct wr_load_tls *tls;
    struct wr_load_conn *conns, **touched;
    size_t n_touched, n_lost_conns;
    size_t request_max, out_cap;
    uint64_t n_room; /* requests that all connections could take */
    uint64_t n_out;  /* requests without an answer */
    /* time */
    int64_t now_ns, start_ns, run_ns, end_ns, wall_anchor_ns;
    /* what comes next */
    uint64_t serial, n_events; /* n_events: of the measured stretch */
    double next_ns;            /* open loop: when the next request is meant to be sent */
    double gap_ns;
    size_t cursor;
    struct wr_rng rng;
    struct wr_load_label *labels; /* a ring */
    uint64_t label_first, n_labels;
    bool sending, in_run;
    bool refill;   /* closed loop: a connection is new */
    bool was_full; /* at the end of the last turn nothing had room */
    /* the running point of the curve */
    struct wr_histogram point;
    uint64_t point_n, point_refused;
    int64_t point_end_ns;
    int64_t cpu_mark_ns, server_mark_ns;
};

#endif
