# SPDX-License-Identifier: Apache-2.0
# Features that are a matter of the calendar. Times are milliseconds since 1970, in UTC; remainders of
# whole numbers are exact and cheap.
package derive

import rego.v1

day := 86400000

# Saturday and Sunday; 1970-01-01 was a Thursday, so three days on a week begins with Monday.
tx_during_weekend := 1 if {
	(input.transaction.time + (3 * day)) % (7 * day) >= 5 * day
} else := 0

# 00:00:00 to 06:59:59.
tx_during_night := 1 if {
	input.transaction.time % day < 7 * 3600000
} else := 0
