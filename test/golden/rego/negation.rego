# SPDX-License-Identifier: Apache-2.0
package test
p { not input.blocked }
q { not input.blocked == true }
r { not s }
s { input.n > 3 }
# input: {}
# expect: true
# input: {"blocked": false}
# expect: true
# input: {"blocked": true}
# expect: undefined
# query: data.test.r
# input: {"n": 4}
# expect: undefined
# input: {"n": 3}
# expect: true
