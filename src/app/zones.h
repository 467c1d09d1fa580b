/* SPDX-License-Identifier: Apache-2.0 */
/* What evaluations on the command line get from the system: time zones from the zone files. */
#ifndef WR_ZONES_H
#define WR_ZONES_H

#include "rego/builtin.h"

/* An environment with that time, a seed drawn from it, and zones read from /usr/share/zoneinfo. */
struct wr_builtin_env wr_zones_env(int64_t now_ns);

#endif
