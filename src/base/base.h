/* SPDX-License-Identifier: Apache-2.0 */
/* What every file of the core may take for granted: fixed-width integers, assertions, limits.
 *
 * The core is C17 without an operating system: no I/O, no clock, no allocation but from arenas.
 * WR_ASSERT states a fact whose failure is a bug of ours, never of the input; it stays on in
 * release builds, names expression, file and line through wr_panic, and does not return.       */
#ifndef WR_BASE_H
#define WR_BASE_H

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WR_COUNTOF(array) (sizeof(array) / sizeof((array)[0]))
#define WR_MIN(a, b)      ((a) < (b) ? (a) : (b))
#define WR_MAX(a, b)      ((a) > (b) ? (a) : (b))
#define WR_NODISCARD      __attribute__((warn_unused_result))
#define WR_PRINTF(f, a)   __attribute__((format(printf, f, a)))
#define WR_LIKELY(x)      __builtin_expect(!!(x), 1)
#define WR_UNLIKELY(x)    __builtin_expect(!!(x), 0)

__extension__ typedef __int128 wr_i128;
__extension__ typedef unsigned __int128 wr_u128;

/* Stops the program because of a bug. The shell installs a hook that prints; the core alone traps.
 */
typedef void wr_panic_hook(const char *expression, const char *file, int line);
void wr_panic_install(wr_panic_hook *hook);
_Noreturn void wr_panic(const char *expression, const char *file, int line);

#define WR_ASSERT(e)     (WR_LIKELY(e) ? (void)0 : wr_panic(#e, __FILE__, __LINE__))
#define WR_UNREACHABLE() wr_panic("unreachable", __FILE__, __LINE__)

#ifdef WR_SLOW_CHECKS /* on in presets dev and asan */
#define WR_CHECK_SLOW(e) WR_ASSERT(e)
#else
#define WR_CHECK_SLOW(e) ((void)0)
#endif

#endif
