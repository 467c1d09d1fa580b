# SPDX-License-Identifier: Apache-2.0
package test
import future.keywords
by[country][kind].total := n if {
  some i
  country := input.rows[i].country
  kind := input.rows[i].kind
  n := input.rows[i].n
}
by.fixed.kind := "none"
# query: data.test.by
# input: {"rows": [{"country": "de", "kind": "card", "n": 1}, {"country": "de", "kind": "bank", "n": 2}, {"country": "fr", "kind": "card", "n": 3}]}
# expect: {"de": {"bank": {"total": 2}, "card": {"total": 1}}, "fixed": {"kind": "none"}, "fr": {"card": {"total": 3}}}
# input: {"rows": [{"country": "de", "kind": "card", "n": 1}, {"country": "de", "kind": "card", "n": 2}]}
# expect error: object keys must be unique
