# SPDX-License-Identifier: Apache-2.0
package risk

import data.thresholds as limit
import rego.v1

reasons := decline | review

allow if count(reasons) == 0

decline contains "SCORE_HIGH" if input.scores.fraud >= limit.high

review contains "SCORE_ELEVATED" if {
	input.scores.fraud >= limit.elevated
	input.scores.fraud < limit.high
}

# Why it is missing: input_missing, not_finite, input_out_of_range or no_segment.
review contains "SCORE_MISSING" if input.missing.fraud
