// The routes of mesh files.
#ifndef SUNLEAD_API_FILE_API_H
#define SUNLEAD_API_FILE_API_H

#include "domain/model_file.h"
#include "http/http_server.h"

// file_api_list() is GET /api/projects/3d/{id}/files.
http_handler file_api_list;
// file_api_media() is GET /media/{project_id}/{name}.
http_handler file_api_media;

// file_api_url() is where a stored file can be read, in the request's arena.
struct str file_api_url(struct http_request *request, const struct model_file *file);

#endif
