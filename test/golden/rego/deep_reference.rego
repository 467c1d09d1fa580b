# SPDX-License-Identifier: Apache-2.0
package test
p = input.a[0].b["c d"][1]
q = x { x := input.a[input.i].b[input.k][_] }
# input: {"a": [{"b": {"c d": ["no", "yes"]}}], "i": 0, "k": "c d"}
# expect: "yes"
# query: data.test.q
# expect error: complete rules must not produce multiple outputs
