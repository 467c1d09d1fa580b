# SPDX-License-Identifier: Apache-2.0
package test
p = x { x := input.a with input.a.b as 2 with input.a.c.d as 3 }
# input: {"a": {"b": 1, "k": 0}}
# expect: {"b": 2, "c": {"d": 3}, "k": 0}
# input: undefined
# expect: {"b": 2, "c": {"d": 3}}
