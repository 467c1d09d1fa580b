# SPDX-License-Identifier: Apache-2.0
package test
x := "outside"
p = n {
  some x
  input.xs[x] == "b"
  n := x
}
# input: {"xs": ["a", "b"]}
# expect: 1
