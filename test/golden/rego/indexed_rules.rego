# SPDX-License-Identifier: Apache-2.0
# Rules with so many clauses that an index decides which of them are tried.
package test

import future.keywords.in

# query: data.test.kind
# input: {"n": 7, "s": "beta", "flag": true}
# expect: ["eq", "ge", "gt", "in", "le", "lt", "not false", "prefix", "true", "two"]
# input: {"n": 7.5, "s": "beta", "flag": true}
# expect: ["ge", "gt", "ne", "not false", "prefix", "true"]
# input: {"n": 70e-1, "s": "beta", "flag": true}
# expect: ["eq", "ge", "gt", "in", "le", "lt", "not false", "prefix", "true", "two"]
# input: {"n": "7", "s": "be", "flag": false}
# expect: ["absent", "ge", "gt", "ne"]
# input: {"n": null, "s": "bf"}
# expect: ["absent", "le", "lt", "ne", "not false"]
# input: {"n": -123456789012345678901234567890, "s": 5, "flag": 0}
# expect: ["le", "lt", "ne", "not false", "true"]
# input: {}
# expect: ["absent", "not false"]
kind["eq"] { input.n == 7 }
kind["ne"] { input.n != 7.0 }
kind["lt"] { input.n < 7.1 }
kind["le"] { 7 >= input.n }
kind["gt"] { 6.9 < input.n }
kind["ge"] { input.n >= 7 }
kind["in"] { input.n in {5, 7, "x", [1]} }
kind["prefix"] { startswith(input.s, "bet") }
kind["true"] { input.flag }
kind["absent"] { not input.flag }
kind["not false"] { not input.flag == false }
kind["two"] { input.n > 3; input.n < 7.5; input.n != 5; input.s = "beta" }
kind["none"] { input.n > 3; input.n < 3 }

# Clauses that begin alike are compiled once; names do not matter.
# query: data.test.seen
# input: {"xs": [{"k": "a", "n": 1}, {"k": "b", "n": 2}, {"k": "a", "n": 3}, {"n": 9}], "top": "a"}
# expect: ["a1", "a3", "any", "b", "last", "pair 0", "pair 2"]
# input: {"xs": {"p": {"k": "b", "n": 30}}, "top": "b"}
# expect: ["any", "b", "big", "pair p"]
# input: {"xs": 5}
# expect: []
seen["a1"] { some x in input.xs; x.k == "a"; x.n < 2 }
seen["a3"] { some y in input.xs; y.k == "a"; y.n >= 3 }
seen["b"] { some z in input.xs; z.k == "b" }
seen["any"] { some z in input.xs; z.n > 0 }
seen["big"] { some w in input.xs; w.n > 10; w.n < 40 }
seen["last"] { some i; input.xs[i].n == 9 }
seen["never"] { some j; input.xs[j].n == 99 }
seen[m] { some i; input.xs[i].k == input.top; m := sprintf("pair %v", [i]) }

# A loop whose key nobody wants, and the same one whose key somebody does.
# query: data.test.keyed
# input: {"xs": [{"k": "a"}, {"k": "b"}, {"k": "b"}], "ys": [0, 1, 7]}
# expect: ["a", "b", "seven"]
keyed["a"] { input.xs[_].k == "a" }
keyed["b"] { input.xs[_].k == "b" }
keyed["c"] { input.xs[_].k == "c" }
keyed["seven"] { input.xs[i].k == "b"; input.ys[i] == 7 }
keyed["eight"] { input.xs[i].k == "b"; input.ys[i] == 8 }

# A value that several clauses test is computed once.
# query: data.test.counted
# input: {"xs": ["a", "b", "a"], "ok": {"b": true}, "k": "b"}
# data: {"list": ["b", "c"]}
# expect: ["listed", "more than 0", "more than 1", "ok"]
# input: {"xs": [], "ok": {"b": false}, "k": "z"}
# expect: []
# input: {"k": "c"}
# expect: ["listed"]
counted["more than 0"] { count({x | x := input.xs[_]}) > 0 }
counted["more than 1"] { count({y | y := input.xs[_]}) > 1 }
counted["more than 2"] { count({y | y := input.xs[_]}) > 2 }
counted["listed"] { input.k in data.list }
counted["ok"] { input.ok[input.k]; input.k in data.list }
counted["not"] { input.ok[input.k]; input.k == "y" }

