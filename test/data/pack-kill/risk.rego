# SPDX-License-Identifier: Apache-2.0
# For the kill test: cheap, and every outcome depends on history.
package risk

deny { input.features.customer_sum_1d > 100000 }

review { input.features.customer_count_1d > 40 }

review { input.features.terminal_risk_7d > 0.5 }

allow { input.transaction.amount > 0 }

reasons["BUSY"] { input.features.customer_count_1d > 40 }
