# SPDX-License-Identifier: Apache-2.0
# Each comparison with a base document: of input and of a register, below it, at it, above it, and
# where one side is not there.
# mode: v1
package test

import data.limits as l

of_input contains "eq" if input.n == l.high

of_input contains "neq" if input.n != l.high

of_input contains "lt" if input.n < l.high

of_input contains "lte" if input.n <= l.high

of_input contains "gt" if input.n > l.high

of_input contains "gte" if input.n >= l.high

of_register contains "eq" if {
	x := input.n + 0
	x == l.high
}

of_register contains "neq" if {
	x := input.n + 0
	x != l.high
}

of_register contains "lt" if {
	x := input.n + 0
	x < l.high
}

of_register contains "lte" if {
	x := input.n + 0
	x <= l.high
}

of_register contains "gt" if {
	x := input.n + 0
	x > l.high
}

of_register contains "gte" if {
	x := input.n + 0
	x >= l.high
}

none contains "eq" if input.n == l.nothing

none contains "neq" if input.n != l.nothing

none contains "lt" if input.n < l.nothing

none contains "lte" if input.n <= l.nothing

none contains "gt" if input.n > l.nothing

none contains "gte" if input.n >= l.nothing

none contains "eq of register" if {
	x := input.n + 0
	x == l.nothing
}

none contains "neq of register" if {
	x := input.n + 0
	x != l.nothing
}

none contains "lt of register" if {
	x := input.n + 0
	x < l.nothing
}

none contains "lte of register" if {
	x := input.n + 0
	x <= l.nothing
}

none contains "gt of register" if {
	x := input.n + 0
	x > l.nothing
}

none contains "gte of register" if {
	x := input.n + 0
	x >= l.nothing
}
# data: {"limits": {"high": 20}}
# input: {"n": 19}
# query: data.test
# expect: {"none": [], "of_input": ["lt", "lte", "neq"], "of_register": ["lt", "lte", "neq"]}
# input: {"n": 20}
# query: data.test
# expect: {"none": [], "of_input": ["eq", "gte", "lte"], "of_register": ["eq", "gte", "lte"]}
# input: {"n": 21}
# query: data.test
# expect: {"none": [], "of_input": ["gt", "gte", "neq"], "of_register": ["gt", "gte", "neq"]}
# input: {}
# query: data.test
# expect: {"none": [], "of_input": [], "of_register": []}
