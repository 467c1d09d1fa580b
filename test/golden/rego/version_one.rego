# SPDX-License-Identifier: Apache-2.0
package test
import rego.v1
default p := "no"
p := "yes" if "a" in input.xs
q contains x if some x in input.xs
# input: {"xs": ["a"]}
# expect: "yes"
# query: data.test.q
# expect: ["a"]
