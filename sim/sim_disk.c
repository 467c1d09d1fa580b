/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated disk: files with waiting changes, directories with waiting operations.
 *
 *   inode   now (what reads see) | safe (what is on the medium) | changes since the last sync
 *   names   now                  | safe                         | operations since the last sync
 *
 * One flat name space: the directory of a path is what stands before its last slash. */
#include "sim/sim_in.h"

#include <stdlib.h>

enum { SECTOR = 512, INODES = 2048, HANDLES = 256, OPERATIONS = 8192 };

struct content {
    uint8_t *bytes;
    uint64_t n, cap;
};

struct change { /* bytes == NULL: a truncation to `offset` */
    uint8_t *bytes;
    uint64_t offset, n;
    bool doomed; /* a sync that should have saved it has failed */
};

struct inode {
    bool used;
    struct content now, safe;
    struct change *changes;
    size_t n_changes, cap_changes;
};

struct name {
    bool used;
    char path[SIM_PATH];
    int inode; /* -1: a directory */
};

struct names {
    struct name at[SIM_FILES];
};

struct operation { /* create or replace `path` with inode; inode -2: remove */
    char path[SIM_PATH];
    int inode;
    bool with_next; /* a rename is two operations that happen together */
};

struct handle {
    bool used, writable;
    int inode;
};

struct sim_disk {
    struct sim *sim;
    bool stopped;
    uint64_t n_syncs, n_changes, syncs_at, writes_at, crash_at; /* counted since faults were set */
    struct inode inodes[INODES];
    struct names now, safe;
    struct operation operations[OPERATIONS];
    size_t n_operations;
    struct handle handles[HANDLES];
    char locks[HANDLES][SIM_PATH];
};

/* ── contents ───────────────────────────────────────────────────────────────────────────────── */
static void resize(struct content *content, uint64_t n)
{
    if (n > content->cap) {
        content->cap = n + n / 2 + SECTOR;
        content->bytes = sim_grow(content->bytes, content->cap);
    }
    if (n > content->n) {
        memset(content->bytes + content->n, 0, n - content->n);
    }
    content->n = n;
}

static void put(struct content *content, const uint8_t *bytes, uint64_t n, uint64_t offset)
{
    if (offset + n > content->n) {
        resize(content, offset + n);
    }
    if (n > 0) {
        memcpy(content->bytes + offset, bytes, n);
    }
}

static void apply(struct content *content, const struct change *change)
{
    if (change->bytes == NULL) {
        resize(content, change->offset);
    } else {
        put(content, change->bytes, change->n, change->offset);
    }
}

/* Some of the 512-byte sectors of a write. */
static void tear(struct sim *sim, struct content *content, const struct change *change)
{
    for (uint64_t at = 0; at < change->n;) {
        uint64_t end =
            WR_MIN((change->offset + at) / SECTOR * SECTOR + SECTOR - change->offset, change->n);
        if (sim_random(sim, 2) == 0) {
            put(content, change->bytes + at, end - at, change->offset + at);
        }
        at = end;
    }
}

static void remember(struct inode *inode, const void *bytes, uint64_t n, uint64_t offset)
{
    if (inode->n_changes == inode->cap_changes) {
        inode->cap_changes = inode->cap_changes * 2 + 8;
        inode->changes = sim_grow(inode->changes, inode->cap_changes * sizeof *inode->changes);
    }
    struct change *change = &inode->changes[inode->n_changes++];
    *change = (struct change){NULL, offset, n, false};
    if (bytes != NULL) {
        change->bytes = sim_grow(NULL, n);
        memcpy(change->bytes, bytes, n);
    }
}

/* A failed sync: what waited is cut into sectors, each of which may or may not reach the medium
 * some day, unless it is written again before. Truncations are metadata and count as done. */
static void doom(struct inode *inode)
{
    struct change *waiting = inode->changes;
    size_t n_waiting = inode->n_changes;
    inode->changes = NULL;
    inode->n_changes = inode->cap_changes = 0;
    for (size_t i = 0; i < n_waiting; i++) {
        struct change *change = &waiting[i];
        if (change->bytes == NULL) {
            resize(&inode->safe, change->offset);
        }
        for (uint64_t at = 0; at < change->n && change->bytes != NULL;) {
            uint64_t end = WR_MIN((change->offset + at) / SECTOR * SECTOR + SECTOR - change->offset,
                                  change->n);
            remember(inode, change->bytes + at, end - at, change->offset + at);
            inode->changes[inode->n_changes - 1].doomed = true;
            at = end;
        }
        free(change->bytes);
    }
    free(waiting);
}

