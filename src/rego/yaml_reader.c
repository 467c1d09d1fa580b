/* SPDX-License-Identifier: Apache-2.0 */
/* Where the YAML reader stands, over blanks, comments and line ends, and the nodes it makes. */
#include "rego/yaml_reader.h"

struct wr_yaml *wr_yaml_fail(struct yaml_reader *r, const char *message)
{
    if (r->err == WR_OK) {
        r->err = WR_E_CONFIG;
        *r->error = (struct wr_yaml_error){r->line, message};
    }
    r->at = r->n;
    return NULL;
}

void wr_yaml_skip_line(struct yaml_reader *r)
{
    while (!wr_yaml_at_end(r) && r->p[r->at] != '\n') {
        r->at++;
    }
    if (!wr_yaml_at_end(r)) {
        r->at++;
        r->line++;
    }
}

size_t wr_yaml_column(const struct yaml_reader *r)
{
    size_t start = r->at;
    while (start > 0 && r->p[start - 1] != '\n') {
        start--;
    }
    return r->at - start;
}

bool wr_yaml_next_content(struct yaml_reader *r)
{
    for (;;) {
        wr_yaml_skip_spaces(r);
        if (wr_yaml_at_end(r)) {
            return false;
        }
        if (r->p[r->at] != '\n' && r->p[r->at] != '#') {
            return true;
        }
        wr_yaml_skip_line(r);
    }
}

bool wr_yaml_at_mark(const struct yaml_reader *r)
{
    return (r->at == 0 || r->p[r->at - 1] == '\n') && r->at + 3 <= r->n &&
           (memcmp(r->p + r->at, "---", 3) == 0 || memcmp(r->p + r->at, "...", 3) == 0) &&
           wr_yaml_ends_word(wr_yaml_peek_at(r, 3));
}

struct wr_yaml *wr_yaml_new_node(struct yaml_reader *r, enum wr_yaml_kind kind)
{
    struct wr_yaml *node = WR_NEW(r->arena, struct wr_yaml);
    if (node == NULL) {
        wr_yaml_fail(r, "out of memory");
        r->err = WR_E_MEMORY;
        return NULL;
    }
    node->kind = (uint8_t)kind;
    node->line = r->line;
    node->size = 1;
    return node;
}

struct wr_yaml *wr_yaml_new_scalar(struct yaml_reader *r, struct wr_str text, bool plain)
{
    struct wr_yaml *node = wr_yaml_new_node(r, WR_YAML_SCALAR);
    if (node != NULL) {
        node->text = text;
        node->plain = plain;
    }
    return node;
}

struct wr_yaml *wr_yaml_new_empty(struct yaml_reader *r)
{
    return wr_yaml_new_scalar(r, WR_STR(""), true);
}

bool wr_yaml_append(struct yaml_reader *r, struct wr_yaml *node, struct wr_yaml *item,
                    size_t n_items)
{
    if (item == NULL) {
        return false;
    }
    if ((n_items & (n_items - 1)) == 0) { /* 0 or a power of two: the room is full */
        size_t cap = n_items == 0 ? 1 : n_items * 2;
        struct wr_yaml **grown = WR_NEW_ARRAY(r->arena, struct wr_yaml *, cap);
        if (grown == NULL) {
            wr_yaml_fail(r, "out of memory");
            r->err = WR_E_MEMORY;
            return false;
        }
        if (n_items > 0) {
            memcpy(grown, node->items, n_items * sizeof *grown);
        }
        node->items = grown;
    }
    node->items[n_items] = item;
    node->size += item->size;
    node->height = WR_MAX(node->height, item->height + 1);
    return true;
}
