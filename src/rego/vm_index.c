/* SPDX-License-Identifier: Apache-2.0 */
/* Which clauses of a rule can hold, while it is evaluated. */
#include "rego/vm.h"

static struct vm_clauses *clauses_of(const struct wr_value *v)
{
    WR_ASSERT(v->type == VM_CLAUSES);
    return (struct vm_clauses *)(uintptr_t)v->text;
}

/* The value of a direct source. */
static const struct wr_value *source_value(struct vm *vm, const struct wr_source *source)
{
    static const struct wr_value none = {.type = WR_UNDEFINED};
    const struct wr_value *r = &vm->registers[source->id];
    switch (source->kind) {
    case WR_SOURCE_INPUT:
        return wr_vm_input(vm, source->id);
    case WR_SOURCE_REGISTER:
        return r;
    default: {
        const struct wr_value *v = wr_vm_field(vm, r, &vm->unit->consts[source->key], source->key);
        return v != NULL ? v : &none;
    }
    }
}

/* A prefix of what is no text is for the builtin to judge. */
static bool prefixes_decide(struct vm *vm, const struct wr_index *index)
{
    for (uint32_t i = 0; i < index->n_direct; i++) {
        if (index->dimensions[i].prefix) {
            const struct wr_value *v = source_value(vm, &index->dimensions[i].source);
            if (v->type != WR_STRING && v->type != WR_UNDEFINED) {
                return false;
            }
        }
    }
    return true;
}

bool wr_vm_clauses(struct vm *vm, const struct wr_index *index, struct wr_value *out)
{
    *out = wr_undefined();
    if (vm->context->mocks != NULL || vm->how->unindexed ||
        (index->prefix && !prefixes_decide(vm, index))) {
        return true;
    }
    size_t size = sizeof(struct vm_clauses) + 3 * index->n_words * sizeof(uint64_t);
    struct vm_clauses *clauses = wr_arena_alloc(vm->arena, size, alignof(uint64_t));
    if (clauses == NULL) {
        return false;
    }
    uint64_t *words = (uint64_t *)(void *)(clauses + 1);
    *clauses =
        (struct vm_clauses){index, 0, words, words + index->n_words, words + 2 * index->n_words};
    memset(words, 0xFF, index->n_words * sizeof(uint64_t));
    words[index->n_words - 1] = UINT64_MAX >> (64 * index->n_words - index->n_clauses);
    *out = (struct wr_value){.type = VM_CLAUSES, .text = (const char *)clauses};
    return true;
}

uint32_t wr_vm_select_cost(const struct wr_value *v)
{
    const struct wr_index *index = clauses_of(v)->index;
    return 1 + index->n_direct * (1 + index->n_words / 8);
}

/* Those of `from` that are in the row; false when there are none. `to` may be `from`. */
static bool intersect(uint64_t *to, const uint64_t *from, const uint64_t *row, uint32_t n)
{
    uint64_t any = 0;
    for (uint32_t w = 0; w < n; w++) {
        to[w] = from[w] & row[w];
        any |= to[w];
    }
    return any != 0;
}

bool wr_vm_select(struct vm *vm, const struct wr_value *v)
{
    struct vm_clauses *clauses = clauses_of(v);
    const struct wr_index *index = clauses->index;
    const uint64_t *from = clauses->pending;
    clauses->word = 0;
    for (uint32_t i = 0; i < index->n_direct; i++) {
        const struct wr_dimension *d = &index->dimensions[i];
        const uint64_t *row = wr_dimension_row(d, index->n_words, source_value(vm, &d->source));
        if (!intersect(clauses->candidates, from, row, index->n_words)) {
            return false;
        }
        from = clauses->candidates;
    }
    if (index->n_direct == 0) {
        memcpy(clauses->candidates, from, index->n_words * sizeof(uint64_t));
    }
    return true;
}

bool wr_vm_need(const struct wr_value *v, uint32_t dimension)
{
    const struct vm_clauses *clauses = clauses_of(v);
    const uint64_t *tested = clauses->index->dimensions[dimension].tested;
    for (uint32_t w = 0; w < clauses->index->n_words; w++) {
        if ((clauses->candidates[w] & tested[w]) != 0) {
            return true;
        }
    }
    return false;
}

void wr_vm_narrow(const struct wr_value *v, uint32_t dimension, const struct wr_value *value)
{
    struct vm_clauses *clauses = clauses_of(v);
    uint32_t n_words = clauses->index->n_words;
    intersect(clauses->candidates, clauses->candidates,
              wr_dimension_row(&clauses->index->dimensions[dimension], n_words, value), n_words);
}

void wr_vm_zero(struct wr_value *counters, uint32_t n)
{
    const struct wr_value zero = wr_int(0);
    for (uint32_t i = 0; i < n; i++) {
        memcpy(&counters[i], &zero, sizeof zero); /* whole, not member by member */
    }
}

void wr_vm_count(const struct wr_value *v, uint32_t dimension)
{
    struct vm_clauses *clauses = clauses_of(v);
    const uint64_t *row = clauses->index->dimensions[dimension].rows;
    for (uint32_t w = 0; w < clauses->index->n_words; w++) {
        clauses->uncounted[w] = clauses->candidates[w];
        clauses->candidates[w] &= row[w];
    }
}

void wr_vm_counted(const struct wr_value *v, uint32_t clause)
{
    struct vm_clauses *clauses = clauses_of(v);
    uint64_t bit = UINT64_C(1) << clause % 64;
    clauses->candidates[clause / 64] |= clauses->uncounted[clause / 64] & bit;
}

uint32_t wr_vm_candidate(const struct wr_value *v)
{
    struct vm_clauses *clauses = clauses_of(v);
    for (; clauses->word < clauses->index->n_words; clauses->word++) {
        uint64_t *bits = &clauses->candidates[clauses->word];
        if (*bits != 0) {
            uint32_t bit = (uint32_t)__builtin_ctzll(*bits);
            *bits &= *bits - 1;
            return clauses->index->entries[clauses->word * 64 + bit];
        }
    }
    return UINT32_MAX;
}

bool wr_vm_done(const struct wr_value *v, uint32_t clause)
{
    struct vm_clauses *clauses = clauses_of(v);
    clauses->pending[clause / 64] &= ~(UINT64_C(1) << clause % 64);
    for (uint32_t w = 0; w < clauses->index->n_words; w++) {
        if (clauses->pending[w] != 0) {
            return true;
        }
    }
    return false;
}
