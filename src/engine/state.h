/* SPDX-License-Identifier: Apache-2.0 */
/* The engine from within: its state, one event on its way (a case), and the steps of the flow, one
 * file each. A case goes through the steps in this order; up to `admit` a step may refuse it and
 * nothing has changed, from there on nothing can stop it. */
#ifndef WR_ENGINE_STATE_H
#define WR_ENGINE_STATE_H

#include "base/num.h"
#include "engine/engine.h"
#include "engine/lists.h"
#include "engine/phrasebook.h"
#include "engine/seen.h"
#include "engine/challenge.h"
#include "engine/snapshot.h"
#include "feature/fleet.h"
#include "pack/parts.h"

#define WR_LIMIT_ENGINE_WORK  (8u * 1024 * 1024) /* bytes for one evaluation of the policy */
#define WR_LIMIT_ENGINE_PATHS 256                /* paths of the request that models read */
#define WR_LIMIT_DERIVED_TEXT 256                /* bytes of a feature that is a text */
#define WR_LIMIT_REASON_BYTES 4096               /* all reasons of one document, as JSON */
#define WR_LIMIT_OUTPUT_BYTES 4096               /* all outputs of one document, as JSON */
/* Of each model: itself, its fallback, its reasons. */
#define WR_LIMIT_DEGRADED (3 * WR_LIMIT_PACK_MODELS + WR_LIMIT_PACK_OUTPUTS + 8)

/* What depends on the pack alone, made ready for the flow when the pack becomes active. */
struct wr_binding {
    struct wr_arena arena;
    const struct wr_pack *pack;       /* decides */
    const struct wr_pack *state_pack; /* its schema and plan shape the features; agrees with `pack`
                                         in state_digest */
    struct wr_schema *schema;         /* that of state_pack, with the key of this engine */
    const struct wr_feature_plan *plan;
    struct wr_value *feature_keys;  /* names as values, in order of pack->by_name */
    struct wr_phrasebook book;      /* of `pack` */
    struct wr_condenser *condenser; /* of the row that is being written */
    const struct wr_pack_input *paths[WR_LIMIT_ENGINE_PATHS]; /* of all models, in order */
    uint32_t n_paths, n_paths_live;            /* those of models in shadow come last */
    uint32_t first_path[WR_LIMIT_PACK_MODELS]; /* of each model */
    uint32_t classed[WR_LIMIT_PACK_LISTS];     /* lists with an outcome, gravest class first */
    uint32_t n_classed;
    const struct wr_list_table *own_lists[WR_LIMIT_PACK_LISTS]; /* what was put on them; or NULL */
    void *model_scratch;
    double *explained; /* a row, then its contributions, base and margin */
    size_t n_inputs_max, n_outputs_max;
    size_t case_size; /* most bytes of what a case writes, its texts not counted */
    size_t keep_size; /* most bytes of values that a case keeps from step to step */
    bool derives;     /* the pack has derived features */
};

struct wr_feature_image;
struct wr_feature_restore;

struct wr_engine_snapshot {           /* being made (snapshot.h) */
    const struct wr_piece_sink *sink; /* NULL: none */
    struct wr_feature_image *features;
};

struct wr_engine {
    struct wr_arena arena; /* the engine itself */
    const struct wr_memory *memory;
    struct wr_engine_config config;
    struct wr_binding *binding;
    struct wr_feature_state *features;
    struct wr_seen seen;
    struct wr_challenge shadow;
    struct wr_lists lists;
    struct wr_arena work; /* fixed room: a policy that needs more fails, on every machine alike */
    void *work_room;
    uint64_t sequence;
    uint8_t last_digest[32]; /* of the pack of the last entry */
    int64_t last_now_us;
    struct wr_engine_stats stats;
    const struct wr_engine_probe *probe; /* NULL: nobody listens */
    int64_t fleet_now_us;
    struct wr_engine_snapshot snapshot;
    struct wr_feature_restore *restore; /* NULL: nothing is being restored */
    bool ids_changed; /* a change of pack changed the limits of event ids: a fold under the running
                         pack would remember others */
};

enum wr_case_stage { WR_CASE_OPEN, WR_CASE_REFUSED, WR_CASE_REPLAYED, WR_CASE_LIVE };

/* Codes of the engine's own, beside enum wr_feature_presence: why a derived feature is absent. */
enum { WR_ABSENT_UNDEFINED = 64, WR_ABSENT_ERROR = 65 };

