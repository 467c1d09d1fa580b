# SPDX-License-Identifier: Apache-2.0
package test
default grade(_) := "none"
grade(x) = "high" { x > 90 }
grade(x) = "low" { x < 10 }
p = [grade(95), grade(50), grade(1)]
# expect: ["high", "none", "low"]
