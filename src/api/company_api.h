// The routes of a company's own settings.
#ifndef SUNLEAD_API_COMPANY_API_H
#define SUNLEAD_API_COMPANY_API_H

#include "http/http_server.h"

// company_api_get() is GET /api/companies/{id}/settings.
void company_api_get(struct http_request *request);

// company_api_put() is PUT /api/companies/{id}/settings.
void company_api_put(struct http_request *request);

#endif
