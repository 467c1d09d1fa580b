/* SPDX-License-Identifier: Apache-2.0 */
/* A driver without its fuzzer, as an ordinary test: that it still links, and that its seeds hold.
 *
 *   fuzz_NAME FOLDER
 *
 * First nothing and each byte by itself; then of each file of FOLDER all of it, its beginnings, and
 * all of it with one byte changed (as many of these, evenly apart, as MOST). */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 512, FILE_MAX = 1 << 20 };

static size_t n_runs;

/* From a block of its own length, so that a sanitizer sees a byte read behind it. */
static void try(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n + (n == 0));
    demand(copy != NULL);
    memcpy(copy, data, n);
    (void)LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    n_runs++;
}

static void try_around(uint8_t *data, size_t n)
{
    size_t step = n / MOST + 1;
    try(data, n);
    for (size_t at = 0; at < n; at += step) {
        try(data, at);
        data[at] ^= (uint8_t)(1 + at % 255);
        try(data, n);
        data[at] ^= (uint8_t)(1 + at % 255);
    }
}

static bool try_file(const char *folder, const char *name)
{
    static uint8_t data[FILE_MAX];
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "rb");
    size_t n = in != NULL ? fread(data, 1, sizeof data, in) : 0;
    bool whole = in != NULL && !ferror(in) && n < sizeof data;
    if (in != NULL) {
        fclose(in);
    }
    if (!whole) {
        fprintf(stderr, "fuzz: cannot read %s, or it has more than %d bytes\n", path, FILE_MAX);
        return false;
    }
    try_around(data, n);
    return true;
}

/* Returns how many files there were; 0 as well when one cannot be read. */
static size_t try_folder(DIR *folder, const char *name)
{
    size_t n = 0;
    for (struct dirent *one; (one = readdir(folder)) != NULL;) {
        if (one->d_name[0] == '.') {
            continue;
        }
        if (!try_file(name, one->d_name)) {
            return 0;
        }
        n++;
    }
    return n;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER OF SEEDS\n", argv[0]);
        return 2;
    }
    uint8_t byte = 0;
    try(&byte, 0);
    for (unsigned v = 0; v < 256; v++) {
        byte = (uint8_t)v;
        try(&byte, 1);
    }
    size_t n_files = try_folder(folder, argv[1]);
    printf("%zu files, %zu runs\n", n_files, n_runs);
    closedir(folder);
    return n_files == 0; /* a driver without seeds would try hardly anything */
}
