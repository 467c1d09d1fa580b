/* SPDX-License-Identifier: Apache-2.0 */
/* The native port's memory: small blocks from the heap, larger ones mapped, the largest on huge
 * pages where there are any.
 *
 * In a virtual machine a page that was never touched costs the system 5 to 9 us, and a huge one
 * 2.5 to 5 ms: whoever touches it first stands still for that. The features' windows grow by blocks
 * of one huge page, in the midst of decisions. So once a process takes such blocks, a thread that
 * gives way to all others keeps a few touched ahead; and where others want its processor, small
 * page by small page with rests, since a huge one comes whole and whoever waits would wait for it.
 *
 * The same thread touches smaller blocks for who asks ahead of need, always by small pages.
 * Resident and not yet taken are so at most 4 MiB for windows, once a block for them was taken, and
 * 4 smaller blocks, for UNUSED_NS. */
#include "port/linux.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum {
    BLOCK_MAPPED = 1 << 18, /* blocks of this size and more are mapped, smaller ones malloc'd */
    /* The first so many blocks that could be huge begin on small pages: a start touches little of
     * each. */
    ROOMS = 8,
    READY_BLOCKS = 2,
    AHEAD_BLOCKS = 4, /* asked for; what is more is touched by its user */
};
#define SMALL_PAGE    ((size_t)4096)
#define HUGE_PAGE     ((size_t)2 << 20)
#define READY_WAIT_NS 1000000000
#define UNUSED_NS     4000000000         /* a block that nobody took goes back after that */
#define PIECE         ((size_t)64 << 10) /* touched between two rests */
#define REST_NS       50000
#define LATE_NS       500000 /* after a rest: others had the processor; */
#define LATE_MANY     4      /* of the 32 rests of a block: they want it */

static struct ready {
    _Atomic(void *) blocks[READY_BLOCKS]; /* touched, each one huge page; NULL: taken */
    atomic_bool is_growing;               /* such blocks are taken */
    /* Asked for. 0: nothing; a number of small pages: to be touched; an address with that number in
     * its low bits: touched. Who takes and who asks change 0 and addresses, the thread the rest. */
    _Atomic(uintptr_t) ahead[AHEAD_BLOCKS];
    int64_t ahead_ns[AHEAD_BLOCKS]; /* the thread's: when it was touched */
    struct wr_gate gate;
    atomic_uint stage; /* enum stage */
    pthread_t thread;
} ready;
enum stage { IDLE, STARTING, RUNNING, STOPPING };

/* ── mapping ────────────────────────────────────────────────────────────────────────────────── */
static void *map_small(size_t size)
{
    void *block = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return block != MAP_FAILED ? block : NULL;
}

/* At a multiple of a huge page. Linux since 6.7 mostly gives such a place by itself. */
static uint8_t *map_aligned(size_t size)
{
    uint8_t *block = map_small(size);
    if (block == NULL || (uintptr_t)block % HUGE_PAGE == 0) {
        return block;
    }
    munmap(block, size);
    block = map_small(size + HUGE_PAGE);
    if (block == NULL) {
        return NULL;
    }
    size_t before = (HUGE_PAGE - (uintptr_t)block % HUGE_PAGE) % HUGE_PAGE;
    if (before != 0) {
        munmap(block, before);
    }
    munmap(block + before + size, HUGE_PAGE - before);
    return block + before;
}

/* On small ones, also where the system makes pages huge by itself. */
static uint8_t *map_never_huge(void)
{
    uint8_t *block = map_aligned(HUGE_PAGE);
    if (block != NULL) {
        madvise(block, HUGE_PAGE, MADV_NOHUGEPAGE);
    }
    return block;
}

/* On huge pages but for the first `small` bytes; a refusal costs speed only. */
static void *map_huge(size_t size, size_t small)
{
    uint8_t *block = map_aligned(size);
    if (block != NULL && size > small) {
        madvise(block + small, size - small, MADV_HUGEPAGE);
    }
    return block;
}

/* ── touched ahead ──────────────────────────────────────────────────────────────────────────── */
static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Lets others have the processor; true when they kept it. */
static bool rest(void)
{
    struct wr_gate nobody = {0}; /* opens it */
    int64_t before = now_ns();
    wr_linux_gate_wait(&nobody, REST_NS);
    return now_ns() - before >= LATE_NS;
}

