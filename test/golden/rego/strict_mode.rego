# SPDX-License-Identifier: Apache-2.0
package test
import data.never.used as nothing
import data.lists
# mode: lint
f(input) = 1
p {
  x := 1
  y := lists.a
  y == 2
}
# expect error: rego_compile_error: import data.never.used as nothing unused
# expect error: rego_compile_error: assigned var x unused
# expect error: rego_compile_error: arguments must not shadow input (use a different argument name)
