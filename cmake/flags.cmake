# SPDX-License-Identifier: Apache-2.0
# One set of compiler flags for every target. -ffp-contract=off: the same bits on every build.
add_library(weir_flags INTERFACE)
target_compile_features(weir_flags INTERFACE c_std_17)
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
target_compile_options(weir_flags INTERFACE
  -ffp-contract=off -fno-strict-aliasing
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef
  -Wvla -Wwrite-strings -Wformat=2 -Wconversion -Wno-sign-conversion -Wdouble-promotion
  -Wimplicit-fallthrough -Wcast-qual)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(weir_flags INTERFACE -Wlogical-op -Wduplicated-cond -Wjump-misses-init)
endif()
if(WEIR_WERROR)
  target_compile_options(weir_flags INTERFACE -Werror)
endif()
# Frame pointers cost the release 3 % of its instructions.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(weir_flags INTERFACE -fno-omit-frame-pointer)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_definitions(weir_flags INTERFACE WR_SLOW_CHECKS=1)
endif()
if(WEIR_SANITIZE)
  target_compile_options(weir_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(weir_flags INTERFACE -fsanitize=address,undefined)
endif()
# What a release is hardened with; test/lint/hardened.py reads it back from the binary. Zeroed stack
# variables and cleared registers only where asked for: docs/decisions.md has what they cost.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "wasm32")
  target_compile_options(weir_flags INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
    -fno-delete-null-pointer-checks -fno-strict-overflow -fPIE
    -Werror=format-security -Werror=implicit-function-declaration -Werror=int-conversion)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(weir_flags INTERFACE -fcf-protection=full)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    target_compile_options(weir_flags INTERFACE -mbranch-protection=standard)
  endif()
  target_link_options(weir_flags INTERFACE
    -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed)
  if(WEIR_HARDEN_MORE)
    target_compile_options(weir_flags INTERFACE
      -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr)
  endif()
endif()
# Objects carry both plain code and what link-time optimisation reads: the program is linked with it,
# the many test programs without, or each would optimise the whole tree again.
if(WEIR_LTO)
  target_compile_options(weir_flags INTERFACE -flto=auto -ffat-lto-objects)
  set(CMAKE_AR ${CMAKE_C_COMPILER_AR})
  set(CMAKE_RANLIB ${CMAKE_C_COMPILER_RANLIB})
endif()
function(weir_link_whole target)
  if(WEIR_LTO)
    target_link_options(${target} PRIVATE -flto=auto -O3)
  endif()
endfunction()
