/* SPDX-License-Identifier: Apache-2.0 */
#include "app/simevent.h"

void wr_simevent_open(struct wr_simevent *stream, struct wr_cardsim *sim, int64_t start_ms,
                      int64_t delay_ms, uint64_t days_max, uint64_t n_max)
{
    stream->sim = sim;
    stream->start_ms = start_ms;
    stream->delay_ms = delay_ms;
    stream->days_max = days_max;
    stream->n_max = n_max;
    stream->n = stream->first_waiting = stream->n_waiting = stream->dropped = 0;
    stream->has_next = stream->ended = false;
}

static void fetch(struct wr_simevent *stream)
{
    stream->has_next =
        (stream->n_max == 0 || stream->n < stream->n_max) &&
        wr_cardsim_next(stream->sim, &stream->next) &&
        (stream->days_max == 0 || stream->next.time_s < (int64_t)stream->days_max * 86400);
    stream->ended = !stream->has_next;
}

static void remember_fraud(struct wr_simevent *stream)
{
    if (stream->next.scenario == 0 || stream->delay_ms == 0) {
        return;
    }
    if (stream->n_waiting == WR_LIMIT_SIM_LABELS) {
        stream->dropped++;
        return;
    }
    uint64_t at = (stream->first_waiting + stream->n_waiting++) % WR_LIMIT_SIM_LABELS;
    stream->waiting[at] = stream->next;
}

bool wr_simevent_next(struct wr_simevent *stream, struct wr_simline *line)
{
    if (!stream->has_next && !stream->ended) {
        fetch(stream);
    }
    if (stream->ended) {
        return false;
    }
    const struct wr_card_tx *fraud = &stream->waiting[stream->first_waiting];
    if (stream->n_waiting != 0 &&
        fraud->time_s * 1000 + stream->delay_ms <= stream->next.time_s * 1000) {
        *line = (struct wr_simline){.is_label = true, .tx = *fraud};
        stream->first_waiting = (stream->first_waiting + 1) % WR_LIMIT_SIM_LABELS;
        stream->n_waiting--;
        return true;
    }
    *line = (struct wr_simline){.tx = stream->next};
    remember_fraud(stream);
    stream->has_next = false;
    stream->n++;
    return true;
}

static void add_amount(struct wr_buf *buf, int64_t cents)
{
    wr_format(buf, "%lld.%02lld", (long long)(cents / 100), (long long)(cents % 100));
}

void wr_simevent_csv(struct wr_buf *buf, const struct wr_card_tx *tx)
{
    wr_format(buf, "%llu,%lld,%u,%u,", (unsigned long long)tx->id, (long long)tx->time_s,
              tx->customer, tx->terminal);
    add_amount(buf, tx->cents);
    wr_format(buf, ",%d,%d", tx->scenario != 0, tx->scenario);
}

void wr_simevent_json(struct wr_buf *buf, const struct wr_simline *line, int64_t start_ms)
{
    const struct wr_card_tx *tx = &line->tx;
    if (line->is_label) {
        wr_format(buf, "{\"id\":\"%llu\",\"label\":{\"fraud\":true}}", (unsigned long long)tx->id);
        return;
    }
    wr_format(buf, "{\"transaction\":{\"id\":\"%llu\",\"time\":%lld,\"amount\":",
              (unsigned long long)tx->id, (long long)(start_ms + tx->time_s * 1000));
    add_amount(buf, tx->cents);
    wr_format(buf, ",\"terminal_id\":\"%u\"},\"user\":{\"id\":\"%u\"}}", tx->terminal,
              tx->customer);
}
