// Numbers as text, short and without a locale.
#ifndef SUNLEAD_MESH_NUMBER_H
#define SUNLEAD_MESH_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

// MESH_NUMBER_TEXT_MAX is the length of the longest text that is written here.
#define MESH_NUMBER_TEXT_MAX 32

// mesh_number_put_fixed() writes a value with a fixed number of decimals (scale is 10^decimals),
// without zeros at the end, and returns what is behind it. The value times the scale must be below
// 9e18.
char *mesh_number_put_fixed(char *at, double value, int64_t scale);

// mesh_number_put_index() writes a whole number and returns what is behind it.
char *mesh_number_put_index(char *at, uint32_t value);

#endif
