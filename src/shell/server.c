/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the server: opening in the order lock, journal, fold, listen; failing; recovering. */
#include "shell/server_in.h"

#define SCRATCH_CAP ((size_t)512 * 1024 * 1024)

const char *wr_server_mode_name(enum wr_server_mode mode)
{
    return mode == WR_MODE_DURABLE ? "durable" : "fast";
}

struct wr_server_config wr_server_defaults(void)
{
    return (struct wr_server_config){
        .mode = WR_MODE_DURABLE,
        .n_connections_max = 4096,
        .client_memory = WR_LIMIT_CLIENT_MEMORY,
        .body_max = 4 * 1024 * 1024,
        .version = "0",
    };
}

void wr_server_log(const struct wr_server *server, const char *level, const char *event,
                   const char *format, ...)
{
    if (server->config.log == NULL) {
        return;
    }
    char text[WR_LIMIT_ERROR_TEXT + 128];
    struct wr_buf buf = wr_buf_fixed(text, sizeof text - 1);
    va_list args;
    va_start(args, format);
    wr_vformat(&buf, format, args);
    va_end(args);
    text[buf.n] = '\0';
    server->config.log(server->config.log_context, level, event, text);
}

/* ── living ─────────────────────────────────────────────────────────────────────────────────── */
/* The state is folded: starts the journal's thread; on an error neither is left. */
static wr_err go_live(struct wr_server *server, struct wr_error *error)
{
    wr_err err =
        wr_journal_thread_open(server->port, server->journal,
                               server->config.mode == WR_MODE_DURABLE, &server->thread, error);
    if (err != WR_OK) {
        server->thread = NULL;
        wr_folding_drop(server);
        return err;
    }
    wr_shared_live(server);
    wr_late_ids_open(server);
    server->kept_seen = wr_journal_thread_kept(server->thread);
    wr_journal_thread_set_floor(server->thread, wr_snapshots_floor(server));
    wr_lists_warn(server);
    return WR_OK;
}

/* Folds all at once and goes live. */
static wr_err begin(struct wr_server *server, struct wr_error *error)
{
    wr_err err = wr_folding_begin(server, error);
    err = err != WR_OK ? err : wr_folding_step(server, INT64_MAX, error);
    return err != WR_OK ? err : go_live(server, error);
}

/* ── trouble ────────────────────────────────────────────────────────────────────────────────── */
void wr_server_fail(struct wr_server *server)
{
    uint32_t n_closed = 0;
    for (uint32_t i = 0; i < server->conns_made; i++) {
        struct wr_conn *conn = server->conns[i];
        if (conn->sock >= 0 && (conn->n_slots > 0 || conn->stream != NULL)) {
            /* Whether its rows are kept is not known: no answer is better than a wrong one. */
            wr_conn_close(server, conn);
            n_closed++;
        }
    }
    wr_snapshots_stop(server);
    wr_late_ids_close(server);
    bool had_journal = server->thread != NULL;
    if (had_journal) {
        wr_journal_thread_close(server->thread);
        server->thread = NULL;
    }
    server->late_row_n = 0; /* told as lost when the journal is read again */
    wr_gather_free_all(server);
    /* What other nodes tell are entries of the journal: without one a node of a fleet has to stop.
     */
    bool goes_on = server->config.keeps_deciding && server->config.mode == WR_MODE_FAST &&
                   had_journal && wr_journal_state(server->journal) != WR_JOURNAL_OK &&
                   server->redis == NULL;
    if (!goes_on) {
        wr_folding_drop(server);
    }
    server->failed = false;
    server->recover_ns = server->now_ns;
    server->metrics.n_journal_lost++;
    wr_server_log(server, "error", "journal_failed",
                  "the journal is %s; connections closed without an answer: %u%s",
                  wr_journal_state_name(wr_journal_state(server->journal)), n_closed,
                  goes_on ? "; decisions go on, unrecorded" : "");
}

