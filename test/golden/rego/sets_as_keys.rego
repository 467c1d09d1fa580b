# SPDX-License-Identifier: Apache-2.0
package test
p = {k: v | [k, v] = [[{"a", 1}, "set"], [[1, 2], "array"], [{"k": null}, "object"]][_]}
q = p[{1, "a"}]
r = p[[1, 2]]
s[x] { p[[1, x]] }
# query: data.test.q
# expect: "set"
# query: data.test.r
# expect: "array"
# query: data.test.s
# expect: [2]
