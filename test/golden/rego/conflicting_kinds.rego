# SPDX-License-Identifier: Apache-2.0
package test
p = 1
p[x] { x := 1 }
# expect error: conflicting rules data.test.p found
