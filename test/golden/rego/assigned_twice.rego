# SPDX-License-Identifier: Apache-2.0
package test
p { x := 1; x := 2 }
# expect error: var x assigned above
