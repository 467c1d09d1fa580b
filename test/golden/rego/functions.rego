# SPDX-License-Identifier: Apache-2.0
package test
double(x) = y { y := x * 2 }
sign(x) = "minus" { x < 0 }
sign(0) = "zero"
sign(x) = "plus" { x > 0 }
first([x, _]) = x
kind({"type": t, "id": _}) = t
p = [double(21), sign(-3), sign(0), sign(4), first(["a", "b"]), kind({"id": 1, "type": "card"})]
# expect: [42, "minus", "zero", "plus", "a", "card"]
# query: data.test.first(["only"])
# expect error: rego_type_error: data.test.first: invalid argument(s)
# query: data.test.double(4, 8)
# expect: true
