/* SPDX-License-Identifier: Apache-2.0 */
/* The next pack. It is read and compiled on a thread of its own while decisions go on under the
 * running one; between two batches the engine changes over, as an entry of the journal. A pack that
 * cannot be loaded or taken over is told where it is broken, and the running one stays.
 *
 *   asked (POST /v1/pack:reload, SIGHUP) ─▶ LOADING ─▶ LOADED ─▶ same digest: nothing
 *                                                        │       refused: told, logged, counted
 *                                                        └─────▶ activated: journalled, answered
 *                                                                when the entry is kept
 *
 * While the state is folded, or too much waits for the disk, a pack that could be activated stays
 * LOADED, for WR_DEADLINE_PACK_NS at most.
 *
 * One load at a time. A request that comes during one is refused (503): what it would report may
 * have been read before the files changed. A signal that comes during one starts another. */
#include "shell/server_in.h"

#include "value/json_write.h"

/* ── keeping ────────────────────────────────────────────────────────────────────────────────── */
/* Never on the loop where there are threads: it syncs. */
static void keep(struct wr_server *server, const struct wr_pack *pack)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    if (wr_packs_keep(server->port, server->config.state_directory, pack, &error) != WR_OK) {
        wr_server_log(server, "warn", "pack_not_kept", "%s; a replay will have to be given it",
                      error.text);
    }
}

static void keep_first(void *arg)
{
    struct wr_server *server = arg;
    keep(server, server->first_pack);
    const char *directory = server->config.state_directory;
    bool may_grow = wr_reserve_may_grow(server->port, directory);
    bool is_scarce = server->began_full && (server->room_misleads || !may_grow);
    uint64_t most = is_scarce ? WR_RESERVE_LEAST : WR_RESERVE_SIZE;
    uint64_t size = wr_reserve_keep(server->port, directory, most);
    atomic_store(&server->snapshots.reserve_is_small, size < WR_RESERVE_SIZE && !may_grow);
    if (size < WR_RESERVE_SIZE && server->port->disk.reserve != NULL) {
        wr_server_log(server, "warn", "small_reserve",
                      "the disk gives %llu bytes for an end on a full disk, of %u wanted",
                      (unsigned long long)size, WR_RESERVE_SIZE);
    }
}

void wr_reload_keep_first(struct wr_server *server)
{
    const struct wr_port_threads *threads = &server->port->threads;
    server->first_pack = server->pack;
    if (server->pack == NULL) { /* the API alone: there is nothing to keep */
        return;
    }
    server->has_packs_thread =
        threads->start != NULL && threads->start(threads->context, "weir-packs", keep_first, server,
                                                 &server->packs_thread) == WR_IO_OK;
    if (!server->has_packs_thread) {
        keep_first(server);
    }
}

/* Behind a start that had to wait for room. Not beside a load, which looks whether it is done; and
 * before what was loaded takes the first pack's place. */
static void keep_first_late(struct wr_server *server)
{
    if (server->keeps_first_late && server->thread != NULL &&
        atomic_load(&server->reload.stage) != WR_RELOAD_LOADING) {
        server->keeps_first_late = false;
        wr_reload_keep_first(server);
    }
}

static void join_first(struct wr_server *server)
{
    if (server->has_packs_thread) {
        server->has_packs_thread = false;
        server->port->threads.join(server->port->threads.context, server->packs_thread);
    }
}

/* ── loading ────────────────────────────────────────────────────────────────────────────────── */
static void load(void *arg)
{
    struct wr_server *server = arg;
    struct wr_reload *reload = &server->reload;
    const struct wr_pack_source *source = &server->config.packs;
    reload->error = (struct wr_error){.offset = WR_NO_OFFSET};
    join_first(server);
    reload->err = source->load(source->context, &reload->loaded, &reload->error);
    if (reload->err == WR_OK) {
        keep(server, reload->loaded.pack);
    }
    atomic_store(&reload->stage, WR_RELOAD_LOADED);
    server->port->net.wake(server->port->net.context);
}

static void start(struct wr_server *server)
{
    struct wr_reload *reload = &server->reload;
    const struct wr_port_threads *threads = &server->port->threads;
    atomic_store(&reload->stage, WR_RELOAD_LOADING);
    reload->has_thread =
        threads->start != NULL &&
        threads->start(threads->context, "weir-pack", load, server, &reload->thread) == WR_IO_OK;
    if (!reload->has_thread) {
        load(server); /* no threads here: decisions wait */
    }
}

/* ── packs in use ───────────────────────────────────────────────────────────────────────────── */
static void give_back(const struct wr_server *server, struct wr_loaded_pack *loaded)
{
    server->config.packs.give(server->config.packs.context, loaded);
}

