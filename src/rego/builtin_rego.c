/* SPDX-License-Identifier: Apache-2.0 */
/* Builtins that need the front of the compiler, and http.send as far as it goes without a network:
 * it checks its request and then fails. */
#include "rego/ast_value.h"
#include "rego/parse.h"
#include "rego/resolve.h"
#include "value/json_write.h"

/* rego.parse_module(file, text): the tree of a module, as JSON. */
static wr_err parse_module(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                           struct wr_value *out)
{
    struct wr_rego_errors errors;
    struct wr_ast_module *module;
    struct wr_rego_parse_options options = {.annotations = false};
    (void)n;
    for (uint32_t i = 0; i < 2; i++) {
        wr_err err = wr_builtin_want(call, args, i, WR_STRING);
        if (err != WR_OK) {
            return err;
        }
    }
    wr_err err = wr_builtin_charge(call, 1 + args[1].n / 8);
    if (err != WR_OK) {
        return err;
    }
    wr_rego_errors_init(&errors, call->arena);
    if (wr_rego_parse_module(call->arena, wr_text(args[0]), wr_text(args[1]), &options, &module,
                             &errors) != WR_OK) {
        struct wr_buf buf = wr_buf_in(call->arena, 128);
        wr_rego_errors_write(&buf, &errors);
        return buf.overflow ? wr_builtin_no_room(call)
                            : wr_builtin_fail(call, "%.*s", (int)buf.n, buf.p);
    }
    return wr_ast_module_value(call->arena, module, out);
}

static bool is_request_key(const struct wr_value *key)
{
    static const char *const keys[] = {
        "method",
        "url",
        "body",
        "cache",
        "cache_ignored_headers",
        "caching_mode",
        "enable_redirect",
        "force_cache",
        "force_cache_duration_seconds",
        "force_json_decode",
        "force_yaml_decode",
        "headers",
        "max_retry_attempts",
        "raise_error",
        "raw_body",
        "timeout",
        "tls_ca_cert",
        "tls_ca_cert_env_variable",
        "tls_ca_cert_file",
        "tls_client_cert",
        "tls_client_cert_env_variable",
        "tls_client_cert_file",
        "tls_client_key",
        "tls_client_key_env_variable",
        "tls_client_key_file",
        "tls_insecure_skip_verify",
        "tls_server_name",
        "tls_use_system_certs",
    };
    for (size_t i = 0; key->type == WR_STRING && i < WR_COUNTOF(keys); i++) {
        if (wr_str_eq(wr_text(*key), wr_str_z(keys[i]))) {
            return true;
        }
    }
    return false;
}

static wr_err refuse_keys(struct wr_builtin_call *call, const char *what, struct wr_value *keys,
                          size_t n)
{
    struct wr_value set = wr_set_from(keys, n);
    struct wr_buf text = wr_buf_in(call->arena, 64);
    wr_rego_write(&text, &set);
    return text.overflow ? wr_builtin_no_room(call)
                         : wr_builtin_operand(call, 0, "%s: %.*s", what, (int)text.n, text.p);
}

static wr_err http_send(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                        struct wr_value *out)
{
    struct wr_value missing[2];
    size_t n_missing = 0, n_wrong = 0;
    wr_err err = wr_builtin_want(call, args, 0, WR_OBJECT);
    (void)n, (void)out;
    if (err != WR_OK) {
        return err;
    }
    struct wr_value *wrong = WR_NEW_ARRAY(call->arena, struct wr_value, args[0].n);
    if (wrong == NULL) {
        return wr_builtin_no_room(call);
    }
    for (uint32_t i = 0; i < args[0].n; i++) {
        if (!is_request_key(&args[0].pairs[i].key)) {
            wrong[n_wrong++] = args[0].pairs[i].key;
        }
    }
    if (n_wrong > 0) {
        return refuse_keys(call, "invalid request parameters(s)", wrong, n_wrong);
    }
    struct wr_value needed[2] = {wr_string(WR_STR("method")), wr_string(WR_STR("url"))};
    for (size_t i = 0; i < 2; i++) {
        if (wr_object_get(&args[0], &needed[i]) == NULL) {
            missing[n_missing++] = needed[i];
        }
    }
    if (n_missing > 0) {
        return refuse_keys(call, "missing required request parameters(s)", missing, n_missing);
    }
    return wr_builtin_fail(call, "there is no network here");
}

static const struct wr_builtin rego_builtins[] = {
    {.name = "http.send",
     .types = "(request: object[string: any]) => response: object[any: any]",
     .arity_min = 1,
     .arity_max = 1,
     .flags = WR_BUILTIN_NONDET | WR_BUILTIN_NETWORK,
     .cost = WR_COST_HEAVY,
     .fn = http_send},
    {.name = "rego.parse_module",
     .types = "(filename: string, rego: string) => output: object[string: any]",
     .arity_min = 2,
     .arity_max = 2,
     .cost = WR_COST_HEAVY,
     .fn = parse_module},
};

const struct wr_builtin *wr_rego_builtin(const struct wr_rego_options *options, struct wr_str name)
{
    for (size_t i = 0; i < options->n_extra; i++) {
        if (wr_str_eq(name, wr_str_z(options->extra[i].name))) {
            return &options->extra[i];
        }
    }
    for (size_t i = 0; i < WR_COUNTOF(rego_builtins); i++) {
        if (wr_str_eq(name, wr_str_z(rego_builtins[i].name))) {
            return &rego_builtins[i];
        }
    }
    return wr_builtin_find(name);
}
