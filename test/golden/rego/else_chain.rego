# SPDX-License-Identifier: Apache-2.0
package test
p = "decline" {
  input.score > 90
} else = "review" {
  input.score > 50
} else = "approve" {
  input.score >= 0
}
# input: {"score": 95}
# expect: "decline"
# input: {"score": 51}
# expect: "review"
# input: {"score": 3}
# expect: "approve"
# input: {"score": -1}
# expect: undefined
