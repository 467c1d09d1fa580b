# SPDX-License-Identifier: Apache-2.0
package t
import rego.v1
allow if { input.user == "root" }
allow if input.role in {"admin","owner"}
reasons contains r if { r := "a"
input.x }
reasons contains "constant"
score := sum([w | some r in reasons; w := weights[r]])
a.b.c := true
