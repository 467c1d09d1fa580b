/* SPDX-License-Identifier: Apache-2.0 */
/* The page of GET /status, made of status.html by cmake/text.cmake: it reads /metrics and /health,
 * and holds no data of its own. */
#ifndef WR_STATUS_PAGE_H
#define WR_STATUS_PAGE_H

#include <stddef.h>

extern const unsigned char wr_status_page[];
extern const size_t wr_status_page_n;

#endif
