# SPDX-License-Identifier: Apache-2.0
package test.doc
virtual = 1
f(x) = x
nothing { false }
# data: {"test": {"doc": {"base": 2}, "more": 3}}
# query: data.test
# expect: {"doc": {"base": 2, "virtual": 1}, "more": 3}
# query: data.test.doc[k]
# expect bindings: [{"k": "base"}, {"k": "virtual"}]
# query: data.test[x].virtual
# expect bindings: [{"x": "doc"}]
# query: data[a][b][c] = 2
# expect bindings: [{"a": "test", "b": "doc", "c": "base"}]
