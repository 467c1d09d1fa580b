# SPDX-License-Identifier: Apache-2.0
package test
allow { input.user == "root" }
p = [x, y, z] {
  x := allow with input.user as "root"
  y := [1 | allow with input as {"user": "guest"}]
  z := [1 | allow]
}
# input: {"user": "nobody"}
# expect: [true, [], []]
