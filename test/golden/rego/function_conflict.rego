# SPDX-License-Identifier: Apache-2.0
package test
f(x) = 1 { x > 0 }
f(x) = 2 { x > 10 }
# query: data.test.f(5)
# expect: 1
# query: data.test.f(50)
# expect error: functions must not produce multiple outputs for same inputs
