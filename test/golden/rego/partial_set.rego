# SPDX-License-Identifier: Apache-2.0
package test
p[x] { x := input.xs[_]; x > 1 }
p["always"]
# input: {"xs": [3, 1, 2, 3, 2.0]}
# expect: [2, 3, "always"]
# query: data.test.p[3]
# expect: 3
# query: data.test.p[4]
# expect: undefined
