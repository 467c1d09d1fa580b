# SPDX-License-Identifier: Apache-2.0
package test
xs = [1, 2, 3]
# query: 1 == 2
# expect: false
# query: x := data.test.xs[_]; x > 1
# expect bindings: [{"x": 2}, {"x": 3}]
# query: data.test.xs[i] == 2
# expect bindings: [{"i": 1}]
# query: not false
# expect: true
