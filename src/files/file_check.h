// Whether bytes are plausibly a mesh file of a kind.
#ifndef SUNLEAD_FILES_FILE_CHECK_H
#define SUNLEAD_FILES_FILE_CHECK_H

#include "base/error.h"
#include "base/str.h"
#include "domain/model_file.h"

// file_check() looks at a whole file: JPEG by its markers (a frame header with a size, a scan, the
// end), OBJ has vertices and faces whose indices exist, PLY a header whose elements fit the length,
// MTL names a material; HTML or JSON error pages are none of these. Time is linear in the length,
// memory is constant. ERR_CORRUPT with the reason. MODEL_FILE_NONE is a programming error.
MUST_CHECK enum err file_check(enum model_file_kind kind, struct str content, struct error *err);

#endif
