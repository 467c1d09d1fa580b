# SPDX-License-Identifier: Apache-2.0
package test
p { x > 1 }
# expect error: var x is unsafe
