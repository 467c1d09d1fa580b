/* SPDX-License-Identifier: Apache-2.0 */
/* The journal row's payload: what one entry did, enough to repeat it and to prove it.
 *
 *   offset  size
 *        0     2  magic "WR"
 *        2     1  version, 1
 *        3     1  kind (enum wr_record_kind)
 *        4     8  sequence, from 1, without gaps
 *       12     4  epoch
 *       16     8  node
 *       24     8  now, microseconds since 1970
 *       32     8  event time, microseconds since 1970 (labels: of the labelled event, or 0)
 *       40     1  budget (enum wr_budget)
 *       41     1  flags (WR_RECORD_...)
 *       42     1  outcome (enum wr_outcome; 0 in other kinds)
 *       43     1  0
 *       44    32  pack digest
 *       76   8*4  lengths of the parts: id, anchor, event, derived, document, fleet, 0, 0 (32 bits)
 *      108     .  the parts, in that order, without padding
 *
 * Little-endian. Parts of a decision: the event's id (canonical text), its anchor (what a label
 * needs to find the event on the tapes), the event as canonical JSON after tokenising and without
 * label fields, the derived part as canonical JSON {"features", "lists", "missing", "scores"} (and
 * "fleet" where a feature is of that scope), the
 * decision document, and what other nodes added to the features of scope fleet (feature/fleet.h;
 * empty when the pack has none). The policy's input is the event and the derived part laid side by
 * side. Parts of a label: id, anchor (empty when the event is unknown), and the label as JSON in
 * `event`. Of an activation: the revision in `id`. Of the scores of challengers: `derived` has what
 * docs/formats.md tells, the document the entry's own id. Of a change of a list: the list's name in
 * `id`, the change as JSON in `event` (engine/lists.h), what it did in `document`. No checksum
 * here: the chain covers every payload.
 *
 *   link(n) = SHA-256(link(n-1) || SHA-256(payload n) || sequence n as 8 bytes), link(0) = zeros */
#ifndef WR_RECORD_H
#define WR_RECORD_H

#include "base/bytes.h"
#include "base/err.h"
#include "value/value.h"

#define WR_LIMIT_RECORD_SIZE (4u * 1024 * 1024)

enum wr_record_kind {
    WR_RECORD_DECISION = 1,
    WR_RECORD_LABEL = 2,
    WR_RECORD_ACTIVATION = 3,
    WR_RECORD_SHADOW = 4, /* scores of challengers */
    WR_RECORD_LIST = 5,
};

enum {
    WR_RECORD_LATE = 1,      /* older than the watermark: decided, not on the tapes */
    WR_RECORD_DEGRADED = 2,  /* the document's `degraded` is not empty */
    WR_RECORD_RESET = 8,     /* an activation with which the features started empty */
    WR_RECORD_NO_EFFECT = 4, /* a label whose event is unknown or expired; a change of a list that
                                changed nothing */
    WR_RECORD_CHALLENGED =
        16, /* a decision whose challengers a later entry scores, or says why not */
};

enum wr_outcome {
    WR_OUTCOME_NONE = 0,
    WR_OUTCOME_APPROVE = 1,
    WR_OUTCOME_REVIEW = 2,
    WR_OUTCOME_CHALLENGE = 3,
    WR_OUTCOME_HOLD = 4,
    WR_OUTCOME_DECLINE = 5,
    WR_OUTCOME_COUNT = 6,
};
const char *wr_outcome_name(enum wr_outcome outcome); /* "approve"; "none" */
/* Returns false when the text names no outcome. */
bool wr_outcome_read(struct wr_str text, enum wr_outcome *out);

enum wr_budget { WR_BUDGET_FULL = 0, WR_BUDGET_NO_EXPLAIN = 1, WR_BUDGET_FALLBACK = 2 };

struct wr_record {
    enum wr_record_kind kind;
    uint64_t sequence;
    uint32_t epoch;
    uint64_t node;
    int64_t now_us;
    int64_t event_us;
    enum wr_budget budget;
    uint8_t flags;
    enum wr_outcome outcome;
    uint8_t pack_digest[32];
    struct wr_str id, anchor, event, derived, document, fleet; /* views into the payload when
                                                                  decoded */
};

#define WR_RECORD_HEAD 108

/* Exact size of the encoding. */
size_t wr_record_size(const struct wr_record *record);
/* Appends the encoding; check buf->overflow. */
void wr_record_encode(struct wr_buf *buf, const struct wr_record *record);
/* The head alone, for writers that have put the parts behind it in place. */
void wr_record_encode_head(uint8_t head[WR_RECORD_HEAD], const struct wr_record *record);
/* Hostile-safe: WR_E_JOURNAL with the offset when the bytes are not a record. Parts are views. */
WR_NODISCARD wr_err wr_record_decode(struct wr_str payload, struct wr_record *out,
                                     struct wr_error *error);
/* The policy's input as it was: the event with features, lists, missing and scores. */
WR_NODISCARD wr_err wr_record_input(struct wr_arena *arena, const struct wr_record *record,
                                    struct wr_value *input, struct wr_error *error);

/* The chain. `link` holds link(n-1) on entry and link(n) on return. */
void wr_record_link(uint8_t link[32], const uint8_t payload_digest[32], uint64_t sequence);

/* Decision ids: node as 16 hex digits, '-', epoch, '-', sequence ("5f0c3a91d2e4b687-3-1842"). */
#define WR_DECISION_ID_MAX 48
size_t wr_decision_id_write(char out[WR_DECISION_ID_MAX], uint64_t node, uint32_t epoch,
                            uint64_t sequence);
/* False when the text is not of exactly that form (no leading zeros, no signs). */
bool wr_decision_id_read(struct wr_str text, uint64_t *node, uint32_t *epoch, uint64_t *sequence);

/* Appends a decision document with `features` and `missing` of the derived part before its closing
 * brace: the projection that callers may ask for. */
void wr_record_project(struct wr_buf *buf, struct wr_str document, struct wr_str features);

#endif
