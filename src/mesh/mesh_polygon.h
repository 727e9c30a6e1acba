// Cutting polygons into triangles.
#ifndef SUNLEAD_MESH_POLYGON_H
#define SUNLEAD_MESH_POLYGON_H

#include <stddef.h>
#include <stdint.h>

#include "mesh/mesh.h"

// mesh_polygon_cut() cuts a polygon of count corners (3 or more) into count - 2 triangles of corner
// numbers, which have its winding. Concave ones of up to 32 corners are cut inside their outline;
// larger ones, and those that cross themselves, become a fan.
void mesh_polygon_cut(const struct mesh_vec3 *corners, size_t count, uint32_t (*ret_triangles)[3]);

#endif