enum wr_model_state {
    WR_SCORED = 0,
    WR_SCORE_SKIPPED,    /* by the budget */
    WR_SCORE_NO_INPUT,   /* an input is absent, without a default */
    WR_SCORE_NOT_FINITE, /* the model gave NaN or an infinity */
    WR_SCORE_FAILED,     /* the row cannot be scored: an index or category out of range */
    WR_SCORE_NO_SEGMENT, /* of a model by segment: none of them fits */
    WR_SCORE_ROUTED,     /* of a model by segment: model_absent is the one that scores */
    WR_SCORE_ELSEWHERE,  /* in shadow, or no segment and no fallback asked for it */
};

struct wr_case {
    enum wr_case_stage stage;
    enum wr_budget budget;
    const char *unrecorded; /* as in the request */
    bool want_features;
    uint32_t epoch;
    uint64_t node, sequence;
    int64_t now_us;
    struct wr_str body;
    struct wr_value document; /* after tokenising, without label fields, with places */
    struct wr_value places;   /* undefined when the pack has none */
    struct wr_event *event;
    struct wr_str event_text; /* canonical */
    uint64_t id_hash;
    struct wr_hash128 body_hash;
    uint32_t conditions;
    struct wr_feature_vector vector;
    struct wr_value *features;     /* [n_features] as they enter input; undefined when absent */
    double *paths;                 /* [n_paths]; NaN when absent */
    struct wr_value *score_values; /* [n_models] as they enter input; undefined when absent */
    uint32_t list_hits;            /* bit i: list i holds the event */
    uint32_t fixed_by;             /* list that fixes the outcome, or UINT32_MAX */
    uint8_t *model_states;         /* [n_models], enum wr_model_state */
    uint16_t *model_absent;        /* [n_models], the input that was absent */
    uint32_t wanted;               /* bit m: model m is to score; not of wr_pack.every_model */
    uint32_t lent;                 /* bit m: the score of model m is that of another one */
    bool derive_failed;            /* a condition or a derived feature ended in an error */
    bool recorded;                 /* it is a replay: */
    struct wr_str fleet;           /* what other nodes had added */
    struct wr_fleet_share *others; /* [plan->fleet->n_features]; NULL without such features */
};

/* What the policy made of a case; texts borrow from the work arena until the next evaluation. */
struct wr_reason {
    struct wr_str code, text, rule;
    const struct wr_pack_reason *known; /* whose text it is; NULL: another text */
};

struct wr_degraded {
    const char *what;   /* "model" */
    struct wr_str name; /* of the model, or empty */
    const char *why;    /* "input_missing" */
    struct wr_str detail;
};

struct wr_verdict {
    enum wr_outcome outcome;
    bool policy_failed, stale;
    struct wr_reason reasons[WR_LIMIT_REASONS]; /* in order of code, rule, text; no two alike */
    uint32_t n_reasons;
    struct wr_str outputs; /* {"rule":value,...} as JSON; "{}" when there are none */
    struct wr_degraded degraded[WR_LIMIT_DEGRADED];
    uint32_t n_degraded;
};

/* ── steps ──────────────────────────────────────────────────────────────────────────────────── */
/* Body to document, event, canonical text and hashes; errors refuse the request. */
WR_NODISCARD wr_err wr_case_read(struct wr_engine *engine, struct wr_case *c,
                                 struct wr_arena *scratch, struct wr_error *error);
/* A recorded event, without what models read of it and without hashes: all that a fold needs. */
WR_NODISCARD wr_err wr_case_read_event(struct wr_engine *engine, struct wr_case *c,
                                       const struct wr_record *record, struct wr_arena *scratch,
                                       struct wr_error *error);
/* The same from a recorded event, which was tokenised and freed of labels before. */
WR_NODISCARD wr_err wr_case_read_record(struct wr_engine *engine, struct wr_case *c,
                                        const struct wr_record *record, struct wr_arena *scratch,
                                        struct wr_error *error);
/* The paths of models in shadow, once the answer has left: what is of another type is absent. */
void wr_case_read_shadow_paths(const struct wr_engine *engine, struct wr_case *c);
/* Puts `places` into the document, if the pack has any. Errors: WR_E_MEMORY. */
WR_NODISCARD wr_err wr_case_locate(const struct wr_engine *engine, struct wr_case *c,
                                   struct wr_arena *scratch, struct wr_error *error);
