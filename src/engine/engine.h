/* SPDX-License-Identifier: Apache-2.0 */
/* The one flow: event in, decision and its effects out; a pure function of (pack, state, event,
 * now).
 *
 *   bodies ─▶ parse ─▶ tokenise ─▶ validate ─▶ known id? ─▶ sequence ─▶ windows ─▶ derive ─▶ score
 *                                                                  record ◀─ policy ◀─┘
 *
 * The engine does no I/O and reads no clock. What a decision changes outside of the engine it
 * returns as data: the record is the journal's row, the document is the answer. Whoever calls it
 * keeps this contract: an answer leaves only after its record is kept; when records of a batch
 * cannot be kept, the engine is closed and rebuilt by folding the journal (wr_engine_fold) before
 * the next decision.
 *
 * One thread. Batches of any size give the same documents, records and digests. State is the fold
 * of the records: wr_engine_fold applies a record without scoring, wr_engine_replay decides it
 * again. Memory of the state comes from `memory` up to the caps of the pack. */
#ifndef WR_ENGINE_H
#define WR_ENGINE_H

#include "base/hash.h"
#include "engine/condense.h"
#include "engine/record.h"
#include "pack/pack.h"

#define WR_LIMIT_ENGINE_BATCH  256           /* requests in one call */
#define WR_LIMIT_REQUEST_SIZE  (256u * 1024) /* bytes of one request body */
#define WR_LIMIT_REQUEST_DEPTH 64
#define WR_LIMIT_REASONS       32       /* reasons in one document */
#define WR_LIMIT_FUTURE_US     60000000 /* an event may lie that far after now */

struct wr_engine;
struct wr_fleet;
struct wr_fleet_key;

struct wr_engine_config {
    uint64_t node;              /* 64 random bits made with the state directory */
    uint32_t epoch;             /* raised before serving */
    struct wr_hash_key keys[2]; /* secret, made with the state directory: entity and id hashes, body
                                   hashes. State digests compare only under equal keys. */
    struct wr_str card_key;     /* HMAC key for card numbers; empty: a card number is refused */
    uint64_t state_cap;         /* bytes of feature state at most; 0: the pack's cap */
    uint64_t ids_cap;           /* event ids remembered at most; 0: the pack's cap */
    struct wr_fleet *fleet; /* what nodes tell one another (feature/fleet.h), made with the pack's
                               plan; NULL: nothing is known of the others */
    struct wr_hash_key fleet_key; /* wr_fleet_hash_key of their secret */
    bool fleet_is_here; /* this engine gets the events of all nodes: there are no others, and
                           what records say of them does not count */
};

/* Opens an engine with empty state at sequence 0. Owns: state taken from `memory`; `pack` and
 * `memory` must outlive the engine. Errors: WR_E_MEMORY and those of the feature table. */
WR_NODISCARD wr_err wr_engine_open(const struct wr_memory *memory, const struct wr_pack *pack,
                                   const struct wr_engine_config *config, struct wr_engine **out,
                                   struct wr_error *error);
void wr_engine_close(struct wr_engine *engine);

struct wr_request {
    struct wr_str body; /* the JSON document; must outlive the answer */
    int64_t now_us;     /* wall clock of the shell, anchored; a batch reader over old data may
                           give WR_NOW_IS_EVENT_TIME */
    enum wr_budget budget;
    bool want_features;     /* answer.projected is the document with features */
    const char *unrecorded; /* why the caller will keep no record of it ("full"), static; told under
                               `degraded`. NULL: it will */
};
#define WR_NOW_IS_EVENT_TIME INT64_MIN

