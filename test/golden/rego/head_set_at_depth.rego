# SPDX-License-Identifier: Apache-2.0
package test
import future.keywords
seen[user] contains ip if {
  some row in input.rows
  user := row.user
  ip := row.ip
}
# query: data.test.seen
# input: {"rows": [{"user": "a", "ip": 1}, {"user": "b", "ip": 2}, {"user": "a", "ip": 3}, {"user": "a", "ip": 1}]}
# expect: {"a": [1, 3], "b": [2]}
# query: data.test.seen.a[x]
# expect bindings: [{"x": 1}, {"x": 3}]
