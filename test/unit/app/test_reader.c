/* SPDX-License-Identifier: Apache-2.0 */
/* What the batch reader leans on: labels that wait, anchors by id. */
#include "app/anchors.h"
#include "app/labelqueue.h"
#include "base/rng.h"
#include "check.h"

TEST("labels leave in order of their due time, ties in order of their events")
{
    struct wr_labelqueue queue = {0};
    struct wr_rng rng;
    wr_rng_seed(&rng, 1);
    for (uint64_t i = 0; i < 10000; i++) {
        int64_t due = (int64_t)wr_rng_below(&rng, 500);
        CHECK(wr_labelqueue_push(&queue, due, i, WR_STR("id"), WR_STR("anchor")));
    }
    struct wr_due_label last = {.due_us = -1}, item;
    size_t n = 0;
    for (; wr_labelqueue_pop(&queue, &item); n++) {
        CHECK(item.due_us > last.due_us || (item.due_us == last.due_us && item.order > last.order));
        CHECK(item.id_n == 2 && memcmp(item.bytes, "idanchor", 8) == 0);
        free(item.bytes);
        last = item;
    }
    CHECK_INT(n, 10000);
    CHECK(wr_labelqueue_due(&queue) == INT64_MAX);
    wr_labelqueue_close(&queue);
}

TEST("an anchor is found by its id, the newest of one id first, the oldest are forgotten")
{
    struct wr_anchors anchors = {0};
    CHECK(wr_anchors_find(&anchors, WR_STR("a")).n == 0);
    CHECK(wr_anchors_put(&anchors, WR_STR("a"), WR_STR("first")));
    CHECK(wr_anchors_put(&anchors, WR_STR("a"), WR_STR("second")));
    CHECK(wr_anchors_put(&anchors, WR_STR("b"), WR_STR("other")));
    struct wr_str found = wr_anchors_find(&anchors, WR_STR("a"));
    CHECK_TEXT(found.p, found.n, "second");
    char id[32];
    for (unsigned i = 0; i < WR_LIMIT_ANCHORS - 1; i++) {
        int n = snprintf(id, sizeof id, "x%u", i);
        CHECK(wr_anchors_put(&anchors, wr_str_of(id, (size_t)n), WR_STR("y")));
    }
    CHECK(wr_anchors_find(&anchors, WR_STR("a")).n == 0);
    CHECK(wr_anchors_find(&anchors, WR_STR("b")).n == 5);
    CHECK(wr_anchors_find(&anchors, WR_STR("x7")).n == 1);
    wr_anchors_close(&anchors);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
