/* SPDX-License-Identifier: Apache-2.0 */
/* Trained models: from a source file to one wasm module, and from that module to scores.
 *
 *   ONNX, XGBoost, LightGBM --wr_model_compile--> module.wasm --wr_model_open--> struct wr_model
 *
 * The module is container and program at once (docs/formats.md, "model module"): any WebAssembly
 * runtime can instantiate it, and wr_model_open reads the weights from its data segment and runs
 * the same kernel natively. Both give the same bits. An opened model is read-only: any number of
 * callers may share it, each with its own scratch memory. */
#ifndef WR_MODEL_H
#define WR_MODEL_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define WR_LIMIT_MODEL_SOURCE     (1024u * 1024 * 1024) /* bytes of a source file */
#define WR_LIMIT_MODEL_INPUTS     32000                 /* numbers in a row */
#define WR_LIMIT_MODEL_OUTPUTS    65536                 /* numbers in an answer */
#define WR_LIMIT_MODEL_NODES      20000                 /* operators of a graph */
#define WR_LIMIT_MODEL_RANK       8                     /* dimensions of a tensor */
#define WR_LIMIT_MODEL_SCRATCH    (64u * 1024 * 1024)   /* bytes of working memory for one row */
#define WR_LIMIT_MODEL_BACKGROUND 1000000               /* rows */
#define WR_LIMIT_MODEL_QUALITY    (1024 * 1024)         /* bytes of JSON */

/* ── compiling ──────────────────────────────────────────────────────────────────────────────── */
enum wr_model_format {
    WR_MODEL_AUTO = 0, /* by the first bytes */
    WR_MODEL_ONNX,
    WR_MODEL_XGBOOST_JSON,
    WR_MODEL_XGBOOST_UBJSON,
    WR_MODEL_LIGHTGBM_TEXT,
};

enum wr_model_missing {
    WR_MODEL_MISSING_AUTO =
        0, /* yes if a tree sends missing values somewhere, or an imputer runs */
    WR_MODEL_MISSING_YES,
    WR_MODEL_MISSING_NO,
};

enum wr_model_packing {
    WR_MODEL_PACK_AUTO = 0, /* when the program is over WR_MODEL_PACK_FROM */
    WR_MODEL_PACK_NEVER,
    WR_MODEL_PACK_ALWAYS,
};
#define WR_MODEL_PACK_FROM (48u * 1024 * 1024) /* bytes */

/* What compiling found out. */
struct wr_model_report {
    double change;        /* by rounding: the greatest one of any output over the rows below */
    uint32_t change_rows; /* 0: nothing was rounded */
    uint32_t program;     /* bytes once unpacked */
    uint32_t weights;     /* bytes of the module that hold constants */
    bool packed;
    struct wr_str warnings; /* lines; where this scores otherwise than ONNX Runtime */
};

/* Gives the bytes of a file beside an ONNX model that holds some of its tensors; `location` is what
 * the model calls it (untrusted text). False when there is none. The bytes must outlive the call
 * that compiles. */
typedef bool wr_model_external(void *context, struct wr_str location, struct wr_str *bytes);

/* Told of a large range of bytes whose memory may be taken back. Of the source and the files beside
 * it: they may be read once more and must then be the same. Of memory that the arena gave: nothing
 * reads them again. */
typedef void wr_model_release(const void *bytes, size_t n);
#define WR_MODEL_RELEASE_FROM (1024u * 1024) /* bytes; less is not told */

struct wr_model_options {
    enum wr_model_format format;
    enum wr_model_missing missing;
    struct wr_str name;               /* written into the metadata; may be empty */
    const struct wr_str *input_names; /* one a column, or NULL: the names of the source */
    size_t n_input_names;
    /* Rows as they will be scored, one behind the other: node covers are counted where the source
     * has none, and the reference row of occlusion is their median. May be NULL. */
    const double *background;
    size_t n_background;   /* at most WR_LIMIT_MODEL_BACKGROUND */
    struct wr_str quality; /* a JSON object for the metadata (calibration, thresholds, reference
                              quantiles ...), or empty */
    bool no_explain;       /* leave the explanation out */
    bool plain;            /* no optimisation: scores have the same bits (a test compares) */
    enum wr_model_packing packing;
    /* Rounding makes the packed form smaller and changes scores: leaf values to 65,536 steps a
     * forest, weights of networks to 8 bits. */
    bool round_leaves, round_weights;
    struct wr_model_report *report; /* filled, or NULL */
    wr_model_external *external;    /* NULL: external data are refused */
    void *external_context;
    wr_model_release *release; /* NULL: all memory is kept until the arena goes */
};

/* Translates a model file into a module.
 * Owns:   `source` is borrowed for the call; the module is appended to `wasm_out`. When that is
 * empty and of the same arena, it becomes the memory in which the module was made. Errors:
 * WR_E_MODEL naming operator, node and byte offset; WR_E_LIMIT, WR_E_MEMORY. Bound:  arena memory
 * at most 16 times the source and 16 MiB. `options` may be NULL. */
WR_NODISCARD wr_err wr_model_compile(struct wr_arena *arena, struct wr_str source,
                                     const struct wr_model_options *options,
                                     struct wr_buf *wasm_out, struct wr_error *error);

/* ── opening ────────────────────────────────────────────────────────────────────────────────── */
struct wr_model;

