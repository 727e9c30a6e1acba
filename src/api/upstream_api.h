// The routes by which an operator isolates LightFusion.
#ifndef SUNLEAD_API_UPSTREAM_API_H
#define SUNLEAD_API_UPSTREAM_API_H

#include "http/http_server.h"

// upstream_api_isolate() is POST /api/upstream/isolate.
http_handler upstream_api_isolate;
// upstream_api_restore() is POST /api/upstream/restore.
http_handler upstream_api_restore;

#endif
