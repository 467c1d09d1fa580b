# SPDX-License-Identifier: Apache-2.0
package test
default p = 1
default p = 2
# expect error: multiple default rules data.test.p found