/* A piece of it; behind the last one the server is live. */
static void fold_on(struct wr_server *server, int64_t end_ns)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    wr_err err = wr_folding_step(server, end_ns, &error);
    if (err == WR_OK && wr_folding_is_under_way(server)) {
        return;
    }
    err = err != WR_OK ? err : go_live(server, &error);
    if (err != WR_OK) {
        server->recover_ns = server->now_ns;
        wr_server_log(server, "error", "recovery_failed", "%s", error.text);
        return;
    }
    wr_server_log(server, "info", "recovered", "the journal is ok again at entry %llu",
                  (unsigned long long)wr_journal_last(server->journal));
}

/* False: nothing is folded, the journal is not ok or the state cannot be begun. */
static bool recover(struct wr_server *server)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    enum wr_journal_state before = wr_journal_state(server->journal);
    wr_journal_recover(server->journal);
    enum wr_journal_state state = wr_journal_state(server->journal);
    if (state != WR_JOURNAL_OK) {
        if (state != before) {
            wr_server_log(server, "error", "recovery_failed", "the journal is %s: %s",
                          wr_journal_state_name(state), wr_journal_why(server->journal));
        }
        return false;
    }
    if (wr_folding_begin(server, &error) != WR_OK) { /* gone with it: what was not recorded */
        wr_server_log(server, "error", "recovery_failed", "%s", error.text);
        return false;
    }
    return true;
}

void wr_server_recover_some(struct wr_server *server)
{
    const struct wr_port_clock *clock = &server->port->clock;
    bool goes_on = wr_folding_is_under_way(server);
    if (!goes_on) {
        if (server->now_ns - server->recover_ns < WR_RECOVER_NS) {
            return;
        }
        server->recover_ns = server->now_ns;
        if (!recover(server)) {
            return;
        }
    }
    fold_on(server, clock->mono_ns(clock->context) + WR_TURN_NS);
    if (!goes_on && wr_folding_is_under_way(server)) {
        wr_server_log(server, "info", "folding", "up to entry %llu; nothing is decided until then",
                      (unsigned long long)wr_journal_last(server->journal));
    }
}

/* ── opening ────────────────────────────────────────────────────────────────────────────────── */
static wr_err take_memory(struct wr_server *server, struct wr_error *error)
{
    const struct wr_memory *memory = &server->port->memory;
    size_t n = server->config.n_connections_max;
    server->conns = memory->take(memory->context, n * sizeof *server->conns);
    server->peers = memory->take(memory->context, n * sizeof *server->peers);
    server->touched = memory->take(memory->context, n * sizeof *server->touched);
    server->waiting = memory->take(memory->context, n * sizeof *server->waiting);
    server->flushing = memory->take(memory->context, n * sizeof *server->flushing);
    server->free_conns = memory->take(memory->context, n * sizeof *server->free_conns);
    server->answers =
        memory->take(memory->context, WR_LIMIT_ENGINE_BATCH * sizeof *server->answers);
    server->gatherings =
        memory->take(memory->context, WR_LIMIT_GATHERINGS * sizeof *server->gatherings);
    server->n_scratch_room =
        server->port->threads.start != NULL ? WR_SCRATCH_ROOM : WR_SCRATCH_ROOM_INLINE;
    server->scratch_room = memory->take(memory->context, server->n_scratch_room);
    if (server->scratch_room == NULL || server->conns == NULL || server->peers == NULL ||
        server->touched == NULL || server->waiting == NULL || server->flushing == NULL ||
        server->free_conns == NULL || server->answers == NULL || server->gatherings == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for the server");
    }
    memset(server->gatherings, 0, WR_LIMIT_GATHERINGS * sizeof *server->gatherings);
    wr_buffers_open(&server->buffers, memory);
    wr_arena_init(&server->access_arena, memory, WR_LIMIT_ACCESS_MEMORY);
    wr_arena_init_fixed(&server->scratch, server->scratch_room, server->n_scratch_room, memory,
                        SCRATCH_CAP);
    return WR_OK;
}

