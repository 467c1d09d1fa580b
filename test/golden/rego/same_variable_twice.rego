# SPDX-License-Identifier: Apache-2.0
package test
# One variable in two places joins them.
p = {c | c := input.orders[i].customer; input.flags[i] == true}
q = {i | input.a[i] == input.b[i]}
# input: {"orders": [{"customer": "x"}, {"customer": "y"}], "flags": [false, true], "a": [1, 2, 3], "b": [1, 5, 3]}
# expect: ["y"]
# query: data.test.q
# expect: [0, 2]
