/* SPDX-License-Identifier: Apache-2.0 */
/* See buffers.h. */
#include "shell/buffers.h"

enum { TOUCHED_MAX = 64 * 1024 };

static uint32_t class_of(size_t size)
{
    uint32_t class = 0;
    while ((size_t)WR_BUFFER_SIZE << class < size) {
        class ++;
    }
    return class;
}

static char *pop(struct wr_buffers *buffers, uint32_t class)
{
    char *buffer = buffers->kept[class];
    memcpy(&buffers->kept[class], buffer, sizeof buffers->kept[class]);
    buffers->n[class]--;
    buffers->bytes -= (uint64_t)WR_BUFFER_SIZE << class;
    return buffer;
}

/* A block of another size stands in the next buffer that is kept, or is as large as it is. */
static size_t size_for(size_t size)
{
    uint32_t class = class_of(size);
    return class < WR_BUFFER_CLASSES ? (size_t)WR_BUFFER_SIZE << class : size;
}

static void *take_counted(void *context, size_t size)
{
    return wr_buffers_take(context, size_for(size));
}

static void give_counted(void *context, void *block, size_t size)
{
    wr_buffers_give(context, block, size_for(size));
}

void wr_buffers_open(struct wr_buffers *buffers, const struct wr_memory *memory)
{
    *buffers =
        (struct wr_buffers){.memory = memory, .counted = {take_counted, give_counted, buffers}};
}

char *wr_buffers_take(struct wr_buffers *buffers, size_t size)
{
    const struct wr_memory *memory = buffers->memory;
    uint32_t class = class_of(size);
    if (class < WR_BUFFER_CLASSES && buffers->kept[class] != NULL) {
        char *buffer = pop(buffers, class);
        buffers->least[class] = WR_MIN(buffers->least[class], buffers->n[class]);
        buffers->held += size;
        return buffer;
    }
    char *buffer = memory->take(memory->context, size);
    buffers->held += buffer != NULL ? size : 0;
    if (buffer != NULL && size <= TOUCHED_MAX) {
        memset(buffer, 0, size); /* its pages come now, not one by one as longer texts come */
    }
    return buffer;
}

void wr_buffers_give(struct wr_buffers *buffers, char *buffer, size_t size)
{
    const struct wr_memory *memory = buffers->memory;
    uint32_t class = class_of(size);
    if (buffer == NULL) {
        return;
    }
    buffers->held -= size;
    if (class >= WR_BUFFER_CLASSES || buffers->bytes + size > WR_LIMIT_BUFFERS) {
        memory->give(memory->context, buffer, size);
        return;
    }
    memcpy(buffer, &buffers->kept[class], sizeof buffers->kept[class]);
    buffers->kept[class] = buffer;
    buffers->n[class]++;
    buffers->bytes += size;
}

void wr_buffers_count(struct wr_buffers *buffers, size_t before, size_t now)
{
    WR_ASSERT(before <= buffers->held);
    buffers->held += now - before;
}

void wr_buffers_trim(struct wr_buffers *buffers)
{
    const struct wr_memory *memory = buffers->memory;
    for (uint32_t class = WR_BUFFER_CLASSES; class -- > 0;) {
        uint32_t unused = buffers->least[class];
        for (; unused > 0 && buffers->bytes > WR_BUFFERS_IDLE; unused--) {
            memory->give(memory->context, pop(buffers, class), (size_t)WR_BUFFER_SIZE << class);
        }
        buffers->least[class] = buffers->n[class];
    }
}

void wr_buffers_close(struct wr_buffers *buffers)
{
    const struct wr_memory *memory = buffers->memory;
    for (uint32_t class = 0; class < WR_BUFFER_CLASSES; class ++) {
        while (buffers->kept[class] != NULL) {
            memory->give(memory->context, pop(buffers, class), (size_t)WR_BUFFER_SIZE << class);
        }
    }
}