static wr_err listen_all(struct wr_server *server, struct wr_error *error)
{
    const struct wr_port_net *net = &server->port->net;
    for (uint32_t i = 0; i < server->config.n_addresses; i++) {
        const char *address = server->config.addresses[i];
        const char *bare = wr_address_is_probe(address) ? strchr(address, ':') + 1 : address;
        enum wr_io result = net->listen(net->context, bare, &server->listeners[i]);
        if (result != WR_IO_OK) {
            server->listeners[i] = -1;
            return wr_fail(error, WR_E_CONFIG, "cannot listen on %s: %s", address,
                           wr_io_text(result));
        }
        net->watch(net->context, server->listeners[i], WR_NET_READ, i + 1);
        wr_server_log(server, "info", "listening", "on %s", address);
    }
    server->listening = true;
    return WR_OK;
}

void wr_server_set_deadline(struct wr_server *server)
{
    int64_t pack_us = server->pack != NULL ? wr_pack_deadline_us(server->pack) : 0;
    int64_t own_us = server->config.deadline_us;
    server->deadline_us = own_us == 0 || (pack_us != 0 && pack_us < own_us) ? pack_us : own_us;
}

static void start_clocks(struct wr_server *server)
{
    const struct wr_port_clock *clock = &server->port->clock;
    server->now_ns = server->start_ns = server->sweep_ns = clock->mono_ns(clock->context);
    int64_t wall_ns = clock->wall_ns(clock->context);
    server->wall_anchor_ns = wall_ns - server->now_ns;
    server->now_us = wall_ns / 1000;
    wr_server_set_deadline(server);
}

/* Connections may not take the descriptors that the journal needs to go on. */
static void keep_descriptors(struct wr_server *server)
{
    const struct wr_port_process *process = &server->port->process;
    uint32_t n = process->n_descriptors(process->context);
    uint32_t room = n > 2 * WR_KEPT_DESCRIPTORS ? n - WR_KEPT_DESCRIPTORS : n / 2 + 1;
    if (n != 0 && room < server->config.n_connections_max) {
        wr_server_log(server, "warn", "few_descriptors",
                      "connections at most: %u; descriptors that the system grants: %u", room, n);
        server->config.n_connections_max = room;
    }
}

static bool is_full(const struct wr_server *server)
{
    return server->thread == NULL && server->journal != NULL &&
           wr_journal_state(server->journal) == WR_JOURNAL_FULL;
}

static bool lacks_room(const struct wr_server *server)
{
    return server->thread == NULL && server->journal != NULL &&
           wr_journal_lacks_room(server->journal);
}

static wr_err try_begin(struct wr_server *server, struct wr_error *error)
{
    if (is_full(server)) {
        return wr_fail(error, WR_E_STATE, "%s: no space left", server->config.state_directory);
    }
    return wr_journal_state(server->journal) == WR_JOURNAL_OK
               ? begin(server, error)
               : wr_fail(error, WR_E_STATE, "%s", wr_journal_why(server->journal));
}

/* On a full disk, as after a kill there, a start takes what is kept for the end. A sync that found
 * no space leaves the journal broken, and what it had written again: nobody has heard of that. */
static wr_err begin_first(struct wr_server *server, struct wr_error *error)
{
    wr_err err = try_begin(server, error);
    server->began_full = err != WR_OK && lacks_room(server);
    if (!server->began_full) {
        return err;
    }
    server->room_misleads = wr_reserve_may_grow(server->port, server->config.state_directory);
    bool given = wr_reserve_give(server->port, server->config.state_directory);
    if (given) {
        wr_server_log(server, "info", "reserve_given_up", "to begin on a full disk");
    }
    if (given || !is_full(server)) {
        wr_journal_recover(server->journal);
        err = try_begin(server, error);
    }
    return err;
}

/* Without that it listens all the same, tells that its journal is full, and begins when there is
 * room: who starts it again and again would give it up. */
static wr_err begin_or_wait(struct wr_server *server, struct wr_error *error)
{
    wr_err err = begin_first(server, error);
    if (err == WR_OK || !lacks_room(server)) {
        return err;
    }
    wr_server_log(server, "error", "journal_full", "%s; nothing is decided until there is room",
                  error->text);
    server->recover_ns = server->now_ns;
    server->keeps_first_late = true; /* it would take of the little room that this waits for */
    return WR_OK;
}

