# SPDX-License-Identifier: Apache-2.0
# Features that are a matter of the calendar. Times are milliseconds since 1970, in UTC.
package derive

import rego.v1

# Saturday and Sunday; 1970-01-01 was a Thursday, and Monday counts as day 0.
tx_during_weekend := 1 if {
	(floor(input.transaction.time / 86400000) + 3) % 7 >= 5
} else := 0

# 00:00:00 to 06:59:59.
tx_during_night := 1 if {
	floor(input.transaction.time / 3600000) % 24 <= 6
} else := 0
