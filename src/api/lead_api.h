// The lead routes.
#ifndef SUNLEAD_API_LEAD_API_H
#define SUNLEAD_API_LEAD_API_H

#include "http/http_server.h"

// lead_api_create() is POST /api/leads.
http_handler lead_api_create;
// lead_api_get() is GET /api/leads/{id}.
http_handler lead_api_get;
// lead_api_list() is GET /api/leads.
http_handler lead_api_list;
// lead_api_change() is PUT /api/leads/{id}.
http_handler lead_api_change;
// lead_api_delete() is DELETE /api/leads/{id}.
http_handler lead_api_delete;

#endif
