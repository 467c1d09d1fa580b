# SPDX-License-Identifier: Apache-2.0
package test
# Statements may stand in any order that can be evaluated.
p = y {
  y == z + 1
  z == x * 2
  x = input.x
  y = input.y
  z = input.z
}
# input: {"x": 2, "z": 4, "y": 5}
# expect: 5
# input: {"x": 2, "z": 4, "y": 6}
# expect: undefined
