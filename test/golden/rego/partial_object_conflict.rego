# SPDX-License-Identifier: Apache-2.0
package test
p[k] = v { k := "same"; v := input.xs[_] }
# input: {"xs": [1, 1]}
# expect: {"same": 1}
# input: {"xs": [1, 2]}
# expect error: eval_conflict_error: object keys must be unique