static bool in_use(const struct wr_server *server, const struct wr_pack *pack)
{
    const struct wr_engine *engine = server->engine;
    return pack == server->pack || (engine != NULL && (pack == wr_engine_pack(engine) ||
                                                       pack == wr_engine_state_pack(engine)));
}

static void give_unused(struct wr_server *server)
{
    struct wr_reload *reload = &server->reload;
    uint32_t n = 0;
    for (uint32_t i = 0; i < reload->n_held; i++) {
        if (in_use(server, reload->held[i].pack)) {
            reload->held[n++] = reload->held[i];
        } else {
            give_back(server, &reload->held[i]);
        }
    }
    reload->n_held = n;
}

/* ── answering ──────────────────────────────────────────────────────────────────────────────── */
static void answer(struct wr_server *server, int status, struct wr_str body, uint64_t needs)
{
    struct wr_reload *reload = &server->reload;
    if (reload->has_ticket) {
        reload->has_ticket = false;
        wr_gather_give(server, reload->ticket, status, body, needs);
    }
}

static void tell_refused(struct wr_server *server, int status, const struct wr_error *error)
{
    char room[2048];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    wr_answer_problem(&body, error, status, -1);
    server->metrics.n_packs_refused++;
    wr_server_log(server, "error", "pack_refused", "%s%s%s; the running pack stays", error->where,
                  error->where[0] != '\0' ? ": " : "", error->text);
    answer(server, status, wr_buf_view(&body), 0);
}

/* Without a journal's thread no entry is about to be kept that the answer could wait for. */
static void tell_running(struct wr_server *server, bool changed, uint64_t sequence)
{
    char room[1024];
    struct wr_buf body = wr_buf_fixed(room, sizeof room);
    wr_buf_str(&body, WR_STR("{\"revision\":"));
    wr_json_write_string(&body, wr_pack_revision(server->pack), WR_JSON_COMPACT);
    wr_format(&body, ",\"digest\":\"%.*s\",\"changed\":%s,\"sequence\":%llu}\n",
              WR_FMT(wr_pack_digest_text(server->pack)), changed ? "true" : "false",
              (unsigned long long)sequence);
    answer(server, 200, wr_buf_view(&body), server->thread != NULL ? sequence : 0);
}

/* ── taking over ────────────────────────────────────────────────────────────────────────────── */
static void activate(struct wr_server *server, struct wr_loaded_pack *loaded)
{
    struct wr_answer entry = {0};
    wr_err err =
        wr_engine_activate(server->engine, loaded->pack, server->now_us, &server->scratch, &entry);
    if (err != WR_OK) {
        tell_refused(server, 422, &entry.error);
        give_back(server, loaded);
        return;
    }
    server->pack = loaded->pack;
    server->reload.held[server->reload.n_held++] = *loaded;
    wr_server_set_deadline(server);
    wr_shared_follow_pack(server);
    wr_lists_warn(server);
    wr_opa_follow_pack(server); /* its queries were prepared against the pack before */
    give_unused(server);
    bool kept = wr_keep_follow_pack(server) && wr_keep(server, &entry);
    server->failed = !kept || server->failed;
    wr_arena_reset(&server->scratch);
    server->metrics.n_packs_activated++;
    wr_server_log(server, "info", "pack_activated", "%.*s (revision \"%.*s\") from entry %llu",
                  WR_FMT(wr_pack_digest_text(server->pack)), WR_FMT(wr_pack_revision(server->pack)),
                  (unsigned long long)entry.sequence);
    tell_running(server, true, entry.sequence);
}

static bool is_running(const struct wr_server *server, const struct wr_pack *pack)
{
    return memcmp(wr_pack_digest(pack), wr_pack_digest(server->pack), 32) == 0;
}

static void take_over(struct wr_server *server)
{
    struct wr_reload *reload = &server->reload;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    if (reload->has_thread) {
        server->port->threads.join(server->port->threads.context, reload->thread);
    }
    atomic_store(&reload->stage, WR_RELOAD_IDLE);
    if (reload->err != WR_OK) {
        tell_refused(server, 422, &reload->error);
        return;
    }
    give_unused(server);
    if (is_running(server, reload->loaded.pack)) {
        give_back(server, &reload->loaded);
        tell_running(server, false, wr_server_sequence(server));
    } else if (wr_decide_ready(server, &error) != WR_OK) {
        give_back(server, &reload->loaded);
        tell_refused(server, 503, &error);
    } else {
        WR_ASSERT(reload->n_held < WR_LIMIT_PACKS_HELD); /* the running one's, the state's */
        activate(server, &reload->loaded);
    }
}

