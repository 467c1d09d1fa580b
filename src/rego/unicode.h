/* SPDX-License-Identifier: Apache-2.0 */
/* What Rego's strings and regular expressions need of Unicode: simple case mappings, general
 * categories, scripts. The tables are generated; see tools/unicode_tables.pl. */
#ifndef WR_UNICODE_H
#define WR_UNICODE_H

#include "base/bytes.h"

struct wr_unicode_case {
    uint32_t first;
    int32_t delta;
};
extern const struct wr_unicode_case wr_unicode_upper_runs[], wr_unicode_lower_runs[];
extern const size_t wr_unicode_upper_n, wr_unicode_lower_n;
extern const char *const wr_unicode_category_names[], *const wr_unicode_script_names[];
extern const uint32_t wr_unicode_category_runs[], wr_unicode_script_runs[];
extern const size_t wr_unicode_category_n, wr_unicode_script_n;

uint32_t wr_unicode_upper(uint32_t code_point);
uint32_t wr_unicode_lower(uint32_t code_point);
/* Equal for code points that differ in case only. */
uint32_t wr_unicode_fold(uint32_t code_point);
/* White space as Go's unicode.IsSpace sees it. */
bool wr_unicode_is_space(uint32_t code_point);
/* Whether Go's strconv.Quote prints it as it is: letters, marks, numbers, punctuation, symbols and
 * the ASCII space. */
bool wr_unicode_is_print(uint32_t code_point);
/* The i-th range of a class: a general category ("L", "Lu", "Any") or a script ("Greek"). Returns
 * false past the last; i = 0 of an unknown class is false too. `at` keeps the place between calls
 * and starts as 0. */
bool wr_unicode_class_range(struct wr_str name, size_t *at, uint32_t *lo, uint32_t *hi);

#endif
