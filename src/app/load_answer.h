/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of a load: where one ends in a buffer, by its Content-Length or its chunks. */
#ifndef WR_LOAD_ANSWER_H
#define WR_LOAD_ANSWER_H

#include "base/bytes.h"
#include "base/err.h"

struct wr_load_reader { /* of one answer that is not whole yet */
    size_t walked;      /* chunked: raw bytes behind the head that are decoded */
    size_t body_n;      /* chunked: decoded bytes, which lie behind the head */
};

struct wr_load_answer {
    int status;
    bool closes; /* the server ends the connection after it */
    struct wr_str body;
};

/* Looks for a whole answer at `bytes`; *used is its length, 0 when more must come. Chunks are
 * decoded in place. Errors: WR_E_HTTP, WR_E_LIMIT. */
WR_NODISCARD wr_err wr_load_answer_read(struct wr_load_reader *reader, char *bytes, size_t n,
                                        struct wr_load_answer *answer, size_t *used,
                                        struct wr_error *error);

#endif