struct wr_answer {
    wr_err err;    /* not WR_OK: refused, nothing changed, `error` says why */
    bool replayed; /* the id is known with the same body: no new entry; `sequence` is the
                      first answer's, whose document the caller has (journal, or the answer
                      with that sequence in this batch) */
    bool late;
    enum wr_outcome outcome;
    uint64_t sequence;
    int64_t event_us;
    struct wr_str transaction_id; /* canonical text of the event id */
    struct wr_str document;       /* the decision document, as stored */
    struct wr_str features;       /* {"name":value,...}, always */
    struct wr_str projected;      /* the document with features when asked for, else empty */
    struct wr_str record;         /* the journal row's payload; empty when refused or replayed */
    struct wr_str condensed;  /* the same row by the phrases of the running pack (wr_pack_phrases,
                                 wr_expand); empty for other entries and where nothing is won */
    struct wr_str anchor;     /* part of the record that wr_engine_label needs */
    struct wr_str reasons[4]; /* codes of the first reasons, for metrics */
    uint32_t n_reasons, n_degraded;
    bool policy_failed, stale; /* stale: news of other nodes were lacking */
    struct wr_value score;     /* of the document, for metrics; undefined when there is none */
    int64_t amount; /* of the event, in units of 10^-amount_scale; 0 when there is none */
    uint8_t amount_scale;
    struct wr_error error; /* when err is not WR_OK */
};

/* Decides n requests in order. Answers borrow from `scratch` and from the bodies. A request that is
 * refused changes nothing; memory that runs out refuses requests before they count. Errors:
 * WR_E_LIMIT when n is over WR_LIMIT_ENGINE_BATCH (nothing was done).
 * Room: about 12 KiB of scratch a request, of which what was not needed goes back; a scratch arena
 * whose first block has room for a whole batch takes nothing from its source. */
WR_NODISCARD wr_err wr_engine_batch(struct wr_engine *engine, const struct wr_request *requests,
                                    size_t n, struct wr_arena *scratch, struct wr_answer *answers,
                                    struct wr_error *error);

/* ── the fleet ──────────────────────────────────────────────────────────────────────────────── */
/* Events that are inserted are added to the own tiles of `fleet`; what it holds of the other nodes
 * when a decision is made enters the features of scope fleet and stands in the record, from which
 * alone replays take it. After an activation that brought other features the caller gives the
 * tables that go with them, before the next decision. */
struct wr_fleet *wr_engine_fleet(const struct wr_engine *engine); /* NULL: none, or not yet */
void wr_engine_set_fleet(struct wr_engine *engine, struct wr_fleet *fleet);
/* The shell's clock for the age of what is known; microseconds, of any origin. */
void wr_engine_set_fleet_now(struct wr_engine *engine, int64_t now_us);
/* What this node has to tell others of an entry that its state holds already: for a state that was
 * restored, whose tables of the fleet begin at from_us (wr_fleet_begin_at). Entries come in order.
 * Errors: WR_E_JOURNAL, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_engine_tell(struct wr_engine *engine, struct wr_str payload, int64_t from_us,
                                   struct wr_arena *scratch, struct wr_error *error);
/* True when the pack has features of scope fleet. */
bool wr_engine_has_fleet(const struct wr_engine *engine);
/* What has to be known of other nodes to decide on a request's body; none when it will be refused
 * or has no such entity. At most WR_LIMIT_FLEET_SERIES. */
uint32_t wr_engine_fleet_keys(struct wr_engine *engine, struct wr_arena *scratch,
                              struct wr_str body, int64_t now_us, struct wr_fleet_key *out);

/* ── where the time goes ────────────────────────────────────────────────────────────────────── */
/* The engine reads no clock. While a probe is set, it tells of each batch when all its requests
 * have passed a stage; whoever listens may look at a clock. Four calls a batch. */
enum wr_engine_stage {
    WR_ENGINE_PARSE,   /* JSON, card numbers, validation */
    WR_ENGINE_FEATURE, /* known ids, lists, windows, derived features */
    WR_ENGINE_MODEL,
    WR_ENGINE_POLICY, /* the policy, the document and the record */
    WR_ENGINE_STAGES
};
struct wr_engine_probe {
    void (*passed)(void *context, enum wr_engine_stage stage);
    void *context;
};
/* The probe is borrowed until another, or NULL, is set. */
void wr_engine_set_probe(struct wr_engine *engine, const struct wr_engine_probe *probe);

