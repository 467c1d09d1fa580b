/* SPDX-License-Identifier: Apache-2.0 */
/* Matches, refusals in Go's words, and the bound on steps. */
#include "check.h"
#include "rego/regex_program.h"

static const struct wr_memory memory = CHECK_MEMORY;

/* The groups of the leftmost match as "0-3 1-2 ?", "no", or the error. */
static void find(const char *pattern, const char *text, char *out, size_t size)
{
    struct wr_arena arena;
    struct wr_regex *regex;
    struct wr_error error = {0};
    size_t slots[64], n = 0;
    wr_arena_init(&arena, &memory, 64 << 20);
    if (wr_regex_compile(&arena, wr_str_z(pattern), &regex, &error) != WR_OK) {
        snprintf(out, size, "%s", error.text);
        wr_arena_deinit(&arena);
        return;
    }
    uint32_t groups = wr_regex_groups(regex) + 1;
    struct wr_regex_run *run = wr_regex_start(&arena, regex, wr_str_z(text), 2 * groups);
    bool found = wr_regex_find(run, 0, slots, NULL);
    struct wr_regex_run *quick = wr_regex_start(&arena, regex, wr_str_z(text), 0);
    CHECK(wr_regex_find(quick, 0, NULL, NULL) == found);
    n = (size_t)snprintf(out, size, "%s", found ? "" : "no");
    for (uint32_t i = 0; found && i < groups; i++) {
        const char *space = i > 0 ? " " : "";
        if (slots[2 * i] == SIZE_MAX) {
            n += (size_t)snprintf(out + n, size - n, "%s?", space);
        } else {
            n += (size_t)snprintf(out + n, size - n, "%s%zu-%zu", space, slots[2 * i],
                                  slots[2 * i + 1]);
        }
    }
    wr_arena_deinit(&arena);
}

static const char *const matches[][3] = {
    {"abc", "xabcx", "1-4"},
    {"a|ab", "ab", "0-1"},
    {"(a|ab)(c|bcd)(d*)", "abcd", "0-4 0-1 1-4 4-4"},
    {"a*?", "aaa", "0-0"},
    {"a+?b", "aaab", "0-4"},
    {"(a*)*", "b", "0-0 0-0"},
    {"(a+)(b+)?", "aac", "0-2 0-2 ?"},
    {"^abc$", "abc", "0-3"},
    {"^abc$", "abcd", "no"},
    {"(?m)^b$", "a\nb\nc", "2-3"},
    {"\\Aa\\z", "a", "0-1"},
    {"\\bfoo\\b", "a foo b", "2-5"},
    {"\\Boo", "foo", "1-3"},
    {"a{2,3}", "aaaa", "0-3"},
    {"a{2,}", "aaaa", "0-4"},
    {"a{2}?", "aaaa", "0-2"},
    {"a{0}b", "ab", "1-2"},
    {"x{,2}", "x{,2}", "0-5"},
    {"(?i)HeLLo", "xhEllO", "1-6"},
    {"(?i)straSSE", "STRASSE", "0-7"},
    {"(?i)\xc3\xa4", "\xc3\x84", "0-2"},
    {"(?i)[a-c]+", "xABCd", "1-4"},
    {"(?i)[^a]", "Ab", "1-2"},
    {".", "\n", "no"},
    {"(?s).", "\n", "0-1"},
    {".", "\xc3\xa4", "0-2"},
    {"[\xc3\xa4-\xc3\xb6]", "\xc3\xa5", "0-2"},
    {"[^a-c]", "abcd", "3-4"},
    {"[]a]", "]", "0-1"},
    {"[a-]", "-", "0-1"},
    {"[\\d\\s]+", "a1 2b", "1-4"},
    {"[[:alpha:]]+", "1ab2", "1-3"},
    {"[[:^alpha:]]+", "ab12", "2-4"},
    {"\\p{Greek}+", "a\xce\xb1\xce\xb2", "1-5"},
    {"\\pL\\PL", "a1", "0-2"},
    {"\\w+@\\w+\\.com", "joe@example.com", "0-15"},
    {"\\Q.*\\E", "a.*", "1-3"},
    {"\\x41\\x{42}\\103", "ABC", "0-3"},
    {"(?P<year>\\d{4})-(?P<month>\\d\\d)", "on 2020-07", "3-10 3-7 8-10"},
    {"(?:ab)+", "ababa", "0-4"},
    {"(?U)a+", "aaa", "0-1"},
    {"(?i:a)b", "Ab", "0-2"},
    {"(?i:a)b", "AB", "no"},
    {"", "abc", "0-0"},
    {"()|a", "a", "0-0 0-0"},
    {"(|a)+", "aaa", "0-0 0-0"},
};

TEST("the leftmost match is found, as backtracking would find it")
{
    char got[256];
    for (size_t i = 0; i < sizeof matches / sizeof matches[0]; i++) {
        find(matches[i][0], matches[i][1], got, sizeof got);
        if (strcmp(got, matches[i][2]) != 0) {
            fprintf(stderr, "/%s/ on %s\n", matches[i][0], matches[i][1]);
        }
        CHECK_STR(got, matches[i][2]);
    }
}

