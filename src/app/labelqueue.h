/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of a batch reader that wait until they would have become known: a heap by due time. */
#ifndef WR_LABELQUEUE_H
#define WR_LABELQUEUE_H

#include "base/bytes.h"

#define WR_LIMIT_LABEL_QUEUE (1u << 24)

struct wr_due_label {
    int64_t due_us;
    uint64_t order; /* ties go by order of the events */
    char *bytes;    /* id, then anchor; from the heap of the C library */
    uint32_t id_n, anchor_n;
};

struct wr_labelqueue {
    struct wr_due_label *items;
    size_t n, cap;
};

/* Copies id and anchor. False when there is no room. */
bool wr_labelqueue_push(struct wr_labelqueue *queue, int64_t due_us, uint64_t order,
                        struct wr_str id, struct wr_str anchor);
/* INT64_MAX when empty. */
int64_t wr_labelqueue_due(const struct wr_labelqueue *queue);
/* Takes the first; the caller frees item->bytes. False when empty. */
bool wr_labelqueue_pop(struct wr_labelqueue *queue, struct wr_due_label *item);
void wr_labelqueue_close(struct wr_labelqueue *queue);

#endif
