# SPDX-License-Identifier: Apache-2.0
package test
p[k] = v { v := input.map[k]; v != null }
# input: {"map": {"a": 1, "b": null, "c": 3}}
# expect: {"a": 1, "c": 3}
# query: data.test.p.a
# expect: 1
# query: data.test.p.b
# expect: undefined
# query: data.test.p[k]
# expect bindings: [{"k": "a"}, {"k": "c"}]
