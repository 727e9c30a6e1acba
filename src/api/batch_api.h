// The routes that order many models at once, and tell how far they are.
#ifndef SUNLEAD_API_BATCH_API_H
#define SUNLEAD_API_BATCH_API_H

#include "http/http_server.h"

// batch_api_post() is POST /api/projects/3d/batch.
http_handler batch_api_post;
// batch_api_get() is GET /api/batches/{id}.
http_handler batch_api_get;

#endif
