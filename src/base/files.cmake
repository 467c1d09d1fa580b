# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_CORE_FILES
  src/base/base.c
  src/base/err.c
  src/base/arena.c
  src/base/bytes.c
  src/base/cpu.c
  src/base/hash.c
  src/base/ip.c
  src/base/sha256.c
  src/base/sha256_lanes.c
  src/base/sha256_wide.c
  src/base/big.c
  src/base/pow10.c
  src/base/num_read.c
  src/base/num_write.c
  src/base/histogram.c
  src/base/fmath.c
  src/base/rng.c
)
