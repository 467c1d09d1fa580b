# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_CORE_FILES
  src/value/bigfloat.c
  src/value/value.c
  src/value/sort.c
  src/value/order.c
  src/value/number.c
  src/value/json_text.c
  src/value/json_layout.c
  src/value/json_read.c
  src/value/json_write.c
)