/* ── challengers ────────────────────────────────────────────────────────────────────────────── */
/* A pack's challengers are scored when the answers have left: a decision of such a pack is flagged
 * (WR_RECORD_CHALLENGED), and its record waits in the engine until wr_engine_shadow scores it. Each
 * call makes one entry of the journal. Nothing of this changes a decision or the state. */
#define WR_LIMIT_SHADOW_PENDING 1024u              /* decisions that wait; more are left out */
#define WR_LIMIT_SHADOW_BYTES   (2u * 1024 * 1024) /* of their records */
#define WR_LIMIT_SHADOW_CHUNK   64u                /* decisions of one entry */

enum wr_challenge_why { /* why decisions have no scores of challengers */
                        WR_CHALLENGE_SCORED = 0,
                        WR_CHALLENGE_LOST, /* the process ended between the answer and the scoring
                                            */
                        WR_CHALLENGE_BACKLOG,      /* too many waited */
                        WR_CHALLENGE_STOPPED,      /* the service was stopped */
                        WR_CHALLENGE_PACK_CHANGED, /* another pack took over */
                        WR_CHALLENGE_MEMORY,       /* no room to score */
                        WR_CHALLENGE_WHYS
};
const char *wr_challenge_why_name(enum wr_challenge_why why); /* "lost" */

/* Decisions that wait, of those up to a sequence; UINT64_MAX: all. */
uint64_t wr_engine_shadow_pending(const struct wr_engine *engine, uint64_t upto);
/* Makes the next entry: scores the oldest decisions, at most n_max and WR_LIMIT_SHADOW_CHUNK, or
 * tells of a gap that comes before them; with a `why` all that wait are left out for that reason.
 * Something must wait. answer: sequence, record. Room: some 20 KiB of scratch a decision; without
 * it they are left out. Errors: WR_E_MEMORY: nothing has changed. */
WR_NODISCARD wr_err wr_engine_shadow(struct wr_engine *engine, uint32_t n_max,
                                     enum wr_challenge_why why, int64_t now_us,
                                     struct wr_arena *scratch, struct wr_answer *answer);

struct wr_challenger_stats { /* since the pack became active */
    struct wr_str name, champion;
    uint64_t n_scored, n_unscored; /* by the model itself: an input was missing ... */
    uint64_t n_compared;           /* the champion had a score too */
    uint64_t n_changed;            /* another outcome with the challenger in the champion's place */
    double sum, sum_abs, max_abs;  /* of challenger - champion */
};
/* The i-th challenger of the running pack; false when there are fewer. */
bool wr_engine_challenger(const struct wr_engine *engine, size_t i,
                          struct wr_challenger_stats *out);

/* ── labels ─────────────────────────────────────────────────────────────────────────────────── */
#define WR_LIMIT_LABELS 8
enum wr_label_value { WR_LABEL_FALSE = 0, WR_LABEL_TRUE = 1, WR_LABEL_WITHDRAWN = 2 };
struct wr_label {
    struct wr_str id; /* canonical text of the event id: a string's bytes or a number's text */
    uint64_t node, sequence; /* of the decision id, if the label names one; else sequence is 0 */
    uint32_t epoch;
    size_t n;
    struct wr_str names[WR_LIMIT_LABELS];
    enum wr_label_value values[WR_LIMIT_LABELS];
};
/* Reads {"id": ..., "label": {"fraud": true | false | 1 | 0 | null}}; "decision_id" may stand for
 * the id, or beside it, and reaches any decision that the journal holds: out->id is then the
 * caller's to fill. Errors: those of JSON, WR_E_LABEL naming what is wrong (also a label that the
 * pack does not name). */
WR_NODISCARD wr_err wr_label_read(const struct wr_engine *engine, struct wr_arena *arena,
                                  struct wr_str body, struct wr_label *out, struct wr_error *error);

/* The sequence of the decision on an event id, if it is remembered. An older one may still be found
 * in the journal by id. */
bool wr_engine_find_event(const struct wr_engine *engine, struct wr_str id, uint64_t *sequence);

/* What an index of older ids is made of: the keyed hash of an id (of the bytes of its canonical
 * text), and the ids that were decided, in order. Places count them all from the engine's opening;
 * those in [first, end) are remembered. */
