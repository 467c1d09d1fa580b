# SPDX-License-Identifier: Apache-2.0
package test
# The second link is never evaluated when the first holds, so they cannot conflict.
p = 1 { true } else = 2 { true }
# expect: 1
# query: data.test.q
q = x { x := [1, 2][_]; x > 5 } else = 9 { true }
# expect: 9
