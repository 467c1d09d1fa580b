# SPDX-License-Identifier: Apache-2.0
# Answers of the form as levels. An answer that the table lacks has no level: the feature is absent,
# and the application is referred.
package derive

import data.levels
import rego.v1

checking_level := levels.checking[input.applicant.checking]

history_level := levels.history[input.applicant.history]

savings_level := levels.savings[input.applicant.savings]

employment_level := levels.employment[input.applicant.employment]

property_level := levels.property[input.applicant.property]

housing_level := levels.housing[input.applicant.housing]

purpose_level := levels.purpose[input.application.purpose]

other_plans_level := levels.other_plans[input.application.other_plans]

guarantor_level := levels.guarantor[input.application.guarantor]
