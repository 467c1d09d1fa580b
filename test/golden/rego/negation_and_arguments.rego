# SPDX-License-Identifier: Apache-2.0
package test
# What a negated call takes as arguments is evaluated before the negation.
p { not startswith(input.name, "a") }
q { not input.name == "a" }
r { not count(input.xs) > 1 }
# input: {"name": "bob"}
# expect: true
# input: {}
# expect: undefined
# query: data.test.q
# expect: true
# query: data.test.r
# expect: undefined
# input: {"xs": [1]}
# expect: true