/* True when a later change in the list replaces bytes of this one. */
static bool is_replaced(const struct inode *inode, size_t i)
{
    const struct change *old = &inode->changes[i];
    for (size_t j = i + 1; j < inode->n_changes; j++) {
        const struct change *change = &inode->changes[j];
        if (!change->doomed &&
            (change->bytes == NULL ? change->offset < old->offset + old->n
                                   : change->offset < old->offset + old->n &&
                                         old->offset < change->offset + change->n)) {
            return true;
        }
    }
    return false;
}

/* A good sync: everything but what an earlier one has doomed. */
static void save(struct inode *inode)
{
    size_t kept = 0;
    for (size_t i = 0; i < inode->n_changes; i++) {
        struct change change = inode->changes[i];
        if (change.doomed && !is_replaced(inode, i)) {
            inode->changes[kept++] = change;
            continue;
        }
        if (!change.doomed) {
            apply(&inode->safe, &change);
        }
        free(change.bytes);
    }
    inode->n_changes = kept;
}

static void forget_changes(struct inode *inode)
{
    for (size_t i = 0; i < inode->n_changes; i++) {
        free(inode->changes[i].bytes);
    }
    inode->n_changes = 0;
}

static void free_inode(struct inode *inode)
{
    forget_changes(inode);
    free(inode->changes);
    free(inode->now.bytes);
    free(inode->safe.bytes);
    memset(inode, 0, sizeof *inode);
}

/* ── names ──────────────────────────────────────────────────────────────────────────────────── */
static struct name *find(struct names *names, const char *path)
{
    for (int i = 0; i < SIM_FILES; i++) {
        if (names->at[i].used && strcmp(names->at[i].path, path) == 0) {
            return &names->at[i];
        }
    }
    return NULL;
}

static void set_name(struct names *names, const char *path, int inode)
{
    struct name *name = find(names, path);
    if (inode == -2) {
        if (name != NULL) {
            name->used = false;
        }
        return;
    }
    for (int i = 0; i < SIM_FILES && name == NULL; i++) {
        name = names->at[i].used ? NULL : &names->at[i];
    }
    WR_ASSERT(name != NULL);
    name->used = true;
    name->inode = inode;
    memcpy(name->path, path, strlen(path) + 1);
}

static void operate(struct sim_disk *disk, const char *path, int inode, bool with_next)
{
    set_name(&disk->now, path, inode);
    WR_ASSERT(disk->n_operations < OPERATIONS);
    struct operation *operation = &disk->operations[disk->n_operations++];
    memcpy(operation->path, path, strlen(path) + 1);
    operation->inode = inode;
    operation->with_next = with_next;
}

static bool is_in(const char *path, const char *directory)
{
    size_t n = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    return strncmp(path, directory, n) == 0 && path[n] == '/' && strchr(path + n + 1, '/') == NULL;
}

/* ── faults ─────────────────────────────────────────────────────────────────────────────────── */
static bool counts_down(uint64_t *counter)
{
    return *counter != 0 && --*counter == 0;
}

/* Called before anything changes. False: the machine has stopped before it happened. */
static bool goes_on(struct sim_disk *disk)
{
    if (disk->stopped) {
        return false;
    }
    disk->n_changes++;
    if (counts_down(&disk->sim->faults.crash_at)) {
        disk->stopped = true;
        return sim_random(disk->sim, 2) == 0; /* the last operation may still happen */
    }
    return true;
}

static bool has_name(const struct names *names, int inode)
{
    for (int i = 0; i < SIM_FILES; i++) {
        if (names->at[i].used && names->at[i].inode == inode) {
            return true;
        }
    }
    return false;
}

/* Of the first `until` handles those to a file. */
static int n_handles(const struct sim_disk *disk, int inode, int until)
{
    int n = 0;
    for (int i = 0; i < until; i++) {
        n += disk->handles[i].used && disk->handles[i].inode == inode;
    }
    return n;
}

/* A file takes room while it has a name or is open. */
static uint64_t used(const struct sim_disk *disk)
{
    uint64_t sum = 0;
    for (int i = 0; i < SIM_FILES; i++) {
        const struct name *name = &disk->now.at[i];
        sum += name->used && name->inode >= 0 ? disk->inodes[name->inode].now.n : 0;
    }
    for (int i = 0; i < HANDLES; i++) {
        const struct handle *handle = &disk->handles[i];
        if (handle->used && !has_name(&disk->now, handle->inode) &&
            n_handles(disk, handle->inode, i) == 0) {
            sum += disk->inodes[handle->inode].now.n;
        }
    }
    return sum;
}