/* Another pack takes an entry, and one that cannot be made just now can be soon; if it is not, who
 * asked is told. What takes none is told at once, and the end waits for nothing. */
static bool must_wait(const struct wr_server *server)
{
    const struct wr_reload *reload = &server->reload;
    struct wr_error ignored;
    if (server->draining || reload->err != WR_OK || is_running(server, reload->loaded.pack)) {
        return false;
    }
    return server->now_ns - reload->waits_from_ns < WR_DEADLINE_PACK_NS &&
           (wr_folding_is_under_way(server) || wr_decide_ready(server, &ignored) == WR_E_OVERLOAD);
}

static void take_loaded(struct wr_server *server)
{
    struct wr_reload *reload = &server->reload;
    reload->waits_from_ns = reload->waits_from_ns != 0 ? reload->waits_from_ns : server->now_ns;
    if (!must_wait(server)) {
        reload->waits_from_ns = 0;
        take_over(server);
    }
}

/* Who asks then would else wait, and the end for him. */
static void refuse_at_end(struct wr_server *server)
{
    struct wr_error error = {.offset = WR_NO_OFFSET};
    if (wr_fail(&error, WR_E_OVERLOAD, "the node is being drained") != WR_OK) {
        tell_refused(server, 503, &error);
    }
}

/* On the loop: two or three small files, when an operator asks. */
static void read_credentials(struct wr_server *server)
{
    const struct wr_credentials *source = &server->config.credentials;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    struct wr_arena arena;
    struct wr_access access = {0};
    struct wr_str text = {NULL, 0};
    wr_arena_init(&arena, &server->port->memory, WR_LIMIT_ACCESS_MEMORY);
    wr_err err = source->read(source->context, &arena, &text, &error);
    if (err == WR_OK && text.n != 0) {
        err = wr_access_read(&arena, text, &access, &error);
    }
    if (err != WR_OK) {
        wr_arena_deinit(&arena);
        wr_server_log(server, "error", "credentials_refused", "%s%s%s; those before stay",
                      error.where, error.where[0] != '\0' ? ": " : "", error.text);
        return;
    }
    wr_arena_deinit(&server->access_arena);
    server->access_arena = arena;
    server->access = access;
    for (uint32_t i = 0; i < server->conns_made; i++) {
        server->conns[i]->cert_is_read = false; /* what its certificate grants may be another, */
        server->conns[i]->decides = false;      /* and what its last request was granted */
    }
    wr_server_log(server, "info", "credentials_read", "principals: %u", access.n);
}

void wr_reload_step(struct wr_server *server)
{
    struct wr_reload *reload = &server->reload;
    const struct wr_port_process *process = &server->port->process;
    bool asked = process->reload_asked(process->context);
    if (asked && server->config.credentials.read != NULL) {
        read_credentials(server);
    }
    keep_first_late(server);
    if (server->config.packs.load == NULL) {
        return;
    }
    reload->asked = asked || reload->asked;
    if (atomic_load(&reload->stage) == WR_RELOAD_LOADED) {
        take_loaded(server);
    }
    if (reload->asked && atomic_load(&reload->stage) == WR_RELOAD_IDLE) {
        reload->asked = false;
        if (server->draining) {
            refuse_at_end(server);
        } else {
            start(server);
        }
    }
}

void wr_reload_post(struct wr_server *server, struct wr_conn *conn,
                    const struct wr_http_request *request)
{
    struct wr_reload *reload = &server->reload;
    struct wr_error error = {.offset = WR_NO_OFFSET};
    wr_err err = WR_OK;
    if (server->config.packs.load == NULL) {
        err = wr_fail(&error, WR_E_NOT_FOUND, "this server keeps the pack it was started with");
    } else if (reload->asked || atomic_load(&reload->stage) != WR_RELOAD_IDLE) {
        err = wr_fail(&error, WR_E_OVERLOAD, "a pack is being loaded already");
    }
    if (err != WR_OK) {
        wr_answer_error(server, conn, request, &error);
        server->admission.n_told += err == WR_E_OVERLOAD; /* no load on the node: not for its log */
    } else if (wr_gather_later(server, conn, request, &reload->ticket)) {
        reload->has_ticket = reload->asked = true;
    }
}

void wr_reload_close(struct wr_server *server)
{
    struct wr_reload *reload = &server->reload;
    if (atomic_load(&reload->stage) != WR_RELOAD_IDLE) {
        if (reload->has_thread) {
            server->port->threads.join(server->port->threads.context, reload->thread);
        }
        if (reload->err == WR_OK) {
            give_back(server, &reload->loaded);
        }
    }
    join_first(server);
    for (uint32_t i = 0; i < reload->n_held; i++) {
        give_back(server, &reload->held[i]);
    }
    reload->n_held = 0;
}
