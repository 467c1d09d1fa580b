/* SPDX-License-Identifier: Apache-2.0 */
/* The test runner: sentences, tables, one closing line. Exit 0 when all pass, 1 when one fails,
 * 77 when the program or a part of it was skipped and nothing failed (CTest reads it so).
 *
 *   TEST("an empty array is accepted") { CHECK(...); CHECK_STR(got, "want"); }
 *   int main(int argc, char **argv) { return check_main(argc, argv); }
 *
 * Tests register themselves; `program PART-OF-NAME` runs the matching ones. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check_test {
    const char *name;
    void (*run)(void);
    struct check_test *next;
};

static struct check_test *check_first;
static int check_failures; /* of the running test */
static unsigned long check_count;
static bool check_left_out; /* by the running test: it could not run, or not all of it */

#define CHECK_JOIN_(a, b) a##b
#define CHECK_JOIN(a, b)  CHECK_JOIN_(a, b)
#define TEST(sentence)                                                                             \
    static void CHECK_JOIN(check_run_, __LINE__)(void);                                            \
    __attribute__((constructor)) static void CHECK_JOIN(check_add_, __LINE__)(void)                \
    {                                                                                              \
        static struct check_test test = {sentence, CHECK_JOIN(check_run_, __LINE__), NULL};        \
        struct check_test **at = &check_first;                                                     \
        while (*at != NULL) {                                                                      \
            at = &(*at)->next;                                                                     \
        }                                                                                          \
        *at = &test;                                                                               \
    }                                                                                              \
    static void CHECK_JOIN(check_run_, __LINE__)(void)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        check_count++;                                                                             \
        if (!(condition)) {                                                                        \
            check_failures++;                                                                      \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
        }                                                                                          \
    } while (0)

#define CHECK_INT(got, want)                                                                       \
    do {                                                                                           \
        long long check_got = (long long)(got), check_want = (long long)(want);                    \
        check_count++;                                                                             \
        if (check_got != check_want) {                                                             \
            check_failures++;                                                                      \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, check_got,  \
                    check_want);                                                                   \
        }                                                                                          \
    } while (0)

#define CHECK_TEXT(got, got_n, want)                                                               \
    do {                                                                                           \
        const char *check_p = (got), *check_w = (want);                                            \
        size_t check_n = (got_n);                                                                  \
        check_count++;                                                                             \
        if (check_n != strlen(check_w) || memcmp(check_p, check_w, check_n) != 0) {                \
            check_failures++;                                                                      \
            fprintf(stderr, "%s:%d: %s is\n  %.*s\nnot\n  %s\n", __FILE__, __LINE__, #got,         \
                    (int)check_n, check_p, check_w);                                               \
        }                                                                                          \
    } while (0)

#define CHECK_STR(got, want) CHECK_TEXT(got, strlen(got), want)

/* Says why the running test cannot run here, or not whole: the program then ends as skipped. */
__attribute__((unused)) static void check_skip(const char *why)
{
    fprintf(stderr, "skipped: %s\n", why);
    check_left_out = true;
}

__attribute__((unused)) static int check_main(int argc, char **argv)
{
    int passed = 0, failed = 0, skipped = 0;
    for (struct check_test *test = check_first; test != NULL; test = test->next) {
        if (argc > 1 && strstr(test->name, argv[1]) == NULL) {
            continue;
        }
        check_failures = 0;
        check_left_out = false;
        test->run();
        if (check_failures != 0) {
            printf("FAILED: %s\n", test->name);
            failed++;
        } else if (check_left_out) {
            skipped++;
        } else {
            passed++;
        }
    }
    printf("%d passed, %d failed", passed, failed);
    if (skipped != 0) {
        printf(", %d skipped", skipped);
    }
    printf(" (%lu checks)\n", check_count);
    if (failed == 0 && skipped != 0) {
        return 77;
    }
    return failed != 0 || passed == 0 ? 1 : 0;
}

/* A memory source over malloc, for arenas in tests. */
static inline void *check_take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}
static inline void check_give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}
#define CHECK_MEMORY                                                                               \
    {                                                                                              \
        check_take, check_give, NULL                                                               \
    }

#endif