/* Arrays of a case that later steps fill. False when scratch has no room. */
bool wr_case_prepare(const struct wr_engine *engine, struct wr_case *c, struct wr_arena *scratch);

/* Lists, conditions (into c->conditions), windows, derived features. Values go to `keep`. */
void wr_case_lists(const struct wr_engine *engine, struct wr_case *c);
void wr_case_conditions(struct wr_engine *engine, struct wr_case *c);
void wr_case_windows(struct wr_engine *engine, struct wr_case *c, struct wr_arena *keep);
void wr_case_derive(struct wr_engine *engine, struct wr_case *c, struct wr_arena *keep);
/* fleet.c: what other nodes add, before the windows are read; what this one adds, behind. */
void wr_case_ask_fleet(struct wr_engine *engine, struct wr_case *c);
void wr_case_tell_fleet(struct wr_engine *engine, const struct wr_case *c);
/* input.fleet: {name: {count_max, stale_ms}}, in order of names. */
struct wr_value wr_case_fleet_object(struct wr_engine *engine, const struct wr_case *c);
void wr_case_fleet_write(struct wr_buf *out, const struct wr_binding *binding,
                         const struct wr_case *c);
size_t wr_binding_fleet_size(const struct wr_binding *binding);
/* Scores of all models for the live cases of a batch; `room` is aligned to 8 and has
 * wr_case_score_room bytes. Values go to `keep`. */
size_t wr_case_score_room(const struct wr_binding *binding, size_t n);
void wr_case_score(struct wr_engine *engine, struct wr_case *cases, size_t n, void *room,
                   struct wr_arena *keep);
static inline bool wr_case_has_score(const struct wr_case *c, uint32_t m)
{
    return c->model_states[m] == WR_SCORED || (c->lent >> m & 1) != 0;
}
/* Before the scores: which models are to run. After model m: whom it asks instead. At the end: the
 * scores that stand in for others. */
void wr_case_route(const struct wr_binding *binding, struct wr_case *c);
void wr_case_ask_fallback(const struct wr_binding *binding, struct wr_case *c, uint32_t m);
void wr_case_lend(const struct wr_binding *binding, struct wr_case *c);
/* Why a model has no score of its own ("input_missing"); NULL when there is nothing to tell. */
const char *wr_case_score_absence(const struct wr_case *c, uint32_t m);
/* Does input.missing say why this model has no score? */
bool wr_case_tells(const struct wr_binding *binding, const struct wr_case *c, uint32_t m);
/* One model for the cases that want it; `room` as for wr_case_score. */
void wr_case_score_one(const struct wr_binding *binding, uint32_t m, struct wr_case *cases,
                       size_t n, void *room, struct wr_arena *keep);
/* The row of a model for a case; false when an input is absent that it cannot do without. */
bool wr_case_row(struct wr_case *c, const struct wr_binding *binding, uint32_t m, double *row);
/* Reasons from the contributions of the models that say so, after the outcome is known. */
void wr_case_explain(struct wr_engine *engine, struct wr_case *c, struct wr_verdict *verdict);
/* Between the files that make a verdict. */
void wr_verdict_reason(const struct wr_engine *engine, struct wr_verdict *verdict,
                       struct wr_reason reason);
void wr_verdict_degrade(struct wr_verdict *verdict, const char *what, struct wr_str name,
                        const char *why, struct wr_str detail);
/* Writes the values of the rules that the pack lists, in the work arena. An undefined one is left
 * out; one that finds no room is left out and told. */
void wr_verdict_outputs(struct wr_engine *engine, struct wr_verdict *verdict,
                        const struct wr_value *values);
/* The outcome with the scores that the case has now. */
enum wr_outcome wr_case_outcome(struct wr_engine *engine, struct wr_case *c);
/* Outcome, reasons, outputs, degradations. */
void wr_case_decide(struct wr_engine *engine, struct wr_case *c, struct wr_verdict *verdict);
/* Record and document into `out` (room was reserved), and the answer. */
void wr_case_write(struct wr_engine *engine, const struct wr_case *c,
                   const struct wr_verdict *verdict, struct wr_buf *out, struct wr_answer *answer);

/* Evaluates a query on what is known of a case by then. The results live in the work arena until
 * the next question. Errors: of wr_rego_eval. */
enum wr_input_stage { WR_INPUT_EVENT, WR_INPUT_DERIVE, WR_INPUT_POLICY };
WR_NODISCARD wr_err wr_case_ask(struct wr_engine *engine, const struct wr_case *c,
                                const struct wr_rego_query *query, enum wr_input_stage stage,
                                const struct wr_pack_reads *reads, struct wr_rego_results *results);
