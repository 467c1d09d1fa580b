# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_CORE_FILES
  src/engine/record.c
  src/engine/replay.c
  src/engine/card.c
  src/engine/seen.c
  src/engine/anchor.c
  src/engine/binding.c
  src/engine/intake.c
  src/engine/input.c
  src/engine/derive.c
  src/engine/route.c
  src/engine/score.c
  src/engine/restore.c
  src/engine/challenge_queue.c
  src/engine/challenge.c
  src/engine/decide.c
  src/engine/explain.c
  src/engine/document.c
  src/engine/batch.c
  src/engine/label.c
  src/engine/outputs.c
  src/engine/fleet.c
  src/engine/fold.c
  src/engine/snapshot.c
  src/engine/engine.c
  src/engine/weir.c
)
