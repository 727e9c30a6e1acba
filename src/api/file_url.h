// The addresses at which clients get our copies of files.
#ifndef SUNLEAD_API_FILE_URL_H
#define SUNLEAD_API_FILE_URL_H

#include "api/api.h"
#include "domain/model_file.h"

// file_url() is the address of a stored file, in the arena: /media/{sha256}/{name}, behind
// CDN_BASE_URL where that is set. What it leads to never changes.
struct str file_url(const struct api *api, struct arena *arena, const struct model_file *file);

#endif
