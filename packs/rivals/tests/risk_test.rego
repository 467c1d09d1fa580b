# SPDX-License-Identifier: Apache-2.0
package risk_test

import data.risk
import rego.v1

test_a_low_score_is_approved if {
	risk.allow with input as {"scores": {"fraud": 0.1}}
}

test_a_raised_score_is_reviewed if {
	risk.review == {"SCORE_ELEVATED"} with input as {"scores": {"fraud": 0.3}}
}

test_a_high_score_is_declined if {
	risk.decline == {"SCORE_HIGH"} with input as {"scores": {"fraud": 0.8}}
}

test_a_missing_score_is_reviewed if {
	request := {"scores": {}, "missing": {"fraud": "input_missing"}}
	risk.review == {"SCORE_MISSING"} with input as request
	not risk.allow with input as request
}
