# SPDX-License-Identifier: Apache-2.0
package test
r[x] { x := input.xs[_] }
# Each result of the modified statement goes on outside of the modification.
p = {[x, y] | r[x] with input.xs as [1, 2]; y := input.xs[_]}
# input: {"xs": ["a"]}
# expect: [[1, "a"], [2, "a"]]
