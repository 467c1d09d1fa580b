/* SPDX-License-Identifier: Apache-2.0 */
/* See sync_thread.h. */
#include "shell/sync_thread.h"

#include <stdatomic.h>

#define IDLE_NS 1000000000

enum { IDLE, ASKED, DONE };

struct wr_sync_thread {
    const struct wr_port *port;
    struct wr_gate *asker, gate;
    uintptr_t id;
    atomic_uint stage, stop;
    atomic_uint aside_runs; /* from ASKED on, until what is beside the sync is done */
    struct wr_journal_sync sync;
    struct wr_journal_aside aside;
    enum wr_io result;
    int64_t took_ns;
};

static int64_t now_ns(const struct wr_sync_thread *thread)
{
    return thread->port->clock.mono_ns(thread->port->clock.context);
}

static void run(void *arg)
{
    struct wr_sync_thread *thread = arg;
    const struct wr_port_threads *threads = &thread->port->threads;
    if (threads->hasten != NULL) {
        threads->hasten(threads->context);
    }
    while (atomic_load(&thread->stop) == 0) {
        if (atomic_load(&thread->stage) != ASKED) {
            threads->gate_wait(threads->context, &thread->gate, IDLE_NS);
            continue;
        }
        int64_t before = now_ns(thread);
        thread->result = wr_journal_sync_do(thread->port, &thread->sync);
        thread->took_ns = now_ns(thread) - before;
        bool has_aside = atomic_load(&thread->aside_runs) != 0; /* behind DONE the next may ask */
        atomic_store(&thread->stage, DONE);
        threads->gate_open(threads->context, thread->asker);
        if (has_aside) {
            wr_journal_aside_do(thread->port, &thread->aside);
            atomic_store(&thread->aside_runs, 0);
            threads->gate_open(threads->context, thread->asker);
        }
    }
}

wr_err wr_sync_thread_open(const struct wr_port *port, struct wr_gate *asker,
                           struct wr_sync_thread **out, struct wr_error *error)
{
    struct wr_sync_thread *thread = port->memory.take(port->memory.context, sizeof *thread);
    *out = NULL;
    if (thread != NULL) {
        memset(thread, 0, sizeof *thread);
        thread->port = port;
        thread->asker = asker;
        if (port->threads.start(port->threads.context, "weir-sync", run, thread, &thread->id) ==
            WR_IO_OK) {
            *out = thread;
            return WR_OK;
        }
        port->memory.give(port->memory.context, thread, sizeof *thread);
    }
    return wr_fail(error, WR_E_MEMORY, "no memory for the thread that syncs");
}

void wr_sync_thread_close(struct wr_sync_thread *thread)
{
    const struct wr_port *port = thread->port;
    WR_ASSERT(!wr_sync_thread_is_syncing(thread));
    atomic_store(&thread->stop, 1);
    port->threads.gate_open(port->threads.context, &thread->gate);
    port->threads.join(port->threads.context, thread->id);
    port->memory.give(port->memory.context, thread, sizeof *thread);
}

bool wr_sync_thread_is_syncing(const struct wr_sync_thread *thread)
{
    return atomic_load(&thread->stage) != IDLE;
}

bool wr_sync_thread_is_idle(const struct wr_sync_thread *thread)
{
    return !wr_sync_thread_is_syncing(thread) && atomic_load(&thread->aside_runs) == 0;
}

void wr_sync_thread_ask(struct wr_sync_thread *thread, const struct wr_journal_sync *sync,
                        const struct wr_journal_aside *aside)
{
    WR_ASSERT(wr_sync_thread_is_idle(thread));
    thread->sync = *sync;
    thread->aside = *aside;
    atomic_store(&thread->aside_runs, aside->n_cuts != 0 || aside->lays);
    atomic_store(&thread->stage, ASKED);
    thread->port->threads.gate_open(thread->port->threads.context, &thread->gate);
}

bool wr_sync_thread_take(struct wr_sync_thread *thread, struct wr_journal_sync *sync,
                         enum wr_io *result, int64_t *took_ns)
{
    if (atomic_load(&thread->stage) != DONE) {
        return false;
    }
    *sync = thread->sync;
    *result = thread->result;
    *took_ns = thread->took_ns;
    atomic_store(&thread->stage, IDLE);
    return true;
}
