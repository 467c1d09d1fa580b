/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for the ids that the engine will remember: told to the port ahead of need, which may touch
 * it beside the loop. New memory costs 2.5 to 12 us for each page of 4 KiB, and the ids of 8 Mi
 * events are 115,000 of these: one for every 102 ids, and 64 or 128 at once when a part doubles.
 *
 * Resident before its use is at most a chunk of 640 KiB, a quarter of it too early, and two tables
 * of less than 2 MiB (512 KiB each at 8 Mi ids); what is not used after all goes back. */
#include "shell/server_in.h"

enum { IDS_BETWEEN = 1024 }; /* two looks; with the ids of a turn much less than is foreseen */

void wr_id_memory_step(struct wr_server *server)
{
    const struct wr_port_process *process = &server->port->process;
    struct wr_memory_need needs[WR_ENGINE_NEEDS];
    if (process->ahead == NULL || server->engine == NULL) {
        return;
    }
    uint64_t end = wr_engine_ids(server->engine).end;
    if (end - server->ids_looked < IDS_BETWEEN) { /* after a fold there may be fewer than before */
        return;
    }
    server->ids_looked = end;
    wr_engine_ids_need(server->engine, needs);
    for (size_t i = 0; i < WR_COUNTOF(needs); i++) {
        if (needs[i].n > 0) {
            process->ahead(process->context, needs[i].size, needs[i].n);
        }
    }
}
