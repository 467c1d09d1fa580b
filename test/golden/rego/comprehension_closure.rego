# SPDX-License-Identifier: Apache-2.0
package test
# The inner body sees what the outer one has bound, also when it stands before it.
p = [[u, n] |
  n := count([1 | input.events[_].user == u])
  u = input.users[_]
]
# input: {"users": ["a", "b"], "events": [{"user": "a"}, {"user": "b"}, {"user": "a"}]}
# expect: [["a", 2], ["b", 1]]
