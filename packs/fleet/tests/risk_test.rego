# SPDX-License-Identifier: Apache-2.0
package risk_test

import data.risk
import rego.v1

event(amount, features, rest) := object.union(
	{"transaction": {"amount": amount}, "features": object.union({"card_count_10m": 1}, features)},
	rest,
)

known(n, max) := event(
	20, {"fleet_count_10m": n, "fleet_sum_1d": 20},
	{"fleet": {"fleet_count_10m": {"count_max": max, "stale_ms": 3}}},
)

stale(amount, n) := event(amount, {"card_count_10m": n}, {"missing": {"fleet_count_10m": "stale"}})

test_calm_is_allowed if risk.allow with input as known(3, 4)

test_sure_velocity_declines if {
	risk.decline == {"VELOCITY"} with input as known(11, 12)
	risk.review == set() with input as known(11, 12)
}

test_possible_velocity_is_reviewed if {
	risk.review == {"VELOCITY_POSSIBLE"} with input as known(9, 11)
	risk.decline == set() with input as known(9, 11)
}

test_spend if {
	risk.review == {"SPEND_DAY"} with input as event(20, {"fleet_count_10m": 1, "fleet_sum_1d": 5001}, {})
}

test_unknown_fleet if {
	risk.allow with input as stale(20, 1)
	risk.review == {"FLEET_UNKNOWN"} with input as stale(501, 1)
	risk.review == {"VELOCITY"} with input as stale(20, 6)
}
