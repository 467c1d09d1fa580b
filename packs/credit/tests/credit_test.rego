# SPDX-License-Identifier: Apache-2.0
package credit_test

import data.credit
import rego.v1

# Everything at its best: 374 + all points.
best := {
	"checking_level": 3,
	"history_level": 4,
	"savings_level": 4,
	"employment_level": 4,
	"property_level": 3,
	"housing_level": 2,
	"purpose_level": 3,
	"other_plans_level": 1,
	"guarantor_level": 2,
	"months": 10,
	"amount": 2000,
	"instalment_share": 1,
	"applications_30d": 1,
}

worst := object.union({name: 0 | some name, _ in best}, {"amount": 2000, "months": 10, "instalment_share": 4})

asked(pd, changes, applicant) := {
	"application": {"purpose": "A41"},
	"applicant": applicant,
	"features": object.union(best, changes),
	"scores": {"pd": pd},
}

# 374 + 7 + 20 + 6 + 13 + 2 + 12 + 4 + 16 + 3 + 19 + 38 + 4 = 518: band C.
middling := {
	"checking_level": 1,
	"history_level": 2,
	"savings_level": 1,
	"employment_level": 2,
	"property_level": 1,
	"purpose_level": 1,
	"guarantor_level": 1,
	"months": 12,
	"instalment_share": 3,
}

test_points if {
	credit.points == 714 with input as asked(0.05, {}, {})
	credit.points == 518 with input as asked(0.05, middling, {})
	credit.band == "C" with input as asked(0.05, middling, {})
	credit.points == (374 + 38) + 32 with input as asked(0.05, worst, {})
}

test_matrix_corners if {
	credit.approve with input as asked(0.01, {}, {})
	not credit.approve with input as asked(0.3, {}, {})
	credit.refer with input as asked(0.3, {}, {})
	credit.grade == 4 with input as asked(0.3, {}, {})
	credit.grade == 3 with input as asked(0.2999, {}, {})
	credit.refer with input as asked(0.01, worst, {})
	credit.decline with input as asked(0.99, worst, {})
}

test_business_is_one_band_down_with_smaller_caps if {
	business := object.union(asked(0.01, {}, {}), {"application": {"purpose": "A49"}})
	credit.band == "B" with input as business
	credit.room.band == 8000 with input as business
	credit.segment == "business" with input as business
}

test_all_is_granted_or_what_the_tightest_limit_leaves if {
	credit.amount_granted == 2000 with input as asked(0.01, {}, {"income": 2000})

	# (800 x 35 % - 100) x 10 months
	credit.amount_granted == 1800 with input as asked(0.01, {}, {"income": 800, "obligations": 100})
	credit.reasons == {{"code": "AMOUNT_OVER_INCOME", "rule": "policy"}} with input as asked(0.01, {}, {"income": 800, "obligations": 100})
	credit.amount_granted == 1450 with input as asked(0.01, {}, {"income": 2000, "exposure": 28510})
	credit.reasons == {{"code": "AMOUNT_OVER_EXPOSURE", "rule": "policy"}} with input as asked(0.01, {}, {"income": 2000, "exposure": 28510})
}

test_an_amount_cut_for_the_band_tells_what_costs_points if {
	# 516 points: band C, whose credits go up to 6,000.
	better := {"checking_level": 0, "history_level": 4, "employment_level": 4, "months": 10, "amount": 9000}
	much := asked(0.01, object.union(middling, better), {"income": 9000})
	credit.points == 516 with input as much
	credit.amount_granted == 6000 with input as much
	credit.reasons == {
		{"code": "AMOUNT_OVER_BAND", "rule": "policy"},
		{"code": "CHECKING_ACCOUNT", "rule": "policy"},
	} with input as much

	# No points are lacking, the first band has its limit too.
	most := asked(0.01, {"amount": 16000}, {"income": 9000})
	credit.band == "A" with input as most
	credit.reasons == {{"code": "AMOUNT_OVER_BAND", "rule": "policy"}} with input as most
}

test_less_than_half_is_referred if {
	few := asked(0.01, {}, {"income": 560, "obligations": 97})
	credit.refer with input as few
	not credit.amount_granted with input as few
	credit.reasons == {{"code": "AMOUNT_OVER_INCOME", "rule": "policy"}} with input as few
}

test_no_room_is_declined if {
	credit.decline with input as asked(0.01, {}, {"income": 2000, "exposure": 30000})
	credit.reasons == {{"code": "EXPOSURE_OVER_LIMIT", "rule": "policy"}} with input as asked(0.01, {}, {"income": 2000, "exposure": 30000})
	credit.decline with input as asked(0.01, {}, {"income": 0})
	credit.reasons == {{"code": "INCOME_INSUFFICIENT", "rule": "policy"}} with input as asked(0.01, {}, {"income": 0})
}

test_many_applications_and_long_terms_are_referred if {
	credit.refer with input as asked(0.01, {"applications_30d": 4}, {"income": 2000})
	credit.reasons == {{"code": "TERM_LONG", "rule": "policy"}} with input as asked(0.01, {"months": 61}, {"income": 2000})
	late := object.union(worst, {"months": 61, "applications_30d": 9})
	credit.decline with input as asked(0.99, late, {"income": 2000})
	not credit.refer with input as asked(0.99, late, {"income": 2000})
}

test_what_is_unknown_is_referred_never_declined if {
	without_savings := object.remove(asked(0.99, {}, {"income": 0}), ["features"])
	some_features := object.union(without_savings, {"features": object.remove(best, ["savings_level"])})
	credit.refer with input as some_features
	not credit.decline with input as some_features
	credit.reasons == {{"code": "DATA_MISSING", "rule": "policy"}} with input as some_features
	credit.refer with input as asked(0.01, {"instalment_share": 5}, {})
	credit.reasons == {{"code": "DATA_MISSING", "rule": "policy"}} with input as asked(0.01, {"instalment_share": 5}, {})
	every odd in [{"exposure": -1}, {"exposure": "none"}, {"income": "much"}, {"income": 2000, "obligations": -1}] {
		credit.reasons == {{"code": "DATA_MISSING", "rule": "policy"}} with input as asked(0.01, {}, odd)
		not credit.approve with input as asked(0.01, {}, odd)
	}
	every odd in [{"amount": 0}, {"amount": -5}, {"months": 0}] {
		credit.reasons == {{"code": "DATA_MISSING", "rule": "policy"}} with input as asked(0.01, odd, {"income": 2000})
		not credit.approve with input as asked(0.01, odd, {"income": 2000})
	}
	unscored := object.union(object.remove(asked(0.99, {}, {"income": 0}), ["scores"]), {"scores": {}})
	credit.refer with input as unscored
	not credit.decline with input as unscored
	credit.reasons == {{"code": "SCORE_MISSING", "rule": "policy"}} with input as unscored
}

test_where_points_alone_refuse_the_weakest_is_told if {
	credit.reasons == {{"code": "CHECKING_ACCOUNT", "rule": "policy"}} with input as asked(0.1, middling, {"income": 2000})
}

test_codes_are_known if {
	every name, _ in data.scorecard.points {
		credit.scorecard_code[name]
	}
}
