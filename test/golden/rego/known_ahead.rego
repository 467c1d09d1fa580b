# SPDX-License-Identifier: Apache-2.0
# Variables that are known when the policy is compiled, and sets of such elements.
package test

import future.keywords.in

limit := 60 * 60 * 24

# query: data.test.folded
# expect: [172800, 86401, -1]
folded := [x, y, z] {
    x := 2 * limit_of_a_day
    y := 86400 + 1
    k := 3
    z := k - 4
}

limit_of_a_day := 60 * 60 * 24

# What cannot be computed stays undefined, and is no error of the compiler.
# query: data.test.not_a_number
# expect: undefined
not_a_number {
    x := 0
    input.n == 1 / x
}

# query: data.test.path
# input: {"a": {"b": [10, 20]}, "n": 1}
# expect: 20
path := v {
    k := "b"
    i := 1
    v := input.a[k][i]
}

# A constant that is matched, not assigned: the first to bind it says how it is written.
# query: data.test.written
# expect: [1.0, 1]
written := [x, y] {
    x = 1.0
    x = input.n
    y = input.n
    y = 1.0
}

# query: data.test.reasons
# input: {"tags": ["b", "a", "b"], "n": 7}
# expect: [{"id": "a", "w": 2}, {"id": "b", "w": 1}, {"id": "n", "w": 3}]
reasons[r] {
    some t in input.tags
    t == "b"
    r := {"id": "b", "w": 1}
}

reasons[r] {
    some t in input.tags
    t == "a"
    r := {"id": "a", "w": 2}
}

reasons[r] {
    input.n > 5
    r := {"id": "n", "w": 3}
}

reasons[r] {
    input.n > 50
    r := {"id": "never", "w": 3}
}

reasons[{"id": "n", "w": 3}] {
    input.n > 6
}

# Equal elements that are written differently: the first clause that holds is the one seen.
# query: x := json.marshal(data.test.alike)
# expect bindings: [{"x": "[1.0]"}]
alike[x] {
    input.n > 50
    x := 1
}

alike[x] {
    input.n > 5
    x := 1.0
}

# A later round of the loop may still be an error.
# query: data.test.late
# expect error: functions must not produce multiple outputs for same inputs
late[x] {
    some t in input.tags
    odd(t)
    x := "found"
}

odd("b") = true

odd("a") = true

odd(x) = 1 {
    x == "a"
}

# query: data.test.mixed
# expect: ["b", "known"]
mixed[x] {
    some x in input.tags
    x != "a"
}

mixed["known"] {
    input.n == 7
}

# query: x = 5; y = x + 1
# expect bindings: [{"x": 5, "y": 6}]
