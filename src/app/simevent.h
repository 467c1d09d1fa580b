/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated transactions as the lines that Weir reads: CSV rows, JSON events, and the labels of
 * frauds that become known some days later, merged in order of time. */
#ifndef WR_SIMEVENT_H
#define WR_SIMEVENT_H

#include "app/cardsim.h"
#include "base/bytes.h"

#define WR_SIM_LABEL_DELAY_MS (7ll * 86400000)
#define WR_LIMIT_SIM_LINE     512
#define WR_LIMIT_SIM_LABELS   65536 /* frauds waiting to become known; later ones are dropped */

struct wr_simline {
    bool is_label; /* tx was fraud, and is known to be so at due_ms */
    struct wr_card_tx tx;
};

struct wr_simevent {
    struct wr_cardsim *sim;
    int64_t start_ms, delay_ms;  /* delay 0: no labels */
    uint64_t n, days_max, n_max; /* maxima of 0 mean none */
    struct wr_card_tx next;
    bool has_next, ended;
    struct wr_card_tx waiting[WR_LIMIT_SIM_LABELS]; /* a ring: due in order of time */
    uint64_t first_waiting, n_waiting, dropped;
};

void wr_simevent_open(struct wr_simevent *stream, struct wr_cardsim *sim, int64_t start_ms,
                      int64_t delay_ms, uint64_t days_max, uint64_t n_max);
/* The next event, or a label that is due before it. False at the end of the days or the count. */
bool wr_simevent_next(struct wr_simevent *stream, struct wr_simline *line);

/* One CSV row without the line end, columns as in the Handbook's data. */
void wr_simevent_csv(struct wr_buf *buf, const struct wr_card_tx *tx);
/* One JSON document: an event for packs/cards, or {"id", "label"}. */
void wr_simevent_json(struct wr_buf *buf, const struct wr_simline *line, int64_t start_ms);

#endif
