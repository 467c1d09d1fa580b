/* SPDX-License-Identifier: Apache-2.0 */
/* Card numbers never get past the reader.
 *
 * A value is a card number if it is a string of 13 to 19 digits (blanks and hyphens between them
 * aside) or an integer of so many, passes Luhn's check (ISO/IEC 7812-1 annex B) and begins as a
 * known issuer's numbers do. Luhn alone is not enough: a tenth of all time stamps in milliseconds
 * pass it. With a key each is replaced by "card_" and 128 bits of HMAC-SHA-256 over its digits: the
 * same card has the same token. Without a key the request is refused. Numbers inside longer texts
 * are not looked for. */
#ifndef WR_CARD_H
#define WR_CARD_H

#include "engine/engine.h"

#define WR_CARD_TOKEN_SIZE 37 /* "card_" and 32 hex digits */

/* Does this text hold exactly a card number? `digits` gets its digits, *n their count. */
bool wr_card_is_number(struct wr_str text, char digits[19], size_t *n);

/* Replaces card numbers in the document in place, but for the values `exempt` (event id and time,
 * compared by address). The document must lie in `arena` (it is written to).
 * Errors: WR_E_CARD_NUMBER naming the path (never the number) when the key is empty, or when an
 * object's key is a card number; WR_E_MEMORY; WR_E_LIMIT for depth. */
WR_NODISCARD wr_err wr_card_tokenise(struct wr_arena *arena, struct wr_value *document,
                                     const struct wr_value *const exempt[2], struct wr_str key,
                                     struct wr_error *error);

#endif