/* Checks a module (untrusted bytes) and points into it: container, digest of the weights, every
 * offset the kernel will follow, and the test vectors inside, whose scores must come out to the
 * bit.
 * Owns:   `wasm` is borrowed and must outlive the model; it may be a mapped file. When it lies so
 *         that the weights are not 64-byte aligned, they are copied into the arena.
 * Errors: WR_E_WASM with the byte offset; WR_E_MODEL when a test vector gives another score. */
WR_NODISCARD wr_err wr_model_open(struct wr_arena *arena, struct wr_str wasm,
                                  struct wr_model **model, struct wr_error *error);

/* ── asking ─────────────────────────────────────────────────────────────────────────────────── */
enum wr_model_kind {
    WR_MODEL_NUMBER = 0,
    WR_MODEL_INTEGER,  /* fractions are cut off */
    WR_MODEL_CATEGORY, /* a text: give the code that wr_model_category finds */
};

enum wr_model_role {
    WR_MODEL_LABEL = 0,   /* the class chosen: its integer, or the index of its text */
    WR_MODEL_PROBABILITY, /* of one class */
    WR_MODEL_SCORE,       /* any other number */
};

struct wr_model_input {
    struct wr_str name;
    enum wr_model_kind kind;
};

struct wr_model_output {
    struct wr_str name; /* "label", "probabilities[1]", ... */
    enum wr_model_role role;
};

struct wr_str wr_model_name(const struct wr_model *model);
size_t wr_model_n_inputs(const struct wr_model *model);
size_t wr_model_n_outputs(const struct wr_model *model);
/* i below the count. The names live as long as the model. */
struct wr_model_input wr_model_input_at(const struct wr_model *model, size_t i);
struct wr_model_output wr_model_output_at(const struct wr_model *model, size_t i);
/* Index of an output by its name, or by what it is: "probability" is the probability of the
 * positive (last) class, "label" the first label, "score" the main number. SIZE_MAX if none. */
size_t wr_model_output_find(const struct wr_model *model, struct wr_str name);
/* May a row hold NaN for a missing value? If not, the caller puts a default or does not score. */
bool wr_model_handles_missing(const struct wr_model *model);
/* The code of a text for a WR_MODEL_CATEGORY input; -1 for a text the model does not know. */
double wr_model_category(const struct wr_model *model, size_t input, struct wr_str text);
/* The text of a class when the labels are texts, else an empty view. */
struct wr_str wr_model_label_text(const struct wr_model *model, size_t output, double label);
/* SHA-256 of the weights section: the identity that decision records carry. */
const uint8_t *wr_model_digest(const struct wr_model *model);
/* Bytes that scoring reads: the program, and what opening made of it for this processor. */
size_t wr_model_opened_size(const struct wr_model *model);
/* Appends a JSON object: name, source, inputs, outputs, explanation, quality, operators, costs,
 * sizes, memory, digest. */
void wr_model_info(const struct wr_model *model, struct wr_buf *json);

/* ── scoring ────────────────────────────────────────────────────────────────────────────────── */
/* Bytes of scratch memory that one caller needs; it must be aligned to 64. */
size_t wr_model_scratch_size(const struct wr_model *model);

/* Scores one row: n_inputs numbers in, n_outputs numbers out. Each number is rounded to the type of
 * its input (double to float: nearest, ties to even). An output that is not finite is returned as
 * it is; the caller leaves it out of documents.
 * Errors: WR_E_MODEL when the row cannot be scored (an index or category out of range). The code
 *         only: no text is made on this path. Allocates nothing. */
WR_NODISCARD wr_err wr_model_score(const struct wr_model *model, const double *row, double *outputs,
                                   void *scratch);
/* The same for n rows one behind the other; equal bits. */
WR_NODISCARD wr_err wr_model_score_batch(const struct wr_model *model, const double *rows, size_t n,
                                         double *outputs, void *scratch);

/* ── explaining ─────────────────────────────────────────────────────────────────────────────── */
enum wr_model_explanation {
    WR_MODEL_UNEXPLAINED = 0,
    WR_MODEL_EXPLAINED_TREES,  /* exact, path-dependent Shapley values */
    WR_MODEL_EXPLAINED_LINEAR, /* exact: the margin is a sum over columns */
    WR_MODEL_EXPLAINED_OCCLUSION,
};

/* How answers are explained; *why (may be NULL) is the reason when they are not. */
enum wr_model_explanation wr_model_explanation(const struct wr_model *model, struct wr_str *why);
/* May this output be explained? */
bool wr_model_explains(const struct wr_model *model, size_t output);
/* "log-odds", "log" or "score": what contributions are counted in. */
struct wr_str wr_model_explain_unit(const struct wr_model *model);
/* The cost of one explanation in steps: nodes visited, or innermost rounds. Known beforehand and
 * the same for every row, so that a budget is obeyed alike on every machine. */
uint64_t wr_model_explain_steps(const struct wr_model *model);
size_t wr_model_explain_scratch_size(const struct wr_model *model);

/* Explains one output of a row: contributions[i] is what column i did to the margin; n_inputs
 * numbers, then the base (the margin expected when nothing of the row is known) and the margin of
 * this row. With trees and linear models, base and contributions add up to the margin.
 * `scratch`: wr_model_explain_scratch_size bytes, aligned to 64.
 * Errors: WR_E_MODEL when this output has no explanation, or the row cannot be scored. */
WR_NODISCARD wr_err wr_model_explain(const struct wr_model *model, const double *row, size_t output,
                                     double *contributions, void *scratch);

#endif
