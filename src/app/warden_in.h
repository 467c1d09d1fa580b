/* SPDX-License-Identifier: Apache-2.0 */
/* What warden.c (opening) and warden_review.c (asking) share. */
#ifndef WR_WARDEN_IN_H
#define WR_WARDEN_IN_H

#include "app/warden.h"

struct wr_warden {
    struct wr_rego_program *program;
    struct wr_str package; /* "data.k8srequiredlabels" */
    struct wr_value match, parameters;
};

#endif
