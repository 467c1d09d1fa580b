# SPDX-License-Identifier: Apache-2.0
package test
p[x] { input.ok }
# expect error: var x is unsafe
