/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a pack: where an event keeps its id, its time, its amount, the keys of its entities
 * and the fields that features read; and the reader that takes them out of a request.
 *
 *   event:    {id: path, time: {path, unit, origin, resolution}, amount: {path, type: money,
 * scale}} entities: {customer: user.id, corridor: [from.country, to.country], ...} fields:
 * {device.risk: {type: number, scale: 4}, ...}         (only where the default is wrong)
 *
 * A path is names joined by dots, taken from objects only. `null` counts as absent. Numbers become
 * integers: money exactly (more digits than its scale is an error), other numbers rounded to their
 * scale, half to even. Texts become keyed hashes. What a feature reads but the request lacks is
 * absent, not an error; what is there with the wrong type is an error. */
#ifndef WR_FEATURE_SCHEMA_H
#define WR_FEATURE_SCHEMA_H

#include "base/err.h"
#include "base/hash.h"
#include "value/value.h"

#define WR_LIMIT_SCHEMA_FIELDS   32  /* id, time and amount not counted */
#define WR_LIMIT_SCHEMA_ENTITIES 16  /* kinds of entity */
#define WR_LIMIT_SCHEMA_PARTS    4   /* paths of one composite key */
#define WR_LIMIT_PATH_DEPTH      8   /* names in one path */
#define WR_LIMIT_EVENT_ID        128 /* bytes */
#define WR_LIMIT_KEY_BYTES       512 /* bytes of one entity key, all its parts together */
#define WR_LIMIT_UNITS           ((int64_t)1 << 52) /* of a scaled number, either sign, exclusive */
#define WR_DEFAULT_NUMBER_SCALE  6
#define WR_DEFAULT_CIDR6         56 /* bits of an IPv6 network where only `cidr` is given */

enum wr_field_type {
    WR_FIELD_MONEY,  /* exact at its scale */
    WR_FIELD_NUMBER, /* rounded to its scale */
    WR_FIELD_KEY,    /* string, number or boolean, compared for equality only */
};

enum wr_time_unit { WR_TIME_RFC3339, WR_TIME_S, WR_TIME_MS, WR_TIME_US, WR_TIME_NS };

struct wr_path {
    struct wr_str text; /* "transaction.amount" */
    struct wr_str names[WR_LIMIT_PATH_DEPTH];
    uint32_t n;
};

struct wr_field {
    struct wr_path path;
    enum wr_field_type type;
    uint8_t scale; /* digits after the point; 0 for keys */
};

struct wr_entity {
    struct wr_str name;
    struct wr_path parts[WR_LIMIT_SCHEMA_PARTS];
    uint32_t n_parts;
    bool required;
    /* A key may be less than the value at its first path: the first `prefix` bytes of a text, or
     * the network of an address. 0: the value as it is. */
    uint16_t prefix;
    uint8_t cidr4, cidr6; /* bits; the second stands for IPv6, together with the first */
    uint64_t salt;        /* sets the keys of this entity apart from those of all others */
};

struct wr_schema {
    bool has_id, has_time, has_amount;
    bool id_required, time_required, amount_required; /* else an event may do without */
    struct wr_path id, time;
    enum wr_time_unit time_unit;
    int64_t time_origin_ms; /* added to numbers; 0 = 1970 */
    int64_t tick_ms;        /* resolution of event time on tapes: 1 or 1000 */
    struct wr_field amount; /* MONEY; also findable among `fields` when a feature reads it */
    struct wr_field fields[WR_LIMIT_SCHEMA_FIELDS];
    uint32_t n_fields;
    struct wr_entity entities[WR_LIMIT_SCHEMA_ENTITIES];
    uint32_t n_entities;
    struct wr_hash_key key;       /* of all hashes; the same for the life of a state directory */
    struct wr_hash_key fleet_key; /* of keys that other nodes know too, */
    uint32_t fleet_entities;      /* those of these entities (bits) */
};

struct wr_event_field {
    bool present;
    int64_t units;      /* MONEY, NUMBER: the value times 10^scale */
    uint64_t hash;      /* KEY: never 0 when present */
    struct wr_str text; /* KEY that is a string: view into the document; else empty */
};

struct wr_event_key { /* 96 bits of keyed hash over the canonical bytes of all parts */
    uint64_t hash;
    uint32_t check;
    bool present;
};

/* Borrows from the document. Do not copy the struct: `id` may point into `id_room`. */
struct wr_event {
    struct wr_str id; /* empty when the schema has none */
    int64_t time_ms;  /* since 1970; finer units cut off (towards minus infinity) */
    bool has_time;    /* else the caller sets time_ms to `now` before the event is applied */
    bool has_amount;
    int64_t amount;                                       /* minor units */
    struct wr_event_field fields[WR_LIMIT_SCHEMA_FIELDS]; /* [schema->n_fields] */
    struct wr_event_key keys[WR_LIMIT_SCHEMA_ENTITIES];   /* [schema->n_entities] */
    char id_room[24];
    struct wr_hash128 fleet_keys[WR_LIMIT_SCHEMA_ENTITIES]; /* where fleet_entities has the bit */
};

/* Reads `event`, `entities`, `fields` and, for the paths they name, `features` of a weir.json.
 * The schema and all its texts live in the arena; weir_json may go. `schema->key` is a fixed
 * constant until the caller sets it.
 * Errors: WR_E_PACK with the key in `where`; WR_E_LIMIT; WR_E_MEMORY. */
WR_NODISCARD wr_err wr_schema_open(struct wr_arena *arena, const struct wr_value *weir_json,
                                   struct wr_schema **out, struct wr_error *error);

/* Takes what the schema names out of a request document.
 * Errors: WR_E_FIELD when a required path is missing, a type is wrong, money has more digits than
 *         its scale or a number is out of range; the path is in `where` and in the text, with the
 *         type wanted. WR_E_LIMIT when an id or key is too long.
 * Bound:  O(paths x names); allocates nothing. */
WR_NODISCARD wr_err wr_event_read(const struct wr_schema *schema, const struct wr_value *document,
                                  struct wr_event *event, struct wr_error *error);

/* The value at a path, or NULL when there is none. */
const struct wr_value *wr_path_get(const struct wr_path *path, const struct wr_value *document);

/* Splits "a.b.c"; the names are views into `text`. WR_E_PACK when a name is empty or too many. */
WR_NODISCARD wr_err wr_path_parse(struct wr_str text, struct wr_path *out, struct wr_error *error);

/* Index of the field with this path and type, or UINT32_MAX. */
uint32_t wr_schema_field(const struct wr_schema *schema, struct wr_str path,
                         enum wr_field_type type);
/* Index of the entity of this name, or UINT32_MAX. */
uint32_t wr_schema_entity(const struct wr_schema *schema, struct wr_str name);

#endif
