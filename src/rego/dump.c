/* SPDX-License-Identifier: Apache-2.0 */
/* The listing of compiled functions: one instruction a line, operands as the opcode table says. */
#include "rego/code.h"
#include "value/json_write.h"

static void write_register(struct wr_buf *buf, uint32_t r)
{
    if (r == WR_NO_REGISTER) {
        wr_buf_str(buf, WR_STR(" -"));
    } else {
        wr_format(buf, " r%u", r);
    }
}

static void write_path(struct wr_buf *buf, const struct wr_unit *unit,
                       const struct wr_path_table *table, uint32_t path, const char *root)
{
    uint32_t chain[WR_LIMIT_REGO_DEPTH], n = 0;
    for (uint32_t at = path; at != 0 && n < WR_COUNTOF(chain); at = table->items[at].parent) {
        chain[n++] = at;
    }
    wr_format(buf, " %s", root);
    while (n > 0) {
        wr_buf_char(buf, '/');
        wr_rego_write(buf, &unit->consts[table->items[chain[--n]].key]);
    }
}

static void write_operand(struct wr_buf *buf, const struct wr_unit *unit, const struct wr_insn *in,
                          char operand)
{
    switch (operand) {
    case 'a':
        write_register(buf, in->a);
        break;
    case 'b':
        write_register(buf, in->b);
        break;
    case 'c':
        write_register(buf, in->c);
        break;
    case 'k':
        wr_buf_char(buf, ' ');
        wr_rego_write(buf, &unit->consts[in->d]);
        break;
    case 'i':
    case 'j':
        wr_buf_char(buf, ' ');
        wr_rego_write(buf, &unit->consts[operand == 'i' ? in->b : in->c]);
        break;
    case 'p':
        write_path(buf, unit, &unit->input, in->d, "input");
        break;
    case 'q':
        write_path(buf, unit, &unit->data, in->d, "data");
        break;
    case 'o':
        write_path(buf, unit, &unit->data, in->b, "data");
        break;
    case 'x':
        wr_format(buf, " %s", unit->builtins[in->d]->name);
        break;
    case 't':
        wr_format(buf, " ->%u", in->t);
        break;
    default:
        wr_format(buf, " #%u", in->d);
        break;
    }
}

static void write_function(struct wr_buf *buf, const struct wr_unit *unit,
                           const struct wr_function *f)
{
    wr_format(buf, "%.*s  (%u registers, %u arguments)\n", WR_FMT(f->name), f->n_registers,
              f->n_args);
    for (uint32_t i = 0; i < f->n_code; i++) {
        const struct wr_opcode_info *info = &wr_opcode_infos[f->code[i].op];
        wr_format(buf, "%5u  %s", i, info->name);
        for (const char *at = info->operands; *at != 0; at++) {
            write_operand(buf, unit, &f->code[i], *at);
        }
        wr_format(buf, "  ; %u\n", f->places[i].row);
    }
}

void wr_rego_dump(const struct wr_rego_program *program, const struct wr_rego_query *query,
                  struct wr_buf *buf)
{
    const struct wr_unit *unit = query != NULL ? &query->unit : &program->unit;
    for (uint32_t i = 0; i < unit->n_functions; i++) {
        if (unit->functions[i].code != NULL) {
            write_function(buf, unit, &unit->functions[i]);
        }
    }
    if (query != NULL) {
        write_function(buf, unit, &query->function);
    }
}
