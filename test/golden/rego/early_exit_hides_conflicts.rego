# SPDX-License-Identifier: Apache-2.0
package test
# All clauses yield one constant: the first success is enough.
p { input.xs[_] == 1 }
p { 1 / input.zero == 1 }
# mode: strict
# input: {"xs": [3, 1], "zero": 0}
# expect: true
# input: {"xs": [3], "zero": 0}
# expect error: div: divide by zero
