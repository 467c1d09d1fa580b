# SPDX-License-Identifier: Apache-2.0
# A path of the input that must equal a scalar is asked before what may raise an error: OPA's index
# leaves such clauses out, wherever the comparison stands.
package test

f(x) = 1 { x }
f(x) = 2 { x }

# query: data.test.r
# input: {"x": 7}
# expect: undefined
# input: {"x": 3}
# expect error: functions must not produce multiple outputs
r { f(1) == 1; input.x == 1 }
r { f(1) == 1; input.x == 2 }
r { f(1) == 1; 3 = input.x }
r { f(1) == 1; input.x < 9; input.x == "4" }

# query: data.test.one
# input: {"x": null}
# expect: undefined
# input: {"x": 5}
# expect error: functions must not produce multiple outputs
one = y { y := f(1); input.x == 5 }

# Comprehensions, and comparisons by order, are evaluated as they stand.
# query: data.test.all
# input: {"x": 7}
# expect error: functions must not produce multiple outputs
all = [1 | f(1) == 1; input.x == 1]

# query: data.test.less
# input: {"x": 7}
# expect error: functions must not produce multiple outputs
less { f(1) == 1; input.x < 1 }

# query: data.test.f(1) == 1; input.x == 1
# input: {"x": 7}
# expect error: functions must not produce multiple outputs
