/* SPDX-License-Identifier: Apache-2.0 */
/* The machine under a name of its own, so that its twin can stand beside it. */
#define wr_vm_run wr_vm_run_goto
#include "../../src/rego/vm.c" // NOLINT: a second copy on purpose
