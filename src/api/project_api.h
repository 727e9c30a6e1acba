// The routes that read a 3D project: its status, its files, and the sync of a lead.
#ifndef SUNLEAD_API_PROJECT_API_H
#define SUNLEAD_API_PROJECT_API_H

#include "http/http_server.h"

// project_api_get() is GET /api/projects/3d/{id}.
http_handler project_api_get;
// project_api_sync() is POST /api/leads/{id}/sync-3d-status.
http_handler project_api_sync;

#endif
