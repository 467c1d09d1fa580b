/* SPDX-License-Identifier: Apache-2.0 */
/* What the hand-written twin of a policy in `./dev bench rego` is given and gives back.
 *
 * The twin is C that test/bench/rego_plain.py writes from the policy, one function of conditions a
 * rule, as a programmer would who knows the shape of the input: fields are slots of a struct, lists
 * of `data` are hash tables made ahead, results go into an array with room for all rules. */
#ifndef WR_BENCH_REGO_PLAIN_H
#define WR_BENCH_REGO_PLAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PLAIN_LIST 64 /* elements of a list of the input, at most */

struct plain_text {
    const char *p;
    uint32_t n;
};

struct plain_event {
    double amount;
    struct plain_text country, status;
};

struct plain_input {
    double transaction_amount;
    double user_credit_score, user_age_days, user_failed_logins;
    double device_age_days;
    double velocity_count_1h, velocity_count_24h, velocity_amount_24h;
    struct plain_text transaction_type, user_email, card_bin, merchant_id, merchant_mcc;
    struct plain_text device_user_agent, location_country, location_risk_level;
    struct plain_text tags[PLAIN_LIST];
    struct plain_event history[PLAIN_LIST];
    uint32_t n_tags, n_history;
};

struct plain_table { /* of texts; power-of-two slots, linear probing */
    struct plain_text *slots;
    uint32_t mask;
};

struct plain_data {
    struct plain_table blocked_bins, watch_merchants, sanctioned;
};

struct plain_reason {
    struct plain_text id;
    int64_t w;
};

struct plain_result {
    bool allow, deny, has_deny, has_reasons;
    int64_t score;
    const char *decision;         /* NULL: undefined, or no such rule */
    struct plain_reason *reasons; /* room for all rules */
    uint32_t n_reasons;
};

static inline bool plain_same(struct plain_text a, struct plain_text b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static inline bool plain_starts(struct plain_text a, struct plain_text b)
{
    return a.n >= b.n && memcmp(a.p, b.p, b.n) == 0;
}

static inline uint32_t plain_hash(struct plain_text t)
{
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < t.n; i++) {
        h = (h ^ (uint8_t)t.p[i]) * 16777619u;
    }
    return h;
}

static inline bool plain_has(const struct plain_table *table, struct plain_text t)
{
    for (uint32_t at = plain_hash(t) & table->mask; table->slots[at].p != NULL;
         at = (at + 1) & table->mask) {
        if (plain_same(table->slots[at], t)) {
            return true;
        }
    }
    return false;
}

typedef void plain_policy(const struct plain_input *in, const struct plain_data *data,
                          struct plain_result *out);

#endif
