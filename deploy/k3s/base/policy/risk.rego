# SPDX-License-Identifier: Apache-2.0
# Twenty rules over card transactions. Each adds a reason code to one of four sets; a set that is not
# empty holds, and the most severe outcome wins. No rule at all: approve.
package risk

import data.thresholds as limit
import input.features as f
import rego.v1

score := input.scores.fraud

# How many times the customer's mean amount this one is; undefined without history worth the name.
above_habit := f.tx_amount / f.customer_id_avg_amount_30day_window if {
	f.customer_id_nb_tx_30day_window >= limit.habit.history
}

allow if count(reasons) == 0

reasons := ((decline | hold) | challenge) | review

# ── decline ──────────────────────────────────────────────────────────────────────────────────────

decline contains "SCORE_CRITICAL" if score >= limit.score.critical

decline contains "AMOUNT_OVER_LIMIT" if f.tx_amount > limit.amount.limit

decline contains "TERMINAL_COMPROMISED" if {
	f.terminal_id_nb_tx_7day_window >= limit.terminal.history
	f.terminal_id_risk_7day_window >= limit.terminal.compromised
	score >= limit.score.high
}

# ── hold ─────────────────────────────────────────────────────────────────────────────────────────

hold contains "SCORE_HIGH" if {
	score >= limit.score.high
	score < limit.score.critical
}

hold contains "AMOUNT_FAR_ABOVE_HABIT" if above_habit > limit.habit.far

hold contains "VELOCITY_DAY_HARD" if f.customer_id_nb_tx_1day_window > limit.velocity.day_hard

hold contains "TERMINAL_RISKY_AND_SCORE" if {
	f.terminal_id_risk_7day_window >= limit.terminal.risky
	score >= limit.score.elevated
	score < limit.score.high
}

# ── challenge ────────────────────────────────────────────────────────────────────────────────────

challenge contains "SCORE_ELEVATED" if {
	score >= limit.score.elevated
	score < limit.score.high
}

challenge contains "AMOUNT_LARGE" if {
	f.tx_amount > limit.amount.large
	f.tx_amount <= limit.amount.limit
}

challenge contains "AMOUNT_ABOVE_HABIT" if {
	above_habit > limit.habit.above
	above_habit <= limit.habit.far
}

challenge contains "FIRST_USE_LARGE" if {
	f.customer_id_nb_tx_30day_window == 1
	f.tx_amount > limit.amount.first_use
}

challenge contains "VELOCITY_DAY" if {
	f.customer_id_nb_tx_30day_window >= limit.velocity.history
	f.customer_id_nb_tx_1day_window >= limit.velocity.day_least
	f.customer_id_nb_tx_1day_window * 30 > limit.velocity.day_factor * f.customer_id_nb_tx_30day_window
}

challenge contains "NIGHT_LARGE" if {
	f.tx_during_night == 1
	f.tx_amount > limit.amount.night
}

# ── review ───────────────────────────────────────────────────────────────────────────────────────

review contains "SCORE_MISSING" if not score

review contains "AMOUNT_ZERO" if f.tx_amount == 0

review contains "TERMINAL_RISKY" if {
	f.terminal_id_nb_tx_30day_window >= limit.terminal.history
	f.terminal_id_risk_30day_window >= limit.terminal.risky
}

review contains "TERMINAL_NEW_LARGE" if {
	f.terminal_id_nb_tx_30day_window == 0
	f.customer_id_nb_tx_30day_window >= limit.habit.history
	f.tx_amount > limit.amount.first_use
}

review contains "VELOCITY_WEEK" if f.customer_id_nb_tx_7day_window > limit.velocity.week

review contains "SPEND_DAY" if {
	f.customer_id_nb_tx_1day_window * f.customer_id_avg_amount_1day_window > limit.spend.day
}

review contains "WEEKEND_NIGHT_ABOVE_HABIT" if {
	f.tx_during_weekend == 1
	f.tx_during_night == 1
	f.tx_amount > 2 * f.customer_id_avg_amount_7day_window
}
