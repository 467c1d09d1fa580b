/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

static wr_panic_hook *panic_hook;

void wr_panic_install(wr_panic_hook *hook)
{
    panic_hook = hook;
}

_Noreturn void wr_panic(const char *expression, const char *file, int line)
{
    if (panic_hook != NULL) {
        panic_hook(expression, file, line);
    }
    __builtin_trap();
}
