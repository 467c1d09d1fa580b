# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_CORE_FILES
  src/wire/h1_text.c
  src/wire/h1_read.c
  src/wire/h1_repeat.c
  src/wire/h1_body.c
  src/wire/h1_write.c
  src/wire/resp.c
)
