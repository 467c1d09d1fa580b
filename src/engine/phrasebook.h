/* SPDX-License-Identifier: Apache-2.0 */
/* The phrases of a pack: the texts that its decisions' rows repeat, each with its number in the
 * table that a segment of the journal holds (condense.h). The same pack gives the same table, on
 * every machine; a table says nothing of the node or of its time.
 *
 * Numbers rise from what every row has to what few have, so that most take one byte. A text of
 * fewer than WR_PHRASE_MIN bytes is not worth a number; one that is over the limits of a table gets
 * none either. Both are written as they are. */
#ifndef WR_ENGINE_PHRASEBOOK_H
#define WR_ENGINE_PHRASEBOOK_H

#include "engine/condense.h"
#include "engine/record.h"
#include "pack/pack.h"

enum { WR_PHRASE_MIN = 7 };

/* The table of phrases of a pack, in the arena: what rows that were decided under it are condensed
 * by (wr_answer.cuts), and the journal's segment needs to give them back. It begins with the 4
 * bytes of condense.h and is never empty nor longer than WR_LIMIT_PHRASE_TABLE. Errors:
 * WR_E_MEMORY. Time and room: linear in the names and reasons of the pack. */
WR_NODISCARD wr_err wr_pack_phrases(struct wr_arena *arena, const struct wr_pack *pack,
                                    struct wr_str *table, struct wr_error *error);

#define WR_NO_PHRASE UINT32_MAX
struct wr_phrase {
    struct wr_str text;
    uint32_t number; /* in the table; WR_NO_PHRASE: it is in none */
};
enum {
    WR_PHRASE_SLACK = 16, /* bytes that may be read behind a text */
    WR_PHRASE_PLACES = 5,
    WR_PHRASE_ABSENCES = 7
};

/* Texts of a row, in the order in which they stand there. Pieces in [] have phrases of their own.
 */
struct wr_phrasebook {
    struct wr_str table;
    /* the head */
    struct wr_phrase pack;  /* a zero byte, the digest */
    struct wr_phrase zeros; /* no fleet, and the two lengths behind it */
    /* the anchor */
    /* From the place on, with no condition, every entity and the salt of the first: [i] where the
     * event is the first of its time to i entities that labels count, and there are no more. */
    struct wr_phrase anchors[WR_PHRASE_PLACES];
    struct wr_phrase *salts; /* [n_entities] */
    /* the derived part */
    struct wr_phrase features;      /* {"features":{"a":  with the first name */
    struct wr_phrase bare;          /* {"features":{ */
    struct wr_phrase *labels;       /* [n_features] ,"a":  in order of names */
    struct wr_phrase *first_labels; /* [n_features] "a": */
    struct wr_phrase calm;          /* },"lists":{...},"missing":{},"scores":{"m":  where none
                                       holds the event, m being main_model */
    struct wr_phrase lists, missing, scores;       /* ,"lists":{  },"missing":{  },"scores":{ */
    struct wr_phrase (*list_is)[2];                /* [n_lists] "a":false, "a":true */
    struct wr_phrase absences[WR_PHRASE_ABSENCES]; /* "no_history" and the others of enum
                                                      wr_feature_presence, "undefined", "error" */
    struct wr_phrase *models;                      /* [n_models] "m": */
    uint32_t main_model;                           /* UINT32_MAX: none */
    /* the document */
    struct wr_phrase document;                      /* }}{"decision_id":" */
    struct wr_phrase transaction_id;                /* ","transaction_id": */
    struct wr_phrase outcomes[WR_OUTCOME_COUNT][2]; /* ,"outcome":"a"  and ,"score": behind it */
    struct wr_phrase reasons;                       /* ,"reasons":[ */
    struct wr_phrase *reasons_known;                /* [n_reasons] {"code":"A","text":"..." */
    uint32_t *code_n;                     /* [n_reasons] bytes of the code in it, as JSON */
    struct wr_phrase *by_list, *by_model; /* ,"rule":"a"} */
    struct wr_phrase degraded;            /* ,"degraded":[ */
    struct wr_phrase quiet;      /* ,"reasons":[],"degraded":[] and the ending of one in time */
    struct wr_phrase closing;    /* ],"degraded":[] and that */
    struct wr_phrase endings[2]; /* ,"pack":{...},"late":false} and true} */
};

/* Makes the book, in the arena; texts of the pack are copied. Errors: WR_E_MEMORY. */
WR_NODISCARD wr_err wr_phrasebook_make(struct wr_arena *arena, const struct wr_pack *pack,
                                       struct wr_phrasebook *book, struct wr_error *error);

/* By enum wr_feature_presence, or WR_ABSENT_UNDEFINED or _ERROR; not for what is there. */
const struct wr_phrase *wr_phrase_of_absence(const struct wr_phrasebook *book, uint8_t presence);

#endif
