/* SPDX-License-Identifier: Apache-2.0 */
/* The boundary to the operating system: clock, network, disk, entropy, threads as tables.
 *
 * Everything the shell does to the world goes through a struct wr_port. There are several makers:
 * port_linux.c (epoll, fdatasync, flock, getrandom), the simulator in sim/, and later WasmEdge. No
 * errno passes this line: functions return enum wr_io, and out parameters are set on WR_IO_OK only
 * (unless said otherwise). Handles are small integers, never pointers; a handle is used by one
 * thread at a time. Calls of `net` belong to the loop, except wake. Calls of `disk` may come from
 * any thread, each on its own files. */
#ifndef WR_PORT_H
#define WR_PORT_H

#include "base/arena.h"
#include "base/bytes.h"

enum wr_io {
    WR_IO_OK = 0,
    WR_IO_AGAIN,   /* nothing now; poll first */
    WR_IO_CLOSED,  /* the peer has closed or reset the connection */
    WR_IO_FULL,    /* no space, quota or file size limit */
    WR_IO_LIMIT,   /* no descriptor or no memory for one more */
    WR_IO_ABSENT,  /* no such file or directory */
    WR_IO_EXISTS,  /* the file is there already */
    WR_IO_BUSY,    /* another process holds the lock, or the address is in use */
    WR_IO_DENIED,  /* not permitted */
    WR_IO_INVALID, /* the address or path makes no sense */
    WR_IO_FAILED,  /* everything else: the device or the system failed */
};

/* "no space left", "permission denied" ...: for messages. */
const char *wr_io_text(enum wr_io result);

/* ── clock ──────────────────────────────────────────────────────────────────────────────────── */
struct wr_port_clock {
    int64_t (*wall_ns)(void *context); /* since 1970-01-01 UTC; may step */
    int64_t (*mono_ns)(void *context); /* never goes back; any origin */
    void *context;
};

/* ── network ────────────────────────────────────────────────────────────────────────────────── */
enum { WR_NET_READ = 1, WR_NET_WRITE = 2, WR_NET_WAKE = 4 };

struct wr_net_event {
    uint64_t token; /* as given to watch; 0 for a wake */
    uint32_t ready; /* WR_NET_*; an error or hang-up shows as both read and write */
};

struct wr_port_net {
    /* Listens on "127.0.0.1:8181", "[::1]:0" or "unix:/run/weir.sock" (an old socket file that
     * nobody answers on is replaced); "share:127.0.0.1:8181" may be listened on by several
     * processes, among which the system spreads connections. Does not watch it yet. */
    enum wr_io (*listen)(void *context, const char *address, int32_t *listener);
    /* The TCP port a listener got (0 for Unix sockets). */
    uint16_t (*local_port)(void *context, int32_t listener);
    /* Takes one connection; AGAIN when none waits, LIMIT when there is no descriptor for it.
     * `remote_is_local` tells loopback and Unix peers apart from the rest. */
    enum wr_io (*accept)(void *context, int32_t listener, int32_t *sock, bool *remote_is_local);
    /* A number for the address at the other end of an accepted connection: equal for equal ones,
     * of IPv6 for all of one /64; 0 for Unix sockets, and where it cannot be told. NULL: never
     * told. */
    uint64_t (*peer)(void *context, int32_t sock);
    /* Bytes that are held in the process for an accepted connection, beside the caller's; accept,
     * read and write change them. NULL: none, or it cannot be told. */
    size_t (*held_bytes)(void *context, int32_t sock);
    /* Whether an accepted connection still shakes hands: until that is done, nothing can be read
     * from it or written to it. NULL: none ever does. */
    bool (*shakes_hands)(void *context, int32_t sock);
    /* Begins to connect to "127.0.0.1:6379", "[::1]:6379" or "unix:/run/redis.sock"; the socket can
     * be written when that is done, and a failure shows as one of read or write. Names are not
     * resolved. Closing it drops what has not been sent: nothing of it arrives any more. NULL where
     * nothing can be reached. */
    enum wr_io (*connect)(void *context, const char *address, int32_t *sock);
    /* Up to n bytes; OK means at least one. CLOSED at the end of the stream and on a reset. */
    enum wr_io (*read)(void *context, int32_t sock, void *bytes, size_t n, size_t *got);
    /* Up to n bytes; OK means at least one was taken. */
    enum wr_io (*write)(void *context, int32_t sock, const void *bytes, size_t n, size_t *put);
    void (*close)(void *context, int32_t sock);
    /* Sets what poll tells about a socket, level-triggered; interest 0 removes it. */
    enum wr_io (*watch)(void *context, int32_t sock, uint32_t interest, uint64_t token);
    /* Waits until something is ready, a wake comes or timeout_ns has passed (0: looks only). */
    enum wr_io (*poll)(void *context, struct wr_net_event *events, size_t cap, int64_t timeout_ns,
                       size_t *n);
    /* Writes the URI that the peer's verified certificate names (the first of its alternative names
     * that is one), at most `cap` bytes, and returns its length; 0 when there is none. NULL where
     * there are no certificates. */
    size_t (*peer_uri)(void *context, int32_t sock, char *out, size_t cap);
    /* Makes the running or next poll return with a WR_NET_WAKE event. From any thread. */
    void (*wake)(void *context);
    void *context;
};

/* ── disk ───────────────────────────────────────────────────────────────────────────────────── */
enum {
    WR_DISK_READ = 0,
    WR_DISK_WRITE = 1,  /* read and write */
    WR_DISK_CREATE = 2, /* make it when absent, mode 0600 */
    WR_DISK_FRESH = 4,  /* with CREATE: EXISTS when it is there */
};

#define WR_DISK_PAGE 4096

