/* SPDX-License-Identifier: Apache-2.0 */
/* A pack's weir.json of any bytes, beside a small policy: the schema, the features, the lists, the
 * outcomes and all that a risk team configures. Properties: it opens, or is refused with a code, a
 * place and a text; what was opened has a digest and a deadline. */
#include "fuzz.h"

#include "pack/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char policy[] =
        "package risk\n\ndefault allow = false\n\nallow { input.features.n < 9 }\n\n"
        "derive_night { input.x > 1 }\n\nreasons[x] { x := \"A\"; not allow }\n";
    static const char manifest[] = "{\"revision\":\"1\",\"roots\":[\"\"]}";
    struct wr_pack_file files[] = {
        {.path = WR_STR(".manifest"), .bytes = WR_STR(manifest)},
        {.path = WR_STR("lists/a.txt"), .bytes = WR_STR("one\ntwo\n")},
        {.path = WR_STR("risk.rego"), .bytes = WR_STR(policy)},
        {.path = WR_STR("weir.json"), .bytes = wr_str_of((const char *)data, size)},
    };
    struct wr_arena arena;
    struct wr_pack *pack = NULL;
    struct wr_error error = {0};
    wr_arena_init(&arena, &fuzz_memory, (size_t)256 << 20);
    wr_err err = wr_pack_open(&arena, files, WR_COUNTOF(files), NULL, &pack, &error);
    if (err == WR_OK) {
        demand(pack != NULL && wr_pack_deadline_us(pack) >= 0);
        demand(wr_pack_digest_text(pack).n == 64);
    } else {
        demand(pack == NULL && error.code == err);
    }
    wr_arena_deinit(&arena);
    return 0;
}
