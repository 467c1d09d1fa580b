# SPDX-License-Identifier: Apache-2.0
package test
import data.test.lib as l
import data.other.value
lib.pi = 3
p = [l.pi, value, data.other.value]
# data: {"other": {"value": "base"}}
# expect: [3, "base", "base"]
