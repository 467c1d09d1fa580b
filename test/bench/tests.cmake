# SPDX-License-Identifier: Apache-2.0
# Benchmarks: built beside the binary, run by `./dev bench`, never a pass or fail of timings.
foreach(bench pipeline coldstart rego echo model explain forest feature feature_redis lists refuse floor)
  add_executable(bench_${bench} test/bench/${bench}.c)
  target_link_libraries(bench_${bench} PRIVATE weir_flags weir_app)
  target_compile_definitions(bench_${bench} PRIVATE _GNU_SOURCE=1 WEIR_SOURCE="${CMAKE_SOURCE_DIR}"
    WEIR_VERSION="${PROJECT_VERSION}")
  target_include_directories(bench_${bench} PRIVATE test/bench)
  weir_link_whole(bench_${bench})
  set_target_properties(bench_${bench} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endforeach()
target_link_libraries(bench_refuse PRIVATE weir_sim)
