# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_CORE_FILES
  src/feature/instant.c
  src/feature/schema.c
  src/feature/event.c
  src/feature/plan.c
  src/feature/class.c
  src/feature/exact.c
  src/feature/store.c
  src/feature/entity.c
  src/feature/dictionary.c
  src/feature/chunk.c
  src/feature/gauge.c
  src/feature/tree.c
  src/feature/walk.c
  src/feature/read.c
  src/feature/tally.c
  src/feature/scan.c
  src/feature/geo.c
  src/feature/probe.c
  src/feature/large.c
  src/feature/feature.c
  src/feature/cost.c
  src/feature/digest.c
)
