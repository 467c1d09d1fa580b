/* SPDX-License-Identifier: Apache-2.0 */
/* What an opened pack consists of, for the engine and the files of this floor. Everything is
 * resolved: features, models, rules and lists know one another by index. */
#ifndef WR_PACK_PARTS_H
#define WR_PACK_PARTS_H

#include "feature/feature.h"
#include "feature/list_table.h"
#include "feature/mmdb.h"
#include "model/model.h"
#include "pack/keys.h"
#include "pack/pack.h"
#include "rego/rego.h"

#define WR_LIMIT_PACK_LISTS     32
#define WR_LIMIT_PACK_MODELS    32
#define WR_LIMIT_SHADOW_US      100000
#define WR_LIMIT_PACK_SEGMENTS  64 /* of one model */
#define WR_LIMIT_SEGMENT_NAMES  8  /* in one `when` */
#define WR_LIMIT_SEGMENT_VALUES 64 /* of one name in a `when` */
#define WR_LIMIT_PACK_OUTCOMES  32 /* outcome rules */
#define WR_LIMIT_PACK_OUTPUTS   16 /* rules whose values stand in the decision */
#define WR_LIMIT_PACK_PLACES    16
#define WR_LIMIT_PACK_LABELS    8
#define WR_LIMIT_REASON_CODE    64  /* bytes */
#define WR_LIMIT_EXPLAIN_CODES  128 /* of one model */
#define WR_LIMIT_EXPLAIN_TOP    8   /* codes of one model in one decision */
#define WR_LIMIT_EXPLAIN_STEPS  1000000000
#define WR_LIMIT_REASON_TEXT    256 /* bytes */
#define WR_LIMIT_NAME           64  /* bytes of a name of a list, a model or a feature */

/* ── lists ──────────────────────────────────────────────────────────────────────────────────── */
enum wr_list_class { WR_LIST_BLOCK_HARD, WR_LIST_OVERRIDE, WR_LIST_BLOCK, WR_LIST_TAG };

struct wr_list {
    struct wr_str name;
    struct wr_path key;
    enum wr_list_class class;
    enum wr_list_match match;
    struct wr_list_table *file; /* what the pack's file holds; NULL: the list names none */
    uint64_t max;               /* entries put on it while running */
};

/* NULL when the pack declares none of that name. */
const struct wr_list *wr_pack_find_list(const struct wr_pack *pack, struct wr_str name);
const char *wr_list_class_name(enum wr_list_class class); /* "block_hard" */

/* ── places ─────────────────────────────────────────────────────────────────────────────────── */
struct wr_place {
    struct wr_str name;
    struct wr_path key;                       /* of the address in the request */
    struct wr_str names[WR_LIMIT_MMDB_DEPTH]; /* the path in the database */
    uint32_t n_names;
    const struct wr_pack_file *file;
    const struct wr_mmdb *database;
};

/* ── models ─────────────────────────────────────────────────────────────────────────────────── */
struct wr_pack_input {
    const struct wr_model *model;
    size_t index; /* of the input of that model */
    struct wr_str name;
    uint32_t feature; /* index of the plan, or UINT32_MAX: then the path counts */
    struct wr_path path;
    bool has_default, category;
    double fallback;
};

struct wr_pack_explain { /* reasons from a model's contributions */
    struct wr_str codes[WR_LIMIT_EXPLAIN_CODES];
    uint32_t n_codes;
    uint8_t *code_of; /* by input: a place in codes, or UINT8_MAX: it is never told */
    uint64_t top;     /* codes told at most */
    uint64_t steps;   /* what one explanation costs */
    uint8_t outcomes; /* bit i: outcome i is explained */
    bool low_is_adverse;
};

struct wr_pack_match { /* one name of a `when` and the values that fit */
    struct wr_str name;
    uint32_t feature; /* index of the plan, or UINT32_MAX: then the path counts */
    struct wr_path path;
    const struct wr_value *values;
    uint32_t n_values;
};

struct wr_pack_segment { /* all matches hold: this model scores */
    struct wr_pack_match matches[WR_LIMIT_SEGMENT_NAMES];
    uint32_t n_matches; /* 0: every transaction */
    uint32_t model;
};

