# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_CORE_FILES
  src/pack/tar.c
  src/pack/keys.c
  src/pack/lists.c
  src/pack/places.c
  src/pack/models.c
  src/pack/roles.c
  src/pack/explain.c
  src/pack/decision.c
  src/pack/mapping.c
  src/pack/costs.c
  src/pack/compile.c
  src/pack/pack.c
)
