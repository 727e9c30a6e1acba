// The checks behind file_check(), one for each kind of file.
#ifndef SUNLEAD_FILES_FILE_CHECK_KINDS_H
#define SUNLEAD_FILES_FILE_CHECK_KINDS_H

#include "base/error.h"
#include "base/str.h"

// file_check_jpg() walks the markers of a JPEG up to its end; only zero bytes may follow.
// ERR_CORRUPT.
MUST_CHECK enum err file_check_jpg(struct str content, struct error *err);

// file_check_obj() reads vertices and faces of a Wavefront OBJ. ERR_CORRUPT.
MUST_CHECK enum err file_check_obj(struct str content, struct error *err);

// file_check_mtl() looks for a material with a name. ERR_CORRUPT.
MUST_CHECK enum err file_check_mtl(struct str content, struct error *err);

// file_check_ply() reads a PLY's header and walks the elements that it announces, ascii or binary.
// ERR_CORRUPT.
MUST_CHECK enum err file_check_ply(struct str content, struct error *err);

#endif