/* By stores: MADV_POPULATE_WRITE would keep all who map or unmap memory waiting until the page is
 * cleared, while a fault locks its own area only (Linux 6.4 and later). Returns how many rests
 * ended late. */
static unsigned touch_all(uint8_t *block, size_t size)
{
    unsigned n_late = 0;
    for (size_t at = 0; at < size; at += SMALL_PAGE) {
        ((volatile uint8_t *)block)[at] = 0; /* a huge page is there whole with the first */
        n_late += at % PIECE == 0 && rest();
    }
    return n_late;
}

/* `shared`: whether others want the processor, as the rests of the block before told, and then
 * those of this one. */
static void *touched_block(bool *shared)
{
    uint8_t *block = *shared ? map_never_huge() : map_huge(HUGE_PAGE, 0);
    *shared = block != NULL && touch_all(block, HUGE_PAGE) >= LATE_MANY;
    return block;
}

static uintptr_t pages_of(uintptr_t word)
{
    return word % SMALL_PAGE;
}

static void fill_ahead(void)
{
    for (int i = 0; i < AHEAD_BLOCKS; i++) {
        uintptr_t n_pages = atomic_load(&ready.ahead[i]);
        uint8_t *block = NULL;
        if (n_pages != 0 && n_pages < SMALL_PAGE) {
            block = map_small(n_pages * SMALL_PAGE);
        }
        if (block != NULL) {
            touch_all(block, n_pages * SMALL_PAGE);
            ready.ahead_ns[i] = now_ns();
            atomic_store(&ready.ahead[i], (uintptr_t)block + n_pages);
        }
    }
}

/* Gives back blocks that are there since before `before_ns`. */
static void drop_ahead(int64_t before_ns)
{
    for (int i = 0; i < AHEAD_BLOCKS; i++) {
        uintptr_t word = atomic_load(&ready.ahead[i]), n_pages = pages_of(word);
        if (word >= SMALL_PAGE && ready.ahead_ns[i] < before_ns &&
            atomic_compare_exchange_strong(&ready.ahead[i], &word, 0)) {
            munmap((void *)(word - n_pages), n_pages * SMALL_PAGE);
        }
    }
}

static void *ready_run(void *arg)
{
    (void)arg;
    setpriority(PRIO_PROCESS, 0, 19); /* of this thread alone */
    bool shared = false;
    while (atomic_load(&ready.stage) == RUNNING) {
        fill_ahead();
        drop_ahead(now_ns() - UNUSED_NS);
        for (int i = 0; i < READY_BLOCKS; i++) {
            if (atomic_load(&ready.is_growing) && atomic_load(&ready.blocks[i]) == NULL) {
                atomic_store(&ready.blocks[i], touched_block(&shared));
            }
        }
        wr_linux_gate_wait(&ready.gate, READY_WAIT_NS);
    }
    return NULL;
}

