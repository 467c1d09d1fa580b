/* SPDX-License-Identifier: Apache-2.0 */
/* Where the static program begins, on x86-64. Before main some 120 pages of addresses are set, each
 * the first time that its page is written: here the system is asked for them all at once
 * (madvise(2), MADV_POPULATE_WRITE, since Linux 5.14; elsewhere it refuses, and they come one by
 * one). It runs before anything is set up: no stack is used, nothing is called, and what the C
 * library finds in the registers is what the system put there. */
__asm__(".text\n"
        ".globl wr_entry\n"
        ".type wr_entry, @function\n"
        "wr_entry:\n"
        "  endbr64\n"
        "  mov %rdx, %r8\n"
        "  lea __init_array_start(%rip), %rdi\n"
        "  and $-4096, %rdi\n"
        "  lea _edata(%rip), %rsi\n"
        "  sub %rdi, %rsi\n"
        "  mov $23, %edx\n" /* MADV_POPULATE_WRITE */
        "  mov $28, %eax\n" /* madvise */
        "  syscall\n"
        "  mov %r8, %rdx\n"
        "  jmp _start\n"
        ".size wr_entry, . - wr_entry\n");
