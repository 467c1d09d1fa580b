# SPDX-License-Identifier: Apache-2.0
package test
p = {"a": 1, "b": 2}[input.k]
q = split("x,y", ",")[1]
r = {x | x := [1, [2, 3]][1][_]}
# input: {"k": "b"}
# expect: 2
# query: data.test.q
# expect: "y"
# query: data.test.r
# expect: [2, 3]
