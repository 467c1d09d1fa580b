/* SPDX-License-Identifier: Apache-2.0 */
/* Weir as a library: open a pack from memory, decide events, close.
 *
 *   struct weir_file files[] = {{"weir.json", json, json_n}, {"risk.rego", rego, rego_n}};
 *   struct weir *weir;
 *   char why[WEIR_ERROR_SIZE];
 *   if (weir_open(files, 2, &config, &weir, why) != 0) { ... why ... }
 *   struct weir_answer answer;
 *   if (weir_decide(weir, body, body_n, now_us, &answer) == 0) { ... answer.document ... }
 *   weir_close(weir);
 *
 * The library is the pure core: it does no I/O, reads no clock, starts no thread, keeps no global
 * state, and takes memory only from the functions that it is given. One struct weir is for one
 * thread at a time; any number of them may exist. Decisions change the engine's state (windows,
 * known ids). Whoever needs that state to survive keeps each answer's record before it uses the
 * answer, and gives the records to weir_fold, in order, after opening.
 *
 * All functions return 0 or an error's number (docs/errors.md); texts name place and reason. */
#ifndef WEIR_H
#define WEIR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_ERROR_SIZE 640

struct weir;

/* A file of the pack: its path inside the pack (docs/pack.md) and its bytes, which must stay until
 * weir_close. Configuration is weir.json; YAML is the caller's to translate. */
struct weir_file {
    const char *path; /* ends in NUL */
    const void *bytes;
    size_t n;
};

/* Where memory comes from: take returns NULL when there is no more; blocks are aligned as malloc's
 * are. Without an operating system there is no default, so this is required there. */
struct weir_memory {
    void *(*take)(void *context, size_t size);
    void (*give)(void *context, void *block, size_t size);
    void *context;
};

struct weir_config {
    struct weir_memory memory;
    uint64_t node;        /* part of decision ids; give each state its own */
    uint32_t epoch;       /* raise it each time a state is opened again */
    uint64_t secret[4];   /* keys of hash tables and of body equality; stays with the state */
    const void *card_key; /* tokenises card numbers; NULL: requests that carry one are refused */
    size_t card_key_n;
    int rego_v1; /* not 0: modules are Rego v1 */
};

/* Opens a pack and an empty engine over it. `config` gives at least the memory. `why` (may be NULL)
 * gets the reason when the pack is refused. */
int weir_open(const struct weir_file *files, size_t n_files, const struct weir_config *config,
              struct weir **out, char why[WEIR_ERROR_SIZE]);
void weir_close(struct weir *weir);

struct weir_answer {
    const char *outcome;  /* "approve", "review", "challenge", "hold", "decline" */
    const char *document; /* the decision as JSON: document_n bytes */
    size_t document_n;
    const char *features; /* the features as a JSON object: features_n bytes */
    size_t features_n;
    const void *record; /* what to keep: record_n bytes; none when replayed */
    size_t record_n;
    uint64_t sequence; /* of the decision; when replayed, of the first one */
    int replayed;      /* the id is known with the same body: nothing was decided again, and the
                          caller has the document in the record of `sequence` */
    char why[WEIR_ERROR_SIZE]; /* when the request was refused */
};

/* Decides one event: a JSON document. now_us: wall clock, microseconds since 1970. What the answer
 * points to stays until the next call on this weir. A refused request changes nothing. */
int weir_decide(struct weir *weir, const void *body, size_t n, int64_t now_us,
                struct weir_answer *answer);

/* Applies a kept record to the state: all of them, in order, before the first decision. */
int weir_fold(struct weir *weir, const void *record, size_t n, char why[WEIR_ERROR_SIZE]);

/* SHA-256 over all state; equal for equal histories under equal secrets. */
int weir_digest(struct weir *weir, uint8_t out[32]);

#ifdef __cplusplus
}
#endif

#endif
