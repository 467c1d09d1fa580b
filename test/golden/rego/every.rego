# SPDX-License-Identifier: Apache-2.0
package test
import future.keywords
p if every x in input.xs { x > 1 }
q if every i, x in input.xs { x > i }
# input: {"xs": [2, 3]}
# expect: true
# query: data.test.q
# expect: true
# query: data.test.p
# input: {"xs": [2, 1]}
# expect: undefined
# input: {"xs": []}
# expect: true
# input: {}
# expect: undefined
# input: {"xs": {"k": 3}}
# expect: true
