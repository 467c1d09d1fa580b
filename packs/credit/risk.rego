# SPDX-License-Identifier: Apache-2.0
# A credit decision: points give a band, the model's probability of default a grade, the matrix of
# both a verdict, and the limits an amount. At most one reason of the policy's own; with the three
# that the model gives for what is not approved, never more than four. Where a band's limit cuts an
# approved amount there are two, for the band alone says nothing specific.
package credit

import data.limits
import data.scorecard
import input.features as f
import rego.v1

# ── points ───────────────────────────────────────────────────────────────────────────────────────

# The class of each answer: its level, or the number of bins that a value is above.
class := {
	"checking": f.checking_level,
	"history": f.history_level,
	"savings": f.savings_level,
	"employment": f.employment_level,
	"property": f.property_level,
	"housing": f.housing_level,
	"purpose": f.purpose_level,
	"other_plans": f.other_plans_level,
	"guarantor": f.guarantor_level,
	"months": bin("months", f.months),
	"amount": bin("amount", f.amount),
	"instalment_share": bin("instalment_share", f.instalment_share),
}

bin(name, value) := count([1 | some edge in scorecard.bins[name]; value > edge])

points_of[name] := scorecard.points[name][class[name]] if some name, _ in class

points := scorecard.base + sum([p | some p in points_of]) if count(points_of) == count(scorecard.points)

# ── segment, band, grade, verdict ────────────────────────────────────────────────────────────────

terms := [s | some s in data.segments; applies(s)][0]

segment := terms.name

applies(s) if input.application.purpose in s.purposes

applies(s) if count(s.purposes) == 0

# A segment may move the band down, at most to the last.
place := min([count(data.bands) - 1, terms.notches + [i | some i, b in data.bands; points >= b.from][0]])

band := data.bands[place].name

row := [i | some i, g in data.grades; input.scores.pd < g.below][0]

grade := data.grades[row].name

verdict := data.matrix[place][row]

# ── limits ───────────────────────────────────────────────────────────────────────────────────────

# What each limit alone would leave of a credit.
room := {
	"band": (limits.caps[place] * terms.share) / 100,
	"exposure": max([0, limits.exposure[place] - owed]),
	"income": max([0, floor(by_income)]),
}

# From the income where it is stated, else from the class of the instalment's share of it.
by_income := (((input.applicant.income * limits.burden[place]) / 100) - obligations) * f.months if {
	input.applicant.income
} else := (f.amount * limits.burden[place]) / limits.stated_share[f.instalment_share - 1] if {
	not input.applicant.income
}

default owed := 0

owed := input.applicant.exposure

default obligations := 0

obligations := input.applicant.obligations

affordable := min([r | some r in room]) if sound

sound if {
	every number in [f.amount, f.months] {
		number > 0
	}
	every number in [owed, obligations] {
		number >= 0
	}
}

granted := f.amount if f.amount <= affordable

granted := floor(affordable / limits.step) * limits.step if f.amount > affordable

enough if granted >= f.amount * limits.least_share

# ── outcome ──────────────────────────────────────────────────────────────────────────────────────

# What must be known; without it nothing is declined or approved.
unknown := "DATA_MISSING" if {
	not affordable
} else := "SCORE_MISSING" if {
	not grade
}

# What no score makes good.
refused := "EXPOSURE_OVER_LIMIT" if {
	room.exposure == 0
} else := "INCOME_INSUFFICIENT" if {
	room.income == 0
}

# What a person looks at, though points and model approve.
referred := "APPLICATIONS_MANY" if {
	verdict != "decline"
	f.applications_30d > limits.applications_30d
} else := "TERM_LONG" if {
	verdict != "decline"
	f.months > terms.months
} else := tightest if {
	verdict != "decline"
	not enough
}

decline if {
	not unknown
	refused
}

decline if {
	not unknown
	verdict == "decline"
}

refer if unknown

refer if verdict == "refer"

refer if referred

approve if {
	verdict == "approve"
	enough
	not refused
	not referred
}

# ── what the decision tells ──────────────────────────────────────────────────────────────────────

amount_granted := granted if {
	approve
	not decline
	not refer
}

reasons contains {"code": reason, "rule": "policy"}

reasons contains {"code": weakest, "rule": "policy"} if {
	amount_granted < f.amount
	tightest == "AMOUNT_OVER_BAND"
	points < data.bands[0].from
}

reason := unknown if {
	unknown
} else := refused if {
	refused
} else := referred if {
	referred
} else := weakest if {
	verdict != "approve"
	data.matrix[0][row] == "approve"
} else := tightest if {
	verdict == "approve"
	granted < f.amount
}

# Which limit binds.
tightest := "AMOUNT_OVER_EXPOSURE" if {
	room.exposure == affordable
} else := "AMOUNT_OVER_INCOME" if {
	room.income == affordable
} else := "AMOUNT_OVER_BAND"

# Where the points stand in the way: the characteristic that lacks most of its points.
weakest := code if {
	lacks := {name: l | some name, p in points_of; l := max(scorecard.points[name]) - p}
	most := max([l | some l in lacks])
	code := [scorecard_code[name] | some name, l in lacks; l == most][0]
}

scorecard_code := {
	"checking": "CHECKING_ACCOUNT",
	"history": "CREDIT_HISTORY",
	"savings": "SAVINGS",
	"employment": "EMPLOYMENT",
	"property": "PROPERTY",
	"housing": "HOUSING",
	"purpose": "PURPOSE",
	"other_plans": "OTHER_PLANS",
	"guarantor": "GUARANTOR",
	"months": "TERM",
	"amount": "AMOUNT",
	"instalment_share": "INSTALMENT_SHARE",
}
