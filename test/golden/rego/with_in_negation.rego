# SPDX-License-Identifier: Apache-2.0
package test
r { input.on }
p { not r with input as {"on": false} }
q { not r with input as {"on": true} }
# query: data.test
# expect: {"p": true}
