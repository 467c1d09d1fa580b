/* SPDX-License-Identifier: Apache-2.0 */
/* A start whose journal is opened beside what comes before: on the native port, with its threads.
 */
#include "world.h"

#include "port/port_linux.h"
#include "shell/journal.h"

#include <stdlib.h>
#include <unistd.h>

struct place {
    struct world world; /* for its pack and settings */
    struct wr_port port;
    struct wr_port_linux *native;
    char directory[64], state[80], address[96];
};

static void place_open(struct place *p)
{
    world_init(&p->world, 1, WR_MODE_DURABLE);
    snprintf(p->directory, sizeof p->directory, "/tmp/weir-begin-XXXXXX");
    CHECK(mkdtemp(p->directory) != NULL && wr_port_linux_open(&p->port, &p->native) == WR_IO_OK);
    snprintf(p->state, sizeof p->state, "%s/state", p->directory);
    snprintf(p->address, sizeof p->address, "unix:%s/socket", p->directory);
    p->world.config.addresses[0] = p->address;
    p->world.config.state_directory = p->state;
}

static void place_close(struct place *p)
{
    char command[128];
    world_close(&p->world);
    wr_port_linux_close(p->native);
    snprintf(command, sizeof command, "rm -rf '%s'", p->directory);
    CHECK(system(command) == 0);
}

static int n_lost; /* bytes that touching changed */

static bool begin(struct place *p)
{
    static char room[100000]; /* written here while it is touched */
    p->world.config.begun =
        wr_server_begin(&p->port, &p->world.config, (struct wr_server_room){room, sizeof room});
    memset(room, 'x', sizeof room);
    n_lost += memchr(room, 0, sizeof room) != NULL;
    return p->world.config.begun != NULL;
}

static wr_err finish(struct place *p, struct wr_error *error)
{
    *error = (struct wr_error){.offset = WR_NO_OFFSET};
    wr_err err = wr_server_open(&p->port, p->world.pack, &p->world.config, &p->world.server, error);
    p->world.server = err == WR_OK ? p->world.server : NULL;
    p->world.config.begun = NULL;
    return err;
}

/* How often the directory was opened to write, and the entries of its journal. */
static uint32_t epoch(struct place *p, uint64_t *last)
{
    struct wr_journal *journal = NULL;
    const struct wr_journal_options options = {.read_only = true};
    struct wr_error error;
    CHECK_INT(wr_journal_open(&p->port, p->state, &options, &journal, &error), WR_OK);
    uint32_t n = wr_journal_identity(journal).epoch;
    *last = wr_journal_last(journal);
    CHECK_INT(wr_journal_verify(journal, 1, *last, &error), WR_OK);
    wr_journal_close(journal, false);
    return n;
}

/* Rows from outside of a server, the last `n` of them not known to be synced. */
static void add_rows(struct place *p, int n)
{
    struct wr_journal *journal = NULL;
    struct wr_error error;
    CHECK_INT(wr_journal_open(&p->port, p->state, NULL, &journal, &error), WR_OK);
    static const char filler[600] = "no record, and none is read";
    for (int i = 0; i < n; i++) {
        CHECK_INT(wr_journal_append(journal, wr_journal_last(journal) + 1,
                                    wr_str_of(filler, sizeof filler - (size_t)i % 7), &error),
                  WR_OK);
    }
    CHECK_INT(wr_journal_commit(journal, &error), WR_OK);
    wr_journal_close(journal, false);
}

TEST("a directory that is not there is begun with its pack, not before")
{
    struct place p;
    struct wr_error error;
    uint64_t last;
    place_open(&p);
    CHECK(!begin(&p));
    CHECK(access(p.state, F_OK) != 0);
    CHECK_INT(finish(&p, &error), WR_OK);
    world_stop(&p.world);
    CHECK_INT(epoch(&p, &last), 1);
    place_close(&p);
}

TEST("a journal that was opened beside serves as any other, and one that was given up is whole")
{
    struct place p;
    struct wr_error error;
    uint64_t last;
    place_open(&p);
    CHECK_INT(finish(&p, &error), WR_OK);
    world_stop(&p.world);
    for (uint32_t i = 0; i < 20; i++) {
        CHECK(begin(&p));
        if (i % 2 == 0) {
            CHECK_INT(finish(&p, &error), WR_OK);
            world_stop(&p.world);
        } else { /* as when the pack cannot be read */
            wr_server_close(p.world.config.begun);
            p.world.config.begun = NULL;
        }
        CHECK_INT(epoch(&p, &last), 2 + i);
        CHECK_INT(last, 0);
    }
    place_close(&p);
}

TEST("what the opening beside met is told when the server is opened")
{
    struct place p, other;
    struct wr_error error;
    uint64_t last;
    place_open(&p);
    CHECK_INT(finish(&p, &error), WR_OK);
    other = p;
    snprintf(other.address, sizeof other.address, "unix:%s/other", p.directory);
    other.world.config.addresses[0] = other.address;
    CHECK(begin(&other));
    CHECK_INT(finish(&other, &error), WR_E_STATE);
    CHECK(strstr(error.text, "another process owns") != NULL);
    world_stop(&p.world);
    p.world.config.n_addresses = 0; /* refused before the journal is waited for */
    CHECK(begin(&p));
    CHECK_INT(finish(&p, &error), WR_E_CONFIG);
    CHECK_INT(epoch(&p, &last), 2);
    place_close(&p);
}

TEST("rows that may not be synced are copied with their links, in pieces")
{
    struct place p;
    struct wr_error error;
    uint64_t last;
    place_open(&p);
    CHECK_INT(finish(&p, &error), WR_OK);
    world_stop(&p.world);
    for (int n = 1; n < 400; n = n * 3 + 1) {
        uint64_t before;
        epoch(&p, &before);
        add_rows(&p, n);
        CHECK(begin(&p));
        wr_server_close(p.world.config.begun);
        p.world.config.begun = NULL;
        epoch(&p, &last);
        CHECK_INT(last, before + (uint64_t)n);
    }
    CHECK_INT(n_lost, 0);
    place_close(&p);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
