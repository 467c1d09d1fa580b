# SPDX-License-Identifier: Apache-2.0
package risk_test

import data.risk
import rego.v1

calm := {
	"tx_amount": 40,
	"tx_during_weekend": 0,
	"tx_during_night": 0,
	"customer_id_nb_tx_1day_window": 2,
	"customer_id_avg_amount_1day_window": 40,
	"customer_id_nb_tx_7day_window": 12,
	"customer_id_avg_amount_7day_window": 41,
	"customer_id_nb_tx_30day_window": 60,
	"customer_id_avg_amount_30day_window": 42,
	"terminal_id_nb_tx_1day_window": 1,
	"terminal_id_risk_1day_window": 0,
	"terminal_id_nb_tx_7day_window": 7,
	"terminal_id_risk_7day_window": 0,
	"terminal_id_nb_tx_30day_window": 30,
	"terminal_id_risk_30day_window": 0,
}

scored(score, changes) := {"features": object.union(calm, changes), "scores": {"fraud": score}}

test_calm_is_allowed if risk.allow with input as scored(0.01, {})

test_score_bands if {
	risk.decline == {"SCORE_CRITICAL"} with input as scored(0.95, {})
	risk.hold == {"SCORE_HIGH"} with input as scored(0.7, {})
	risk.challenge == {"SCORE_ELEVATED"} with input as scored(0.3, {})
	risk.allow with input as scored(0.29, {})
}

test_missing_score_is_reviewed if {
	risk.review == {"SCORE_MISSING"} with input as {"features": calm, "scores": {}}
	not risk.allow with input as {"features": calm, "scores": {}}
}

test_amount_ladder if {
	risk.decline == {"AMOUNT_OVER_LIMIT"} with input as scored(0.01, {"tx_amount": 2500.01})
	"AMOUNT_LARGE" in risk.challenge with input as scored(0.01, {"tx_amount": 220.01})
	"AMOUNT_FAR_ABOVE_HABIT" in risk.hold with input as scored(0.01, {"tx_amount": 210.01})
	"AMOUNT_ABOVE_HABIT" in risk.challenge with input as scored(0.01, {"tx_amount": 126.01})
	risk.allow with input as scored(0.01, {"tx_amount": 126})
	risk.review == {"AMOUNT_ZERO"} with input as scored(0.01, {"tx_amount": 0})
}

test_compromised_terminal if {
	hot := {"terminal_id_risk_7day_window": 0.5}
	"TERMINAL_COMPROMISED" in risk.decline with input as scored(0.8, hot)
	"TERMINAL_RISKY_AND_SCORE" in risk.hold with input as scored(0.4, hot)
	risk.allow with input as scored(0.1, hot)
}

test_velocity if {
	"VELOCITY_DAY" in risk.challenge with input as scored(0.01, {"customer_id_nb_tx_1day_window": 9})
	"VELOCITY_DAY_HARD" in risk.hold with input as scored(0.01, {"customer_id_nb_tx_1day_window": 26})
	"VELOCITY_WEEK" in risk.review with input as scored(0.01, {"customer_id_nb_tx_7day_window": 61})
}
