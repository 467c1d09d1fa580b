/* SPDX-License-Identifier: Apache-2.0 */
/* What evaluations on the command line get from the system: time zones from the zone files, and
 * public-key cryptography. */
#ifndef WR_EVAL_ENV_H
#define WR_EVAL_ENV_H

#include "rego/builtin.h"

/* An environment with that time, a seed drawn from it, zones read from /usr/share/zoneinfo, and the
 * shell's cryptography. */
struct wr_builtin_env wr_eval_env(int64_t now_ns);

/* Sets *flag after so many milliseconds (0: never), by a signal; once a process. Where there are no
 * signals it does nothing. */
void wr_stop_after(int64_t ms, volatile int *flag);

#endif
