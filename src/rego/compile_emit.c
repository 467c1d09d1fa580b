/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions, labels and registers of the function that is being compiled. */
#include "rego/compile.h"

#define LIMIT_LABELS (1u << 24)

struct wr_rego_error *wr_compile_error(struct compiler *c, wr_err code,
                                       const struct wr_ast_loc *loc, const char *format, ...)
{
    char room[WR_LIMIT_ERROR_TEXT];
    struct wr_buf buf = wr_buf_fixed(room, sizeof(room));
    va_list args;
    va_start(args, format);
    wr_vformat(&buf, format, args);
    va_end(args);
    return wr_rego_error_add(c->errors, code, c->file, loc, "%.*s", (int)buf.n, buf.p);
}

void wr_emit_start(struct compiler *c, bool has_with, uint32_t n_args)
{
    c->n_code = c->n_labels = 0;
    c->first_index = c->unit->n_indexes;
    c->next_register = c->n_registers = n_args;
    c->fail = NO_LABEL;
    c->has_with = has_with;
    c->too_large = false;
    c->context = WR_NO_REGISTER;
    if (has_with) {
        c->context = wr_new_register(c);
        wr_emit(c, WR_OP_CONTEXT, c->context, 0, 0, 0, NO_LABEL);
    }
}

static bool grow_code(struct compiler *c)
{
    uint32_t cap = c->cap_code == 0 ? 256 : c->cap_code * 2;
    struct wr_insn *code = WR_NEW_ARRAY(c->arena, struct wr_insn, cap);
    struct wr_place *places = WR_NEW_ARRAY(c->arena, struct wr_place, cap);
    if (code == NULL || places == NULL) {
        c->no_room = true;
        return false;
    }
    if (c->n_code != 0) {
        memcpy(code, c->code, c->n_code * sizeof(code[0]));
        memcpy(places, c->places, c->n_code * sizeof(places[0]));
    }
    c->code = code;
    c->places = places;
    c->cap_code = cap;
    return true;
}

uint32_t wr_emit(struct compiler *c, enum wr_opcode op, uint32_t a, uint32_t b, uint32_t d_c,
                 uint32_t d, uint32_t label)
{
    if (c->n_code >= WR_LIMIT_REGO_CODE) {
        c->too_large = true;
        return 0;
    }
    if (c->n_code == c->cap_code && !grow_code(c)) {
        return 0;
    }
    c->code[c->n_code] = (struct wr_insn){.op = (uint16_t)op,
                                          .a = (uint16_t)a,
                                          .b = (uint16_t)b,
                                          .c = (uint16_t)d_c,
                                          .d = d,
                                          .t = label};
    c->places[c->n_code] = c->place;
    return c->n_code++;
}

uint32_t wr_new_label(struct compiler *c)
{
    if (c->n_labels == c->cap_labels) {
        uint32_t cap = c->cap_labels == 0 ? 64 : c->cap_labels * 2;
        uint32_t *labels = cap > LIMIT_LABELS ? NULL : WR_NEW_ARRAY(c->arena, uint32_t, cap);
        if (labels == NULL) {
            c->no_room = true;
            return 0;
        }
        if (c->n_labels != 0) {
            memcpy(labels, c->labels, c->n_labels * sizeof(labels[0]));
        }
        c->labels = labels;
        c->cap_labels = cap;
    }
    c->labels[c->n_labels] = 0;
    return c->n_labels++;
}

void wr_put_label(struct compiler *c, uint32_t label)
{
    if (label < c->n_labels) {
        c->labels[label] = c->n_code;
    }
    if (c->has_with) {
        wr_emit(c, WR_OP_ENTER, c->context, 0, 0, 0, NO_LABEL);
    }
}

uint32_t wr_new_registers(struct compiler *c, uint32_t n)
{
    if (n > WR_LIMIT_REGO_REGISTERS || c->next_register > WR_LIMIT_REGO_REGISTERS - n) {
        c->too_large = true;
        return 0;
    }
    uint32_t first = c->next_register;
    c->next_register += n;
    c->n_registers = WR_MAX(c->n_registers, c->next_register);
    return first;
}

uint32_t wr_new_register(struct compiler *c)
{
    return wr_new_registers(c, 1);
}

void wr_set_place(struct compiler *c, const struct wr_ast_loc *loc)
{
    if (loc != NULL) {
        c->place = (struct wr_place){loc->row, loc->col};
    }
}

/* Labels to instruction numbers, and a tight copy. */
bool wr_emit_finish(struct compiler *c, struct wr_function *f)
{
    if (c->too_large) {
        wr_rego_error_add(c->errors, WR_E_LIMIT, c->file, NULL,
                          "%.*s is too large: WR_LIMIT_REGO_REGISTERS is %d", WR_FMT(f->name),
                          WR_LIMIT_REGO_REGISTERS);
        return false;
    }
    struct wr_insn *code = WR_NEW_ARRAY(c->arena, struct wr_insn, c->n_code);
    struct wr_place *places = WR_NEW_ARRAY(c->arena, struct wr_place, c->n_code);
    if (code == NULL || places == NULL || c->no_room || c->unit->no_room) {
        c->no_room = true;
        return false;
    }
    for (uint32_t i = 0; i < c->n_code; i++) {
        code[i] = c->code[i];
        places[i] = c->places[i];
        if (wr_opcode_infos[code[i].op].jumps != 0) {
            WR_ASSERT(code[i].t < c->n_labels);
            code[i].t = c->labels[code[i].t];
        }
    }
    for (uint32_t i = c->first_index; i < c->unit->n_indexes; i++) {
        struct wr_index *index = c->unit->indexes[i];
        for (uint32_t k = 0; k < index->n_clauses; k++) {
            index->entries[k] = c->labels[index->entries[k]];
        }
    }
    f->code = code;
    f->places = places;
    f->n_code = c->n_code;
    f->n_registers = WR_MAX(c->n_registers, 1);
    return true;
}
