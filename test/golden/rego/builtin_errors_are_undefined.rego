# SPDX-License-Identifier: Apache-2.0
package test
p = x { x := to_number("a") }
q { not r }
r { 1 / 0 }
# expect: undefined
# query: data.test.q
# expect: true
