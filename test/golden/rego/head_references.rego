# SPDX-License-Identifier: Apache-2.0
package test
import future.keywords
limits.card.daily := 500
limits.card.count := 3
limits.account[name] := n if n := input.accounts[name]
tags.seen contains t if t := input.tags[_]
# input: {"accounts": {"x": 1, "y": 2}, "tags": ["b", "a", "b"]}
# query: data.test.limits
# expect: {"account": {"x": 1, "y": 2}, "card": {"count": 3, "daily": 500}}
# query: data.test.tags.seen
# expect: ["a", "b"]
# query: data.test.limits.account.y
# expect: 2
