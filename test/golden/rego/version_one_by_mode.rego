# SPDX-License-Identifier: Apache-2.0
package test
# mode: v1
p if input.x > 1
q contains input.x
# input: {"x": 2}
# expect: true
# query: data.test.q
# expect: [2]
