/* SPDX-License-Identifier: Apache-2.0 */
/* Connections from within: the list of those that wait for the journal. */
#include "world.h"

#include "shell/server_in.h"

enum { CONNS = 12 };

static void check_list(const struct wr_server *server, uint32_t n)
{
    CHECK_INT(server->n_waiting, n);
    for (uint32_t i = 0; i < server->n_waiting; i++) {
        CHECK_INT(server->waiting[i]->waiting, i + 1);
        CHECK(server->waiting[i]->sock >= 0);
    }
}

TEST("whoever waits for the journal leaves the list alone, in whatever order they go")
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world world;
        struct wr_conn *left[CONNS];
        world_open(&world, seed, WR_MODE_DURABLE);
        struct wr_server *server = world.server;
        for (uint32_t i = 0; i < CONNS; i++) {
            (void)sim_connect(world.sim, "here");
        }
        wr_server_step(server, 0);
        CHECK_INT(server->conns_made, CONNS);
        for (uint32_t i = 0; i < CONNS; i++) {
            left[i] = server->conns[i];
            struct wr_slot *slot = wr_conn_slot(left[i], 0);
            wr_slot_needs(server, slot, 1000 + i);
            wr_conn_add(server, left[i], slot, WR_STR("answer"));
            wr_conn_flush(server, left[i]);
            wr_conn_flush(server, left[i]); /* it waits once, however often it is looked at */
        }
        check_list(server, CONNS);
        for (uint32_t n = CONNS; n > 0; n--) {
            uint32_t i = (uint32_t)sim_random(world.sim, n);
            if (sim_random(world.sim, 2) == 0) {
                wr_conn_close(server, left[i]);
            } else { /* its row is kept */
                server->kept_seen = 1000 + left[i]->index;
                wr_conn_flush(server, left[i]);
                CHECK_INT(left[i]->waiting, 0);
                server->kept_seen = 0;
            }
            left[i] = left[n - 1];
            check_list(server, n - 1);
        }
        CHECK_INT(server->n_in_flight, 0);
        world_close(&world);
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
