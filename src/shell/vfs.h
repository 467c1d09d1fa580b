/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's file layer over port.disk: the same on Linux, in the simulator and in wasm.
 *
 * Locks do nothing: the state directory is locked as a whole, and each file has one connection.
 * There is no shared memory, so a write-ahead log needs `PRAGMA locking_mode=EXCLUSIVE` before the
 * first access. Writes to the log are gathered, so that a commit is one write and not two for each
 * page: after COMMIT the caller flushes (wr_vfs_log_flush), and only then is the commit beyond the
 * death of the process.
 * Source: sqlite.org/vfs.html, sqlite.org/walformat.html.                                       */
#ifndef WR_VFS_H
#define WR_VFS_H

#include "port/port.h"

#include <sqlite3.h>

enum { WR_VFS_GATHER = 1 << 18 }; /* bytes of log gathered at most */

/* Registers a file layer for the port under a name of its own (at least 32 bytes of room). */
struct wr_vfs;
enum wr_io wr_vfs_open(const struct wr_port *port, struct wr_vfs **out);
const char *wr_vfs_name(const struct wr_vfs *vfs);
const struct wr_port *wr_vfs_port(const struct wr_vfs *vfs);
void wr_vfs_close(struct wr_vfs *vfs); /* after all its connections */

/* The log of a connection: hands gathered writes to the system; makes them safe; its size. OK and 0
 * when there is no log file yet. */
enum wr_io wr_vfs_log_flush(sqlite3 *db);
enum wr_io wr_vfs_log_sync(sqlite3 *db);
uint64_t wr_vfs_log_size(sqlite3 *db);
/* What the last operation that failed since the last call met with; WR_IO_OK when none has. */
enum wr_io wr_vfs_take_failure(struct wr_vfs *vfs);

#endif
