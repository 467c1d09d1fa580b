/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request, of known length or chunked (RFC 9112, 7.1).
 *
 *   1*HEXDIG [";" extension] CR LF  data CR LF  ...  "0" CR LF  *(trailer CR LF)  CR LF
 *
 * Framing bytes go through a state machine one by one, data in runs. */
#include "wire/h1.h"
#include "wire/h1_text.h"

enum stage {
    LENGTH, /* within a body of known length */
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER, /* at the start of a trailer line, or the last CR */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    FINISHED,
    FAILED,
};

enum { SIZE_DIGITS = 16 };

void wr_h1_body_init(struct wr_h1_body *b, const struct wr_h1_head *head, uint64_t body_max)
{
    *b = (struct wr_h1_body){.body_max = body_max != 0 ? body_max : WR_LIMIT_H1_BODY,
                             .left = head->content_length};
    b->stage = head->chunked ? SIZE : head->content_length != 0 ? LENGTH : FINISHED;
}

static void refuse(struct wr_h1_body *b, int status, const char *why)
{
    b->stage = FAILED;
    b->status = status;
    b->why = why;
}

static void expect(struct wr_h1_body *b, char c, char wanted, enum stage next)
{
    if (c == wanted) {
        b->stage = (uint8_t)next;
    } else {
        refuse(b, 400, "a line of the chunked body does not end in CR LF");
    }
}

static void take_size(struct wr_h1_body *b, char c)
{
    int digit = wr_h1_hex(c);
    if (digit >= 0 && b->digits < SIZE_DIGITS) {
        b->left = b->left << 4 | (uint64_t)digit;
        b->digits++;
    } else if (b->digits != 0 && c == '\r') {
        b->stage = SIZE_LF;
    } else if (b->digits != 0 && c == ';') {
        b->stage = EXTENSION;
    } else {
        refuse(b, 400, "a chunk size is not 1 to 16 hexadecimal digits");
    }
}

static void take_extension(struct wr_h1_body *b, char c)
{
    if (c == '\r') {
        b->stage = SIZE_LF;
    } else if (!wr_h1_is(c, WR_H1_VALUE)) {
        refuse(b, 400, "a control character in a chunk extension");
    } else if (++b->extensions > WR_LIMIT_H1_EXTENSIONS) {
        refuse(b, 400, "the chunk extensions are longer than allowed");
    }
}

static void start_chunk(struct wr_h1_body *b, char c)
{
    expect(b, c, '\n', b->left != 0 ? DATA : TRAILER);
    if (b->stage == DATA && b->left > b->body_max - b->received) {
        refuse(b, 413, "the body is larger than allowed");
    }
}

static void end_trailer_name(struct wr_h1_body *b)
{
    b->stage = TRAILER_VALUE;
    if (b->name_n <= sizeof b->name && wr_h1_is_framing(wr_str_of(b->name, b->name_n))) {
        refuse(b, 400, "a trailer that only a header section may hold");
    }
}

static void take_trailer_name(struct wr_h1_body *b, char c)
{
    if (b->stage == TRAILER && c == '\r') {
        b->stage = LAST_LF;
        return;
    }
    if (b->stage == TRAILER) {
        b->name_n = 0;
    }
    if (wr_h1_is(c, WR_H1_TOKEN)) {
        b->stage = TRAILER_NAME;
        if (b->name_n < sizeof b->name) {
            b->name[b->name_n] = c;
        }
        b->name_n = (uint8_t)WR_MIN(b->name_n + 1U, sizeof b->name + 1);
    } else if (b->stage == TRAILER_NAME && c == ':') {
        end_trailer_name(b);
    } else {
        refuse(b, 400, "a trailer is not: name, colon, value");
    }
}

static void take_trailer(struct wr_h1_body *b, char c)
{
    if (++b->trailers > WR_LIMIT_H1_TRAILERS) {
        refuse(b, 431, "the trailers are larger than allowed");
    } else if (b->stage == TRAILER_LF) {
        expect(b, c, '\n', TRAILER);
    } else if (b->stage == LAST_LF) {
        expect(b, c, '\n', FINISHED);
    } else if (b->stage != TRAILER_VALUE) {
        take_trailer_name(b, c);
    } else if (c == '\r') {
        b->stage = TRAILER_LF;
    } else if (!wr_h1_is(c, WR_H1_VALUE)) {
        refuse(b, 400, "a control character in a trailer");
    }
}

static void take_framing(struct wr_h1_body *b, char c)
{
    switch (b->stage) {
    case SIZE:
        take_size(b, c);
        break;
    case EXTENSION:
        take_extension(b, c);
        break;
    case SIZE_LF:
        start_chunk(b, c);
        break;
    case DATA_CR:
        expect(b, c, '\r', DATA_LF);
        break;
    case DATA_LF:
        b->left = 0;
        b->digits = 0;
        expect(b, c, '\n', SIZE);
        break;
    default:
        take_trailer(b, c);
        break;
    }
}

/* The next run of data at p. */
static struct wr_str take_data(struct wr_h1_body *b, const char *p, size_t n)
{
    size_t run = (size_t)WR_MIN((uint64_t)n, b->left);
    b->left -= run;
    b->received += run;
    if (b->left == 0) {
        b->stage = b->stage == LENGTH ? FINISHED : DATA_CR;
    }
    return wr_str_of(p, run);
}

enum wr_h1_result wr_h1_body_read(struct wr_h1_body *b, struct wr_str bytes, struct wr_str *data,
                                  size_t *used)
{
    size_t i = 0;
    *data = (struct wr_str){0};
    while (i < bytes.n && b->stage < FINISHED && data->n == 0) {
        if (b->stage == LENGTH || b->stage == DATA) {
            *data = take_data(b, bytes.p + i, bytes.n - i);
            i += data->n;
        } else {
            take_framing(b, bytes.p[i++]);
        }
    }
    *used = b->stage == FAILED ? 0 : i;
    return b->stage == FAILED ? WR_H1_BAD : b->stage == FINISHED ? WR_H1_DONE : WR_H1_MORE;
}
