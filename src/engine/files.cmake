# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_CORE_FILES
)
