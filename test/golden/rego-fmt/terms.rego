# SPDX-License-Identifier: Apache-2.0
package t
import future.keywords
a := 1+2*3-4
b := (1+2)*3
c := (a == b) == (b == a)
d := [1,2,
  3, {"k":[1,
  2]}]
e := {1,2, 3,}
f := {x|x:=input[_];x>1}
g := {k:v|
  v := input[k]
  v != null}
h := [x |
some x in [1,2]
]
i := `raw "text" \n`
j := "escaped \"text\" \u00e9 \/ \t"
k := set()
l := {}
m if { (1 in [1]) in [true]; "k", 1 in {"k": 1} ; x := (2 in [2]) }
n := count([1]) + count({2}) if true
o["a b"].c := 1
p[x].y contains z if { some x, z in input.list }
q(x,
  y) := x+y
r(_, [a, b]) if a == b
s := input.a["b"]["c d"][_][i].in_x
t if every x in [1,
  2] { x > 0
  x < 10 }
u if { not v with input as {"a": 1} with data.b as 2
  w with input.a as 1
    with input.b as 2
}
v { false } else := 2 { false } else = 3
w {
  plus(1, 2) == 3
}
y = x { x := {"a": 1,
"b": 2}}
z[x] = y { some x, y; input.m[x] = y }
