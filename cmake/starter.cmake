# SPDX-License-Identifier: Apache-2.0
# The starter pack as C arrays, for the program that is given no pack.
set(STARTER_FILES .manifest weir.yaml risk.rego)
list(TRANSFORM STARTER_FILES PREPEND ${CMAKE_SOURCE_DIR}/packs/starter/ OUTPUT_VARIABLE STARTER_PATHS)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/starter_pack.c
  COMMAND ${CMAKE_COMMAND} -DOUT=${CMAKE_BINARY_DIR}/starter_pack.c
    -DROOT=${CMAKE_SOURCE_DIR}/packs/starter "-DFILES=${STARTER_FILES}"
    -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${STARTER_PATHS} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
