# SPDX-License-Identifier: Apache-2.0
# Native.
list(APPEND WEIR_SHELL_FILES
  src/port/port.c
  src/port/errno_posix.c
  src/port/disk_posix.c
  src/port/port_linux.c
  src/port/net_linux.c
  src/port/disk_linux.c
  src/port/memory_linux.c
  src/port/host_linux.c
)
# Under WasmEdge.
list(APPEND WEIR_WASM_PORT_FILES
  src/port/port.c
  src/port/errno_posix.c
  src/port/disk_posix.c
  src/port/port_wasmedge.c
  src/port/net_wasmedge.c
)
