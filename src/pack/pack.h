/* SPDX-License-Identifier: Apache-2.0 */
/* A pack: everything that a risk team publishes, from files in memory to a ready-to-run set.
 *
 * The caller brings the files (from a directory, a .tar.gz or the binary itself); the format of
 * each is told in docs/pack.md. weir.yaml is turned into weir.json by the caller: the core reads
 * JSON only. Opening compiles all policy, checks every name against the schema and resolves all
 * paths to slots, so that nothing is looked up by name per event. A pack is read-only after that
 * and lives in the arena it was opened in; it may be shared by several engines.
 *
 *   digest   SHA-256 over every file that can change a result (all but tests, signatures and
 *            documentation), in order of path: path, NUL, 64-bit length, content.
 *
 * It does not: read the disk, check signatures, unpack gzip or YAML. */
#ifndef WR_PACK_H
#define WR_PACK_H

#include "base/bytes.h"
#include "base/err.h"
#include "value/value.h"

#define WR_LIMIT_PACK_FILES 4096
#define WR_LIMIT_PACK_SIZE  (512u * 1024 * 1024)
#define WR_LIMIT_PACK_PATH  255

struct wr_pack_file {
    struct wr_str path;  /* relative, '/' between parts: "risk.rego", "models/fraud.wasm" */
    struct wr_str bytes; /* borrowed for the life of the pack */
};

struct wr_pack_options {
    bool rego_v1;         /* modules without `import rego.v1` are read as v1 */
    bool check_only;      /* also compile *_test.rego, so that a broken test is told */
    bool policy_optional; /* a pack without modules is fine (weir model ..., tests) */
};

struct wr_pack;

/* Opens a pack. `options` may be NULL. Owns: nothing; files' bytes must outlive the pack. Errors:
 * WR_E_PACK and the codes of rego, schema and model readers, where = file, with row and column or
 * offset or JSON path in the text; *out is NULL then. Time and room: linear in the bytes given,
 * but for the policy compiler. */
WR_NODISCARD wr_err wr_pack_open(struct wr_arena *arena, const struct wr_pack_file *files,
                                 size_t n_files, const struct wr_pack_options *options,
                                 struct wr_pack **out, struct wr_error *error);

struct wr_str wr_pack_revision(const struct wr_pack *pack); /* of .manifest; "" when none */
/* The manifest's roots, "a/b"; without any, one empty root: all of `data` is the pack's. */
const struct wr_str *wr_pack_roots(const struct wr_pack *pack, size_t *n);
const uint8_t *wr_pack_digest(const struct wr_pack *pack); /* 32 bytes */
/* Of all that the feature state depends on, 32 bytes: packs that agree here share their history. */
const uint8_t *wr_pack_state_digest(const struct wr_pack *pack);
struct wr_str wr_pack_digest_text(const struct wr_pack *pack); /* 64 hex digits */
/* Does every event bear its time? If not, an event without one happens now. */
bool wr_pack_events_have_time(const struct wr_pack *pack);
int64_t wr_pack_deadline_us(const struct wr_pack *pack); /* decision.deadline; 0 = none */
/* What scoring challengers may take behind each turn of a server: decision.shadow_time. */
int64_t wr_pack_shadow_us(const struct wr_pack *pack);
/* The plan of its features, and whether one of them is of scope fleet. */
struct wr_feature_plan;
const struct wr_feature_plan *wr_pack_plan(const struct wr_pack *pack);
bool wr_pack_shares(const struct wr_pack *pack);
/* Steps that the explanations of one decision take at most; 0 when the pack asks for none. */
uint64_t wr_pack_explain_steps(const struct wr_pack *pack);

/* What is odd but not wrong: unused features, a rule named in `outcomes` that no module defines,
 * costly kinds of windows ... Sentences, in a fixed order. */
size_t wr_pack_n_warnings(const struct wr_pack *pack);
struct wr_str wr_pack_warning(const struct wr_pack *pack, size_t i);

/* Names, for `weir pack check`, metrics and documentation. */
size_t wr_pack_n_features(const struct wr_pack *pack);
struct wr_str wr_pack_feature_name(const struct wr_pack *pack, size_t i);
size_t wr_pack_n_entities(const struct wr_pack *pack);
/* One line on what a feature, or the history of a kind of entity, takes in memory and time. */
void wr_pack_feature_cost(const struct wr_pack *pack, size_t i, struct wr_buf *out);
/* One line on a model: its inputs, and how it is explained at what cost. */
void wr_pack_model_cost(const struct wr_pack *pack, size_t i, struct wr_buf *out);
void wr_pack_entity_cost(const struct wr_pack *pack, size_t i, struct wr_buf *out);
size_t wr_pack_n_models(const struct wr_pack *pack);
struct wr_str wr_pack_model_name(const struct wr_pack *pack, size_t i);
size_t wr_pack_n_reasons(const struct wr_pack *pack); /* codes of the `reasons` table, sorted */
struct wr_str wr_pack_reason_code(const struct wr_pack *pack, size_t i);
/* Text of a reason code in a language ("en", "zh"); falls back to English, then to "". */
struct wr_str wr_pack_reason_text(const struct wr_pack *pack, struct wr_str code,
                                  struct wr_str language);

/* The compiled modules and data, for callers that ask questions of their own (OPA's /v1/data). */
struct wr_rego_program;
const struct wr_rego_program *wr_pack_program(const struct wr_pack *pack);
struct wr_value wr_pack_data(const struct wr_pack *pack);
bool wr_pack_is_v1(const struct wr_pack *pack); /* modules without an import are Rego v1 */

/* ── the mapping of a table with a header row, for batch readers ────────────────────────────── */
enum wr_csv_type { WR_CSV_STRING, WR_CSV_NUMBER, WR_CSV_BOOL };

struct wr_csv_column {
    struct wr_str column; /* as in the header row */
    struct wr_str path;   /* where the cell goes in the request: "transaction.amount" */
    enum wr_csv_type type;
    int64_t times, plus; /* NUMBER: n becomes n * times + plus, a whole number; times 0: as it is */
};

struct wr_csv {
    const struct wr_csv_column *columns; /* sorted by path, so that objects nest in order */
    size_t n_columns;
    bool has_label;
    struct wr_str label_column; /* its cell is the label: 0, 1, true, false, or empty for unknown */
    struct wr_str label_name;   /* "fraud" */
    int64_t label_delay_us;     /* known that long after the event's time */
};

/* The pack's `csv` part, or NULL when it has none. */
const struct wr_csv *wr_pack_csv(const struct wr_pack *pack);

/* The files that the pack was opened from, for `weir build` and `/v1/pack`. */
const struct wr_pack_file *wr_pack_files(const struct wr_pack *pack, size_t *n);

#endif
