# SPDX-License-Identifier: Apache-2.0
package test
p = [amount, who] {
  {"amount": amount, "user": {"name": who}} = input
}
# input: {"amount": 5, "user": {"name": "ann"}}
# expect: [5, "ann"]
# input: {"amount": 5, "user": {"name": "ann", "age": 3}}
# expect: undefined
