# SPDX-License-Identifier: Apache-2.0
package test
p = {[i, v] | v := input.xs[i]}
q = {[k, v] | v := input.map[k]}
r = {s | s := input.xs[_][_]}
# input: {"xs": [["a"], ["b", "c"]], "map": {"x": 1, "y": 2}}
# expect: [[0, ["a"]], [1, ["b", "c"]]]
# query: data.test.q
# expect: [["x", 1], ["y", 2]]
# query: data.test.r
# expect: ["a", "b", "c"]