/* ── the table ──────────────────────────────────────────────────────────────────────────────── */
static struct inode *inode_of(struct sim_disk *disk, int32_t file)
{
    WR_ASSERT(file >= 0 && file < HANDLES && disk->handles[file].used);
    return &disk->inodes[disk->handles[file].inode];
}

static int new_inode(struct sim_disk *disk)
{
    int i = 0;
    while (i < INODES && disk->inodes[i].used) {
        i++;
    }
    WR_ASSERT(i < INODES);
    disk->inodes[i].used = true;
    return i;
}

static enum wr_io file_open(void *context, const char *path, uint32_t flags, int32_t *file)
{
    struct sim_disk *disk = context;
    struct name *name = find(&disk->now, path);
    if (disk->stopped) {
        return WR_IO_FAILED;
    }
    if (name != NULL && ((flags & WR_DISK_FRESH) != 0 || name->inode < 0)) {
        return name->inode < 0 ? WR_IO_FAILED : WR_IO_EXISTS;
    }
    if (name == NULL) {
        if ((flags & WR_DISK_CREATE) == 0) {
            return WR_IO_ABSENT;
        }
        if (strlen(path) >= SIM_PATH) {
            return WR_IO_INVALID;
        }
        if (!goes_on(disk)) {
            return WR_IO_FAILED;
        }
        operate(disk, path, new_inode(disk), false);
        name = find(&disk->now, path);
    }
    for (int i = 0; i < HANDLES; i++) {
        if (!disk->handles[i].used) {
            disk->handles[i] = (struct handle){true, (flags & WR_DISK_WRITE) != 0, name->inode};
            *file = i;
            return WR_IO_OK;
        }
    }
    return WR_IO_LIMIT;
}

static enum wr_io file_close(void *context, int32_t file)
{
    struct sim_disk *disk = context;
    inode_of(disk, file);
    disk->handles[file].used = false;
    return WR_IO_OK;
}

static enum wr_io file_read_at(void *context, int32_t file, void *bytes, size_t n, uint64_t offset,
                               size_t *got)
{
    struct sim_disk *disk = context;
    const struct inode *inode = inode_of(disk, file);
    if (disk->stopped) {
        return WR_IO_FAILED;
    }
    *got = offset >= inode->now.n ? 0 : (size_t)WR_MIN((uint64_t)n, inode->now.n - offset);
    if (*got > 0) {
        memcpy(bytes, inode->now.bytes + offset, *got);
    }
    return WR_IO_OK;
}

static enum wr_io file_write_at(void *context, int32_t file, const void *bytes, size_t n,
                                uint64_t offset)
{
    struct sim_disk *disk = context;
    struct sim *sim = disk->sim;
    struct inode *inode = inode_of(disk, file);
    WR_ASSERT(disk->handles[file].writable);
    if (!goes_on(disk)) {
        return WR_IO_FAILED;
    }
    enum wr_io result = WR_IO_OK;
    if (counts_down(&sim->faults.write_fails_at) || sim_chance(sim, sim->faults.write_fails)) {
        n = sim_random(sim, n);
        result = WR_IO_FAILED;
    }
    uint64_t end = offset + n;
    if (end > inode->now.n && used(disk) + (end - inode->now.n) > sim->faults.disk_room) {
        n = sim_random(sim, 2) == 0 || inode->now.n < offset ? 0 : (size_t)(inode->now.n - offset);
        result = WR_IO_FULL;
    }
    if (n > 0) {
        put(&inode->now, bytes, n, offset);
        remember(inode, bytes, n, offset);
    }
    return disk->stopped ? WR_IO_FAILED : result;
}

static enum wr_io file_sync(void *context, int32_t file)
{
    struct sim_disk *disk = context;
    struct sim *sim = disk->sim;
    struct inode *inode = inode_of(disk, file);
    disk->n_syncs++;
    if (!goes_on(disk)) {
        return WR_IO_FAILED;
    }
    if (counts_down(&sim->faults.sync_fails_at) || sim_chance(sim, sim->faults.sync_fails)) {
        doom(inode);
        return WR_IO_FAILED;
    }
    save(inode);
    return disk->stopped ? WR_IO_FAILED : WR_IO_OK;
}

