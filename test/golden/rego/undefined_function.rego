# SPDX-License-Identifier: Apache-2.0
package test
p { nonsense(1) }
# expect error: rego_type_error: undefined function nonsense
