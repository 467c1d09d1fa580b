/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/tree.h"

#include "feature/large.h"

enum {
    CHUNK_SIZE = 12 /* 512 bytes, the largest of a tape */,
    FANOUT_MIN = 8,
    NODE_SIZE_MIN = 2048
};

void wr_tree_shape(struct wr_feature_class *class)
{
    size_t child = sizeof(struct wr_child) + class->n_counter_lanes * sizeof(struct wr_count) +
                   class->n_series_lanes * sizeof(struct wr_series);
    unsigned size = wr_store_size_for(sizeof(struct wr_node) + FANOUT_MIN * child);
    WR_ASSERT(size < WR_STORE_SIZES);
    size = WR_MAX(size, wr_store_size_for(NODE_SIZE_MIN));
    class->child_size = (uint16_t)child;
    class->node_size = (uint8_t)size;
    class->fanout = (uint16_t)((wr_store_sizes[size] - sizeof(struct wr_node)) / child);
}

static struct wr_chunk *chunk_at(const struct wr_tape *tape, uint32_t ref)
{
    return wr_store_at(tape->store, ref);
}

static struct wr_node *node_at(const struct wr_tape *tape, uint32_t ref)
{
    return wr_store_at(tape->store, ref);
}

/* ── totals ─────────────────────────────────────────────────────────────────────────────────── */
static void clear_totals(const struct wr_feature_class *class, struct wr_child *child)
{
    memset(child + 1, 0, class->child_size - sizeof *child);
}

static void total_chunk(const struct wr_tape *tape, struct wr_child *child)
{
    const struct wr_feature_class *class = tape->class;
    const struct wr_chunk *chunk = chunk_at(tape, child->ref);
    struct wr_count *counts = wr_child_counts(child);
    struct wr_series *series = wr_child_series(class, child);
    clear_totals(class, child);
    child->first = wr_chunk_tick(chunk, class->n_bits, 0);
    for (unsigned i = 0; i < class->n_counter_lanes; i++) {
        wr_count_fold(&counts[i], chunk, class->n_bits, class->counter_lanes[i].mask, 0, chunk->n);
    }
    for (unsigned i = 0; i < class->n_series_lanes; i++) {
        wr_series_fold(&series[i], chunk, &class->series_lanes[i], 0, chunk->n);
    }
}

static void total_node(const struct wr_tape *tape, struct wr_child *child)
{
    const struct wr_feature_class *class = tape->class;
    struct wr_node *node = node_at(tape, child->ref);
    clear_totals(class, child);
    child->first = wr_child_at(class, node, 0)->first;
    for (uint32_t at = node->n; at-- > 0;) {
        struct wr_child *below = wr_child_at(class, node, at);
        for (unsigned i = 0; i < class->n_counter_lanes; i++) {
            wr_count_merge(&wr_child_counts(child)[i], &wr_child_counts(below)[i]);
        }
        for (unsigned i = 0; i < class->n_series_lanes; i++) {
            wr_series_merge(&wr_child_series(class, child)[i], &wr_child_series(class, below)[i]);
        }
    }
}

/* Totals of steps [0, steps) of the path, from the bottom up. */
static void total_path(const struct wr_tape *tape, const struct wr_cursor *cursor, uint32_t steps)
{
    for (uint32_t step = steps; step-- > 0;) {
        struct wr_child *child =
            wr_child_at(tape->class, cursor->path[step].node, cursor->path[step].at);
        if (step + 1 == tape->height) {
            total_chunk(tape, child);
        } else {
            total_node(tape, child);
        }
    }
}

