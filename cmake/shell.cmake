# SPDX-License-Identifier: Apache-2.0
# What is native: the port, the shell and the program, with the libraries they stand on.
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto)
find_library(YAML_LIBRARY yaml REQUIRED)
if(WEIR_STATIC)
  foreach(library SQLITE3 YAML)
    string(TOLOWER ${library} name)
    find_library(WEIR_STATIC_${library} NAMES lib${name}.a REQUIRED)
  endforeach()
  find_library(WEIR_STATIC_Z NAMES libz.a REQUIRED)
  find_library(WEIR_STATIC_CRYPTO NAMES libcrypto.a REQUIRED)
  set(WEIR_LIBRARIES ${WEIR_STATIC_SQLITE3} ${WEIR_STATIC_Z} ${WEIR_STATIC_YAML}
      ${WEIR_STATIC_CRYPTO} m Threads::Threads ${CMAKE_DL_LIBS})
else()
  set(WEIR_LIBRARIES SQLite::SQLite3 ZLIB::ZLIB ${YAML_LIBRARY} OpenSSL::Crypto m Threads::Threads)
endif()
foreach(floor port shell)
  include(src/${floor}/files.cmake)
endforeach()
add_library(weir_shell STATIC ${WEIR_SHELL_FILES})
target_link_libraries(weir_shell PUBLIC weir_core ${WEIR_LIBRARIES} PRIVATE weir_flags)
target_compile_definitions(weir_shell PRIVATE _GNU_SOURCE=1 WEIR_VERSION="${PROJECT_VERSION}")

# The program: everything of src/app but main.c as a library too, so that tests can call it.
include(src/app/files.cmake)
set(STARTER_FILES .manifest weir.yaml risk.rego)
list(TRANSFORM STARTER_FILES PREPEND ${CMAKE_SOURCE_DIR}/packs/starter/ OUTPUT_VARIABLE STARTER_PATHS)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/starter_pack.c
  COMMAND ${CMAKE_COMMAND} -DOUT=${CMAKE_BINARY_DIR}/starter_pack.c
    -DROOT=${CMAKE_SOURCE_DIR}/packs/starter "-DFILES=${STARTER_FILES}"
    -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${STARTER_PATHS} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
add_library(weir_app STATIC ${WEIR_APP_FILES} ${CMAKE_BINARY_DIR}/starter_pack.c)
target_link_libraries(weir_app PUBLIC weir_shell PRIVATE weir_flags)
target_compile_definitions(weir_app PRIVATE _GNU_SOURCE=1 WEIR_VERSION="${PROJECT_VERSION}")

add_executable(weir src/app/main.c)
target_link_libraries(weir PRIVATE weir_flags weir_app)
weir_link_whole(weir)
target_compile_definitions(weir PRIVATE _GNU_SOURCE=1 WEIR_VERSION="${PROJECT_VERSION}")
set_target_properties(weir PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
if(WEIR_STATIC)
  target_link_options(weir PRIVATE -static)
endif()
