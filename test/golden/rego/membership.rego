# SPDX-License-Identifier: Apache-2.0
package test
import future.keywords.in
a { "a" in ["a", "b"] }
b { "c" in {"a", "b"} }
c { 2 in {"k": 2} }
d { "k", 2 in {"k": 2} }
e { 1 in "no collection" }
f = x { x := "c" in ["a"] }
# query: data.test
# expect: {"a": true, "c": true, "d": true, "f": false}
