/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of code points as sorted ranges. See regex_program.h. */
#include "rego/regex_program.h"
#include "rego/unicode.h"

bool wr_regex_class_add(struct wr_arena *arena, struct wr_regex_class *class, uint32_t lo,
                        uint32_t hi)
{
    if (class->n == class->cap) {
        uint32_t cap = class->cap == 0 ? 8 : class->cap * 2;
        struct wr_regex_range *ranges = WR_NEW_ARRAY(arena, struct wr_regex_range, cap);
        if (ranges == NULL) {
            return false;
        }
        if (class->n != 0) {
            memcpy(ranges, class->ranges, class->n * sizeof *ranges);
        }
        class->ranges = ranges;
        class->cap = cap;
    }
    class->ranges[class->n++] = (struct wr_regex_range){lo, hi};
    return true;
}

/* Heap sort by lo, then joins neighbours. */
static void sift(struct wr_regex_range *r, uint32_t root, uint32_t n)
{
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= n) {
            return;
        }
        child += child + 1 < n && r[child + 1].lo > r[child].lo ? 1 : 0;
        if (r[root].lo >= r[child].lo) {
            return;
        }
        struct wr_regex_range t = r[root];
        r[root] = r[child];
        r[child] = t;
        root = child;
    }
}

static void sort_and_join(struct wr_regex_class *class)
{
    struct wr_regex_range *r = class->ranges;
    uint32_t kept = 0;
    for (uint32_t i = class->n / 2; i-- > 0;) {
        sift(r, i, class->n);
    }
    for (uint32_t end = class->n; end > 1; end--) {
        struct wr_regex_range t = r[0];
        r[0] = r[end - 1];
        r[end - 1] = t;
        sift(r, 0, end - 1);
    }
    for (uint32_t i = 0; i < class->n; i++) {
        if (kept > 0 && r[i].lo <= r[kept - 1].hi + 1) {
            r[kept - 1].hi = WR_MAX(r[kept - 1].hi, r[i].hi);
        } else {
            r[kept++] = r[i];
        }
    }
    class->n = kept;
}

bool wr_regex_class_add_not(struct wr_arena *arena, struct wr_regex_class *class,
                            struct wr_regex_class *other)
{
    uint32_t from = 0;
    sort_and_join(other);
    for (uint32_t i = 0; i < other->n; i++) {
        if (other->ranges[i].lo > from &&
            !wr_regex_class_add(arena, class, from, other->ranges[i].lo - 1)) {
            return false;
        }
        from = other->ranges[i].hi + 1;
    }
    return from > 0x10ffff || wr_regex_class_add(arena, class, from, 0x10ffff);
}

static bool in_ranges(const struct wr_regex_class *class, uint32_t c)
{
    uint32_t lo = 0, hi = class->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (class->ranges[mid].hi < c) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < class->n && class->ranges[lo].lo <= c;
}

static bool slow_has(const struct wr_regex_class *class, uint32_t c)
{
    bool has = in_ranges(class, c);
    if (!has && class->fold) {
        has = in_ranges(class, wr_unicode_lower(c)) || in_ranges(class, wr_unicode_upper(c)) ||
              in_ranges(class, wr_unicode_fold(c));
    }
    return has != class->negated;
}

void wr_regex_class_finish(struct wr_regex_class *class)
{
    sort_and_join(class);
    for (uint32_t c = 0; c < 128; c++) {
        class->ascii[c / 64] |= (uint64_t)slow_has(class, c) << (c % 64);
    }
}

bool wr_regex_class_has(const struct wr_regex_class *class, uint32_t c)
{
    return c < 128 ? (class->ascii[c / 64] >> (c % 64) & 1) != 0 : slow_has(class, c);
}
