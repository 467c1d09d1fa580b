# SPDX-License-Identifier: Apache-2.0
package test
p { not input.xs[i] }
# expect error: rego_unsafe_var_error: var i is unsafe