enum wr_pack_fallback {
    WR_FALLBACK_NONE,  /* the score is absent, and the decision says so */
    WR_FALLBACK_TELL,  /* and input.missing says so to the policy */
    WR_FALLBACK_SCORE, /* a constant */
    WR_FALLBACK_MODEL, /* the score of another model */
};

struct wr_pack_model {
    struct wr_str name;
    struct wr_model *model;       /* NULL: its segments name the models that score */
    struct wr_pack_input *inputs; /* [n_inputs] */
    size_t n_inputs, n_outputs, output, scratch_size;
    bool takes_missing;
    struct wr_pack_explain *explain; /* NULL: its contributions give no reasons */
    bool is_challenger;
    bool is_shadow;    /* scored after the answer; the policy never sees it */
    bool on_demand;    /* runs only where a segment or a fallback asks for it */
    uint32_t champion; /* of a challenger: the model that it is compared with */
    struct wr_pack_segment *segments;
    uint32_t n_segments;
    enum wr_pack_fallback fallback;
    uint32_t fallback_model;
    struct wr_value fallback_score;
};

/* ── policy ─────────────────────────────────────────────────────────────────────────────────── */
struct wr_pack_outcome {
    struct wr_str rule;
    uint8_t outcome; /* 1 approve .. 5 decline, as enum wr_outcome of the engine */
};

enum wr_pack_part { WR_PART_ROOT, WR_PART_FEATURE, WR_PART_LIST, WR_PART_SCORE };

/* A slot of a query's input that the engine fills itself; of a root: with an empty object. */
struct wr_pack_slot {
    uint32_t slot, index; /* of the feature, list or model */
    enum wr_pack_part part;
};

/* What a query may read of what the engine adds to its input: the rest need not be made. */
struct wr_pack_reads {
    bool features, fleet, lists, missing, scores;
    bool by_slots;                    /* features, lists and scores are read through slots alone */
    const bool *by_feature;           /* [n_features] */
    const struct wr_pack_slot *slots; /* those of features first */
    uint32_t n_slots;
};

struct wr_pack_derived { /* rego features of one package, asked in one evaluation */
    struct wr_rego_query *query;
    struct wr_pack_reads reads;
    uint32_t n;
    uint32_t *features; /* index of the plan, in order of the query's entries */
};

struct wr_pack_reason {
    struct wr_str code, en, zh;
};

struct wr_pack_policy {
    struct wr_rego_query
        *query; /* entries: outcome rules, reasons, outputs; NULL without a policy */
    struct wr_pack_reads reads;
    struct wr_pack_outcome outcomes[WR_LIMIT_PACK_OUTCOMES];
    uint32_t n_outcomes;
    struct wr_str outputs[WR_LIMIT_PACK_OUTPUTS]; /* rules, in the order of the pack */
    uint32_t n_outputs;
    bool has_reasons;
    struct wr_str package, reasons_rule, score_name;
    uint32_t score_model; /* UINT32_MAX: none */
    uint8_t default_outcome, fallback, on_error;
    bool chinese;
    int64_t deadline_us;
    uint64_t fuel;
    int64_t shadow_us;      /* for challengers, behind each turn of the server */
    uint64_t explain_steps; /* for all explanations of one decision */
};

struct wr_pack_label {
    struct wr_str name;
    bool has_path;
    struct wr_path path; /* removed from requests */
    uint32_t index;      /* in plan->labels, or UINT32_MAX when no feature reads it */
};

