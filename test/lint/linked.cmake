# SPDX-License-Identifier: Apache-2.0
# The wasm modules' files linked natively, with no OpenSSL, no SQLite and none of the files
# that the modules leave out: a name that only these have breaks the build here, where no wasm tools
# are needed. In the place of the port under WasmEdge stands no_host.c. What the C library has and
# wasi-libc has not is not found this way.
#
# weir_linked(NAME FILES...): objects that the libraries have made already serve again.
function(weir_linked NAME)
  set(parts ${ARGN})
  foreach(library weir_shell weir_app)
    get_target_property(sources ${library} SOURCES)
    foreach(file IN LISTS ARGN)
      if(file IN_LIST sources)
        string(REPLACE "${CMAKE_BINARY_DIR}/" "" path ${file})
        list(REMOVE_ITEM parts ${file})
        list(APPEND parts $<FILTER:$<TARGET_OBJECTS:${library}>,INCLUDE,/${path}.o$>)
      endif()
    endforeach()
  endforeach()
  add_executable(${NAME} ${parts})
  target_link_libraries(${NAME} PRIVATE weir_flags weir_core ZLIB::ZLIB ${YAML_LIBRARY})
  target_link_options(${NAME} PRIVATE $<$<C_COMPILER_ID:GNU>:-fno-lto>)
  target_compile_definitions(${NAME} PRIVATE _GNU_SOURCE=1 WEIR_VERSION="${PROJECT_VERSION}")
  weir_lint(${NAME} $<TARGET_FILE:${NAME}> version)
endfunction()

include(cmake/wasm_files.cmake)
set(linked_port ${WEIR_WASM_PORT_FILES})
list(REMOVE_ITEM linked_port src/port/port_wasmedge.c src/port/net_wasmedge.c)
weir_linked(linked_server ${WEIR_WASM_SERVER_FILES} ${linked_port} test/lint/no_host.c)
weir_linked(linked_cli ${WEIR_WASM_CLI_FILES})
