# SPDX-License-Identifier: Apache-2.0
package derive

import rego.v1

default has_history := false

has_history if input.features.customer_count_30d >= 5

# How many times the customer's mean amount this one is.
amount_ratio := input.transaction.amount / input.features.customer_avg_30d if {
	input.features.customer_avg_30d > 0
}
