/* SPDX-License-Identifier: Apache-2.0 */
/* What has been put on lists while running: part of the state, changed by entries of the journal
 * only, known by a list's name and kind of match. It does not depend on the pack: a list that a
 * pack no longer declares keeps its entries, and a pack that declares it again finds them.
 *
 *   body ─▶ wr_list_change_read ─▶ wr_engine_list ─▶ record, answer
 *             what may be refused     cannot but for memory; again by fold and replay
 *
 * The record's `id` is the list's name; its `event` is {"op", "match", "entries": [...]}, where
 * values are written as the list keeps them: never a card number. */
#ifndef WR_LISTS_H
#define WR_LISTS_H

#include "engine/engine.h"
#include "feature/list_table.h"
#include "pack/parts.h"

#define WR_LIMIT_LISTS 64 /* pairs of name and match that have ever been changed */

struct wr_named_list {
    char name[WR_LIMIT_NAME];
    size_t name_n;
    uint64_t version; /* sequence of the latest change */
    int64_t changed_us;
    struct wr_list_table table;
};

struct wr_lists {
    const struct wr_memory *memory;
    struct wr_named_list *all[WR_LIMIT_LISTS];
    uint32_t n;
};

void wr_lists_open(struct wr_lists *lists, const struct wr_memory *memory);
void wr_lists_close(struct wr_lists *lists);
/* NULL when it has never been changed. */
struct wr_named_list *wr_lists_find(const struct wr_lists *lists, struct wr_str name,
                                    enum wr_list_match match);
/* The same, made when it is not there. Errors: WR_E_LIMIT, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_lists_make(struct wr_lists *lists, struct wr_str name,
                                  enum wr_list_match match, struct wr_named_list **out,
                                  struct wr_error *error);
void wr_lists_digest(const struct wr_lists *lists, struct wr_sha256 *sha);

/* For snapshots (engine/snapshot.c): as there, over all lists. */
bool wr_lists_image_begin(struct wr_lists *lists, const struct wr_piece_sink *sink);
bool wr_lists_image_step(struct wr_lists *lists, size_t *budget);
bool wr_lists_image_failed(const struct wr_lists *lists);
void wr_lists_image_end(struct wr_lists *lists);
WR_NODISCARD wr_err wr_lists_restore(struct wr_lists *lists, const struct wr_piece *piece,
                                     struct wr_error *error);

const struct wr_lists *wr_engine_lists(const struct wr_engine *engine);

/* ── changes ────────────────────────────────────────────────────────────────────────────────── */
enum wr_list_op { WR_LIST_OP_ADD, WR_LIST_OP_REMOVE, WR_LIST_OP_CLEAR };

struct wr_list_change {
    struct wr_str list;
    enum wr_list_match match;
    enum wr_list_op op;
    struct wr_str *values;         /* [n], one spelling each */
    struct wr_list_entry *entries; /* [n], keys of the values */
    size_t n;
};

/* What somebody wants changed. */
struct wr_list_ask {
    struct wr_str list;
    enum wr_list_op op;
    struct wr_str value; /* the one entry's; .p NULL: values stand in the body */
    struct wr_str body;
    int64_t now_us;
};

/* Reads what is to be put on a list of the running pack, or taken off it. The body is one entry or
 * an array of at most WR_LIMIT_LIST_EDITS. An entry is a value, or an object {value, owner, reason}
 * and, when it is put, one of ttl ("30d", from now_us on) and expires (RFC 3339, or null); when the
 * value stands outside, the body is such an object without it, or empty. A clearing has no body.
 * Errors: those of JSON; WR_E_NOT_FOUND for a list that the pack does not declare; WR_E_LIST naming
 * the entry, row its number from 1; WR_E_CARD_NUMBER; WR_E_LIMIT when the list would be too long.
 */
WR_NODISCARD wr_err wr_list_change_read(const struct wr_engine *engine, struct wr_arena *arena,
                                        const struct wr_list_ask *ask, struct wr_list_change *out,
                                        struct wr_error *error);
/* The value of a list's entry as it is kept, for those who ask for one; in `arena`. */
WR_NODISCARD wr_err wr_list_value_read(const struct wr_engine *engine, struct wr_arena *arena,
                                       const struct wr_list *list, struct wr_str text,
                                       struct wr_list_key *key, struct wr_error *error);

/* Applies a change as an entry of its own. answer: sequence, record; document is {"change_id",
 * "list", "version", "added", "replaced", "removed", "absent"}. Errors: WR_E_MEMORY, WR_E_LIMIT;
 * nothing has changed then. O(n), and a bounded share of the table's upkeep. */
WR_NODISCARD wr_err wr_engine_list(struct wr_engine *engine, const struct wr_list_change *change,
                                   int64_t now_us, struct wr_arena *scratch,
                                   struct wr_answer *answer);
/* The change that a record tells of. Errors: WR_E_JOURNAL. */
WR_NODISCARD wr_err wr_list_change_of_record(const struct wr_record *record,
                                             struct wr_arena *scratch, struct wr_list_change *out,
                                             struct wr_error *error);
/* What wr_engine_list does to the lists alone: for readers of a journal without an engine. */
struct wr_list_counts {
    uint64_t added, replaced, removed, absent;
};
WR_NODISCARD wr_err wr_lists_apply(struct wr_lists *lists, const struct wr_list_change *change,
                                   uint64_t sequence, int64_t now_us, struct wr_list_counts *counts,
                                   struct wr_error *error);

#endif
