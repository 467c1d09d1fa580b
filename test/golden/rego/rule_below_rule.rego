# SPDX-License-Identifier: Apache-2.0
package test
p = {"q": 1}
p.q = 2
# expect error: rule data.test.p conflicts with [data.test.p.q]
