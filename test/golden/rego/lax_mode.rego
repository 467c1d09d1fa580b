# SPDX-License-Identifier: Apache-2.0
package test
import data.never.used as nothing
p {
  x := 1
  data := 3
  data == 3
}
# expect: true
