# SPDX-License-Identifier: Apache-2.0
package test
f(x) = x
p { f(1, 2, 3) }
# expect error: function data.test.f has arity 1, got 3 arguments
