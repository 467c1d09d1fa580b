# SPDX-License-Identifier: Apache-2.0
# What the wasm modules are made of, beside the core: wasm.cmake builds them from it, and the tests
# link the same natively (test/lint/linked.cmake). Behind the floors' own lists.
set(wasm_program src/app/main.c src/app/cli.c src/app/cmd_about.c src/app/engine_open.c src/app/file.c
  src/app/pack_load.c src/app/yaml_file.c ${CMAKE_BINARY_DIR}/starter_pack.c)
# risk-control.wasm
set(WEIR_WASM_SERVER_FILES ${wasm_program}
  src/app/commands_edge.c
  src/app/cmd_serve.c
  src/app/eval_env.c
  src/app/serve_log.c
  src/app/log_push_absent.c
  src/app/sqlite_behind_absent.c
  ${WEIR_SERVER_FILES}
  ${CMAKE_BINARY_DIR}/status_page.c
  src/shell/crypto_absent.c
)
# weir-cli.wasm
set(WEIR_WASM_CLI_FILES ${wasm_program}
  src/app/commands_cli.c
  src/app/anchors.c
  src/app/cardsim.c
  src/app/cmd_check.c
  src/app/cmd_decide.c
  src/app/cmd_eval.c
  src/app/cmd_fmt.c
  src/app/cmd_model.c
  src/app/modelbeside.c
  src/app/modelconform.c
  src/app/modelgolden.c
  src/app/modelquality.c
  src/app/onnxcase.c
  src/app/modelrow.c
  src/app/cmd_pack.c
  src/app/cmd_simulate.c
  src/app/cmd_test.c
  src/app/csv.c
  src/app/decider.c
  src/app/eval_env.c
  src/app/filemap.c
  src/app/kube.c
  src/app/kube_match.c
  src/app/warden.c
  src/app/warden_review.c
  src/app/warden_suite.c
  src/app/labelqueue.c
  src/app/archive.c
  src/app/bundle.c
  src/app/bundle_sign.c
  src/app/eval_output.c
  src/app/eval_profile.c
  src/app/figures.c
  src/app/statistics.c
  src/app/table.c
  src/app/test_names.c
  src/shell/go_json.c
  src/app/policy_load.c
  src/app/progress.c
  src/app/rego_output.c
  src/app/rowevent.c
  src/app/simevent.c
  src/shell/crypto_absent.c
)
