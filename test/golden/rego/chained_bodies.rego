# SPDX-License-Identifier: Apache-2.0
package test
p { input.a } { input.b }
# input: {"b": true}
# expect: true
# input: {"a": true}
# expect: true
# input: {}
# expect: undefined
