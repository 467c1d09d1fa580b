# SPDX-License-Identifier: Apache-2.0
package test
p = [1.50, 1e3, 0.1 + 0.2, 10 / 4, 7 % 4, 3 - 5, 2 * 2.5]
q { 1 == 1.0; 1.0 == 1e0; 0.10 == 0.1 }
# expect: [1.50, 1000, 0.3, 2.5, 3, -2, 5]
# query: data.test.q
# expect: true
# query: 9007199254740993 + 0
# expect: 9007199254740993
