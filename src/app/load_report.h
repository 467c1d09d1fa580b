/* SPDX-License-Identifier: Apache-2.0 */
/* A load's result for people, for programs, and as a page of its own. */
#ifndef WR_LOAD_REPORT_H
#define WR_LOAD_REPORT_H

#include "app/load.h"

#include <stdio.h>

void wr_load_text(FILE *out, const struct wr_load_config *config,
                  const struct wr_load_result *result);
/* One JSON object on one line. */
void wr_load_json(FILE *out, const struct wr_load_config *config,
                  const struct wr_load_result *result);
/* One HTML page that needs nothing else: figures, latency by percentile, the run over time. */
void wr_load_html(FILE *out, const struct wr_load_config *config,
                  const struct wr_load_result *result);

#endif