static enum wr_io file_truncate(void *context, int32_t file, uint64_t size)
{
    struct sim_disk *disk = context;
    struct inode *inode = inode_of(disk, file);
    if (!goes_on(disk)) {
        return WR_IO_FAILED;
    }
    resize(&inode->now, size);
    remember(inode, NULL, 0, size);
    return disk->stopped ? WR_IO_FAILED : WR_IO_OK;
}

static enum wr_io file_size(void *context, int32_t file, uint64_t *size)
{
    struct sim_disk *disk = context;
    *size = inode_of(disk, file)->now.n;
    return disk->stopped ? WR_IO_FAILED : WR_IO_OK;
}

static uint64_t directory_room(void *context, const char *path)
{
    const struct sim_disk *disk = context;
    uint64_t taken = used(disk), room = disk->sim->faults.disk_room;
    (void)path;
    return room - WR_MIN(room, taken);
}

static bool file_is_alone(void *context, int32_t file)
{
    const struct sim_disk *disk = context;
    int inode = disk->handles[file].inode;
    return !has_name(&disk->now, inode) && n_handles(disk, inode, HANDLES) == 1;
}

static enum wr_io path_exists(void *context, const char *path)
{
    struct sim_disk *disk = context;
    return find(&disk->now, path) != NULL ? WR_IO_OK : WR_IO_ABSENT;
}

static enum wr_io path_remove(void *context, const char *path)
{
    struct sim_disk *disk = context;
    if (find(&disk->now, path) == NULL) {
        return WR_IO_ABSENT;
    }
    if (!goes_on(disk)) {
        return WR_IO_FAILED;
    }
    operate(disk, path, -2, false);
    return disk->stopped ? WR_IO_FAILED : WR_IO_OK;
}

static enum wr_io path_rename(void *context, const char *from, const char *to)
{
    struct sim_disk *disk = context;
    struct name *name = find(&disk->now, from);
    if (name == NULL || strlen(to) >= SIM_PATH) {
        return name == NULL ? WR_IO_ABSENT : WR_IO_INVALID;
    }
    if (!goes_on(disk)) {
        return WR_IO_FAILED;
    }
    operate(disk, to, name->inode, true);
    operate(disk, from, -2, false);
    return disk->stopped ? WR_IO_FAILED : WR_IO_OK;
}

static enum wr_io directory_make(void *context, const char *path)
{
    struct sim_disk *disk = context;
    struct name *name = find(&disk->now, path);
    if (name != NULL) {
        return name->inode < 0 ? WR_IO_OK : WR_IO_EXISTS;
    }
    if (strlen(path) >= SIM_PATH || !goes_on(disk)) {
        return WR_IO_FAILED;
    }
    operate(disk, path, -1, false);
    return disk->stopped ? WR_IO_FAILED : WR_IO_OK;
}

static enum wr_io directory_sync(void *context, const char *path)
{
    struct sim_disk *disk = context;
    disk->n_syncs++;
    if (!goes_on(disk)) {
        return WR_IO_FAILED;
    }
    if (counts_down(&disk->sim->faults.sync_fails_at)) {
        return WR_IO_FAILED;
    }
    size_t kept = 0;
    for (size_t i = 0; i < disk->n_operations; i++) {
        struct operation *operation = &disk->operations[i];
        if (is_in(operation->path, path)) {
            set_name(&disk->safe, operation->path, operation->inode);
        } else {
            disk->operations[kept++] = *operation;
        }
    }
    disk->n_operations = kept;
    return disk->stopped ? WR_IO_FAILED : WR_IO_OK;
}

static enum wr_io directory_list(void *context, const char *path,
                                 bool (*each)(void *arg, const char *name), void *arg)
{
    struct sim_disk *disk = context;
    struct name *directory = find(&disk->now, path);
    if (disk->stopped || directory == NULL || directory->inode >= 0) {
        return disk->stopped ? WR_IO_FAILED : WR_IO_ABSENT;
    }
    for (int i = 0; i < SIM_FILES; i++) {
        const struct name *name = &disk->now.at[i];
        if (name->used && is_in(name->path, path) && !each(arg, strrchr(name->path, '/') + 1)) {
            break;
        }
    }
    return WR_IO_OK;
}

static enum wr_io lock_take(void *context, const char *path, int32_t *lock)
{
    struct sim_disk *disk = context;
    int32_t file;
    for (int i = 0; i < HANDLES; i++) {
        if (strcmp(disk->locks[i], path) == 0) {
            return WR_IO_BUSY;
        }
    }
    enum wr_io result = file_open(disk, path, WR_DISK_WRITE | WR_DISK_CREATE, &file);
    if (result == WR_IO_OK) {
        memcpy(disk->locks[file], path, strlen(path) + 1);
        *lock = file;
    }
    return result;
}

