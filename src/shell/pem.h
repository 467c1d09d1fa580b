/* SPDX-License-Identifier: Apache-2.0 */
/* PEM blocks (RFC 7468), found as Go's encoding/pem finds them: text between blocks is skipped, a
 * block that does not decode too; header lines ("Proc-Type: ...") are read over. */
#ifndef WR_PEM_H
#define WR_PEM_H

#include "base/arena.h"
#include "base/bytes.h"

struct wr_pem {
    struct wr_str type;  /* "CERTIFICATE" */
    struct wr_str bytes; /* in the arena */
};

/* The next block of *text, which moves behind it; false when there is none, and *text stays. A
 * block has at most as many bytes as its text. O(n) for each call that finds a block. */
bool wr_pem_next(struct wr_arena *arena, struct wr_str *text, struct wr_pem *block);

#endif
