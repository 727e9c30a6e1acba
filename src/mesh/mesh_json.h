// Putting JSON together piece by piece, on top of json/json_write.h.
#ifndef SUNLEAD_MESH_JSON_H
#define SUNLEAD_MESH_JSON_H

#include "base/buf.h"

// mesh_json_begin() adds `"name":` and a bracket, '{' or '['; mesh_json_end() the closing one.
void mesh_json_begin(struct buf *json, const char *name, char bracket);
void mesh_json_end(struct buf *json, char bracket);

// mesh_json_next() adds a comma unless the array has only begun; mesh_json_item() begins an object
// in it.
void mesh_json_next(struct buf *json);
void mesh_json_item(struct buf *json);

// mesh_json_text(), mesh_json_number(), mesh_json_true(), mesh_json_numbers() add a member.
void mesh_json_text(struct buf *json, const char *name, struct str value);
void mesh_json_number(struct buf *json, const char *name, double value);
void mesh_json_true(struct buf *json, const char *name);
void mesh_json_numbers(struct buf *json, const char *name, const double *values, size_t count);

#endif
