/* SPDX-License-Identifier: Apache-2.0 */
/* Modules over OPA's API: /v1/policies and /v1/policies/{id}. */
#include "shell/opa.h"

#include "rego/ast_json.h"
#include "rego/parse.h"
#include "rego/rewrite.h"
#include "value/json_write.h"

static const char compiling[] = "error(s) occurred while compiling module(s)";

/* The whole rest of the path is the id. */
static struct wr_str policy_id(struct wr_opa_call *call)
{
    struct wr_str raw = wr_str_of(call->path.p + 1, call->path.n - 1);
    char *room = wr_arena_alloc(&call->server->scratch, raw.n, 1);
    return room != NULL ? wr_str_of(room, wr_h1_unescape(raw, false, room)) : WR_STR("");
}

static void missing(struct wr_opa_call *call, struct wr_str id)
{
    struct wr_buf quoted = wr_buf_in(&call->server->scratch, id.n + 8);
    wr_json_write_string(&quoted, id, WR_JSON_COMPACT);
    wr_opa_fail(call, 404, "resource_not_found", "storage_not_found_error: policy id %.*s",
                (int)quoted.n, quoted.p);
}

/* All modules as OPA's compiler would leave them; NULL without room. */
static struct wr_ast_module **compiled(struct wr_opa_call *call)
{
    const struct wr_opa_code *code = call->opa->code;
    struct wr_str *names = WR_NEW_ARRAY(&call->server->scratch, struct wr_str, code->n_modules + 1);
    for (uint32_t i = 0; names != NULL && i < code->n_modules; i++) {
        names[wr_opa_tree_of(call->opa, i)] = code->modules[i].id;
    }
    return names != NULL
               ? wr_rego_rewrite(&call->server->scratch, code->program, names, code->n_modules)
               : NULL;
}

static void write_policy(struct wr_buf *json, struct wr_opa_call *call,
                         struct wr_ast_module *const *trees, uint32_t i)
{
    const struct wr_opa_code *code = call->opa->code;
    wr_buf_str(json, WR_STR("{\"id\":"));
    wr_json_write_string(json, code->modules[i].id, WR_JSON_HTML_SAFE);
    wr_buf_str(json, WR_STR(",\"raw\":"));
    wr_json_write_string(json, code->modules[i].text, WR_JSON_HTML_SAFE);
    wr_buf_str(json, WR_STR(",\"ast\":"));
    wr_rego_module_json(json, &call->server->scratch, trees[wr_opa_tree_of(call->opa, i)],
                        WR_AST_JSON_COMMENTS);
    wr_buf_char(json, '}');
}

static void send(struct wr_opa_call *call, struct wr_buf *json)
{
    if (json->overflow) {
        wr_opa_no_room(call);
    } else {
        wr_opa_document(call, 200, wr_buf_view(json), call->pretty);
    }
}

void wr_opa_policies(struct wr_opa_call *call)
{
    struct wr_buf json = wr_buf_in(&call->server->scratch, 4096);
    struct wr_ast_module **trees = compiled(call);
    if (trees == NULL) {
        wr_opa_no_room(call);
        return;
    }
    wr_buf_str(&json, WR_STR("{\"result\":["));
    for (uint32_t i = 0; i < call->opa->code->n_modules; i++) {
        wr_buf_str(&json, i > 0 ? WR_STR(",") : WR_STR(""));
        write_policy(&json, call, trees, i);
    }
    wr_buf_str(&json, WR_STR("]}"));
    send(call, &json);
}

void wr_opa_get_policy(struct wr_opa_call *call)
{
    struct wr_buf json = wr_buf_in(&call->server->scratch, 4096);
    struct wr_str id = policy_id(call);
    uint32_t at;
    if (wr_opa_find_module(call->opa, id, &at) == NULL) {
        missing(call, id);
        return;
    }
    struct wr_ast_module **trees = compiled(call);
    if (trees == NULL) {
        wr_opa_no_room(call);
        return;
    }
    wr_buf_str(&json, WR_STR("{\"result\":"));
    write_policy(&json, call, trees, at);
    wr_buf_char(&json, '}');
    send(call, &json);
}

