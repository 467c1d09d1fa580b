/* SPDX-License-Identifier: Apache-2.0 */
/* Gatherings from within: what gather.c and batch.c share; nobody else includes it. */
#ifndef WR_GATHER_IN_H
#define WR_GATHER_IN_H

#include "shell/server_in.h"
#include "shell/split.h"

enum wr_gather_kind {
    WR_GATHER_REPLAY,
    WR_GATHER_DECISION,
    WR_GATHER_BATCH,
    WR_GATHER_LABELS,
    WR_GATHER_LATER
};

struct wr_part {
    struct wr_str body; /* BATCH, LABELS: the item as sent */
    struct wr_str text; /* document or problem */
    struct wr_str anchor;
    struct wr_label *label;
    uint64_t sequence;
    int status; /* 200, or of the problem in text */
    bool replayed;
};

struct wr_gathering {
    struct wr_arena arena;
    char *room; /* a buffer: the arena's first block */
    enum wr_gather_kind kind;
    struct wr_conn *conn;
    struct wr_slot *slot;
    uint32_t index, generation;
    struct wr_part *parts;
    uint32_t n_parts, n_waiting;
    uint32_t n_done;     /* BATCH: leading parts that are in `begun` */
    struct wr_str begun; /* BATCH: what is written of the body */
    bool is_single;      /* LABELS: one object, not an array */
    bool lines;          /* BATCH: the answer is JSON lines */
    uint32_t first;      /* BATCH: items before those of this piece */
    bool is_piece;       /* BATCH: it is a chunk of a longer answer, */
    bool is_last;        /* the last one or the whole */
    bool want_features, keep_alive, done;
    uint8_t minor;
    uint32_t epoch; /* DECISION: as asked */
    struct wr_str bytes;
};

/* NULL when there are too many, or no memory. It belongs to the slot from then on. */
struct wr_gathering *wr_gather_open(struct wr_server *server, struct wr_conn *conn,
                                    struct wr_slot *slot, enum wr_gather_kind kind);
/* Asks the journal for the row of a part; false when the journal has failed. */
bool wr_gather_ask(struct wr_server *server, struct wr_gathering *gathering, uint32_t part);
void wr_gather_set_problem(struct wr_gathering *gathering, struct wr_part *part,
                           const struct wr_error *error, int64_t item);
void wr_gather_set_document(struct wr_gathering *gathering, struct wr_part *part,
                            struct wr_str document, struct wr_str features);
void wr_gather_set_bytes(struct wr_server *server, struct wr_gathering *gathering, int status,
                         struct wr_str content_type, struct wr_str body, bool replayed);
/* The same for a piece of an answer whose head has gone before; it keeps what is written. */
void wr_gather_set_piece(struct wr_server *server, struct wr_gathering *gathering,
                         const struct wr_buf *written);
void wr_gather_overload(struct wr_server *server, struct wr_conn *conn,
                        const struct wr_http_request *request);
/* Counts the items, so that a body that is not whole is refused before anything is decided. */
wr_err wr_gather_count(struct wr_str body, bool lines, uint32_t *n, struct wr_error *error);
bool wr_gather_wants_lines(const struct wr_http_request *request);
/* batch.c: all parts of a BATCH are there. */
void wr_batch_finish(struct wr_server *server, struct wr_gathering *gathering);

#endif
