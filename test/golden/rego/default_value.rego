# SPDX-License-Identifier: Apache-2.0
package test
default p = "review"
p = "approve" { input.ok }
# input: {"ok": true}
# expect: "approve"
# input: {}
# expect: "review"
# input: undefined
# expect: "review"
