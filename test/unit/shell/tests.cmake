# SPDX-License-Identifier: Apache-2.0
add_library(weir_sim STATIC sim/sim.c sim/sim_net.c sim/sim_disk.c)
target_include_directories(weir_sim PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(weir_sim PUBLIC weir_core PRIVATE weir_flags)

weir_test(NAME test_port FILES test/unit/shell/test_port.c LIBS weir_shell)
weir_test(NAME test_sim FILES test/unit/shell/test_sim.c LIBS weir_sim weir_shell)
weir_test(NAME test_journal FILES test/unit/shell/test_journal.c LIBS weir_sim weir_shell)
weir_test(NAME test_journal_phrases FILES test/unit/shell/test_journal_phrases.c
  LIBS weir_sim weir_shell)
weir_test(NAME test_journal_aside FILES test/unit/shell/test_journal_aside.c LIBS weir_sim weir_shell)
weir_test(NAME test_journal_full FILES test/unit/shell/test_journal_full.c LIBS weir_sim weir_shell)
weir_test(NAME test_log_ahead FILES test/unit/shell/test_log_ahead.c LIBS weir_sim weir_app)
weir_test(NAME test_journal_thread FILES test/unit/shell/test_journal_thread.c
  LIBS weir_sim weir_shell)
weir_test(NAME test_buffers FILES test/unit/shell/test_buffers.c LIBS weir_shell)
weir_test(NAME test_crypto FILES test/unit/shell/test_crypto.c LIBS weir_shell)
weir_test(NAME test_tls FILES test/unit/shell/test_tls.c LIBS weir_shell)
weir_test(NAME test_beginning FILES test/unit/shell/test_beginning.c LIBS weir_sim weir_shell)
weir_test(NAME test_packs FILES test/unit/shell/test_packs.c LIBS weir_sim weir_shell)
weir_test(NAME test_snapshots FILES test/unit/shell/test_snapshots.c LIBS weir_sim weir_shell)
weir_test(NAME test_snapshot_thread FILES test/unit/shell/test_snapshot_thread.c
  LIBS weir_sim weir_shell)
weir_test(NAME test_budget FILES test/unit/shell/test_budget.c LIBS weir_shell)
weir_test(NAME test_split FILES test/unit/shell/test_split.c LIBS weir_shell)
weir_test(NAME test_server FILES test/unit/shell/test_server.c LIBS weir_sim weir_shell)
weir_test(NAME test_reload FILES test/unit/shell/test_reload.c LIBS weir_sim weir_shell)
weir_test(NAME test_server_full FILES test/unit/shell/test_server_full.c LIBS weir_sim weir_shell)
weir_test(NAME test_server_late FILES test/unit/shell/test_server_late.c LIBS weir_sim weir_shell)
weir_test(NAME test_server_lives FILES test/unit/shell/test_server_lives.c LABEL sim
  LIBS weir_sim weir_shell)
weir_test(NAME test_server_crash FILES test/unit/shell/test_server_crash.c LABEL sim
  LIBS weir_sim weir_shell)

add_executable(bench_journal test/bench/bench_journal.c)
target_link_libraries(bench_journal PRIVATE weir_flags weir_shell)
target_compile_definitions(bench_journal PRIVATE _GNU_SOURCE=1)
set_target_properties(bench_journal PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

# kill -9 under load: 50 kills in a normal run (500 behind ./dev test --all, some six minutes).
add_executable(kill_server test/e2e/kill.c)
target_link_libraries(kill_server PRIVATE weir_flags weir_app)
target_compile_definitions(kill_server PRIVATE _GNU_SOURCE=1)
set_target_properties(kill_server PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
add_test(NAME e2e_kill COMMAND kill_server $<TARGET_FILE:weir>
  ${CMAKE_SOURCE_DIR}/test/data/pack-kill 50 WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
set_tests_properties(e2e_kill PROPERTIES LABELS e2e TIMEOUT 1800)
weir_test(NAME test_admit FILES test/unit/shell/test_admit.c LIBS weir_sim weir_shell)
weir_test(NAME test_repeats FILES test/unit/shell/test_repeats.c LIBS weir_sim weir_shell)
weir_test(NAME test_conn FILES test/unit/shell/test_conn.c LIBS weir_sim weir_shell)
weir_test(NAME test_saturation FILES test/unit/shell/test_saturation.c LIBS weir_sim weir_shell)
weir_test(NAME test_overload FILES test/unit/shell/test_overload.c LIBS weir_sim weir_shell)
weir_test(NAME test_challengers FILES test/unit/shell/test_challengers.c LIBS weir_sim weir_shell)
weir_test(NAME test_access FILES test/unit/shell/test_access.c LIBS weir_sim weir_shell)
weir_test(NAME test_metrics FILES test/unit/shell/test_metrics.c LIBS weir_shell)
weir_test(NAME test_redis FILES test/unit/shell/test_redis.c LIBS weir_shell)
weir_test(NAME test_shared FILES test/unit/shell/test_shared.c LIBS weir_sim weir_shell)
weir_test(NAME test_late_ids FILES test/unit/shell/test_late_ids.c LIBS weir_sim weir_shell)
weir_test(NAME test_digests FILES test/unit/shell/test_digests.c LIBS weir_shell TIMEOUT 3600)
