/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/keys.h"

#include "base/num.h"

wr_err wr_keys_fail(const struct wr_keys *keys, const char *key, const char *format, ...)
{
    char room[WR_LIMIT_ERROR_TEXT], place[WR_LIMIT_ERROR_WHERE];
    struct wr_buf text = wr_buf_fixed(room, sizeof room);
    struct wr_buf where = wr_buf_fixed(place, sizeof place);
    struct wr_str parts[3] = {wr_str_z(keys->place), keys->name, wr_str_z(key != NULL ? key : "")};
    for (size_t i = 0; i < WR_COUNTOF(parts); i++) {
        if (parts[i].n != 0 && where.n != 0) {
            wr_buf_char(&where, '.');
        }
        wr_buf_str(&where, parts[i]);
    }
    va_list args;
    va_start(args, format);
    wr_vformat(&text, format, args);
    va_end(args);
    wr_err err = where.n == 0 ? wr_fail(keys->error, WR_E_PACK, "%s: %.*s", keys->file,
                                        WR_FMT(wr_buf_view(&text)))
                              : wr_fail(keys->error, WR_E_PACK, "%s: %.*s: %.*s", keys->file,
                                        WR_FMT(wr_buf_view(&where)), WR_FMT(wr_buf_view(&text)));
    if (keys->error != NULL) {
        wr_error_where(keys->error, keys->file, strlen(keys->file));
    }
    return err;
}

wr_err wr_keys_check(const struct wr_keys *keys, const char *const *known)
{
    if (!wr_is(*keys->at, WR_OBJECT)) {
        return wr_keys_fail(keys, NULL, "wanted an object, found %s", wr_type_name(*keys->at));
    }
    for (uint32_t i = 0; i < keys->at->n; i++) {
        struct wr_str key = wr_text(keys->at->pairs[i].key);
        bool fine = false;
        for (size_t k = 0; known[k] != NULL && !fine; k++) {
            fine = wr_str_eq(key, wr_str_z(known[k]));
        }
        if (!fine) {
            return wr_keys_fail(keys, NULL, "the key \"%.*s\" is not known", WR_FMT(key));
        }
    }
    return WR_OK;
}

const struct wr_value *wr_keys_get(const struct wr_keys *keys, const char *key)
{
    const struct wr_value *v = wr_object_get_str(keys->at, wr_str_z(key));
    return v != NULL && wr_is(*v, WR_NULL) ? NULL : v;
}

wr_err wr_keys_enter(const struct wr_keys *keys, const char *key, struct wr_keys *below,
                     bool *found)
{
    *below = *keys;
    below->place = key;
    below->at = wr_keys_get(keys, key);
    *found = below->at != NULL;
    if (*found && !wr_is(*below->at, WR_OBJECT)) {
        return wr_keys_fail(below, NULL, "wanted an object, found %s", wr_type_name(*below->at));
    }
    return WR_OK;
}

wr_err wr_keys_text(const struct wr_keys *keys, const char *key, bool required, struct wr_str *out)
{
    const struct wr_value *v = wr_keys_get(keys, key);
    if (v == NULL) {
        return required ? wr_keys_fail(keys, key, "the key is missing; it takes a text") : WR_OK;
    }
    if (!wr_is(*v, WR_STRING) || v->n == 0) {
        return wr_keys_fail(keys, key, "wanted a text, found %s",
                            v->n == 0 && wr_is(*v, WR_STRING) ? "an empty one" : wr_type_name(*v));
    }
    *out = wr_text(*v);
    return WR_OK;
}

wr_err wr_keys_count(const struct wr_keys *keys, const char *key, uint64_t min, uint64_t max,
                     uint64_t *out)
{
    const struct wr_value *v = wr_keys_get(keys, key);
    int64_t count;
    if (v == NULL) {
        return WR_OK;
    }
    if (!wr_is(*v, WR_NUMBER) || !wr_number_to_i64(v, &count) || count < 0 ||
        (uint64_t)count < min || (uint64_t)count > max) {
        return wr_keys_fail(keys, key, "wanted a whole number from %llu to %llu",
                            (unsigned long long)min, (unsigned long long)max);
    }
    *out = (uint64_t)count;
    return WR_OK;
}

bool wr_keys_read_duration(struct wr_str text, int64_t *us)
{
    static const struct {
        struct wr_str suffix;
        int64_t us;
    } units[] = {{{"us", 2}, 1},          {{"ms", 2}, 1000},
                 {{"s", 1}, 1000000},     {{"m", 1}, INT64_C(60000000)},
                 {{"h", 1}, 3600000000},  {{"d", 1}, INT64_C(86400000000)},
                 {{"w", 1}, 604800000000}};
    const int64_t most = INT64_C(86400000000) * 10000;
    size_t n_digits = 0;
    while (n_digits < text.n && text.p[n_digits] >= '0' && text.p[n_digits] <= '9') {
        n_digits++;
    }
    struct wr_str suffix = wr_str_of(text.p + n_digits, text.n - n_digits);
    int64_t count;
    if (n_digits == 0 || n_digits > 15 || !wr_num_read_i64(wr_str_of(text.p, n_digits), &count)) {
        return false;
    }
    for (size_t i = 0; i < WR_COUNTOF(units); i++) {
        if (wr_str_eq(suffix, units[i].suffix)) {
            return wr_mul_i64(count, units[i].us, us) && *us <= most;
        }
    }
    return false;
}

wr_err wr_keys_duration(const struct wr_keys *keys, const char *key, int64_t *out_us)
{
    const struct wr_value *v = wr_keys_get(keys, key);
    if (v == NULL) {
        return WR_OK;
    }
    if (!wr_is(*v, WR_STRING) || !wr_keys_read_duration(wr_text(*v), out_us)) {
        return wr_keys_fail(keys, key, "wanted a duration such as 50ms, 24h or 7d");
    }
    return WR_OK;
}
