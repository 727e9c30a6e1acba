// The routes of mesh files.
#ifndef SUNLEAD_API_FILE_API_H
#define SUNLEAD_API_FILE_API_H

#include "http/http_server.h"

// file_api_list() is GET /api/projects/3d/{id}/files.
http_handler file_api_list;
// file_api_media() is GET /media/{content}/{name}.
http_handler file_api_media;

#endif
