# SPDX-License-Identifier: Apache-2.0
package test
f(x) = y { y := x + 1 }
g(x) = y { y := f(x) * 10 }
mock(x) = 100
p = [a, b, c, d] {
  a := g(1)
  b := g(1) with f as mock
  c := g(1) with f as 5
  d := count([1, 2]) with count as mock
}
# expect: [20, 1000, 50, 100]
