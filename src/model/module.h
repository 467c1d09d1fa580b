/* SPDX-License-Identifier: Apache-2.0 */
/* The container: a program behind the compiled kernel, in one WebAssembly module.
 *
 *   header | the kernel's sections, memory enlarged | custom "weir.model": version, size, SHA-256
 *          | custom "weir.pad" | data section: the kernel's segments, then the program
 *
 * The padding puts the program at a multiple of 64 bytes from the start of the file, so that a
 * mapped file is scored in place. No imports; see module_entry.c for the exports. */
#ifndef WR_MODULE_H
#define WR_MODULE_H

#include "base/bytes.h"
#include "base/err.h"

struct wr_module {
    struct wr_str program; /* borrowed from the wasm bytes */
    size_t program_at;     /* its offset there */
    uint8_t digest[32];    /* SHA-256 of the program, verified */
    bool kernel_known;     /* the code is that of this build */
};

/* Appends the module of a program that holds the bytes `held`: the program itself, or its packed
 * form (each a multiple of 64 bytes, aligned to 64). Errors: WR_E_MEMORY, WR_E_LIMIT. */
WR_NODISCARD wr_err wr_module_write(struct wr_str program, struct wr_str held, struct wr_buf *out,
                                    struct wr_error *error);

/* Makes a program that is held as it is into its module where it lies: WR_MODULE_HEAD bytes ahead
 * of it are free for that, and all is memory of `out`'s arena. `out` is empty and becomes the
 * module. */
#define WR_MODULE_HEAD (96u * 1024)
WR_NODISCARD wr_err wr_module_wrap(struct wr_str program, struct wr_buf *out,
                                   struct wr_error *error);

/* Finds the program in untrusted bytes: every section is stepped through, order, sizes and digest
 * are checked; the code itself is not looked at, since the native kernel runs instead of it.
 * Errors: WR_E_WASM with the byte offset. */
WR_NODISCARD wr_err wr_module_read(struct wr_str wasm, struct wr_module *module,
                                   struct wr_error *error);

#endif
