# SPDX-License-Identifier: Apache-2.0
package test
import data.never.used as nothing
import data.lists
# mode: lint
p {
  x := 1
  y := lists.a
  y == 2
}
# expect error: rego_compile_error: import data.never.used as nothing unused
