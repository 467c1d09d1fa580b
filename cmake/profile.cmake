# SPDX-License-Identifier: Apache-2.0
# Optimisation by profile: objects of the preset `train` count how often each branch is taken, in files below
# WEIR_TRAIN; objects of the preset `release` are laid out by them, where WEIR_PROFILE holds some. The folder of
# the build is no part of a file's name, so that one build reads what another counted. What training never
# reached is compiled as without a profile, not for size: other packs than the trained one stay as fast as they
# were. Warnings that follow the flow tell of paths there that a peeled loop cannot take, and no warning is an error,
# since a function that changed after the training has no counts: the presets `dev` and `train` have them all.
set(WEIR_TRAIN "" CACHE PATH "count branches into this folder (gcc)")
set(WEIR_PROFILE "" CACHE PATH "optimise by the counts in this folder (gcc)")
if((WEIR_TRAIN OR WEIR_PROFILE) AND NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
  message(STATUS "no optimisation by profile: the compiler is ${CMAKE_C_COMPILER_ID}, not GNU")
elseif(WEIR_TRAIN)
  target_compile_options(weir_flags INTERFACE
    -fprofile-generate=${WEIR_TRAIN} -fprofile-prefix-path=${CMAKE_BINARY_DIR} -fprofile-update=prefer-atomic
    -Wno-maybe-uninitialized)
  target_link_options(weir_flags INTERFACE -fprofile-generate)
elseif(WEIR_PROFILE)
  if(EXISTS ${WEIR_PROFILE})
    target_compile_options(weir_flags INTERFACE
      -fprofile-use=${WEIR_PROFILE} -fprofile-prefix-path=${CMAKE_BINARY_DIR} -fprofile-partial-training
      -Wno-error -Wno-missing-profile -Wno-coverage-mismatch -Wno-maybe-uninitialized -Wno-array-bounds
      -Wno-stringop-overread -Wno-stringop-overflow)
  else()
    message(STATUS "no profile in ${WEIR_PROFILE}: ./dev build makes one first")
  endif()
endif()
