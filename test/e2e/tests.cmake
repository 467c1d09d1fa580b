# SPDX-License-Identifier: Apache-2.0
# Whole-program tests: the real binary, driven from outside.
function(weir_e2e name)
  add_test(NAME e2e_${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(e2e_${name} PROPERTIES LABELS e2e SKIP_RETURN_CODE 77 TIMEOUT 900)
endfunction()

set(E2E ${CMAKE_SOURCE_DIR}/test/e2e)
weir_e2e(handbook python3 ${E2E}/handbook.py $<TARGET_FILE:weir> shared ${WEIR_SHARED})
weir_e2e(handbook_simulated python3 ${E2E}/handbook.py $<TARGET_FILE:weir> simulated)
weir_e2e(models python3 ${E2E}/models.py $<TARGET_FILE:weir> ${WEIR_SHARED})
weir_e2e(starter python3 ${E2E}/starter.py $<TARGET_FILE:weir>)
weir_e2e(service python3 ${E2E}/service.py $<TARGET_FILE:weir>)
weir_e2e(errors_page sh -c "$<TARGET_FILE:weir> errors --markdown | cmp - docs/errors.md")
weir_e2e(cards_policy $<TARGET_FILE:weir> test packs/cards)
weir_e2e(cards_format $<TARGET_FILE:weir> fmt --list --fail packs/cards)
weir_e2e(opa_rest python3 ${E2E}/opa_rest.py $<TARGET_FILE:weir>
  ${CMAKE_SOURCE_DIR}/test/golden/opa/rest.json ${CMAKE_SOURCE_DIR}/test/golden/opa/rest_more.json)
weir_e2e(opa_node python3 ${E2E}/opa_node.py $<TARGET_FILE:weir>)
weir_e2e(opa_cli python3 ${E2E}/opa_cli.py $<TARGET_FILE:weir> ${CMAKE_SOURCE_DIR}/test/golden/opa/cli.json)
weir_e2e(opa_fmt python3 ${E2E}/opa_fmt.py $<TARGET_FILE:weir> ${WEIR_SHARED})
weir_e2e(opa_bundle python3 ${E2E}/opa_bundle.py $<TARGET_FILE:weir>
  ${CMAKE_SOURCE_DIR}/test/golden/opa/bundle.json)
weir_e2e(cards_pack $<TARGET_FILE:weir> pack check packs/cards)
weir_e2e(journal python3 ${E2E}/journal.py $<TARGET_FILE:weir>)
weir_e2e(load python3 ${E2E}/load.py $<TARGET_FILE:weir>)
weir_e2e(replay python3 ${E2E}/replay.py $<TARGET_FILE:weir>)
weir_e2e(secure python3 ${E2E}/secure.py $<TARGET_FILE:weir>)
weir_e2e(reader python3 ${E2E}/reader.py $<TARGET_FILE:weir>)