static wr_err open_all(struct wr_server *server, struct wr_error *error)
{
    start_clocks(server);
    wr_err err = take_memory(server, error);
    if (err == WR_OK && server->config.access.n != 0) {
        err = wr_access_read(&server->access_arena, server->config.access, &server->access, error);
    }
    if (err == WR_OK && server->pack == NULL) {
        err = wr_opa_open(server, error);
        return err != WR_OK ? err : listen_all(server, error);
    }
    err = err != WR_OK ? err : wr_shared_open(server, error);
    err = err != WR_OK ? err : wr_beginning_opened(server, error);
    if (err != WR_OK) {
        return err;
    }
    struct wr_buf node = wr_buf_fixed(server->node_text, sizeof server->node_text);
    wr_format(&node, "%016llx%c", (unsigned long long)wr_journal_identity(server->journal).node, 0);
    err = begin_or_wait(server, error);
    err = err != WR_OK ? err : listen_all(server, error);
    if (err == WR_OK && server->thread != NULL) {
        wr_server_log(server, "info", "ready", "node %s, entries folded: %llu, mode %s",
                      server->node_text, (unsigned long long)server->n_folded,
                      wr_server_mode_name(server->config.mode));
    }
    return err;
}

static struct wr_server *make(const struct wr_port *port, const struct wr_server_config *config)
{
    struct wr_server *server = port->memory.take(port->memory.context, sizeof *server);
    if (server != NULL) {
        memset(server, 0, sizeof *server);
        server->port = port;
        server->config = *config;
        for (int i = 0; i < WR_LIMIT_ADDRESSES; i++) {
            server->listeners[i] = -1;
        }
    }
    return server;
}

struct wr_server *wr_server_begin(const struct wr_port *port, const struct wr_server_config *config,
                                  struct wr_server_room fills)
{
    const struct wr_port_disk *disk = &port->disk;
    struct wr_server *server = NULL;
    char lock[WR_LIMIT_STATE_PATH + 8]; /* a new journal begins with the phrases of the pack */
    struct wr_buf path = wr_buf_fixed(lock, sizeof lock);
    wr_format(&path, "%s/lock%c", config->state_directory, 0);
    if (port->threads.start != NULL && !path.overflow &&
        disk->exists(disk->context, lock) == WR_IO_OK) {
        server = make(port, config);
    }
    if (server != NULL) {
        server->beginning.fills = fills;
        wr_beginning_open(server, true);
    }
    return server;
}

wr_err wr_server_open(const struct wr_port *port, const struct wr_pack *pack,
                      const struct wr_server_config *config, struct wr_server **out,
                      struct wr_error *error)
{
    if (config->n_addresses == 0 || config->n_addresses > WR_LIMIT_ADDRESSES ||
        config->n_connections_max == 0 || (config->state_directory == NULL && pack != NULL)) {
        if (config->begun != NULL) {
            wr_server_close(config->begun);
        }
        return wr_fail(error, WR_E_CONFIG,
                       "a server needs 1 to %d addresses, a state directory and connections",
                       WR_LIMIT_ADDRESSES);
    }
    struct wr_server *server = config->begun != NULL ? config->begun : make(port, config);
    if (server == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for the server");
    }
    server->pack = pack;
    server->config = *config;
    keep_descriptors(server);
    wr_err err = open_all(server, error);
    if (err != WR_OK) {
        wr_server_close(server);
        return err;
    }
    if (!server->keeps_first_late) {
        wr_reload_keep_first(server);
    }
    *out = server;
    return WR_OK;
}

/* ── running and closing ────────────────────────────────────────────────────────────────────── */
static void stop_listening(struct wr_server *server)
{
    const struct wr_port_net *net = &server->port->net;
    for (uint32_t i = 0; i < server->config.n_addresses; i++) {
        if (server->listeners[i] >= 0) {
            net->watch(net->context, server->listeners[i], 0, 0);
            net->close(net->context, server->listeners[i]);
            server->listeners[i] = -1;
        }
    }
    server->listening = false;
}

