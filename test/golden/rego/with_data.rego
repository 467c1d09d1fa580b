# SPDX-License-Identifier: Apache-2.0
package test
over { input.amount > data.limits.max }
p { over with data.limits.max as 5 }
q = x { x := data.test.over with data.test.over as "replaced" }
# data: {"limits": {"max": 100}}
# input: {"amount": 50}
# expect: true
# query: data.test.over
# expect: undefined
# query: data.test.q
# expect: "replaced"