uint64_t wr_engine_id_hash(const struct wr_engine *engine, struct wr_str id);
struct wr_engine_ids {
    uint64_t first, end;
};
struct wr_engine_ids wr_engine_ids(const struct wr_engine *engine);
void wr_engine_id_at(const struct wr_engine *engine, uint64_t place, uint64_t *hash,
                     uint64_t *sequence);
/* Blocks that the ids will take of the engine's memory while some thousand more come. */
enum { WR_ENGINE_NEEDS = 2 };
void wr_engine_ids_need(const struct wr_engine *engine,
                        struct wr_memory_need needs[WR_ENGINE_NEEDS]);

/* Applies a label as an entry of its own. `anchor` is that of the labelled decision (answer.anchor,
 * or wr_record_decode of its row); empty when the event is unknown: the label is recorded and has
 * no effect. answer: sequence, record; document is {"label_id","transaction_id","effect"}. */
WR_NODISCARD wr_err wr_engine_label(struct wr_engine *engine, const struct wr_label *label,
                                    struct wr_str anchor, int64_t now_us, struct wr_arena *scratch,
                                    struct wr_answer *answer);

/* ── packs ──────────────────────────────────────────────────────────────────────────────────── */
/* Swaps to another pack as an entry of its own. When the parts event, entities, fields, features
 * and limits are the same in both, all history is kept; otherwise features start empty and are
 * `warming` until their windows have passed. Also takes the running pack itself, to note it in the
 * journal. On an error the running pack is untouched. answer: sequence, record. Owns: nothing; the
 * engine refers to the two packs below, and to no other once this has returned. */
WR_NODISCARD wr_err wr_engine_activate(struct wr_engine *engine, const struct wr_pack *pack,
                                       int64_t now_us, struct wr_arena *scratch,
                                       struct wr_answer *answer);
const struct wr_pack *wr_engine_pack(const struct wr_engine *engine);
/* The pack whose schema and plan shape the state: the running one, or an earlier one that agrees
 * with it in all that the state depends on. */
const struct wr_pack *wr_engine_state_pack(const struct wr_engine *engine);

/* ── the journal's side ─────────────────────────────────────────────────────────────────────── */
/* Applies a record to the state without scoring. Records come in order of sequence, the first being
 * 1. Rows of the running pack bring their conditions with them; rows made under another pack are
 * read again under the running one, and an event that does not fit its schema is only remembered by
 * its id. An activation that reset the features does so again.
 * Errors: WR_E_JOURNAL naming the sequence when the record does not follow or does not decode. */
WR_NODISCARD wr_err wr_engine_fold(struct wr_engine *engine, struct wr_str payload,
                                   struct wr_arena *scratch, struct wr_error *error);
/* After the last fold and before the first decision: does now what its features would else have to
 * catch up with (wr_feature_catch_up). O(entities); changes no answer. */
void wr_engine_catch_up(struct wr_engine *engine);
/* True when the last entry folded was made under another pack than the running one: the caller
 * then activates the running pack, so that the journal says where it changed. */
bool wr_engine_pack_changed(const struct wr_engine *engine);

/* ── again: what `weir replay` is made of ───────────────────────────────────────────────────── */
/* Decides an entry again, with its own now, budget, epoch, node and sequence, and changes the state
 * as it did. With the same pack answer.record equals the payload. Activations are folded; those of
 * another pack want wr_engine_replay_activation. Errors: WR_E_JOURNAL, WR_E_MEMORY; an event that
 * does not fit the running pack is answer.err and keeps its sequence. */
WR_NODISCARD wr_err wr_engine_replay(struct wr_engine *engine, struct wr_str payload,
                                     struct wr_arena *scratch, struct wr_answer *answer,
                                     struct wr_error *error);

/* The same for consecutive decisions, at most WR_LIMIT_ENGINE_BATCH. An id that is known is no
 * obstacle: these events were decided. On an error nothing has changed. */
WR_NODISCARD wr_err wr_engine_replay_batch(struct wr_engine *engine,
                                           const struct wr_record *records, size_t n,
                                           struct wr_arena *scratch, struct wr_answer *answers,
                                           struct wr_error *error);

