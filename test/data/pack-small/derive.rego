# SPDX-License-Identifier: Apache-2.0
package derive

default is_big = false

is_big { input.transaction.amount > 100 }

ratio = input.transaction.amount / input.features.customer_avg_7d

channel = input.transaction.channel

broken = 1 { input.policy.breaks_derive }

broken = 2 { input.policy.breaks_derive }
