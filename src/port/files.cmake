# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_SHELL_FILES
  src/port/port.c
  src/port/port_linux.c
  src/port/net_linux.c
  src/port/disk_linux.c
)
