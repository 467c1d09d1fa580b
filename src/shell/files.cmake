# SPDX-License-Identifier: Apache-2.0
list(APPEND WEIR_SHELL_FILES
  src/shell/vfs.c
  src/shell/segment.c
  src/shell/journal.c
  src/shell/ring.c
  src/shell/journal_thread.c
)
