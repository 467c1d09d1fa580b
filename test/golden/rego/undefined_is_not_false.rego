# SPDX-License-Identifier: Apache-2.0
package test
a = [input.missing]
b = {"k": input.missing}
c = x { x := count(input.missing) }
d { input.no == false }
e { input.no }
f { input.zero; input.empty; input.nothing == null; input.nothing }
# query: data.test
# input: {"no": false, "zero": 0, "empty": "", "nothing": null}
# expect: {"d": true, "f": true}
