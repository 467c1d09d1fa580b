# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_APP_FILES
  src/app/anchors.c
  src/app/cardsim.c
  src/app/cli.c
  src/app/client.c
  src/app/cmd_about.c
  src/app/cmd_decide.c
  src/app/cmd_demo.c
  src/app/cmd_eval.c
  src/app/cmd_model.c
  src/app/cmd_pack.c
  src/app/cmd_serve.c
  src/app/cmd_simulate.c
  src/app/csv.c
  src/app/decider.c
  src/app/demo.c
  src/app/engine_open.c
  src/app/file.c
  src/app/labelqueue.c
  src/app/pack_load.c
  src/app/policy_load.c
  src/app/progress.c
  src/app/rowevent.c
  src/app/simevent.c
  src/app/yaml.c
  src/app/zones.c
)