/* Once; without a thread blocks are touched by their users. */
static void ready_start(void)
{
    unsigned idle = IDLE;
    if (!atomic_compare_exchange_strong(&ready.stage, &idle, STARTING)) {
        return;
    }
    sigset_t all, before; /* signals are for the loop's thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_store(&ready.stage, RUNNING);
    if (pthread_create(&ready.thread, NULL, ready_run, NULL) != 0) {
        atomic_store(&ready.stage, STARTING);
    } else {
        pthread_setname_np(ready.thread, "weir-memory");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void *ready_take(void)
{
    void *block = NULL;
    for (int i = 0; i < READY_BLOCKS && block == NULL; i++) {
        block = atomic_exchange(&ready.blocks[i], NULL);
    }
    atomic_store(&ready.is_growing, true);
    ready_start();
    wr_linux_gate_open(&ready.gate);
    return block;
}

void wr_linux_memory_ahead(void *context, size_t size, unsigned n)
{
    (void)context;
    uintptr_t n_pages = (size + SMALL_PAGE - 1) / SMALL_PAGE;
    bool is_new = false;
    if (size < BLOCK_MAPPED || n_pages * SMALL_PAGE >= HUGE_PAGE) {
        return;
    }
    for (int i = 0; i < AHEAD_BLOCKS; i++) {
        n -= n > 0 && pages_of(atomic_load(&ready.ahead[i])) == n_pages;
    }
    for (int i = 0; i < AHEAD_BLOCKS && n > 0; i++) {
        uintptr_t nothing = 0;
        if (atomic_compare_exchange_strong(&ready.ahead[i], &nothing, n_pages)) {
            is_new = true;
            n--;
        }
    }
    if (is_new) {
        ready_start();
        wr_linux_gate_open(&ready.gate);
    }
}

/* A block of less than a huge page that was asked for and is touched, or NULL. */
static void *ahead_take(size_t size)
{
    for (int i = 0; i < AHEAD_BLOCKS; i++) {
        uintptr_t word = atomic_load_explicit(&ready.ahead[i], memory_order_relaxed);
        if (word >= SMALL_PAGE && pages_of(word) == size / SMALL_PAGE &&
            atomic_compare_exchange_strong(&ready.ahead[i], &word, 0)) {
            return (void *)(word - size / SMALL_PAGE);
        }
    }
    return NULL;
}

/* ── blocks ─────────────────────────────────────────────────────────────────────────────────── */
static bool is_room(void)
{
    static atomic_uint n;
    return atomic_load_explicit(&n, memory_order_relaxed) < ROOMS &&
           atomic_fetch_add_explicit(&n, 1, memory_order_relaxed) < ROOMS;
}

static void *memory_take(void *context, size_t size)
{
    (void)context;
    if (size < BLOCK_MAPPED) {
        return malloc(size);
    }
    size = (size + SMALL_PAGE - 1) / SMALL_PAGE * SMALL_PAGE;
    if (size < HUGE_PAGE) {
        void *block = ahead_take(size);
        return block != NULL ? block : map_small(size);
    }
    if (is_room()) {
        return map_huge(size, HUGE_PAGE);
    }
    void *block = size == HUGE_PAGE ? ready_take() : NULL;
    return block != NULL ? block : map_huge(size, 0);
}

static void memory_give(void *context, void *block, size_t size)
{
    (void)context;
    if (size < BLOCK_MAPPED) {
        free(block);
    } else {
        munmap(block, size);
    }
}

/* A system before Linux 5.14 refuses: whoever writes there touches it then. */
void wr_linux_memory_touch(void *context, void *block, size_t n)
{
    (void)context;
    uintptr_t from = ((uintptr_t)block + SMALL_PAGE - 1) / SMALL_PAGE * SMALL_PAGE;
    uintptr_t to = ((uintptr_t)block + n) / SMALL_PAGE * SMALL_PAGE;
    if (from < to) {
        madvise((void *)from, to - from, MADV_POPULATE_WRITE);
    }
}

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
/* A server's memory should stay as it is. By itself glibc raises the size from which blocks are
 * mapped after each large one that is freed, gives each thread a heap of its own, where what
 * another frees stays, and hands the end of the heap back only to ask for it again, page by page.
 */
static void steady_heap(void)
{
    mallopt(M_MMAP_THRESHOLD, BLOCK_MAPPED);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    mallopt(M_TOP_PAD, 1 << 18);
    mallopt(M_ARENA_MAX, 2);
}

/* At a start it is cheaper to use the pages of one step in the next. Later a pack is read now and
 * then, and its blocks of 16 KiB and more, lain between others, would leave the heap larger or
 * smaller each time. */
void wr_linux_memory_started(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 14);
}

void wr_linux_memory_open(struct wr_memory *memory)
{
    steady_heap();
    *memory = (struct wr_memory){memory_take, memory_give, NULL};
}

void wr_linux_memory_close(void)
{
    if (atomic_exchange(&ready.stage, STOPPING) == RUNNING) {
        wr_linux_gate_open(&ready.gate);
        pthread_join(ready.thread, NULL);
    }
    for (int i = 0; i < READY_BLOCKS; i++) {
        void *block = atomic_exchange(&ready.blocks[i], NULL);
        if (block != NULL) {
            munmap(block, HUGE_PAGE);
        }
    }
    drop_ahead(INT64_MAX);
    atomic_store(&ready.stage, IDLE);
}
