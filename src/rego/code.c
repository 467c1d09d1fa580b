/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of compiled policies. */
#include "rego/code.h"

#include "value/json_write.h"
#include "value/sort.h"

const struct wr_opcode_info wr_opcode_infos[WR_OPCODES] = {
#define WR_OPCODE_INFO(name, operands, jumps, cost, effect) {#name, operands, effect, jumps, cost},
    WR_OPCODE_TABLE(WR_OPCODE_INFO)
#undef WR_OPCODE_INFO
};

/* Room for one more item; false without. */
static bool room(struct wr_unit *unit, void **items, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap) {
        return true;
    }
    uint32_t want = *cap == 0 ? 16 : *cap * 2;
    void *fresh = wr_arena_array(unit->arena, want, size, 8);
    if (fresh == NULL) {
        unit->no_room = true;
        return false;
    }
    if (n != 0) {
        memcpy(fresh, *items, n * size);
    }
    *items = fresh;
    *cap = want;
    return true;
}

bool wr_unit_init(struct wr_unit *unit, struct wr_arena *arena, uint32_t n_functions)
{
    *unit = (struct wr_unit){.arena = arena, .n_functions = n_functions};
    unit->functions = WR_NEW_ARRAY(arena, struct wr_function, n_functions);
    void *input = NULL, *data = NULL;
    bool ok = unit->functions != NULL &&
              room(unit, &input, 0, &unit->input.cap, sizeof(struct wr_key_path)) &&
              room(unit, &data, 0, &unit->data.cap, sizeof(struct wr_key_path));
    if (ok) {
        unit->input.items = input;
        unit->data.items = data;
        unit->input.n = unit->data.n = 1; /* the roots */
    }
    return ok;
}

static void *copy(struct wr_unit *unit, const void *items, uint32_t cap, size_t size)
{
    void *fresh = wr_arena_array(unit->arena, cap, size, 8);
    if (fresh == NULL) {
        unit->no_room = true;
    } else if (cap != 0) {
        memcpy(fresh, items, cap * size);
    }
    return fresh;
}

bool wr_unit_copy(struct wr_unit *unit, struct wr_arena *arena, const struct wr_unit *from)
{
    *unit = *from;
    unit->arena = arena;
    unit->no_room = false;
    unit->consts = copy(unit, from->consts, from->cap_consts, sizeof(unit->consts[0]));
    unit->const_index.slots =
        copy(unit, from->const_index.slots, from->const_index.cap, sizeof(struct wr_name_slot));
    unit->builtins = copy(unit, from->builtins, from->cap_builtins, sizeof(unit->builtins[0]));
    unit->indexes = copy(unit, from->indexes, from->cap_indexes, sizeof(unit->indexes[0]));
    unit->grounds = copy(unit, from->grounds, from->cap_grounds, sizeof(unit->grounds[0]));
    unit->withs = copy(unit, from->withs, from->cap_withs, sizeof(unit->withs[0]));
    struct wr_path_table *tables[2] = {&unit->input, &unit->data};
    for (int i = 0; i < 2; i++) {
        struct wr_path_table *table = tables[i];
        table->items = copy(unit, table->items, table->cap, sizeof(table->items[0]));
        table->index.slots =
            copy(unit, table->index.slots, table->index.cap, sizeof(struct wr_name_slot));
    }
    return !unit->no_room;
}

static uint32_t append_const(struct wr_unit *unit, struct wr_value v)
{
    void *items = unit->consts;
    if (!room(unit, &items, unit->n_consts, &unit->cap_consts, sizeof(v))) {
        return 0;
    }
    unit->consts = items;
    unit->consts[unit->n_consts] = v;
    return unit->n_consts++;
}

/* Scalars are known by type and text; collections are not shared. */
static bool const_name(struct wr_unit *unit, const struct wr_value *v, struct wr_str *name)
{
    if (v->type > WR_STRING) {
        return false;
    }
    struct wr_buf buf = wr_buf_in(unit->arena, 16 + v->n * (v->type == WR_STRING));
    wr_buf_char(&buf, (char)('0' + v->type));
    if (v->type == WR_STRING) {
        wr_buf_str(&buf, wr_text(*v));
    } else if (v->type == WR_NUMBER) {
        wr_number_write(&buf, v);
    } else if (v->type == WR_BOOL) {
        wr_buf_char(&buf, v->i != 0 ? '1' : '0');
    }
    *name = wr_buf_view(&buf);
    unit->no_room = unit->no_room || buf.overflow;
    return !buf.overflow;
}