struct wr_port_disk {
    enum wr_io (*open)(void *context, const char *path, uint32_t flags, int32_t *file);
    /* Opens a file that is there for writes past the system's memory: of multiples of
     * WR_DISK_PAGE bytes, from and to such places. A write that fails may succeed through another
     * handle. NULL: it cannot. */
    enum wr_io (*open_direct)(void *context, const char *path, int32_t *file);
    enum wr_io (*close)(void *context, int32_t file);
    /* Reads up to n bytes at an offset; got < n only at the end of the file. */
    enum wr_io (*read_at)(void *context, int32_t file, void *bytes, size_t n, uint64_t offset,
                          size_t *got);
    /* Writes all n bytes, or fails; what a failed write left in the file is not known. */
    enum wr_io (*write_at)(void *context, int32_t file, const void *bytes, size_t n,
                           uint64_t offset);
    /* Data and size reach the medium before it returns. After FAILED, or FULL where space is found
     * when it is synced, nothing written since the last good sync may be trusted, and a later sync
     * of the same handle proves nothing. */
    enum wr_io (*sync)(void *context, int32_t file);
    enum wr_io (*truncate)(void *context, int32_t file, uint64_t size);
    /* Says that n bytes will be written from an offset on, at the end of the file or behind it:
     * space is kept for them, the size stays. Truncating gives it back. Not OK: none is kept, or
     * only a part. NULL: it cannot. */
    enum wr_io (*reserve)(void *context, int32_t file, uint64_t offset, uint64_t n);
    /* Bytes that are free for this process where a directory is; 0 also when that cannot be told.
     * Others write too, and a quota may leave less. NULL: it never can. */
    uint64_t (*room)(void *context, const char *directory);
    /* Hints that n bytes from an offset on will hardly be read again: once synced, they need not
     * stay in the system's memory. NULL: it cannot. */
    void (*uncache)(void *context, int32_t file, uint64_t offset, uint64_t n);
    enum wr_io (*size)(void *context, int32_t file, uint64_t *size);
    /* No name leads to the file and nobody else has it open: what is cut of it nobody misses. False
     * also when that cannot be told. NULL: it never can. */
    bool (*is_alone)(void *context, int32_t file);
    enum wr_io (*exists)(void *context, const char *path); /* OK or ABSENT */
    enum wr_io (*remove)(void *context, const char *path);
    enum wr_io (*rename)(void *context, const char *from, const char *to); /* replaces `to` */
    enum wr_io (*make_directory)(void *context, const char *path); /* one level; OK if present */
    enum wr_io (*sync_directory)(void *context, const char *path); /* fails as `sync` does */
    /* Calls `each` with every name in a directory, in no order; `each` returns false to stop. */
    enum wr_io (*list)(void *context, const char *path, bool (*each)(void *arg, const char *name),
                       void *arg);
    /* Makes the file if needed and locks it for this process until unlock or its death. BUSY when
     * another process, or this one, holds it. */
    enum wr_io (*lock)(void *context, const char *path, int32_t *lock);
    void (*unlock)(void *context, int32_t lock);
    void *context;
};

/* ── entropy, threads, process ──────────────────────────────────────────────────────────────── */
struct wr_port_entropy {
    enum wr_io (*fill)(void *context, void *bytes, size_t n);
    void *context;
};

/* A gate: one waiter, any number of openers. An opening is remembered until the next wait. */
struct wr_gate {
    uint32_t word; /* the port's, atomic; 0 at first */
};

#define WR_GIVE_ALL 19

/* `start` is NULL where there are no threads (wasm, simulator): the caller then steps inline. */
struct wr_port_threads {
    enum wr_io (*start)(void *context, const char *name, void (*run)(void *arg), void *arg,
                        uintptr_t *thread);
    void (*join)(void *context, uintptr_t thread);
    void (*gate_open)(void *context, struct wr_gate *gate);
    /* Returns at once if the gate was opened since the last wait; else waits at most timeout_ns. */
    void (*gate_wait)(void *context, struct wr_gate *gate, int64_t timeout_ns);
    /* Where others want the processor too, the calling thread has less of it from now on: by 1
     * step, some four fifths for each, up to WR_GIVE_ALL, next to nothing; or NULL. */
    void (*give_way)(void *context, int steps);
    /* The calling thread does little at a time, and others wait for it: it asks to be run soon, not
     * more; or NULL. */
    void (*hasten)(void *context);
    /* Others that want this processor and have had less of it come first; or NULL. */
    void (*yield)(void *context);
    void *context;
};

struct wr_port_process {
    uint32_t (*n_descriptors)(void *context);  /* that may be open at once; 0 where unknown */
    bool (*stopping)(void *context);           /* a termination signal has come */
    bool (*reload_asked)(void *context);       /* a hang-up signal has come since the last look */
    uint64_t (*resident_bytes)(void *context); /* memory in use now, 0 where unknown */
    int64_t (*cpu_ns)(void *context);          /* time used by all threads, 0 where unknown */
    void (*started)(void *context);            /* blocks taken from now on come and go; or NULL */
    /* Whole pages of a block get their memory now, also while others write there; or NULL. */
    void (*touch)(void *context, void *block, size_t n);
    /* `n` blocks of `size` bytes will be taken of `memory` soon. They are touched beside the
     * caller; who takes none of them for some seconds has lost them. A hint that may be in vain; or
     * NULL. */
    void (*ahead)(void *context, size_t size, unsigned n);
    void *context;
};

struct wr_port {
    struct wr_port_clock clock;
    struct wr_port_net net;
    struct wr_port_disk disk;
    struct wr_port_entropy entropy;
    struct wr_port_threads threads;
    struct wr_port_process process;
    struct wr_memory memory; /* blocks for arenas */
};

#endif