void wr_server_stop(struct wr_server *server)
{
    if (!server->draining) {
        server->draining = true;
        server->drain_ns = server->now_ns;
        server->sweep_ns = 0; /* idle connections go at once */
        stop_listening(server);
        wr_server_log(server, "info", "draining", "connections that are open: %u", server->n_conns);
    }
}

wr_err wr_server_run(struct wr_server *server, struct wr_error *error)
{
    const struct wr_port_threads *threads = &server->port->threads;
    if (threads->hasten != NULL) {
        threads->hasten(threads->context);
    }
    if (server->port->process.started != NULL) {
        server->port->process.started(server->port->process.context);
    }
    while (wr_server_step(server, WR_SWEEP_NS)) {
    }
    return server->poll_failed ? wr_fail(error, WR_E_IO, "polling the network failed") : WR_OK;
}

static void give(const struct wr_memory *memory, void *block, size_t size)
{
    if (block != NULL) {
        memory->give(memory->context, block, size);
    }
}

/* On a full disk the journal takes no rows, and the state has gone with those that it did not take.
 * With the reserve given up both come back for as long as it takes to save them. */
static void come_back(struct wr_server *server)
{
    if (server->drained && is_full(server) &&
        wr_reserve_give(server->port, server->config.state_directory)) {
        wr_server_log(server, "info", "reserve_given_up", "to end well on a full disk");
        if (recover(server)) {
            fold_on(server, INT64_MAX);
        }
    }
}

void wr_server_close(struct wr_server *server)
{
    const struct wr_memory *memory = &server->port->memory;
    size_t n = server->config.n_connections_max;
    struct wr_error ignored; /* of a start that failed */
    (void)wr_beginning_settled(server, &ignored);
    wr_beginning_end(server);
    stop_listening(server);
    if (server->conns != NULL) {
        wr_conn_free_all(server);
    }
    come_back(server);
    wr_snapshots_stop(server);
    wr_late_ids_close(server);
    wr_challenge_release(server);
    if (server->thread != NULL) {
        wr_journal_thread_close(server->thread);
        server->thread = NULL;
        wr_snapshots_last(server);
    }
    wr_snapshots_close(server);
    if (server->gatherings != NULL) {
        wr_gather_free_all(server);
    }
    wr_opa_free(server);
    wr_folding_drop(server);
    wr_shared_close(server);
    wr_reload_close(server);
    if (server->journal != NULL) {
        wr_journal_close(server->journal, true);
    }
    if (server->scratch.memory != NULL) {
        wr_arena_deinit(&server->scratch);
        wr_arena_deinit(&server->access_arena);
    }
    wr_buffers_close(&server->buffers);
    give(memory, server->scratch_room, server->n_scratch_room);
    give(memory, server->late_row, WR_LIMIT_LATE_ROW);
    give(memory, server->conns, n * sizeof *server->conns);
    give(memory, server->peers, n * sizeof *server->peers);
    give(memory, server->touched, n * sizeof *server->touched);
    give(memory, server->waiting, n * sizeof *server->waiting);
    give(memory, server->flushing, n * sizeof *server->flushing);
    give(memory, server->free_conns, n * sizeof *server->free_conns);
    give(memory, server->answers, WR_LIMIT_ENGINE_BATCH * sizeof *server->answers);
    give(memory, server->gatherings, WR_LIMIT_GATHERINGS * sizeof *server->gatherings);
    memory->give(memory->context, server, sizeof *server);
}

uint16_t wr_server_local_port(const struct wr_server *server, uint32_t i)
{
    const struct wr_port_net *net = &server->port->net;
    return net->local_port(net->context, server->listeners[i]);
}

uint64_t wr_server_sequence(const struct wr_server *server)
{
    if (server->engine != NULL) {
        return wr_engine_sequence(server->engine);
    }
    return server->journal != NULL ? wr_journal_last(server->journal) : 0;
}

uint64_t wr_server_n_folded(const struct wr_server *server)
{
    return server->n_folded;
}
