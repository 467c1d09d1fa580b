# SPDX-License-Identifier: Apache-2.0
package test
import future.keywords.in
p = [k | some k, v in input.limits; v > 10]
q = {x | some x in input.tags}
r = [a | some [a, "x"] in input.pairs]
# input: {"limits": {"a": 5, "b": 15, "c": 25}, "tags": ["z", "y", "z"], "pairs": [[1, "x"], [2, "y"], [3, "x"]]}
# expect: ["b", "c"]
# query: data.test.q
# expect: ["y", "z"]
# query: data.test.r
# expect: [1, 3]
