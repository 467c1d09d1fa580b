# SPDX-License-Identifier: Apache-2.0
package risk
default allow = false
allow {
    input.transaction.amount <= 10000
    input.user.credit_score >= 600
    input.location.risk_level == "low"
}
deny {
    input.transaction.amount > 100000
    input.user.credit_score < 500
}
