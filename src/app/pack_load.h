/* SPDX-License-Identifier: Apache-2.0 */
/* Packs from the disk: a folder, a .tar or a .tar.gz, opened for the engine.
 *
 * weir.yaml becomes weir.json and data.yaml data.json on the way, since the core reads JSON only.
 * An archive is bounded before it is unpacked: WR_LIMIT_PACK_SIZE bytes, and at most
 * WR_LIMIT_INFLATE_RATIO times its size. */
#ifndef WR_PACK_LOAD_H
#define WR_PACK_LOAD_H

#include "pack/pack.h"

#define WR_LIMIT_INFLATE_RATIO 100

/* All files, as they are. */
wr_err wr_pack_load_raw(struct wr_arena *arena, const char *path, struct wr_pack_file **files,
                        size_t *n, struct wr_error *error);

/* Turns weir.yaml and data.yaml into their JSON twins; leaves every other file alone. */
wr_err wr_pack_file_from_yaml(struct wr_arena *arena, struct wr_pack_file *file,
                              struct wr_error *error);

/* The same as below, but where the pack names the file of a model and does not hold it, the file at
 * `model` (NULL: none) takes its place: so a ConfigMap can hold the policy, and an image the model.
 */
wr_err wr_pack_load_with(struct wr_arena *arena, const char *path, const char *model,
                         const struct wr_pack_options *options, struct wr_pack **pack,
                         struct wr_error *error);

/* Loads the files, then opens the pack. Errors name files as they are called on disk. */
wr_err wr_pack_load(struct wr_arena *arena, const char *path, const struct wr_pack_options *options,
                    struct wr_pack **pack, struct wr_error *error);

#endif
