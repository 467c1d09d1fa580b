# SPDX-License-Identifier: Apache-2.0
# A policy that says what the event asks it to say, so that tests can walk through every case.
package risk

deny = input.policy.deny

hold = input.policy.hold

challenge = input.policy.challenge

review = input.policy.review

allow = input.policy.allow

too_many { input.features.customer_count_1d > data.limits.customer_count_1d }

scored_high { input.scores.fraud > 0.5 }

reasons = input.policy.reasons

# A conflict on demand: two values for one complete rule.
fails = 1 { input.policy.fails }

fails = 2 { input.policy.fails }

# More work than the fuel allows.
spins { input.policy.spins; count([1 | numbers.range(1, 3000)[_]; numbers.range(1, 3000)[_]]) > 0 }

# More memory than an evaluation has, for little work.
eats { input.policy.eats; count([s | numbers.range(1, 3000)[i]; s := sprintf("%08000d", [i])]) > 0 }

# What the policy sees, as reasons.
reasons = {k | input[k]} { input.policy.echo == "input" }

reasons = {sprintf("%v=%v", [k, v]) | v := input[input.policy.echo][k]} { input.policy.echo != "input" }