# Comprehensions that are only counted and begin alike: one loop counts for all.
# query: data.test.many
# input: {"xs": [{"n": 1}, {"n": 5}, {"n": 9}, {"m": 0}, {"n": 5}], "least": 1}
# expect: ["a", "b", "d", "e", "f", "h"]
# input: {"xs": {"a": {"n": 9}, "b": {"n": 9}}, "least": 3}
# expect: ["b", "e", "h"]
# input: {"least": 1}
# expect: ["h"]
many["a"] { count([x | x := input.xs[_]; x.n > 0]) >= 4 }
many["b"] { count([x | x := input.xs[_]; x.n >= 5]) > 1 }
many["c"] { count([y | y := input.xs[_]; y.n > 5]) == 7 }
many["d"] { input.least < 2; count([y | y := input.xs[_]; y.n == 1]) == 1 }
many["e"] { k := 8; count([z | z := input.xs[_]; z.n > k]) != 0 }
many["f"] { count([1 | x := input.xs[_]; x.n < 6; x.n > input.least]) == 2 }
many["g"] { count([x | x := input.xs[_]; x.n > 100]) > 0 }
many["h"] { count([x | x := input.xs[_]; x.n > 100]) == 0 }

# A constant list may name one value twice.
# query: data.test.listed
# input: {"k": "b"}
# expect: ["object", "twice"]
listed["twice"] { input.k in ["b", "a", "b"] }
listed["object"] { input.k in {"x": "b", "y": "a", "z": "b"} }
listed["a"] { input.k in ["a", "a"] }
listed["numbers"] { input.k in [1, 1.0] }

# Functions: arguments are tested, too.
# query: [data.test.f("a", 1), data.test.f("b", 5), data.test.f("b", 50), data.test.f(1.0, "any")]
# expect: [1, "small", "large", "one"]
f("a", _) = 1
f("b", n) = "small" { n < 10 }
f("b", n) = "large" { n >= 10 }
f(x, _) = "one" { x == 1 }
f([x, _], 3) = x

# query: data.test.f([4, 5], 3)
# expect: 4
# query: data.test.f("b", null)
# expect: "small"
# query: data.test.f("c", 0)
# expect bindings: []

# Conflicts are found among the candidates, and an else chain is one clause.
# query: data.test.level
# input: {"n": 1}
# expect: "low"
# input: {"n": 5}
# expect error: complete rules must not produce multiple outputs
# input: {"n": 8}
# expect: "high"
# input: {"n": 12}
# expect: "top"
# input: {"n": 13}
# expect: "none"
level = "low" { input.n < 6 }
level = "high" { input.n > 4; input.n < 10 }
level = "top" { input.n == 12 } else = "none" { input.n == 13 }
level = "gone" { input.n == 100 }

# Input and functions that `with` replaces.
# query: x := data.test.begins
# input: {"s": "bet"}
# expect bindings: [{"x": ["b", "be"]}]
# query: x := data.test.begins with startswith as data.test.always
# expect bindings: [{"x": ["a", "b", "be", "z"]}]
begins["a"] { startswith(input.s, "a") }
begins["b"] { startswith(input.s, "b") }
begins["be"] { startswith(input.s, "be") }
begins["z"] { startswith(input.s, "z") }

# query: x := data.test.kind with input as {"n": 8, "s": "bet"}
# expect bindings: [{"x": ["absent", "ge", "gt", "ne", "not false", "prefix"]}]
# query: x := data.test.kind with input as {"s": "no"} with startswith as data.test.always
# expect bindings: [{"x": ["absent", "not false", "prefix"]}]
always(_, _) = true

# mode: strict
# query: data.test.kind
# input: {"n": 7, "s": 5}
# expect error: startswith: operand 1 must be string but got number
# query: data.test.begins
# input: {"s": 5}
# expect error: startswith: operand 1 must be string but got number
