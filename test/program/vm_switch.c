/* SPDX-License-Identifier: Apache-2.0 */
/* The machine with the dispatcher for compilers without labels as values, under other names. */
#define WR_VM_SWITCH
#define wr_vm_run   wr_vm_run_switch
#define wr_vm_start wr_vm_start_switch
#define wr_vm_fail  wr_vm_fail_switch
#include "../../src/rego/vm.c" // NOLINT: a second copy on purpose