/* Applies a recorded label again. `anchor` is that of the decision as this engine has made it, or
 * the record's own. */
WR_NODISCARD wr_err wr_engine_replay_label(struct wr_engine *engine, const struct wr_record *record,
                                           struct wr_str anchor, struct wr_arena *scratch,
                                           struct wr_answer *answer, struct wr_error *error);

/* Scores challengers again as a recorded entry did: the same decisions, or none with its reason.
 * answer.record is empty when this cannot be told, since decisions of it were folded. */
WR_NODISCARD wr_err wr_engine_replay_shadow(struct wr_engine *engine,
                                            const struct wr_record *record,
                                            struct wr_arena *scratch, struct wr_answer *answer,
                                            struct wr_error *error);

/* Changes a list again as recorded (engine/lists.h). */
WR_NODISCARD wr_err wr_engine_replay_list(struct wr_engine *engine, const struct wr_record *record,
                                          struct wr_arena *scratch, struct wr_answer *answer,
                                          struct wr_error *error);

/* Swaps to the pack that a recorded activation names, as it did. Errors: WR_E_PACK when it is
 * another pack; WR_E_STATE when the entry kept the history although the state of the two packs is
 * not alike (a restart under a new pack): the caller then folds the entries before it into an
 * engine opened with the pack, and calls again. On an error nothing has changed. */
WR_NODISCARD wr_err wr_engine_replay_activation(struct wr_engine *engine,
                                                const struct wr_record *record,
                                                const struct wr_pack *pack,
                                                struct wr_arena *scratch, struct wr_answer *answer,
                                                struct wr_error *error);

/* An engine at sequence 0 goes on behind `sequence`, with empty state: for journals whose beginning
 * is gone. Errors: WR_E_STATE when it is not at 0. */
WR_NODISCARD wr_err wr_engine_begin(struct wr_engine *engine, uint64_t sequence,
                                    struct wr_error *error);

/* Before the first entry: features start as if they had been reset at now_us, so that those whose
 * windows reach back beyond it are `warming`. Errors: WR_E_MEMORY. */
WR_NODISCARD wr_err wr_engine_forget_before(struct wr_engine *engine, int64_t now_us,
                                            struct wr_error *error);

/* Gives the next sequence to an entry that is not to change anything. Errors: WR_E_JOURNAL when it
 * does not follow. */
WR_NODISCARD wr_err wr_engine_pass(struct wr_engine *engine, const struct wr_record *record,
                                   struct wr_error *error);

/* The time of the event in a request body, as the engine would read it, without deciding anything:
 * for readers that release what is due before it. Errors as in deciding; WR_E_FIELD when the pack
 * maps no time. */
WR_NODISCARD wr_err wr_engine_event_us(const struct wr_engine *engine, struct wr_arena *scratch,
                                       struct wr_str body, int64_t *event_us,
                                       struct wr_error *error);

uint64_t wr_engine_sequence(const struct wr_engine *engine); /* of the last entry; 0 at first */
/* Canonical digest of all state: features, event ids, watermark, lists, sequence. O(state). */
WR_NODISCARD wr_err wr_engine_digest(struct wr_engine *engine, uint8_t out[32]);

struct wr_engine_stats {
    uint64_t sequence, n_decisions, n_labels, n_activations;
    uint64_t n_replayed, n_conflicts, n_refused, n_late, n_policy_errors, n_degraded;
    uint64_t n_labels_without_effect;
    uint64_t n_shadow_entries, n_shadow_pending, n_shadow_dropped[WR_CHALLENGE_WHYS];
    uint64_t n_list_changes, n_list_entries, list_bytes;
    uint64_t n_entities, n_evicted, state_bytes, state_cap;
    uint64_t n_ids, ids_cap, ids_bytes;
    int64_t ids_age_us; /* now of the last entry minus that of the oldest remembered id */
    int64_t watermark_us;
};
void wr_engine_stats(const struct wr_engine *engine, struct wr_engine_stats *out);

#endif
