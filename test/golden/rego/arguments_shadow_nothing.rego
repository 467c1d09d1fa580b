# SPDX-License-Identifier: Apache-2.0
package test
f(input) = 1
# expect error: rego_compile_error: args must not shadow input (use a different variable name)
