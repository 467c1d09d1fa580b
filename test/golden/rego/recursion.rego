# SPDX-License-Identifier: Apache-2.0
package test
p { q }
q { r }
r { p }
# expect error: rule data.test.p is recursive: data.test.p -> data.test.q -> data.test.r -> data.test.p
