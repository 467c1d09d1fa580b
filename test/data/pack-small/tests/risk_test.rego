# SPDX-License-Identifier: Apache-2.0
package risk

test_nothing_is_denied { not deny with input as {} }
