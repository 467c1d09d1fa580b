/* SPDX-License-Identifier: Apache-2.0 */
#include "app/anchors.h"
#include "base/hash.h"

#include <stdlib.h>

static uint32_t head_of(struct wr_str id)
{
    struct wr_hash_key key = {0x77656972, 0x616e6368};
    return (uint32_t)(wr_siphash13(key, id.p, id.n) % WR_LIMIT_ANCHORS);
}

static bool open_tables(struct wr_anchors *anchors)
{
    if (anchors->entries == NULL) {
        anchors->entries = calloc(WR_LIMIT_ANCHORS, sizeof *anchors->entries);
        anchors->heads = calloc(WR_LIMIT_ANCHORS, sizeof *anchors->heads);
    }
    return anchors->entries != NULL && anchors->heads != NULL;
}

/* Takes an entry that is about to be overwritten out of its chain. */
static void forget(struct wr_anchors *anchors, uint32_t slot)
{
    struct wr_anchor_entry *entry = &anchors->entries[slot];
    if (entry->bytes == NULL) {
        return;
    }
    uint32_t *link = &anchors->heads[head_of(wr_str_of(entry->bytes, entry->id_n))];
    while (*link != slot + 1) {
        link = &anchors->entries[*link - 1].next;
    }
    *link = entry->next;
    free(entry->bytes);
    *entry = (struct wr_anchor_entry){0};
}

bool wr_anchors_put(struct wr_anchors *anchors, struct wr_str id, struct wr_str anchor)
{
    char *bytes = malloc(id.n + anchor.n + 1);
    if (bytes == NULL || !open_tables(anchors)) {
        free(bytes);
        return false;
    }
    memcpy(bytes, id.p, id.n);
    memcpy(bytes + id.n, anchor.p, anchor.n);
    uint32_t slot = (uint32_t)(anchors->n++ % WR_LIMIT_ANCHORS);
    forget(anchors, slot);
    uint32_t *head = &anchors->heads[head_of(id)];
    anchors->entries[slot] =
        (struct wr_anchor_entry){bytes, (uint32_t)id.n, (uint32_t)anchor.n, *head};
    *head = slot + 1;
    return true;
}

struct wr_str wr_anchors_find(const struct wr_anchors *anchors, struct wr_str id)
{
    if (anchors->entries == NULL) {
        return (struct wr_str){0};
    }
    for (uint32_t at = anchors->heads[head_of(id)]; at != 0; at = anchors->entries[at - 1].next) {
        const struct wr_anchor_entry *entry = &anchors->entries[at - 1];
        if (wr_str_eq(wr_str_of(entry->bytes, entry->id_n), id)) {
            return wr_str_of(entry->bytes + entry->id_n, entry->anchor_n);
        }
    }
    return (struct wr_str){0};
}

void wr_anchors_close(struct wr_anchors *anchors)
{
    for (uint32_t i = 0; anchors->entries != NULL && i < WR_LIMIT_ANCHORS; i++) {
        free(anchors->entries[i].bytes);
    }
    free(anchors->entries);
    free(anchors->heads);
    *anchors = (struct wr_anchors){0};
}
