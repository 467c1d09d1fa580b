/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite built without an operating system (SQLITE_OS_OTHER): its files go through vfs.c, which is
 * named at each opening. */
#include <sqlite3.h>

int sqlite3_os_init(void);
int sqlite3_os_end(void);

int sqlite3_os_init(void)
{
    return SQLITE_OK;
}

int sqlite3_os_end(void)
{
    return SQLITE_OK;
}