static const char *const refusals[][2] = {
    {"[", "missing closing ]: `[`"},
    {"][", "missing closing ]: `[`"},
    {"[a", "missing closing ]: `[a`"},
    {"(", "missing closing ): `(`"},
    {")", "unexpected ): `)`"},
    {"*", "missing argument to repetition operator: `*`"},
    {"a|*", "missing argument to repetition operator: `*`"},
    {"++", "missing argument to repetition operator: `+`"},
    {"a**", "invalid nested repetition operator: `**`"},
    {"a{1001}", "invalid repeat count: `{1001}`"},
    {"a{2,1}", "invalid repeat count: `{2,1}`"},
    {"(a{100}){100}", "invalid repeat count: `{100}`"},
    {"\\", "trailing backslash at end of expression: ``"},
    {"\\8", "invalid escape sequence: `\\8`"},
    {"\\y", "invalid escape sequence: `\\y`"},
    {"[b-a]", "invalid character class range: `b-a`"},
    {"[[:nope:]]", "invalid character class range: `[:nope:]`"},
    {"\\p{Nope}", "invalid character class range: `\\p{Nope}`"},
    {"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
    {"(?<a", "invalid named capture: `(?<a`"},
    {"(?P<a>.)(?P<a>.)", "duplicate capture group name: `a`"},
    {"a\xff", "invalid UTF-8"},
};

TEST("bad patterns are refused in Go's words")
{
    char got[256], want[256];
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        find(refusals[i][0], "", got, sizeof got);
        snprintf(want, sizeof want, "error parsing regexp: %s", refusals[i][1]);
        CHECK_STR(got, want);
    }
}

TEST("nesting and size are bounded")
{
    char deep[1024], got[512];
    memset(deep, '(', 500);
    memset(deep + 500, ')', 500);
    deep[1000] = '\0';
    find(deep, "", got, sizeof got);
    CHECK(strstr(got, "expression nests too deeply") != NULL);
    find("(a{1000}|b{1000}|c{1000}|d{1000}|e{1000}|f{1000}|g{1000}|h{1000}|i{1000}|j{1000}|k{1000}"
         "|l{1000}|m{1000}|n{1000}|o{1000}|p{1000}|q{1000}|r{1000}|s{1000}|t{1000}|u{1000})",
         "", got, sizeof got);
    CHECK(strstr(got, "expression too large") != NULL);
}

TEST("steps are linear in program and text, whatever the pattern")
{
    static const char *const patterns[] = {"(a*)*b",   "(a|a)*b",           "(a|aa)+$",
                                           "(a+)+b",   "(.*)(.*)(.*)(.*)x", "(a?){50}a{50}b",
                                           "(x+x+)+y", "([a-z]+)*\\d",      "^(([a-z])+.)+[A-Z]$"};
    char text[4001];
    memset(text, 'a', 4000);
    text[4000] = '\0';
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct wr_arena arena;
        struct wr_regex *regex;
        size_t slots[64];
        wr_arena_init(&arena, &memory, 64 << 20);
        CHECK(wr_regex_compile(&arena, wr_str_z(patterns[i]), &regex, NULL) == WR_OK);
        uint32_t n_slots = 2 * (wr_regex_groups(regex) + 1);
        struct wr_regex_run *run = wr_regex_start(&arena, regex, wr_str_z(text), n_slots);
        (void)wr_regex_find(run, 0, slots, NULL);
        CHECK(wr_regex_steps(run) <= (uint64_t)8 * wr_regex_size(regex) * 4001);
        uint64_t fuel = 100;
        CHECK(!wr_regex_find(run, 0, slots, &fuel) && fuel == 0);
        wr_arena_deinit(&arena);
    }
}

static uint64_t state = 88172645463325252u;

static unsigned dice(unsigned sides)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % sides);
}

/* A random pattern over a and b. */
static void any_pattern(char *out, unsigned depth)
{
    static const char *const atoms[] = {"a", "b", ".", "[ab]", "[^a]", "^", "$", "\\b", "", "ab"};
    static const char *const repeats[] = {"", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}"};
    unsigned n = 1 + dice(3);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0 && dice(3) == 0) {
            strcat(out, "|");
        }
        if (depth > 0 && dice(2) == 0) {
            strcat(out, dice(3) == 0 ? "(?:" : "(");
            any_pattern(out, depth - 1);
            strcat(out, ")");
            strcat(out, repeats[dice(10)]);
        } else {
            unsigned atom = dice(10);
            strcat(out, atoms[atom]);
            strcat(out, atom < 5 ? repeats[dice(10)] : "");
        }
    }
}

TEST("threads and backtracking give the same matches and groups")
{
    int bad = 0, matched = 0;
    for (int i = 0; i < 20000; i++) {
        char pattern[2048] = "", text[16];
        struct wr_arena arena;
        struct wr_regex *regex;
        size_t a[128], b[128];
        bool found = false;
        unsigned n = dice(12);
        any_pattern(pattern, 3);
        for (unsigned k = 0; k < n; k++) {
            text[k] = "abab c"[dice(6)];
        }
        wr_arena_init(&arena, &memory, 64 << 20);
        CHECK(wr_regex_compile(&arena, wr_str_z(pattern), &regex, NULL) == WR_OK);
        uint32_t n_slots = 2 * (wr_regex_groups(regex) + 1);
        struct wr_regex_run *run = wr_regex_start(&arena, regex, wr_str_of(text, n), n_slots);
        bool threads = wr_regex_find_threads(run, 0, a, NULL);
        if (run->visited != NULL) {
            CHECK(wr_regex_find_backtrack(run, 0, b, NULL, &found));
            matched += found;
            if (found != threads || (found && memcmp(a, b, n_slots * sizeof *a) != 0)) {
                fprintf(stderr, "/%s/ on %.*s\n", pattern, (int)n, text);
                bad++;
            }
        }
        wr_arena_deinit(&arena);
    }
    CHECK_INT(bad, 0);
    CHECK(matched > 5000);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
