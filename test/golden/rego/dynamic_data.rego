# SPDX-License-Identifier: Apache-2.0
package test
deny_large { input.amount > 10 }
deny_late { input.hour > 22 }
p = {name | data.test[name]; startswith(name, "deny_")}
# expect error: rego_recursion_error: rule data.test.p is recursive: data.test.p -> data.test.p