uint32_t wr_unit_const(struct wr_unit *unit, struct wr_value v)
{
    struct wr_str name;
    struct wr_arena_mark mark = wr_arena_mark(unit->arena);
    if (!const_name(unit, &v, &name)) {
        return append_const(unit, v);
    }
    uint32_t *known = wr_name_map_get(&unit->const_index, name);
    if (known != NULL) {
        uint32_t index = *known;
        wr_arena_rewind(unit->arena, mark);
        return index;
    }
    uint32_t index = append_const(unit, v);
    if (!wr_name_map_put(&unit->const_index, unit->arena, name, index)) {
        unit->no_room = true;
    }
    return index;
}

uint32_t wr_unit_path(struct wr_unit *unit, struct wr_path_table *table, uint32_t parent,
                      struct wr_value key)
{
    uint32_t constant = wr_unit_const(unit, key);
    uint64_t id = (uint64_t)parent << 32 | constant;
    uint32_t *known = wr_name_map_get_id(&table->index, id);
    void *items = table->items;
    if (known != NULL) {
        return *known;
    }
    if (!room(unit, &items, table->n, &table->cap, sizeof(table->items[0]))) {
        return 0;
    }
    table->items = items;
    table->items[table->n] = (struct wr_key_path){parent, constant, table->items[parent].depth + 1};
    if (!wr_name_map_put_id(&table->index, unit->arena, id, table->n)) {
        unit->no_room = true;
    }
    return table->n++;
}

uint32_t wr_unit_builtin(struct wr_unit *unit, const struct wr_builtin *builtin)
{
    void *items = unit->builtins;
    for (uint32_t i = 0; i < unit->n_builtins; i++) {
        if (unit->builtins[i] == builtin) {
            return i;
        }
    }
    if (!room(unit, &items, unit->n_builtins, &unit->cap_builtins, sizeof(unit->builtins[0]))) {
        return 0;
    }
    unit->builtins = items;
    unit->builtins[unit->n_builtins] = builtin;
    return unit->n_builtins++;
}

/* True if no two equal values are written differently. */
static bool written_alike(struct wr_unit *unit, const struct wr_value *sorted, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        if (!wr_value_eq(&sorted[i - 1], &sorted[i])) {
            continue;
        }
        struct wr_buf x = wr_buf_in(unit->arena, 64), y = wr_buf_in(unit->arena, 64);
        wr_rego_write(&x, &sorted[i - 1]);
        wr_rego_write(&y, &sorted[i]);
        if (x.overflow || y.overflow || !wr_str_eq(wr_buf_view(&x), wr_buf_view(&y))) {
            return false;
        }
    }
    return true;
}

uint32_t wr_unit_ground(struct wr_unit *unit, struct wr_value *items, uint32_t n)
{
    void *grounds = unit->grounds;
    wr_value_sort(items, n, 1);
    if (!written_alike(unit, items, n) ||
        !room(unit, &grounds, unit->n_grounds, &unit->cap_grounds, sizeof(unit->grounds[0]))) {
        return UINT32_MAX;
    }
    unit->grounds = grounds;
    unit->grounds[unit->n_grounds] = wr_set_from(items, n);
    return unit->n_grounds++;
}

uint32_t wr_set_rank(const struct wr_value *set, const struct wr_value *element)
{
    uint32_t low = 0, high = set->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wr_value_cmp(&set->items[middle], element) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct wr_index *wr_unit_index(struct wr_unit *unit, uint32_t *number)
{
    void *indexes = unit->indexes;
    struct wr_index *index = WR_NEW(unit->arena, struct wr_index);
    if (index == NULL ||
        !room(unit, &indexes, unit->n_indexes, &unit->cap_indexes, sizeof(unit->indexes[0]))) {
        unit->no_room = true;
        return NULL;
    }
    unit->indexes = indexes;
    unit->indexes[unit->n_indexes] = index;
    *number = unit->n_indexes++;
    return index;
}

uint32_t wr_unit_with(struct wr_unit *unit, struct wr_with_entry entry)
{
    void *items = unit->withs;
    if (!room(unit, &items, unit->n_withs, &unit->cap_withs, sizeof(entry))) {
        return 0;
    }
    unit->withs = items;
    unit->withs[unit->n_withs] = entry;
    return unit->n_withs++;
}
