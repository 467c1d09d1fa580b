# SPDX-License-Identifier: Apache-2.0
package test
p { input.a == x; x := 1 }
# expect error: var x referenced above
