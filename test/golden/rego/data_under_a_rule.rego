# SPDX-License-Identifier: Apache-2.0
package test
p = 1
# data: {"test": {"p": 2}}
# expect error: conflicting rule for data path
