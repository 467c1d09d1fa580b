# SPDX-License-Identifier: Apache-2.0
# Comparisons with base documents, on either side, of input and of what is known already.
# mode: v1
package test

import data.limits as l

below if input.n < l.high

above if l.low <= input.n

text if input.s == l.name

other if l.name != input.s

absent if input.n > l.nothing

absent if l.nothing < input.n

no_input if input.nothing != l.high

kept := [n, h, s] if {
	n := input.n
	n <= l.high
	h := l.high
	h >= n
	s := n + h
}

twice := [a, b] if {
	a := l.low
	b := l.high
	a < b
}

same if l.low == l.low

each contains x if {
	x := input.list[_]
	x > l.low
	x <= l.high
}

some_listed if input.list[_] > l.high

deeper if input.list[0] < l.steps[1]

moved if below with data.limits.high as 1000000

unknown if not input.n > l.nothing # undefined, not false: as OPA says
# data: {"limits": {"low": 1.5, "high": 20, "name": "a", "steps": [1, 2.0]}}
# input: {"n": 5, "s": "a", "list": [1, 2, 30]}
# query: data.test
# expect: {"above": true, "below": true, "deeper": true, "each": [2], "kept": [5, 20, 25], "moved": true, "same": true, "some_listed": true, "text": true, "twice": [1.5, 20]}
# input: {"n": 20, "s": "b", "list": [2]}
# query: data.test
# expect: {"above": true, "each": [2], "kept": [20, 20, 40], "moved": true, "other": true, "same": true, "twice": [1.5, 20]}
# input: {"n": 20.0000000000000000000001, "s": 1, "list": []}
# query: data.test
# expect: {"above": true, "each": [], "moved": true, "other": true, "same": true, "twice": [1.5, 20]}
# input: {}
# query: data.test
# expect: {"each": [], "same": true, "twice": [1.5, 20]}
