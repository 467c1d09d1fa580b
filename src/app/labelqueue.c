/* SPDX-License-Identifier: Apache-2.0 */
#include "app/labelqueue.h"

#include <stdlib.h>

static bool before(const struct wr_due_label *a, const struct wr_due_label *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void swap(struct wr_due_label *a, struct wr_due_label *b)
{
    struct wr_due_label t = *a;
    *a = *b;
    *b = t;
}

bool wr_labelqueue_push(struct wr_labelqueue *queue, int64_t due_us, uint64_t order,
                        struct wr_str id, struct wr_str anchor)
{
    if (queue->n == queue->cap) {
        size_t cap = WR_MAX(queue->cap * 2, (size_t)256);
        struct wr_due_label *items =
            cap <= WR_LIMIT_LABEL_QUEUE ? realloc(queue->items, cap * sizeof *items) : NULL;
        if (items == NULL) {
            return false;
        }
        queue->items = items;
        queue->cap = cap;
    }
    char *bytes = malloc(id.n + anchor.n + 1);
    if (bytes == NULL) {
        return false;
    }
    memcpy(bytes, id.p, id.n);
    memcpy(bytes + id.n, anchor.p, anchor.n);
    size_t at = queue->n++;
    queue->items[at] =
        (struct wr_due_label){due_us, order, bytes, (uint32_t)id.n, (uint32_t)anchor.n};
    while (at > 0 && before(&queue->items[at], &queue->items[(at - 1) / 2])) {
        swap(&queue->items[at], &queue->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    return true;
}

int64_t wr_labelqueue_due(const struct wr_labelqueue *queue)
{
    return queue->n != 0 ? queue->items[0].due_us : INT64_MAX;
}

bool wr_labelqueue_pop(struct wr_labelqueue *queue, struct wr_due_label *item)
{
    if (queue->n == 0) {
        return false;
    }
    *item = queue->items[0];
    queue->items[0] = queue->items[--queue->n];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < queue->n; child++) {
            if (before(&queue->items[child], &queue->items[least])) {
                least = child;
            }
        }
        if (least == at) {
            return true;
        }
        swap(&queue->items[at], &queue->items[least]);
        at = least;
    }
}

void wr_labelqueue_close(struct wr_labelqueue *queue)
{
    for (size_t i = 0; i < queue->n; i++) {
        free(queue->items[i].bytes);
    }
    free(queue->items);
    *queue = (struct wr_labelqueue){0};
}
