# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_CORE_FILES
  src/base/base.c
  src/base/err.c
  src/base/arena.c
  src/base/bytes.c
  src/base/fmath.c
)
