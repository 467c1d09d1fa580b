# SPDX-License-Identifier: Apache-2.0
package test
p = x { x := 1 + input.a }
# input: {"a": 2}
# expect: 3
# query: 1 + "a"
# expect error: rego_type_error: plus: invalid argument(s)
# query: count(1)
# expect error: have: (number, ???)
# query: startswith("a", ["b"])
# expect error: rego_type_error: startswith: invalid argument(s)
# query: {1, 2} - {2}
# expect: [1]
