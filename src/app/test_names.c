/* SPDX-License-Identifier: Apache-2.0 */
#include "app/test_names.h"
#include "rego/parse.h"
#include "rego/print.h"

#include <stdlib.h>

static int by_file(const void *a, const void *b)
{
    const struct wr_rego_source *x = a, *y = b;
    return wr_str_cmp(x->file, y->file);
}

static bool is_test(struct wr_str name)
{
    return wr_str_starts(name, WR_STR("test_")) || wr_str_starts(name, WR_STR("todo_test_"));
}

/* How many tests have had this path. */
static uint32_t seen(const struct wr_test_names *names, struct wr_str package, struct wr_str name)
{
    uint32_t n = 0;
    for (size_t i = 0; i < names->n; i++) {
        const struct wr_test_name *t = &names->items[i];
        bool same = wr_str_eq(t->package, package) && wr_str_starts(t->name, name);
        n += same && (t->name.n == name.n || t->name.p[name.n] == '#');
    }
    return n;
}

static bool add(struct wr_test_names *names, struct wr_arena *arena,
                const struct wr_ast_module *module, struct wr_str package,
                const struct wr_ast_rule *rule, struct wr_buf *text, size_t *copied)
{
    struct wr_str name = rule->ref->items[0]->name;
    uint32_t again = seen(names, package, name);
    struct wr_buf told = wr_buf_in(arena, 64), path = wr_buf_in(arena, 64);
    struct wr_buf asked = wr_buf_in(arena, 64);
    if (names->n == names->cap) {
        size_t cap = WR_MAX(2 * names->cap, (size_t)64);
        struct wr_test_name *items = WR_NEW_ARRAY(arena, struct wr_test_name, cap);
        if (items == NULL) {
            return false;
        }
        if (names->n > 0) {
            memcpy(items, names->items, names->n * sizeof items[0]);
        }
        names->items = items;
        names->cap = cap;
    }
    wr_buf_str(&told, name);
    wr_format(&asked, "%.*s.%.*s", WR_FMT(package), WR_FMT(name));
    if (again > 0) { /* the text up to the name's end, then what makes it another */
        size_t end = rule->ref->items[0]->loc.offset + name.n;
        wr_format(&told, "#%02u", again);
        wr_buf_add(text, module->text.p + *copied, end - *copied);
        wr_format(text, "__again_%u", again);
        wr_format(&asked, "__again_%u", again);
        *copied = end;
    }
    wr_format(&path, "%.*s.%.*s", WR_FMT(package), (int)told.n, told.p);
    names->items[names->n++] = (struct wr_test_name){
        .path = wr_buf_view(&path),
        .package = package,
        .name = wr_buf_view(&told),
        .rule = wr_buf_view(&asked),
        .file = module->file,
        .row = rule->loc.row,
        .col = rule->loc.col,
        .todo = wr_str_starts(name, WR_STR("todo_")),
    };
    return !path.overflow && !text->overflow;
}

static bool collect_module(struct wr_test_names *names, struct wr_arena *arena,
                           struct wr_rego_source *source, bool v1, struct wr_rego_errors *errors)
{
    struct wr_rego_parse_options options = {.v1 = v1, .annotations = true};
    struct wr_ast_module *module = NULL;
    struct wr_buf package = wr_buf_in(arena, 64), text = wr_buf_in(arena, source->text.n + 256);
    size_t copied = 0;
    if (wr_rego_parse_module(arena, source->file, source->text, &options, &module, errors) !=
        WR_OK) {
        return false;
    }
    wr_rego_print_ref(&package, module->package->items, module->package->n_items);
    for (uint32_t i = 0; i < module->n_rules; i++) {
        const struct wr_ast_rule *rule = module->rules[i];
        if (rule->ref->n_items != 1 || rule->is_default || !is_test(rule->ref->items[0]->name)) {
            continue;
        }
        if (rule->chained) {
            continue; /* another body of the test before */
        }
        if (!add(names, arena, module, wr_buf_view(&package), rule, &text, &copied)) {
            wr_rego_error_add(errors, WR_E_MEMORY, source->file, NULL, "no room for the tests");
            return false;
        }
    }
    if (copied > 0) {
        wr_buf_add(&text, source->text.p + copied, source->text.n - copied);
        source->text = wr_buf_view(&text);
    }
    return true;
}

bool wr_test_names_collect(struct wr_test_names *names, struct wr_arena *arena,
                           struct wr_policy_files *files, bool v1, struct wr_rego_errors *errors)
{
    *names = (struct wr_test_names){0};
    qsort(files->sources, files->n, sizeof files->sources[0], by_file);
    bool good = true;
    for (size_t i = 0; i < files->n; i++) {
        good = collect_module(names, arena, &files->sources[i], v1, errors) && good;
    }
    return good;
}