const char *wr_case_absence(uint8_t presence); /* "no_history" */

/* A case as it was when its record was made, without touching the state. Errors: WR_E_JOURNAL,
 * WR_E_FIELD, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_case_restore(struct wr_engine *engine, struct wr_case *c,
                                    const struct wr_record *record, struct wr_arena *scratch,
                                    struct wr_error *error);
/* What an entry of challengers covers. Errors: WR_E_JOURNAL. */
struct wr_challenge_cover {
    uint64_t upto, n;
    enum wr_challenge_why why;
};
/* Makes the entry that covers the same decisions; answer.record is empty when a gap is among them.
 */
WR_NODISCARD wr_err wr_challenge_repeat(struct wr_engine *engine,
                                        const struct wr_challenge_cover *cover, int64_t now_us,
                                        struct wr_arena *scratch, struct wr_answer *answer);
WR_NODISCARD wr_err wr_challenge_read(const struct wr_record *record, struct wr_arena *scratch,
                                      struct wr_challenge_cover *out, struct wr_error *error);

/* ── anchors: what a label needs of a decision ──────────────────────────────────────────────── */
enum {
    WR_ANCHOR_KEYS = 24, /* where they begin */
    WR_ANCHOR_KEY = 20,  /* bytes of one */
    WR_ANCHOR_MAX = WR_ANCHOR_KEYS + WR_ANCHOR_KEY * WR_LIMIT_SCHEMA_ENTITIES,
};
#define WR_ANCHOR_MS_MIN INT64_C(-62135596800000) /* the years 1 to 9999 */
#define WR_ANCHOR_MS_MAX INT64_C(253402300799999)
size_t wr_anchor_write(const struct wr_engine *engine, const struct wr_case *c,
                       char out[WR_ANCHOR_MAX]);
/* Was it made under the features that this engine has? (16 bits of their digest say so.) */
bool wr_anchor_is_alike(const struct wr_engine *engine, struct wr_str anchor);
/* Fills time and keys of the event; false when the bytes are no anchor. */
bool wr_anchor_read(const struct wr_engine *engine, struct wr_str anchor, struct wr_event *event,
                    uint64_t *place, uint32_t *conditions);

/* Does this record follow the last entry? WR_E_JOURNAL if not. */
WR_NODISCARD wr_err wr_fold_check_order(const struct wr_engine *engine,
                                        const struct wr_record *record, struct wr_error *error);

/* Remembers the id of a recorded decision. Errors: WR_E_MEMORY. */
WR_NODISCARD wr_err wr_fold_remember(struct wr_engine *engine, const struct wr_record *record,
                                     struct wr_error *error);

/* ── labels and packs, shared by live and folded entries ────────────────────────────────────── */
enum wr_label_result { /* the best first */
                       WR_LABEL_IS_CHANGED,
                       WR_LABEL_IS_SAME,
                       WR_LABEL_IS_EXPIRED,
                       WR_LABEL_IS_UNUSED, /* no feature reads it */
                       WR_LABEL_IS_UNKNOWN
};
/* `event` is room for what the anchor says. */
enum wr_label_result wr_label_apply(struct wr_engine *engine, const struct wr_label *label,
                                    struct wr_str anchor, struct wr_event *event);
/* Starts the features empty. On an error they are untouched. */
WR_NODISCARD wr_err wr_engine_reset_features(struct wr_engine *engine, const struct wr_pack *pack,
                                             int64_t warming_since_ms, struct wr_error *error);

/* As wr_engine_activate, with the history kept or not as told. */
WR_NODISCARD wr_err wr_engine_swap(struct wr_engine *engine, const struct wr_pack *pack, bool reset,
                                   int64_t now_us, struct wr_arena *scratch,
                                   struct wr_answer *answer);

/* The binding of a pack; state_pack is the pack whose plan the features follow. */
WR_NODISCARD wr_err wr_binding_open(const struct wr_memory *memory, const struct wr_pack *pack,
                                    const struct wr_pack *state_pack,
                                    const struct wr_engine_config *config, struct wr_binding **out,
                                    struct wr_error *error);
void wr_binding_close(struct wr_binding *binding);
/* After a swap, or when a list has been changed for the first time. */
void wr_engine_bind_lists(struct wr_engine *engine);

#endif
