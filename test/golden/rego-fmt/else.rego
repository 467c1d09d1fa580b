# SPDX-License-Identifier: Apache-2.0
package t
import future.keywords.if
import future.keywords.in

default p = false

default f(_) := 1
p { input.a } else = 2 { input.b }
else = 3 { input.c }
# comment above
else = 4 {
  input.d # inside
}
q if input.a
q := 2 if { input.b
}
r = 1 { true }
f(x) = 2 { x }
f(1)
f("a") = true
g(x) { x > 1 } { x < 0 }
s if { some x in input.xs; x > 1 } else := 5 if input.y else := 6
