# SPDX-License-Identifier: Apache-2.0
# The page of GET /status as a C array.
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/status_page.c
  COMMAND ${CMAKE_COMMAND} -DIN=${CMAKE_SOURCE_DIR}/src/shell/status.html
    -DOUT=${CMAKE_BINARY_DIR}/status_page.c -DHEADER=shell/status_page.h -DNAME=wr_status_page
    -P ${CMAKE_SOURCE_DIR}/cmake/text.cmake
  DEPENDS ${CMAKE_SOURCE_DIR}/src/shell/status.html ${CMAKE_SOURCE_DIR}/cmake/text.cmake VERBATIM)
