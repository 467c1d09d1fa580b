# SPDX-License-Identifier: Apache-2.0
# The value is what surely lies in the window; count_max is what may. A card over the limit by the first
# is declined, by the second alone it is looked at. Where nothing is known of the other nodes, large
# amounts are looked at, and the node's own window stands for the fleet's with a lower limit.
package risk

import data.thresholds as limit
import input.features as f
import rego.v1

allow if count(reasons) == 0

reasons := decline | review

decline contains "VELOCITY" if f.fleet_count_10m > limit.velocity.certain

review contains "VELOCITY_POSSIBLE" if {
	f.fleet_count_10m <= limit.velocity.certain
	input.fleet.fleet_count_10m.count_max > limit.velocity.certain
}

review contains "SPEND_DAY" if f.fleet_sum_1d > limit.spend.day

unknown if input.missing.fleet_count_10m == "stale"

review contains "VELOCITY" if {
	unknown
	f.card_count_10m > limit.velocity.alone
}

review contains "FLEET_UNKNOWN" if {
	unknown
	input.transaction.amount > limit.unknown.amount
}
