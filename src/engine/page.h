/* SPDX-License-Identifier: Apache-2.0 */
/* A row that is being written, and what of it the journal need not keep. Room was reserved before,
 * so nearly all of it is copies of known length. */
#ifndef WR_ENGINE_PAGE_H
#define WR_ENGINE_PAGE_H

#include "engine/phrasebook.h"

struct wr_page {
    struct wr_buf *out;
    char *row;                      /* where it begins, in `out` */
    struct wr_condenser *condenser; /* what of the row need not be kept */
    const struct wr_phrasebook *book;
};

/* Bytes behind a phrase that its copy may overwrite. A phrase is copied in whole steps of that
 * size.
 */
enum { WR_PAGE_STEP = WR_PHRASE_SLACK, WR_PAGE_BACK_MIN = 10 };

static inline void wr_page_put(struct wr_page *page, struct wr_str s)
{
    struct wr_buf *out = page->out;
    if (WR_LIKELY(s.n <= out->cap - out->n)) {
        wr_bytes_copy(out->p + out->n, s.p, s.n);
        out->n += s.n;
    } else {
        out->overflow = true;
    }
}

#define WR_PAGE_PUT(page, literal) wr_page_put((page), WR_STR(literal))

/* What stands at `at` of the row is a phrase of the book. */
static inline void wr_page_known(struct wr_page *page, const char *at,
                                 const struct wr_phrase *phrase)
{
    if (WR_LIKELY(phrase->number != WR_NO_PHRASE)) {
        wr_condense_phrase(page->condenser, at, phrase->text.n, phrase->number);
    }
}

/* Writes a phrase of the book. */
static inline void wr_page_phrase(struct wr_page *page, const struct wr_phrase *phrase)
{
    struct wr_buf *out = page->out;
    struct wr_str text = phrase->text;
    char *to = out->p + out->n;
    if (WR_UNLIKELY(text.n + WR_PAGE_STEP > out->cap - out->n)) {
        wr_page_put(page, text); /* and keep it: the condenser reads behind what is written */
        return;
    }
    out->n += text.n;
    wr_page_known(page, to, phrase);
    for (size_t i = 0; i < text.n; i += WR_PAGE_STEP) {
        memcpy(to + i, text.p + i, WR_PAGE_STEP);
    }
}

/* Text of the row once more; a few bytes are not worth a reference. */
static inline void wr_page_again(struct wr_page *page, struct wr_str text)
{
    if (text.n >= WR_PAGE_BACK_MIN) {
        wr_condense_again(page->condenser, page->out->p + page->out->n, text.n, text.p);
    }
    wr_page_put(page, text);
}

static inline struct wr_str wr_page_since(const struct wr_page *page, size_t start)
{
    return wr_str_of(page->out->p + start, page->out->n - start);
}

/* ── the document (document.c) ──────────────────────────────────────────────────────────────── */
struct wr_binding;
struct wr_case;
struct wr_verdict;
struct wr_answer;

/* Pieces of what was derived that the document says once more. */
struct wr_derived {
    struct wr_str features, scores; /* objects; ,"scores": stands before the second */
    struct wr_str score;            /* of the pack's main model; empty when there is none */
};

/* From the decision id on: what comes before it belongs to a phrase that begins in the derived
 * part. */
void wr_page_document(struct wr_page *page, const struct wr_binding *binding,
                      const struct wr_case *c, const struct wr_verdict *verdict,
                      const struct wr_derived *derived, struct wr_answer *answer);

#endif
