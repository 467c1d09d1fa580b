/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/geo.h"

#include <math.h>

#define RADIUS_KM 6371.0088
#define RADIANS   0.017453292519943295 /* pi / 180 */

bool wr_place_is_valid(const struct wr_place *place)
{
    return place->latitude >= -90 && place->latitude <= 90 && place->longitude >= -180 &&
           place->longitude <= 180;
}

/* Taylor's series; |x| <= pi / 4, where the first term left out is below 2^-58. */
static double sin_near(double x)
{
    double xx = x * x, term = x, sum = x;
    for (int n = 2; n <= 16; n += 2) {
        term *= -xx / (n * (n + 1));
        sum += term;
    }
    return sum;
}

static double cos_near(double x)
{
    double xx = x * x, term = 1, sum = 1;
    for (int n = 1; n <= 17; n += 2) {
        term *= -xx / (n * (n + 1));
        sum += term;
    }
    return sum;
}

/* Of an angle in degrees, 0..180. */
static double sin_of(double degrees)
{
    double rest = degrees > 90 ? 180 - degrees : degrees;
    return rest > 45 ? cos_near((90 - rest) * RADIANS) : sin_near(rest * RADIANS);
}

/* atan(t), 0 <= t <= 1: halved twice, then its series; 0.2^27 / 27 is below 2^-66. */
static double atan_of(double t)
{
    double sum = 0;
    t = t / (1 + sqrt(1 + t * t));
    t = t / (1 + sqrt(1 + t * t));
    for (int n = 25; n >= 1; n -= 2) {
        sum = 1.0 / n - t * t * sum;
    }
    return 4 * t * sum;
}

double wr_place_distance(const struct wr_place *a, const struct wr_place *b)
{
    double along = a->longitude - b->longitude, across = a->latitude - b->latitude;
    along = along < 0 ? -along : along;
    across = across < 0 ? -across : across;
    double s = sin_of(across / 2), u = sin_of(along / 2);
    double h = s * s + sin_of(90 - a->latitude) * sin_of(90 - b->latitude) * u * u;
    double sine = sqrt(h < 1 ? h : 1);
    return RADIUS_KM * 4 * atan_of(sine / (1 + sqrt(1 - sine * sine)));
}
