# SPDX-License-Identifier: Apache-2.0
# Each floor's tests stand in test/unit/<floor>/tests.cmake; whole-program tests in test/e2e.
# weir_test(NAME name FILES ... [LABEL unit] [LIBS ...] [ARGS ...]): one program, one CTest entry.
# Test programs land beside the weir binary. Data from ../shared is found through WEIR_SHARED.
set(WEIR_SHARED "${CMAKE_SOURCE_DIR}/../shared" CACHE PATH "test data (optional)")

function(weir_test)
  cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT" "FILES;LIBS;ARGS" ${ARGN})
  add_executable(${T_NAME} ${T_FILES})
  target_link_libraries(${T_NAME} PRIVATE weir_flags weir_core ${T_LIBS})
  target_link_options(${T_NAME} PRIVATE $<$<C_COMPILER_ID:GNU>:-fno-lto>)
  target_include_directories(${T_NAME} PRIVATE test)
  target_compile_options(${T_NAME} PRIVATE $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
  # To clang, NAN and INFINITY are floats. Options of a source stand behind those of its target.
  set_source_files_properties(${T_FILES} PROPERTIES
    COMPILE_OPTIONS $<$<C_COMPILER_ID:Clang>:-Wno-double-promotion>)
  target_compile_definitions(${T_NAME} PRIVATE _GNU_SOURCE=1
    WEIR_SOURCE="${CMAKE_SOURCE_DIR}" WEIR_SHARED="${WEIR_SHARED}")
  set_target_properties(${T_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  add_test(NAME ${T_NAME} COMMAND ${T_NAME} ${T_ARGS} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
  if(NOT T_LABEL)
    set(T_LABEL unit)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  set_tests_properties(${T_NAME} PROPERTIES LABELS ${T_LABEL} SKIP_RETURN_CODE 77
    TIMEOUT ${T_TIMEOUT})
endfunction()

foreach(part lint unit/base unit/value unit/rego unit/builtin unit/feature unit/model unit/pack unit/engine
             unit/wire unit/shell unit/app conform e2e bench)
  include(test/${part}/tests.cmake OPTIONAL)
endforeach()
