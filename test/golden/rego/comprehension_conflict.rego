# SPDX-License-Identifier: Apache-2.0
package test
p = {x: i | x := input.xs[i]}
# input: {"xs": ["a", "b"]}
# expect: {"a": 0, "b": 1}
# input: {"xs": ["a", "a"]}
# expect error: object keys must be unique
