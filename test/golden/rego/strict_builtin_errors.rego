# SPDX-License-Identifier: Apache-2.0
package test
# mode: strict
p = x { x := to_number("a") }
# expect error: eval_builtin_error: to_number
