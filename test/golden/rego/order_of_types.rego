# SPDX-License-Identifier: Apache-2.0
package test
p = sort([{1}, {"a": 1}, [1], "a", 1, true, false, null])
q { null < false; false < true; true < 0; 0 < ""; "" < []; [] < {}; {} < set() }
# expect: [null, false, true, 1, "a", [1], {"a": 1}, [1]]
# query: data.test.q
# expect: true
