/* SPDX-License-Identifier: Apache-2.0 */
/* The batch reader: events in order, labels when they become known, decisions out.
 *
 * Usually time is event time: a decision is made at the time its event bears. A label due at a time
 * is applied before the events of that time, so a batch never reaches over one that is due. Answers
 * are handed to a sink in the order of the events. */
#ifndef WR_DECIDER_H
#define WR_DECIDER_H

#include "app/anchors.h"
#include "app/labelqueue.h"
#include "engine/engine.h"

struct wr_decider;

struct wr_decider_sink { /* returns false to stop */
    bool (*answer)(void *context, uint64_t line, const struct wr_answer *answer);
    void *context;
};

struct wr_decider_config {
    struct wr_engine *engine;
    struct wr_decider_sink sink;
    struct wr_str label_name; /* of labels that come with their event */
    int64_t label_delay_us;
    int64_t now_us; /* of every decision; WR_NOW_IS_EVENT_TIME: its event's time */
    bool want_features;
    bool labels_by_id; /* labels come as entries of their own: remember every event's anchor */
};

/* From the heap; NULL when there is no memory. */
struct wr_decider *wr_decider_open(const struct wr_decider_config *config);
void wr_decider_close(struct wr_decider *decider);

/* Takes an event; the text is copied. `fraud`: its label, once known, is true. A request that the
 * engine refuses goes to the sink like any other. Errors end the run. */
wr_err wr_decider_event(struct wr_decider *decider, uint64_t line, struct wr_str body, bool fraud,
                        struct wr_error *error);
/* Takes a label document {"id", "label"}. WR_E_LABEL and JSON errors leave everything as it was. */
wr_err wr_decider_label(struct wr_decider *decider, struct wr_str body, struct wr_error *error);
/* Decides what is still collected. */
wr_err wr_decider_flush(struct wr_decider *decider, struct wr_error *error);
uint64_t wr_decider_labels(const struct wr_decider *decider); /* applied so far */

#endif
