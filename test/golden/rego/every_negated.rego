# SPDX-License-Identifier: Apache-2.0
package test
import future.keywords
p if not q
q if every x in input.xs { x > 1 }
# input: {"xs": [2, 3]}
# expect: undefined
# input: {"xs": [2, 0]}
# expect: true
