# SPDX-License-Identifier: Apache-2.0
package test
same(x, x) { true }
# query: data.test.same(1, 1.0)
# expect: true
# query: data.test.same(1, 2)
# expect: undefined
