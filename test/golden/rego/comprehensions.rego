# SPDX-License-Identifier: Apache-2.0
package test
p = [(x * 2) | x := input.xs[_]; x > 1]
q = {(x % 2) | x := input.xs[_]}
r = {k: v | v := input.xs[k]; v > 1}
s = {x: 1 | x := input.xs[_]; x > 100}
# input: {"xs": [1, 2, 3, 2]}
# expect: [4, 6, 4]
# query: data.test.q
# expect: [0, 1]
# query: data.test.r
# expect: {"1": 2, "2": 3, "3": 2}
# query: data.test.s
# expect: {}
