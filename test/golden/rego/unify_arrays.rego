# SPDX-License-Identifier: Apache-2.0
package test
p = [x, y, z] { [x, [y, "b"], z] = [1, ["a", "b"], {"k": 2}] }
# expect: [1, "a", {"k": 2}]
# query: [1, x] = [y, 2]
# expect bindings: [{"x": 2, "y": 1}]
# query: [x, y] = [1]
# expect error: rego_unsafe_var_error: var x is unsafe
# query: [x, x] = [1, 2]
# expect: undefined
