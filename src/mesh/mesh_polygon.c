// Cutting polygons by their ears.
#include "mesh/mesh_polygon.h"

#include <math.h>

// Cutting ears takes up to the third power of this; a hostile file has many polygons.
#define EARS_MAX 32

struct point {
    float x, y;
};

// Newell's normal: right also when the first corners are on a line or the polygon is concave.
static struct mesh_vec3 normal_of(const struct mesh_vec3 *corners, size_t count)
{
    struct mesh_vec3 sum = {0};
    for (size_t i = 0; i < count; i++) {
        struct mesh_vec3 a = mesh_vec3_sub(corners[i], corners[0]);
        struct mesh_vec3 b = mesh_vec3_sub(corners[(i + 1) % count], corners[0]);
        sum = mesh_vec3_add(sum, mesh_vec3_cross(a, b));
    }
    return sum;
}

// The corners as seen along the normal's largest part, counter-clockwise.
static void flatten(const struct mesh_vec3 *corners, size_t count, struct point *ret_points)
{
    struct mesh_vec3 n = normal_of(corners, count);
    float x = fabsf(n.x), y = fabsf(n.y), z = fabsf(n.z);
    for (size_t i = 0; i < count; i++) {
        struct mesh_vec3 p = mesh_vec3_sub(corners[i], corners[0]);
        if (x >= y && x >= z)
            ret_points[i] = n.x > 0 ? (struct point){p.y, p.z} : (struct point){p.z, p.y};
        else if (y >= z)
            ret_points[i] = n.y > 0 ? (struct point){p.z, p.x} : (struct point){p.x, p.z};
        else
            ret_points[i] = n.z > 0 ? (struct point){p.x, p.y} : (struct point){p.y, p.x};
    }
}

// Twice the area of a triangle; negative when it turns clockwise.
static float turn(struct point a, struct point b, struct point c)
{
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

static bool is_convex(const struct point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (turn(points[i], points[(i + 1) % count], points[(i + 2) % count]) < 0)
            return false;
    }
    return true;
}

static void cut_fan(const uint32_t *corners, size_t count, uint32_t (*ret_triangles)[3])
{
    for (size_t i = 2; i < count; i++) {
        ret_triangles[i - 2][0] = corners[0];
        ret_triangles[i - 2][1] = corners[i - 1];
        ret_triangles[i - 2][2] = corners[i];
    }
}

// Whether the corner at `at` of those that are left can be cut off: it turns left and no other
// corner is in its triangle.
static bool is_ear(const struct point *points, const uint32_t *left, size_t count, size_t at)
{
    size_t before = (at + count - 1) % count, after = (at + 1) % count;
    struct point a = points[left[before]], b = points[left[at]], c = points[left[after]];
    if (turn(a, b, c) <= 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (i == before || i == at || i == after)
            continue;
        struct point p = points[left[i]];
        if (turn(a, b, p) >= 0 && turn(b, c, p) >= 0 && turn(c, a, p) >= 0)
            return false;
    }
    return true;
}

static size_t find_ear(const struct point *points, const uint32_t *left, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_ear(points, left, count, i))
            return i;
    }
    return count;
}

static void cut_ears(const struct point *points, uint32_t *left, size_t count,
                     uint32_t (*ret_triangles)[3])
{
    while (count > 3) {
        size_t at = find_ear(points, left, count);
        if (at == count)
            break;
        (*ret_triangles)[0] = left[(at + count - 1) % count];
        (*ret_triangles)[1] = left[at];
        (*ret_triangles)[2] = left[(at + 1) % count];
        ret_triangles++;
        count--;
        memmove(&left[at], &left[at + 1], (count - at) * sizeof(*left));
    }
    cut_fan(left, count, ret_triangles);
}

void mesh_polygon_cut(const struct mesh_vec3 *corners, size_t count, uint32_t (*ret_triangles)[3])
{
    check(count >= 3);
    if (count > EARS_MAX) {
        for (uint32_t i = 2; i < count; i++) {
            ret_triangles[i - 2][0] = 0;
            ret_triangles[i - 2][1] = i - 1;
            ret_triangles[i - 2][2] = i;
        }
        return;
    }
    uint32_t left[EARS_MAX];
    struct point points[EARS_MAX];
    for (uint32_t i = 0; i < count; i++)
        left[i] = i;
    flatten(corners, count, points);
    if (count == 3 || is_convex(points, count))
        cut_fan(left, count, ret_triangles);
    else
        cut_ears(points, left, count, ret_triangles);
}
