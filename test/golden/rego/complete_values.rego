# SPDX-License-Identifier: Apache-2.0
package test
# Clauses of a complete rule may agree, not differ.
limit = 10 { input.tier == "basic" }
limit = 10 { input.new }
limit = 20 { input.tier == "gold" }
# query: data.test.limit
# input: {"tier": "basic", "new": true}
# expect: 10
# input: {"tier": "gold"}
# expect: 20
# input: {"tier": "gold", "new": true}
# expect error: eval_conflict_error: complete rules must not produce multiple outputs
# input: {}
# expect: undefined