struct wr_pack {
    struct wr_arena *arena;
    struct wr_memory list_memory; /* blocks of the arena */
    struct wr_pack_file *files;   /* sorted by path */
    size_t n_files;
    struct wr_pack_options options;
    struct wr_str revision;
    uint8_t digest[32];
    char digest_text[64];
    uint8_t state_digest[32]; /* of all that the feature state depends on */
    struct wr_value weir;     /* weir.json */
    const struct wr_str *roots;
    size_t n_roots;
    struct wr_value data;
    struct wr_schema *schema;
    struct wr_feature_plan *plan;
    uint32_t *by_name; /* features in order of their names */
    struct wr_rego_program *program;
    struct wr_rego_program *conditions_program;
    struct wr_rego_query *conditions; /* entries: one for each condition; NULL when none */
    struct wr_pack_derived *derived;
    uint32_t n_derived;
    struct wr_list lists[WR_LIMIT_PACK_LISTS]; /* in order of names */
    uint32_t n_lists;
    struct wr_place *places; /* in order of names */
    uint32_t n_places;
    struct wr_pack_model models[WR_LIMIT_PACK_MODELS]; /* in order of names */
    uint32_t n_models;
    uint32_t in_line[WR_LIMIT_PACK_MODELS]; /* those scored before the answer: one that another
                                               falls back on comes behind it */
    uint32_t n_in_line;
    uint32_t n_challengers;
    bool every_model;  /* all models score every transaction, none in another's place */
    bool tells_scores; /* a model has WR_FALLBACK_TELL */
    struct wr_pack_label labels[WR_LIMIT_PACK_LABELS];
    uint32_t n_labels;
    struct wr_pack_policy policy;
    struct wr_pack_reason *reasons; /* in order of codes */
    uint32_t n_reasons;
    struct wr_csv csv;
    bool has_csv;
    uint64_t ids, entities_max, bytes_max;
    int64_t ids_age_us;
    struct wr_str *warnings;
    size_t n_warnings, warnings_cap;
};

/* ── the steps of opening; each file of this floor has one ──────────────────────────────────── */
WR_NODISCARD wr_err wr_pack_read_lists(struct wr_pack *pack, const struct wr_keys *top);
WR_NODISCARD wr_err wr_pack_read_places(struct wr_pack *pack, const struct wr_keys *top);
WR_NODISCARD wr_err wr_pack_read_models(struct wr_pack *pack, const struct wr_keys *top);
/* decision, reasons. */
WR_NODISCARD wr_err wr_pack_read_decision(struct wr_pack *pack, const struct wr_keys *top);
WR_NODISCARD wr_err wr_pack_read_labels(struct wr_pack *pack, const struct wr_keys *top);
/* csv, limits; after labels and models. */
WR_NODISCARD wr_err wr_pack_read_mapping(struct wr_pack *pack, const struct wr_keys *top);
/* Modules, data, conditions, derived features, outcome rules. */
WR_NODISCARD wr_err wr_pack_compile(struct wr_pack *pack, struct wr_error *error);

/* The name of an input or a condition: a feature, or the path of a request. `what` names the key in
 * errors. */
WR_NODISCARD wr_err wr_pack_bind_name(const struct wr_pack *pack, const struct wr_keys *keys,
                                      const char *what, struct wr_str name, uint32_t *feature,
                                      struct wr_path *path);
/* role, shadow, champion, segments, fallback of all models, once their modules are open; and what
 * follows from them. The champions of challengers that name none come with the decision. */
WR_NODISCARD wr_err wr_pack_read_roles(struct wr_pack *pack, const struct wr_keys *models);
WR_NODISCARD wr_err wr_pack_link_challengers(struct wr_pack *pack, const struct wr_keys *top);
/* "challenger of fraud in shadow", with segments and fallback. */
void wr_pack_tell_role(const struct wr_pack *pack, const struct wr_pack_model *model,
                       struct wr_buf *out);
/* Index of a model, or UINT32_MAX. */
uint32_t wr_pack_find_model(const struct wr_pack *pack, struct wr_str name);
/* `explain` of a model whose inputs and output are bound; what is odd about it, at the end. */
WR_NODISCARD wr_err wr_pack_read_explain(struct wr_pack *pack, const struct wr_keys *of_model,
                                         struct wr_pack_model *model);
void wr_pack_warn_explain(struct wr_pack *pack);
/* About features that cost much; told by `weir pack check` only. */
void wr_pack_warn_costs(struct wr_pack *pack);
/* 1 approve .. 5 decline; 0: there is no such outcome. */
uint8_t wr_pack_outcome_number(struct wr_str name);

const struct wr_pack_file *wr_pack_find_file(const struct wr_pack *pack, struct wr_str path);
void wr_pack_warn(struct wr_pack *pack, const char *format, ...) WR_PRINTF(2, 3);
const struct wr_pack_reason *wr_pack_find_reason(const struct wr_pack *pack, struct wr_str code);
/* Names in a pack: letters, digits, '_' and '-', at most WR_LIMIT_NAME bytes. */
bool wr_pack_name_is_plain(struct wr_str name);

#endif
