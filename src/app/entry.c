/* SPDX-License-Identifier: Apache-2.0 */
/* Where the static program begins, on x86-64. Before main some 120 pages of addresses are set, each
 * the first time that its page is written: here the system is asked for them all at once
 * (madvise(2), MADV_POPULATE_WRITE, since Linux 5.14; elsewhere it refuses, and they come one by
 * one). It runs before anything is set up: no stack is used and nothing is called. Of the registers
 * only %rsp and %rdx say anything when a program begins, and both are handed on as they came; the
 * system call changes %rax, %rcx and %r11. Source: System V ABI, AMD64 supplement, 3.4.1 and A.2.1.
 * Nobody called it, and a trace of calls ends here. */
__asm__(".pushsection .text\n"
        ".globl wr_entry\n"
        ".type wr_entry, @function\n"
        "wr_entry:\n"
        "  .cfi_startproc\n"
        "  .cfi_undefined rip\n"
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
        "  .cfi_endproc\n"
        ".size wr_entry, . - wr_entry\n"
        ".popsection\n");
