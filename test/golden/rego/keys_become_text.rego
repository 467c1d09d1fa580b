# SPDX-License-Identifier: Apache-2.0
# JSON sorts keys by their text, and of keys with one text the last in Rego's order stays.
package test

# query: data.test.marshalled
# expect: "{\"10\":1,\"9\":2,\"[1]\":6,\"a\":3,\"null\":4,\"o\":[{\"1\":1,\"11\":2,\"2\":3}],\"true\":5}"
marshalled = json.marshal({
	9: 2, 10: 1, "a": 3, null: 4, true: 5, [1]: 7, {1}: 6,
	"o": {{2: 3, 1: 1, 11: 2}},
})
