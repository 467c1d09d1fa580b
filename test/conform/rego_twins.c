/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded policies, each evaluated in every way that there is; all must agree.
 *
 *   rego_twins [SEED [COUNT]]      1, 2000; more with WEIR_TEST_ALL=1 in the environment
 *
 * Ends with a digest of all answers: the core's wasm build must print the same. */
#include "base/hash.h"
#include "program/rego_program.h"
#include "program/rego_twins.h"
#include "value/json_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS 3
#define ROOM   ((size_t)256 << 20)

static void *take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void give(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

static const struct wr_memory memory = {take, give, NULL};

struct run {
    struct wr_arena arena, scratch;
    struct choices choices;
    struct wr_sha256 digest;
    unsigned n_policies, n_refused, n_answers, n_errors;
};

static struct wr_value read_json(struct run *run, void (*write)(struct choices *, struct wr_buf *))
{
    struct wr_buf text = wr_buf_in(&run->arena, 1024);
    struct wr_value v = wr_undefined();
    write(&run->choices, &text);
    if (wr_json_read(&run->arena, wr_buf_view(&text), true, NULL, &v, NULL) != WR_OK) {
        printf("rego_twins: this is no JSON: %.*s\n", (int)text.n, text.p);
        exit(1);
    }
    return v;
}

static struct wr_rego_query *compile(struct run *run, struct wr_str text,
                                     const struct wr_value *data)
{
    static const struct wr_str path[] = {{"test", 4}};
    struct wr_rego_errors errors;
    struct wr_rego_source source = {WR_STR("p.rego"), text};
    struct wr_rego_program *program;
    struct wr_rego_query *query;
    wr_rego_errors_init(&errors, &run->arena);
    if (wr_rego_compile(&run->arena, &source, 1, data, NULL, &program, &errors) != WR_OK ||
        wr_rego_prepare_path(program, &run->arena, path, 1, &query, &errors) != WR_OK) {
        if (errors.n > 0 && errors.items[0].code == WR_E_REGO_TYPE) {
            return NULL; /* such as x := 1; x == "a": refused as OPA does */
        }
        struct wr_buf buf = wr_buf_in(&run->arena, 256);
        wr_rego_errors_write(&buf, &errors);
        printf("%.*s\n%.*s\n", (int)text.n, text.p, (int)buf.n, buf.p);
        exit(1);
    }
    return query;
}

/* One policy on some inputs; false when answers differ. */
static bool one_policy(struct run *run, uint64_t seed)
{
    struct wr_buf text = wr_buf_in(&run->arena, 4096);
    wr_rng_seed(&run->choices.rng, seed);
    write_program(&run->choices, &text);
    struct wr_value data = read_json(run, write_data);
    struct wr_rego_query *query = compile(run, wr_buf_view(&text), &data);
    if (query == NULL) {
        run->n_refused++;
        return true;
    }
    for (int i = 0; i < INPUTS; i++) {
        struct wr_value input = read_json(run, write_input);
        struct wr_buf answer = wr_buf_in(&run->scratch, 256), why = wr_buf_in(&run->scratch, 256);
        if (!twins_agree(query, &input, i == 0, &run->scratch, &answer, &why)) {
            printf("rego_twins: seed %llu, input %d:\n%.*s\n%.*s", (unsigned long long)seed, i,
                   (int)text.n, text.p, (int)why.n, why.p);
            return false;
        }
        wr_sha256_add(&run->digest, answer.p, answer.n);
        wr_sha256_add(&run->digest, "\n", 1);
        run->n_answers++;
        run->n_errors += answer.n > 0 && answer.p[0] != '{';
        wr_arena_reset(&run->scratch);
    }
    run->n_policies++;
    return true;
}

int main(int argc, char **argv)
{
    static struct run run;
    bool all = getenv("WEIR_TEST_ALL") != NULL;
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000;
    count = argc <= 2 && all ? 50000 : count;
    wr_arena_init(&run.arena, &memory, ROOM);
    wr_arena_init(&run.scratch, &memory, ROOM);
    wr_sha256_init(&run.digest);
    for (uint64_t i = 0; i < count; i++) {
        if (!one_policy(&run, seed + i)) {
            return 1;
        }
        wr_arena_reset(&run.arena);
    }
    uint8_t digest[32];
    wr_sha256_end(&run.digest, digest);
    printf("%u policies, %u refused for their types, %u answers agree, %u of them errors; digest ",
           run.n_policies, run.n_refused, run.n_answers, run.n_errors);
    for (int i = 0; i < 32; i++) {
        printf("%02x", digest[i]);
    }
    printf("\n");
    return 0;
}
