/* SPDX-License-Identifier: Apache-2.0 */
/* All lists as pieces of a snapshot: a piece that names each list, at its number, then the entries
 * as they are copied (feature/list_image.c).
 *
 *   8 bits match    8 bits size of the name    64 bits version, changed, kept    the name */
#include "engine/lists.h"

enum { VERSION = 1, KIND_LIST = 1, KIND_ENTRIES = 2, LIST_HEAD = 26 };

bool wr_lists_image_begin(struct wr_lists *lists, const struct wr_piece_sink *sink)
{
    if (wr_piece_add(sink, WR_PIECE_LISTS, WR_PIECE_FIRST, VERSION, 0) == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < lists->n; i++) {
        struct wr_named_list *list = lists->all[i];
        uint8_t *out =
            wr_piece_add(sink, WR_PIECE_LISTS, KIND_LIST, i, (uint32_t)(LIST_HEAD + list->name_n));
        if (out == NULL) {
            return false;
        }
        out[0] = (uint8_t)list->table.match;
        out[1] = (uint8_t)list->name_n;
        wr_put64(out + 2, list->version);
        wr_put64(out + 10, (uint64_t)list->changed_us);
        wr_put64(out + 18, (uint64_t)list->table.kept_s);
        memcpy(out + LIST_HEAD, list->name, list->name_n);
        wr_list_image_begin(&list->table, sink, i);
    }
    return true;
}

bool wr_lists_image_step(struct wr_lists *lists, size_t *budget)
{
    bool done = true;
    for (uint32_t i = 0; i < lists->n && done; i++) {
        done = wr_list_image_step(&lists->all[i]->table, budget);
    }
    return done;
}

bool wr_lists_image_failed(const struct wr_lists *lists)
{
    bool failed = false;
    for (uint32_t i = 0; i < lists->n; i++) {
        failed = failed || lists->all[i]->table.image.failed;
    }
    return failed;
}

void wr_lists_image_end(struct wr_lists *lists)
{
    for (uint32_t i = 0; i < lists->n; i++) {
        wr_list_image_end(&lists->all[i]->table);
    }
}

static wr_err broken(struct wr_error *error)
{
    return wr_fail(error, WR_E_STATE, "the snapshot's lists are broken");
}

/* They were written in the order in which they are kept. */
static wr_err restore_list(struct wr_lists *lists, const struct wr_piece *piece,
                           struct wr_error *error)
{
    const uint8_t *in = (const uint8_t *)piece->bytes.p;
    struct wr_named_list *list;
    if (piece->bytes.n < LIST_HEAD || piece->bytes.n != (size_t)LIST_HEAD + in[1] ||
        in[0] >= WR_LIST_MATCHES || piece->at != lists->n) {
        return broken(error);
    }
    struct wr_str name = wr_str_of(piece->bytes.p + LIST_HEAD, in[1]);
    if (!wr_pack_name_is_plain(name)) {
        return broken(error);
    }
    wr_err err = wr_lists_make(lists, name, (enum wr_list_match)in[0], &list, error);
    if (err != WR_OK) {
        return err;
    }
    list->version = wr_get64(in + 2);
    list->changed_us = (int64_t)wr_get64(in + 10);
    list->table.kept_s = (int64_t)wr_get64(in + 18);
    return lists->all[lists->n - 1] == list && piece->at + 1 == lists->n ? WR_OK : broken(error);
}

wr_err wr_lists_restore(struct wr_lists *lists, const struct wr_piece *piece,
                        struct wr_error *error)
{
    switch (piece->kind) {
    case WR_PIECE_FIRST:
        return piece->at == VERSION && piece->bytes.n == 0 && lists->n == 0 ? WR_OK : broken(error);
    case KIND_LIST:
        return restore_list(lists, piece, error);
    case KIND_ENTRIES:
        return piece->at < lists->n
                   ? wr_list_image_restore(&lists->all[piece->at]->table, piece->bytes, error)
                   : broken(error);
    default:
        return broken(error);
    }
}
