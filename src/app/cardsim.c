/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cardsim.h"

#include <math.h>
#include <stdlib.h>

enum {
    DAY_S = 86400,
    POPULATION_MAX = 1000000,
    TX_PER_CUSTOMER_DAY_MAX = 24, /* Poisson(4) beyond this has odds below 1e-11 */
    IDLE_DAYS_MAX = 1000,
    FRAUD_AMOUNT_CENTS = 22000,
    TERMINALS_A_DAY = 2,
    TERMINAL_DAYS = 28,
    CUSTOMERS_A_DAY = 3,
    CUSTOMER_DAYS = 14,
};

struct customer {
    double x, y, mean, rate;
    uint32_t *terminals;
    uint32_t n_terminals;
    int64_t leaked_until;   /* first day that is clean again */
    uint8_t in_block, pick; /* of three transactions while leaked, which is the fraud */
};

struct terminal {
    double x, y;
    int64_t compromised_until;
};

struct wr_cardsim {
    struct wr_rng rng;
    struct customer *customers;
    struct terminal *terminals;
    uint32_t n_customers, n_terminals;
    struct wr_card_tx *day; /* the running day, sorted */
    size_t n_day, at, cap_day;
    int64_t day_number; /* of the next day to make */
    uint64_t next_id;
};

/* Terminals in cells of one radius: a customer looks at nine cells. */
struct grid {
    uint32_t *first, *next; /* index + 1; 0 ends */
    int32_t side;
    double cell;
};

static int32_t cell_of(const struct grid *grid, double at)
{
    return WR_MIN((int32_t)(at / grid->cell), grid->side - 1);
}

static bool grid_build(struct wr_arena *arena, struct wr_cardsim *sim, double radius,
                       struct grid *grid)
{
    grid->side = WR_MAX(1, WR_MIN(100, (int32_t)(100.0 / WR_MAX(radius, 1.0))));
    grid->cell = 100.0 / grid->side;
    grid->first = WR_NEW_ARRAY(arena, uint32_t, (size_t)(grid->side * grid->side));
    grid->next = WR_NEW_ARRAY(arena, uint32_t, sim->n_terminals);
    if (grid->first == NULL || grid->next == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < sim->n_terminals; i++) {
        struct terminal *t = &sim->terminals[i];
        int32_t cell = cell_of(grid, t->x) * grid->side + cell_of(grid, t->y);
        grid->next[i] = grid->first[cell];
        grid->first[cell] = i + 1;
    }
    return true;
}

static uint32_t collect(const struct wr_cardsim *sim, const struct grid *grid,
                        const struct customer *c, double radius, uint32_t *out)
{
    uint32_t n = 0;
    int32_t reach = (int32_t)(radius / grid->cell) + 1;
    int32_t cx = cell_of(grid, c->x), cy = cell_of(grid, c->y);
    for (int32_t x = WR_MAX(0, cx - reach); x <= WR_MIN(grid->side - 1, cx + reach); x++) {
        for (int32_t y = WR_MAX(0, cy - reach); y <= WR_MIN(grid->side - 1, cy + reach); y++) {
            uint32_t i = grid->first[x * grid->side + y];
            for (; i != 0; i = grid->next[i - 1]) {
                double dx = sim->terminals[i - 1].x - c->x, dy = sim->terminals[i - 1].y - c->y;
                if (dx * dx + dy * dy < radius * radius) {
                    if (out != NULL) {
                        out[n] = i - 1;
                    }
                    n++;
                }
            }
        }
    }
    return n;
}

static bool populate(struct wr_arena *arena, struct wr_cardsim *sim, double radius)
{
    for (uint32_t i = 0; i < sim->n_terminals; i++) {
        sim->terminals[i].x = 100.0 * wr_rng_unit(&sim->rng);
        sim->terminals[i].y = 100.0 * wr_rng_unit(&sim->rng);
    }
    struct grid grid;
    if (!grid_build(arena, sim, radius, &grid)) {
        return false;
    }
    for (uint32_t i = 0; i < sim->n_customers; i++) {
        struct customer *c = &sim->customers[i];
        c->x = 100.0 * wr_rng_unit(&sim->rng);
        c->y = 100.0 * wr_rng_unit(&sim->rng);
        c->mean = 5.0 + 95.0 * wr_rng_unit(&sim->rng);
        c->rate = 4.0 * wr_rng_unit(&sim->rng);
        c->n_terminals = collect(sim, &grid, c, radius, NULL);
        c->terminals = WR_NEW_ARRAY(arena, uint32_t, c->n_terminals);
        if (c->terminals == NULL) {
            return false;
        }
        collect(sim, &grid, c, radius, c->terminals);
    }
    return true;
}

