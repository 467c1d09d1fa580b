# SPDX-License-Identifier: Apache-2.0
package test
p { some x; true }
# expect error: declared var x unused
