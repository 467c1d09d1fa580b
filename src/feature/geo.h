/* SPDX-License-Identifier: Apache-2.0 */
/* Distances on the globe, with the same bits on every build. */
#ifndef WR_FEATURE_GEO_H
#define WR_FEATURE_GEO_H

#include "base/base.h"

struct wr_place { /* degrees: latitude -90..90, longitude -180..180 */
    double latitude, longitude;
};

bool wr_place_is_valid(const struct wr_place *place);

/* Great-circle distance by the haversine formula on a sphere of 6371.0088 km (the IUGG's mean
 * radius), in km. Against the ellipsoid up to 0.5 % off. Both places must be valid. */
double wr_place_distance(const struct wr_place *a, const struct wr_place *b);

#endif
