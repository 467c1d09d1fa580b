# SPDX-License-Identifier: Apache-2.0
package test
p = x { x := input.xs[_] }
# input: {"xs": [7, 7, 7]}
# expect: 7
# input: {"xs": [7, 8]}
# expect error: complete rules must not produce multiple outputs