/* ── changing ───────────────────────────────────────────────────────────────────────────────── */
static void done(struct wr_opa_call *call)
{
    struct wr_buf json = wr_buf_in(&call->server->scratch, 256);
    wr_buf_char(&json, '{');
    if (call->metrics) {
        wr_opa_write_metrics(&json, call);
    }
    wr_buf_char(&json, '}');
    send(call, &json);
}

/* True, and answered, when a bundle owns the package of a module. */
static bool owned(struct wr_opa_call *call, const struct wr_ast_module *module)
{
    struct wr_buf message = wr_buf_in(&call->server->scratch, 256);
    struct wr_str path[WR_LIMIT_OPA_SEGMENTS];
    size_t n = 0;
    for (uint32_t i = 1; i < module->package->n_items && n < WR_COUNTOF(path); i++) {
        path[n++] = wr_text(module->package->items[i]->value);
    }
    bool is_owned = wr_opa_is_owned(call->opa, path, n, &message);
    if (is_owned) {
        wr_opa_fail(call, 400, "invalid_parameter", "%.*s", (int)message.n, message.p);
    }
    return is_owned;
}

static bool is_empty_module(const struct wr_rego_errors *errors)
{
    return errors->n == 1 && wr_str_eq(errors->items[0].message, WR_STR("empty module"));
}

/* The module's tree; NULL when it has answered. */
static const struct wr_ast_module *parse(struct wr_opa_call *call, struct wr_str id)
{
    struct wr_arena *scratch = &call->server->scratch;
    struct wr_rego_parse_options options = {.v1 = call->opa->v1, .annotations = true};
    struct wr_ast_module *module = NULL;
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, scratch);
    int64_t before = wr_opa_now_ns(call);
    wr_err err = wr_rego_parse_module(scratch, id, call->request->body, &options, &module, &errors);
    wr_opa_figure(call, "timer_rego_module_parse_ns", wr_opa_now_ns(call) - before);
    if (err == WR_OK) {
        return module;
    }
    if (is_empty_module(&errors)) {
        wr_opa_fail(call, 400, "invalid_parameter", "%.*s:0: rego_parse_error: empty module",
                    WR_FMT(id));
    } else {
        wr_opa_fail_list(call, 400, "invalid_parameter", compiling, &errors);
    }
    return NULL;
}

static bool change(struct wr_opa_call *call, struct wr_str id, const struct wr_str *text,
                   const char *code)
{
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, &call->server->scratch);
    int64_t before = wr_opa_now_ns(call);
    wr_err err = wr_opa_set_module(call->opa, id, text, &errors);
    wr_opa_figure(call, "timer_rego_module_compile_ns", wr_opa_now_ns(call) - before);
    if (err == WR_E_LIMIT || err == WR_E_MEMORY) {
        struct wr_str why = errors.n > 0 ? errors.items[0].message : WR_STR("no room");
        wr_opa_fail(call, 413, "invalid_parameter", "%.*s", WR_FMT(why));
    } else if (err != WR_OK) {
        wr_opa_fail_list(call, 400, code, compiling, &errors);
    }
    return err == WR_OK;
}

void wr_opa_put_policy(struct wr_opa_call *call)
{
    struct wr_str id = policy_id(call), text = call->request->body;
    uint32_t at;
    const struct wr_opa_module *old = wr_opa_find_module(call->opa, id, &at);
    wr_opa_figure(call, "timer_server_read_bytes_ns", 0); /* the body has been read before */
    if (old != NULL &&
        owned(call, wr_rego_module(call->opa->code->program, wr_opa_tree_of(call->opa, at)))) {
        return;
    }
    if (old != NULL && wr_str_eq(old->text, text)) {
        done(call);
        return;
    }
    const struct wr_ast_module *module = parse(call, id);
    if (module != NULL && !owned(call, module) && change(call, id, &text, "invalid_parameter")) {
        done(call);
    }
}

void wr_opa_delete_policy(struct wr_opa_call *call)
{
    struct wr_str id = policy_id(call);
    uint32_t at;
    if (wr_opa_find_module(call->opa, id, &at) == NULL) {
        missing(call, id);
    } else if (!owned(call,
                      wr_rego_module(call->opa->code->program, wr_opa_tree_of(call->opa, at))) &&
               change(call, id, NULL, "invalid_operation")) {
        done(call);
    }
}