/* ── finding ────────────────────────────────────────────────────────────────────────────────── */
/* The last child whose first record is at or before `tick`, or the first child. */
static uint32_t child_for(const struct wr_tape *tape, struct wr_node *node, int64_t tick)
{
    uint32_t low = 0, high = node->n - 1u;
    if (wr_child_at(tape->class, node, high)->first <= tick) { /* most look for what is newest */
        return high;
    }
    while (low + 1 < high) { /* the one looked for is in [low, high) */
        uint32_t middle = (low + high) / 2;
        if (wr_child_at(tape->class, node, middle)->first <= tick) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void wr_tape_seek(const struct wr_tape *tape, int64_t tick, struct wr_cursor *cursor)
{
    cursor->chunk = NULL;
    cursor->i = 0;
    if (tape->ref == WR_STORE_NO_REF) {
        return;
    }
    uint32_t ref = tape->ref;
    for (uint32_t step = 0; step < tape->height; step++) {
        struct wr_node *node = node_at(tape, ref);
        cursor->path[step].node = node;
        cursor->path[step].at = child_for(tape, node, tick);
        ref = wr_child_at(tape->class, node, cursor->path[step].at)->ref;
    }
    cursor->chunk = chunk_at(tape, ref);
    cursor->i = wr_chunk_after(cursor->chunk, tape->class->n_bits, tick);
}

/* Ticks are whole, so before the first of `tick` is behind the last of `tick` - 1. */
void wr_tape_seek_before(const struct wr_tape *tape, int64_t tick, struct wr_cursor *cursor)
{
    wr_tape_seek(tape, tick - 1, cursor);
}

/* To the start of the next chunk; false when there is none. */
static bool next_chunk(const struct wr_tape *tape, struct wr_cursor *cursor)
{
    uint32_t step = tape->height;
    while (step > 0 && cursor->path[step - 1].at + 1 == cursor->path[step - 1].node->n) {
        step--;
    }
    if (step == 0) {
        return false;
    }
    cursor->path[step - 1].at++;
    for (; step < tape->height; step++) {
        struct wr_child *child =
            wr_child_at(tape->class, cursor->path[step - 1].node, cursor->path[step - 1].at);
        cursor->path[step].node = node_at(tape, child->ref);
        cursor->path[step].at = 0;
    }
    struct wr_child *leaf =
        wr_child_at(tape->class, cursor->path[step - 1].node, cursor->path[step - 1].at);
    cursor->chunk = chunk_at(tape, leaf->ref);
    cursor->i = 0;
    return true;
}

uint32_t wr_cursor_chunk(const struct wr_tape *tape, const struct wr_cursor *cursor)
{
    uint32_t step = tape->height;
    return step == 0
               ? tape->ref
               : wr_child_at(tape->class, cursor->path[step - 1].node, cursor->path[step - 1].at)
                     ->ref;
}

bool wr_cursor_settle(const struct wr_tape *tape, struct wr_cursor *cursor)
{
    return cursor->chunk != NULL && (cursor->i < cursor->chunk->n || next_chunk(tape, cursor));
}

bool wr_tape_next(const struct wr_tape *tape, struct wr_cursor *cursor, struct wr_record *record)
{
    if (!wr_cursor_settle(tape, cursor)) {
        return false;
    }
    wr_chunk_get(cursor->chunk, tape->class, cursor->i++, record);
    return true;
}

uint32_t wr_tape_ties(const struct wr_tape *tape, int64_t tick)
{
    struct wr_cursor cursor;
    uint32_t n = 0;
    wr_tape_seek_before(tape, tick, &cursor);
    if (cursor.chunk == NULL) {
        return 0;
    }
    do {
        uint32_t end = wr_chunk_after(cursor.chunk, tape->class->n_bits, tick);
        n += end - cursor.i;
        if (end != cursor.chunk->n) {
            break;
        }
    } while (next_chunk(tape, &cursor));
    return n;
}

int64_t wr_tape_newest(const struct wr_tape *tape)
{
    struct wr_cursor cursor;
    wr_tape_seek(tape, INT64_MAX, &cursor);
    WR_ASSERT(cursor.chunk != NULL && cursor.chunk->n != 0);
    return wr_chunk_tick(cursor.chunk, tape->class->n_bits, cursor.chunk->n - 1u);
}

bool wr_tape_mark(const struct wr_tape *tape, struct wr_cursor *cursor, uint32_t mask, bool set)
{
    WR_ASSERT(cursor->chunk != NULL);
    if (cursor->i == cursor->chunk->n && !next_chunk(tape, cursor)) {
        return false;
    }
    struct wr_record record;
    wr_chunk_get(cursor->chunk, tape->class, cursor->i, &record);
    if (!wr_chunk_mark(cursor->chunk, cursor->i, mask, set)) {
        return false;
    }
    total_path(tape, cursor, tape->height);
    if (tape->large != NULL) {
        wr_large_change(tape, &record, false, false);
        record.bits = set ? record.bits | mask : record.bits & ~mask;
        wr_large_change(tape, &record, true, false);
    }
    return true;
}

/* Records of the cursor's chunk are about to move. */
static void moved(const struct wr_tape *tape, const struct wr_cursor *cursor)
{
    if (tape->large != NULL) {
        wr_large_moved(tape->class, tape->large, wr_cursor_chunk(tape, cursor));
    }
}

/* ── dropping ───────────────────────────────────────────────────────────────────────────────── */
static void collapse_root(struct wr_tape *tape)
{
    while (tape->height > 0 && node_at(tape, tape->ref)->n == 1) {
        uint32_t root = tape->ref;
        tape->ref = wr_child_at(tape->class, node_at(tape, root), 0)->ref;
        tape->height--;
        wr_store_free(tape->store, root);
    }
    if (tape->height == 0 && tape->large != NULL) {
        wr_large_deinit(tape);
        wr_store_free(tape->store, tape->large_ref);
        tape->large = NULL;
    }
}

int64_t wr_tape_drop_oldest(struct wr_tape *tape)
{
    struct wr_cursor cursor;
    wr_tape_seek(tape, INT64_MIN, &cursor);
    WR_ASSERT(cursor.chunk != NULL);
    int64_t newest = wr_chunk_tick(cursor.chunk, tape->class->n_bits, cursor.chunk->n - 1u);
    uint32_t step = tape->height;
    moved(tape, &cursor);
    while (step > 0) { /* frees the leftmost child, and its node when it was the only one */
        struct wr_node *node = cursor.path[step - 1].node;
        struct wr_child *child = wr_child_at(tape->class, node, 0);
        wr_store_free(tape->store, child->ref);
        node->n--;
        memmove(child, wr_child_at(tape->class, node, 1),
                (size_t)node->n * tape->class->child_size);
        if (node->n > 0) {
            break;
        }
        step--;
    }
    if (step == 0) {
        wr_store_free(tape->store, tape->ref);
        tape->ref = WR_STORE_NO_REF;
        tape->height = 0;
        collapse_root(tape);
        return newest;
    }
    total_path(tape, &cursor, step - 1);
    collapse_root(tape);
    return newest;
}

void wr_tape_free(struct wr_tape *tape)
{
    while (tape->ref != WR_STORE_NO_REF) {
        wr_tape_drop_oldest(tape);
    }
}

/* ── splitting ──────────────────────────────────────────────────────────────────────────────── */
/* Pieces taken before anything changes, so that nothing can fail half-way. */
struct reserve {
    uint32_t refs[WR_LIMIT_TREE_HEIGHT + 1];
    uint32_t n, chunk, large; /* large: when the tape becomes a tree */
};

static void give_back(const struct wr_tape *tape, struct reserve *r)
{
    while (r->n > 0) {
        wr_store_free(tape->store, r->refs[--r->n]);
    }
}

/* One chunk and a node for every full node on the path, and one more for a new root. */
static bool take_reserve(const struct wr_tape *tape, const struct wr_cursor *cursor,
                         struct reserve *r)
{
    uint32_t need = tape->height == 0 ? 1 : 0, step = tape->height;
    while (step > 0 && cursor->path[step - 1].node->n == tape->class->fanout) {
        need++;
        step--;
    }
    need += tape->height > 0 && step == 0 ? 1 : 0;
    WR_ASSERT(tape->height + 1 < WR_LIMIT_TREE_HEIGHT);
    *r = (struct reserve){.chunk = wr_store_alloc(tape->store, CHUNK_SIZE)};
    bool becomes_tree = tape->height == 0;
    if (becomes_tree) {
        r->large = wr_store_alloc(tape->store, tape->class->large_size);
    }
    while (r->chunk != WR_STORE_NO_REF && r->n < need) {
        uint32_t ref = wr_store_alloc(tape->store, tape->class->node_size);
        if (ref == WR_STORE_NO_REF) {
            break;
        }
        r->refs[r->n++] = ref;
    }
    if (r->chunk != WR_STORE_NO_REF && r->n == need &&
        (r->large != WR_STORE_NO_REF || !becomes_tree)) {
        return true;
    }
    give_back(tape, r);
    if (r->chunk != WR_STORE_NO_REF) {
        wr_store_free(tape->store, r->chunk);
    }
    if (r->large != WR_STORE_NO_REF) {
        wr_store_free(tape->store, r->large);
    }
    return false;
}

/* A new root over the old one, which becomes its only child; the path gets a step in front. */
static void raise_root(struct wr_tape *tape, struct wr_cursor *cursor, struct reserve *r)
{
    uint32_t ref = r->refs[--r->n];
    struct wr_node *node = node_at(tape, ref);
    node->n = 1;
    wr_child_at(tape->class, node, 0)->ref = tape->ref;
    memmove(&cursor->path[1], &cursor->path[0], tape->height * sizeof cursor->path[0]);
    cursor->path[0].node = node;
    cursor->path[0].at = 0;
    tape->ref = ref;
    tape->height++;
    if (tape->large == NULL) {
        tape->large_ref = r->large;
        tape->large = wr_store_at(tape->store, r->large);
        wr_large_init(tape->class, tape->large);
    }
    total_path(tape, cursor, 1);
}

static void insert_child(const struct wr_tape *tape, struct wr_node *node, uint32_t at,
                         uint32_t ref)
{
    struct wr_child *child = wr_child_at(tape->class, node, at);
    memmove(wr_child_at(tape->class, node, at + 1), child,
            (size_t)(node->n - at) * tape->class->child_size);
    child->ref = ref;
    node->n++;
}

/* Moves the right part of a full node into a new one: nothing when the next child comes last, so
 * that appending leaves full nodes behind. */
static uint32_t split_node(const struct wr_tape *tape, struct wr_node *node, uint32_t at,
                           struct reserve *r)
{
    uint32_t ref = r->refs[--r->n], keep = at == node->n ? node->n : node->n / 2u;
    struct wr_node *right = node_at(tape, ref);
    right->n = (uint16_t)(node->n - keep);
    memcpy(wr_child_at(tape->class, right, 0), wr_child_at(tape->class, node, keep),
           (size_t)right->n * tape->class->child_size);
    node->n = (uint16_t)keep;
    return ref;
}

static void total_child(const struct wr_tape *tape, struct wr_node *node, uint32_t at,
                        uint32_t step)
{
    struct wr_child *child = wr_child_at(tape->class, node, at);
    if (step + 1 == tape->height) {
        total_chunk(tape, child);
    } else {
        total_node(tape, child);
    }
}

/* Puts the chunk `ref` right of the cursor's, splitting full nodes upwards. The cursor is void
 * afterwards. Totals of all nodes touched are made anew. */
static void add_chunk(struct wr_tape *tape, struct wr_cursor *cursor, uint32_t ref,
                      struct reserve *r)
{
    if (tape->height == 0) {
        raise_root(tape, cursor, r);
    }
    uint32_t step = tape->height - 1;
    for (;;) {
        struct wr_node *node = cursor->path[step].node;
        uint32_t at = cursor->path[step].at + 1;
        total_child(tape, node, at - 1, step);
        if (node->n < tape->class->fanout) {
            insert_child(tape, node, at, ref);
            total_child(tape, node, at, step);
            total_path(tape, cursor, step);
            return;
        }
        if (step == 0) {
            raise_root(tape, cursor, r);
            step = 1;
        }
        uint32_t right = split_node(tape, node, at, r);
        bool in_right = at > node->n || (at == node->n && node->n == tape->class->fanout);
        struct wr_node *into = in_right ? node_at(tape, right) : node;
        uint32_t into_at = in_right ? at - node->n : at;
        insert_child(tape, into, into_at, ref);
        total_child(tape, into, into_at, step);
        ref = right;
        step--;
    }
}

/* ── inserting ──────────────────────────────────────────────────────────────────────────────── */
/* All live records of the chunk, and one more at its place; returns how many. */
static uint32_t gather(const struct wr_tape *tape, const struct wr_cursor *cursor,
                       const struct wr_record *record, int64_t horizon, struct wr_record *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i <= cursor->chunk->n; i++) {
        if (i == cursor->i && record != NULL) {
            out[n++] = *record;
        }
        if (i < cursor->chunk->n) {
            wr_chunk_get(cursor->chunk, tape->class, i, &out[n]);
            n += out[n].tick > horizon ? 1 : 0;
        }
    }
    return n;
}

static struct wr_shape shape_of(const struct wr_tape *tape, const struct wr_record *records,
                                uint32_t n)
{
    struct wr_shape shape;
    wr_shape_init(&shape);
    for (uint32_t i = 0; i < n; i++) {
        wr_shape_add(&shape, tape->class, &records[i]);
    }
    return shape;
}

static void write_chunk(const struct wr_tape *tape, struct wr_chunk *chunk, unsigned size,
                        const struct wr_record *records, uint32_t n)
{
    struct wr_shape shape = shape_of(tape, records, n);
    wr_chunk_init(chunk, size, &shape, tape->class);
    for (uint32_t i = 0; i < n; i++) {
        wr_chunk_append(chunk, tape->class, &records[i]);
    }
}

enum outcome { DONE, NO_ROOM, NO_FIT };

/* The only chunk of a tape, made anew in a piece with an eighth to spare. */
static enum outcome rewrite_small(struct wr_tape *tape, const struct wr_record *records, uint32_t n)
{
    struct wr_shape shape = shape_of(tape, records, n);
    unsigned size = wr_store_size_for(wr_shape_size(&shape, tape->class, n / 8));
    size = WR_MIN(size, (unsigned)CHUNK_SIZE);
    if (wr_shape_size(&shape, tape->class, 0) > wr_store_sizes[size]) {
        return NO_FIT;
    }
    uint32_t old = tape->ref;
    if (old == WR_STORE_NO_REF || chunk_at(tape, old)->size != size) {
        uint32_t ref = wr_store_alloc(tape->store, size);
        if (ref == WR_STORE_NO_REF) {
            return NO_ROOM;
        }
        tape->ref = ref;
    }
    write_chunk(tape, chunk_at(tape, tape->ref), size, records, n);
    if (old != WR_STORE_NO_REF && old != tape->ref) {
        wr_store_free(tape->store, old);
    }
    return DONE;
}

/* The chunk in another piece, without its oldest records. */
static bool move_chunk(struct wr_tape *tape, struct wr_cursor *cursor, unsigned size,
                       unsigned expired)
{
    const struct wr_chunk *chunk = cursor->chunk;
    unsigned stride = wr_stride(chunk);
    uint32_t ref = wr_store_alloc(tape->store, size);
    if (ref == WR_STORE_NO_REF) {
        return false;
    }
    struct wr_chunk *fresh = chunk_at(tape, ref);
    *fresh = *chunk;
    fresh->size = (uint8_t)size;
    fresh->n = (uint16_t)(chunk->n - expired);
    memcpy(fresh->bytes, chunk->bytes + (size_t)expired * stride, (size_t)fresh->n * stride);
    wr_store_free(tape->store, tape->ref);
    tape->ref = ref;
    cursor->chunk = fresh;
    return true;
}

/* The only chunk of a tape, full, in the size of piece that fits without its expired records and
 * with an eighth to spare, and the record: the common case of a card in steady use, without
 * decoding. NO_FIT: it has to be made anew, with other widths. */
static enum outcome refit_small(struct wr_tape *tape, struct wr_cursor *cursor,
                                const struct wr_record *record, int64_t horizon)
{
    const struct wr_feature_class *class = tape->class;
    struct wr_chunk *chunk = cursor->chunk;
    unsigned stride = wr_stride(chunk), expired = wr_chunk_after(chunk, class->n_bits, horizon);
    unsigned n = chunk->n - expired + 1u;
    size_t need = sizeof *chunk + (size_t)n * stride;
    if (tape->height != 0 || !wr_chunk_fits(chunk, class, record) ||
        need > wr_store_sizes[CHUNK_SIZE] || !wr_chunk_is_snug(chunk, class, expired, record)) {
        return NO_FIT;
    }
    unsigned size = wr_store_size_for(need + (size_t)(n / 8) * stride);
    size = WR_MIN(size, (unsigned)CHUNK_SIZE);
    if (size == chunk->size || !move_chunk(tape, cursor, size, expired)) {
        if (size > chunk->size) {
            return NO_ROOM;
        }
        wr_chunk_drop(chunk, expired); /* there is room enough, if more than wanted */
    }
    cursor->i -= WR_MIN(expired, cursor->i);
    bool done = wr_chunk_try_insert(cursor->chunk, class, cursor->i, record);
    WR_ASSERT(done);
    return DONE;
}

static enum outcome rewrite(struct wr_tape *tape, struct wr_cursor *cursor,
                            const struct wr_record *record, int64_t horizon)
{
    struct wr_record *records = tape->scratch;
    uint32_t n = gather(tape, cursor, record, horizon, records);
    if (tape->height == 0) {
        return rewrite_small(tape, records, n);
    }
    struct wr_shape shape = shape_of(tape, records, n);
    if (wr_shape_size(&shape, tape->class, 0) > wr_store_sizes[cursor->chunk->size]) {
        return NO_FIT;
    }
    moved(tape, cursor);
    write_chunk(tape, cursor->chunk, cursor->chunk->size, records, n);
    total_path(tape, cursor, tape->height);
    return DONE;
}

/* A chunk of a tree without expired records that has the widths but no room: making it anew would
 * hardly ever help. */
static bool is_full(const struct wr_tape *tape, const struct wr_cursor *cursor,
                    const struct wr_record *record, int64_t horizon)
{
    return tape->height != 0 && wr_chunk_fits(cursor->chunk, tape->class, record) &&
           wr_chunk_tick(cursor->chunk, tape->class->n_bits, 0) > horizon;
}

static bool is_at_end(const struct wr_tape *tape, const struct wr_cursor *cursor)
{
    for (uint32_t step = 0; step < tape->height; step++) {
        if (cursor->path[step].at + 1 != cursor->path[step].node->n) {
            return false;
        }
    }
    return cursor->i == cursor->chunk->n;
}

/* A new chunk behind the cursor's: with the record alone when it is the newest of the tape, else
 * with the right half of the cursor's chunk, and the record still to be inserted. */
static bool grow(struct wr_tape *tape, struct wr_cursor *cursor, const struct wr_record *record)
{
    struct reserve r;
    if (!take_reserve(tape, cursor, &r)) {
        return false;
    }
    struct wr_chunk *fresh = chunk_at(tape, r.chunk);
    if (record != NULL) {
        write_chunk(tape, fresh, CHUNK_SIZE, record, 1);
    } else {
        struct wr_record *records = tape->scratch;
        uint32_t n = gather(tape, cursor, NULL, INT64_MIN, records), half = n / 2;
        moved(tape, cursor);
        write_chunk(tape, fresh, CHUNK_SIZE, records + half, n - half);
        write_chunk(tape, cursor->chunk, cursor->chunk->size, records, half);
    }
    bool was_small = tape->large == NULL;
    add_chunk(tape, cursor, r.chunk, &r);
    give_back(tape, &r);
    wr_tape_seek(tape, INT64_MAX, cursor);
    tape->large->last = wr_cursor_chunk(tape, cursor);
    if (was_small) {
        tape->large->newest = wr_tape_newest(tape);
    }
    return true;
}

/* At most two chunks a call, so that a return after a long silence is no long work. */
static void drop_expired(struct wr_tape *tape, int64_t horizon)
{
    for (int round = 0; round < 2 && tape->height > 0; round++) {
        struct wr_cursor cursor;
        if (tape->large->dropped_next > horizon) {
            return;
        }
        wr_tape_seek(tape, INT64_MIN, &cursor);
        int64_t newest = wr_chunk_tick(cursor.chunk, tape->class->n_bits, cursor.chunk->n - 1u);
        tape->large->dropped_next = newest;
        if (newest > horizon) {
            return;
        }
        wr_tape_drop_oldest(tape);
    }
}

/* As it is, by making room, or behind all others in a chunk of its own. NO_FIT: there is room now,
 * look for the place again. */
static enum outcome insert_at(struct wr_tape *tape, struct wr_cursor *cursor,
                              const struct wr_record *record, int64_t horizon, bool at_end)
{
    if (wr_chunk_try_insert(cursor->chunk, tape->class, cursor->i, record)) {
        if (!at_end) {
            total_path(tape, cursor, tape->height);
            moved(tape, cursor);
        }
        if ((cursor->chunk->n & 15) == 0) {
            drop_expired(tape, horizon);
        }
        return DONE;
    }
    enum outcome outcome = refit_small(tape, cursor, record, horizon);
    if (outcome == NO_FIT && !is_full(tape, cursor, record, horizon)) {
        outcome = rewrite(tape, cursor, record, horizon);
    }
    if (outcome != NO_FIT) {
        return outcome;
    }
    if (!grow(tape, cursor, at_end ? record : NULL)) {
        return NO_ROOM;
    }
    return at_end ? DONE : NO_FIT;
}

/* Behind all others, into the last chunk as it is: the common case, without looking at the tree. */
static bool append_last(struct wr_tape *tape, const struct wr_record *record, int64_t horizon)
{
    if (tape->large == NULL || record->tick < tape->large->newest) {
        return false;
    }
    struct wr_chunk *chunk = chunk_at(tape, tape->large->last);
    if (!wr_chunk_try_insert(chunk, tape->class, chunk->n, record)) {
        return false;
    }
    if ((chunk->n & 15) == 0) {
        drop_expired(tape, horizon);
    }
    return true;
}

/* Moves the only chunk of a tape out of a sparse span, which empties so. */
static void settle(struct wr_tape *tape)
{
    if (tape->height != 0 || !wr_store_is_sparse(tape->store, tape->ref)) {
        return;
    }
    uint32_t ref = wr_store_alloc_denser(tape->store, tape->ref);
    if (ref != WR_STORE_NO_REF) {
        const struct wr_chunk *chunk = wr_store_look(tape->store, tape->ref);
        memcpy(chunk_at(tape, ref), chunk, sizeof *chunk + (size_t)chunk->n * wr_stride(chunk));
        wr_store_free(tape->store, tape->ref);
        tape->ref = ref;
    }
}

bool wr_tape_insert(struct wr_tape *tape, const struct wr_record *record, int64_t horizon)
{
    if (tape->ref == WR_STORE_NO_REF) {
        return rewrite_small(tape, record, 1) == DONE;
    }
    if (tape->large != NULL) {
        wr_large_keep(tape->class, tape->large, horizon);
    }
    enum outcome outcome = append_last(tape, record, horizon) ? DONE : NO_FIT;
    bool at_end = true;
    while (outcome == NO_FIT) {
        struct wr_cursor cursor;
        wr_tape_seek(tape, record->tick, &cursor);
        at_end = is_at_end(tape, &cursor);
        outcome = insert_at(tape, &cursor, record, horizon, at_end);
    }
    if (outcome == DONE && tape->large != NULL) {
        wr_large_change(tape, record, true, at_end);
    }
    if (outcome == DONE) {
        settle(tape);
    }
    return outcome == DONE;
}