static void lock_give(void *context, int32_t lock)
{
    struct sim_disk *disk = context;
    disk->locks[lock][0] = '\0';
    file_close(disk, lock);
}

/* ── life and outside views ─────────────────────────────────────────────────────────────────── */
struct sim_disk *sim_disk_open(struct sim *sim)
{
    struct sim_disk *disk = sim_grow(NULL, sizeof *disk);
    memset(disk, 0, sizeof *disk);
    disk->sim = sim;
    sim->port.disk = (struct wr_port_disk){
        .open = file_open,
        .close = file_close,
        .read_at = file_read_at,
        .write_at = file_write_at,
        .sync = file_sync,
        .truncate = file_truncate,
        .size = file_size,
        .room = directory_room,
        .is_alone = file_is_alone,
        .exists = path_exists,
        .remove = path_remove,
        .rename = path_rename,
        .make_directory = directory_make,
        .sync_directory = directory_sync,
        .list = directory_list,
        .lock = lock_take,
        .unlock = lock_give,
        .context = disk,
    };
    return disk;
}

void sim_disk_close(struct sim_disk *disk)
{
    for (int i = 0; i < INODES; i++) {
        free_inode(&disk->inodes[i]);
    }
    free(disk);
}

static void lose_power(struct sim_disk *disk)
{
    size_t n = disk->n_operations == 0 ? 0 : sim_random(disk->sim, disk->n_operations + 1);
    for (size_t i = 0; i < n; i++) {
        struct operation *operation = &disk->operations[i];
        set_name(&disk->safe, operation->path, operation->inode);
        n += operation->with_next && i + 1 == n && n < disk->n_operations;
    }
    disk->now = disk->safe;
    for (int i = 0; i < INODES; i++) {
        struct inode *inode = &disk->inodes[i];
        for (size_t j = 0; j < inode->n_changes; j++) {
            uint64_t fate = sim_random(disk->sim, 3);
            if (fate == 0) {
                apply(&inode->safe, &inode->changes[j]);
            } else if (fate == 1 && inode->changes[j].bytes != NULL) {
                tear(disk->sim, &inode->safe, &inode->changes[j]);
            }
        }
        resize(&inode->now, 0);
        put(&inode->now, inode->safe.bytes, inode->safe.n, 0);
        forget_changes(inode);
    }
}

static void drop_nameless(struct sim_disk *disk)
{
    for (int i = 0; i < INODES; i++) {
        if (disk->inodes[i].used && !has_name(&disk->now, i) && !has_name(&disk->safe, i)) {
            free_inode(&disk->inodes[i]);
        }
    }
}

void sim_disk_crash(struct sim_disk *disk, bool power_loss)
{
    memset(disk->handles, 0, sizeof disk->handles);
    memset(disk->locks, 0, sizeof disk->locks);
    disk->stopped = false;
    if (power_loss) {
        lose_power(disk);
        disk->n_operations = 0;
        drop_nameless(disk);
    }
}

bool sim_disk_stopped(const struct sim_disk *disk)
{
    return disk->stopped;
}

uint64_t sim_n_syncs(const struct sim *sim)
{
    return sim->disk->n_syncs;
}

uint64_t sim_n_changes(const struct sim *sim)
{
    return sim->disk->n_changes;
}

uint64_t sim_disk_used(const struct sim *sim)
{
    return used(sim->disk);
}

bool sim_rot(struct sim *sim, const char *path, uint64_t offset)
{
    struct name *name = find(&sim->disk->now, path);
    if (name == NULL || name->inode < 0 || offset >= sim->disk->inodes[name->inode].now.n) {
        return false;
    }
    struct inode *inode = &sim->disk->inodes[name->inode];
    inode->now.bytes[offset] ^= 1;
    if (offset < inode->safe.n) {
        inode->safe.bytes[offset] ^= 1;
    }
    return true;
}

uint64_t sim_disk_digest(const struct sim *sim)
{
    uint64_t digest = 0xcbf29ce484222325u; /* FNV-1a */
    for (int i = 0; i < SIM_FILES; i++) {
        const struct name *name = &sim->disk->now.at[i];
        if (!name->used || name->inode < 0) {
            continue;
        }
        const struct content *content = &sim->disk->inodes[name->inode].now;
        for (uint64_t j = 0; j < content->n; j++) {
            digest = (digest ^ content->bytes[j]) * 0x100000001b3u;
        }
    }
    return digest;
}
