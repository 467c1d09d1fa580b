/* SPDX-License-Identifier: Apache-2.0 */
/* What was put on lists, from the journal of a state directory that no service runs on. */
#ifndef WR_LIST_STATE_H
#define WR_LIST_STATE_H

#include "engine/lists.h"

/* Reads the changes of all lists, in order; close `lists` afterwards also on an error. Nothing in
 * the directory changes. Errors: WR_E_STATE, WR_E_JOURNAL. */
WR_NODISCARD wr_err wr_list_state_read(const char *directory, struct wr_lists *lists,
                                       struct wr_error *error);

#endif