struct wr_cardsim *wr_cardsim_open(struct wr_arena *arena, const struct wr_cardsim_config *config)
{
    if (config->customers < 1 || config->customers > POPULATION_MAX || config->terminals < 1 ||
        config->terminals > POPULATION_MAX || !(config->radius >= 0.0 && config->radius <= 100.0)) {
        return NULL;
    }
    struct wr_cardsim *sim = WR_NEW(arena, struct wr_cardsim);
    if (sim == NULL) {
        return NULL;
    }
    wr_rng_seed(&sim->rng, config->seed);
    sim->n_customers = config->customers;
    sim->n_terminals = config->terminals;
    sim->customers = WR_NEW_ARRAY(arena, struct customer, sim->n_customers);
    sim->terminals = WR_NEW_ARRAY(arena, struct terminal, sim->n_terminals);
    sim->cap_day = 64 + (size_t)sim->n_customers * 5; /* mean is 2 a customer */
    sim->day = WR_NEW_ARRAY(arena, struct wr_card_tx, sim->cap_day);
    if (sim->customers == NULL || sim->terminals == NULL || sim->day == NULL ||
        !populate(arena, sim, config->radius)) {
        return NULL;
    }
    return sim;
}

static int64_t draw_cents(struct wr_rng *rng, double mean)
{
    double amount = mean + mean / 2.0 * wr_rng_normal(rng);
    if (amount < 0.0) {
        amount = 2.0 * mean * wr_rng_unit(rng);
    }
    return (int64_t)floor(amount * 100.0 + 0.5);
}

static void add_customer_day(struct wr_cardsim *sim, uint32_t index)
{
    const struct customer *c = &sim->customers[index];
    unsigned n = WR_MIN(wr_rng_poisson(&sim->rng, c->rate), (unsigned)TX_PER_CUSTOMER_DAY_MAX);
    for (unsigned i = 0; i < n && c->n_terminals != 0 && sim->n_day < sim->cap_day; i++) {
        double second = 43200.0 + 20000.0 * wr_rng_normal(&sim->rng);
        if (!(second >= 1.0 && second < DAY_S)) {
            continue;
        }
        sim->day[sim->n_day++] = (struct wr_card_tx){
            .time_s = sim->day_number * DAY_S + (int64_t)second,
            .cents = draw_cents(&sim->rng, c->mean),
            .customer = index,
            .terminal = c->terminals[wr_rng_below(&sim->rng, c->n_terminals)],
        };
    }
}

static int by_time(const void *a, const void *b)
{
    const struct wr_card_tx *x = a, *y = b;
    if (x->time_s != y->time_s) {
        return x->time_s < y->time_s ? -1 : 1;
    }
    if (x->customer != y->customer) {
        return x->customer < y->customer ? -1 : 1;
    }
    if (x->terminal != y->terminal) {
        return x->terminal < y->terminal ? -1 : 1;
    }
    return x->cents < y->cents ? -1 : x->cents > y->cents;
}

static void compromise(struct wr_cardsim *sim)
{
    for (int i = 0; i < TERMINALS_A_DAY; i++) {
        uint64_t t = wr_rng_below(&sim->rng, sim->n_terminals);
        sim->terminals[t].compromised_until = sim->day_number + TERMINAL_DAYS;
    }
    for (int i = 0; i < CUSTOMERS_A_DAY; i++) {
        struct customer *c = &sim->customers[wr_rng_below(&sim->rng, sim->n_customers)];
        c->leaked_until = sim->day_number + CUSTOMER_DAYS;
        c->in_block = 0;
    }
}

static void mark_fraud(struct wr_cardsim *sim, struct wr_card_tx *tx)
{
    tx->scenario = tx->cents > FRAUD_AMOUNT_CENTS ? 1 : 0;
    if (sim->terminals[tx->terminal].compromised_until > sim->day_number) {
        tx->scenario = 2;
    }
    struct customer *c = &sim->customers[tx->customer];
    if (c->leaked_until > sim->day_number) {
        if (c->in_block == 0) {
            c->pick = (uint8_t)wr_rng_below(&sim->rng, 3);
        }
        if (c->in_block == c->pick) {
            tx->cents *= 5;
            tx->scenario = 3;
        }
        c->in_block = (uint8_t)((c->in_block + 1) % 3);
    }
}

static void make_day(struct wr_cardsim *sim)
{
    sim->n_day = 0;
    sim->at = 0;
    for (uint32_t i = 0; i < sim->n_customers; i++) {
        add_customer_day(sim, i);
    }
    qsort(sim->day, sim->n_day, sizeof *sim->day, by_time);
    compromise(sim);
    for (size_t i = 0; i < sim->n_day; i++) {
        mark_fraud(sim, &sim->day[i]);
    }
    sim->day_number++;
}

bool wr_cardsim_next(struct wr_cardsim *sim, struct wr_card_tx *tx)
{
    for (int idle = 0; sim->at == sim->n_day; idle++) {
        if (idle == IDLE_DAYS_MAX) {
            return false;
        }
        make_day(sim);
    }
    *tx = sim->day[sim->at++];
    tx->id = sim->next_id++;
    return true;
}
