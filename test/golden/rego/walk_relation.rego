# SPDX-License-Identifier: Apache-2.0
package test
p = {path | walk(input, [path, value]); value == "x"}
# input: {"a": {"b": "x"}, "c": ["y", "x"]}
# expect: [["a", "b"], ["c", 1]]
