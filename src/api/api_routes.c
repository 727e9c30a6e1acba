// The table of routes.
#include "api/api.h"
#include "api/batch_api.h"
#include "api/batch_body.h"
#include "api/company_api.h"
#include "api/file_api.h"
#include "api/health_api.h"
#include "api/job_api.h"
#include "api/lead_api.h"
#include "api/model_api.h"
#include "api/order_api.h"
#include "api/order_cancel_api.h"
#include "api/order_create_api.h"
#include "api/order_list_api.h"
#include "api/project_api.h"
#include "api/upstream_api.h"

#define JSON_BODY HTTP_ROUTE_JSON_BODY
// Clients that send {} where nothing is needed are common.
#define NO_BODY (HTTP_ROUTE_JSON_BODY | HTTP_ROUTE_OPTIONAL_BODY)

const struct http_route api_routes[] = {
    {HTTP_POST, "/api/leads", lead_api_create, JSON_BODY, 0},
    {HTTP_GET, "/api/leads", lead_api_list, 0, 0},
    {HTTP_GET, "/api/leads/{id}", lead_api_get, 0, 0},
    {HTTP_PUT, "/api/leads/{id}", lead_api_change, JSON_BODY, 0},
    {HTTP_DELETE, "/api/leads/{id}", lead_api_delete, 0, 0},
    {HTTP_POST, "/api/leads/{id}/sync-3d-status", project_api_sync, NO_BODY, 0},
    {HTTP_POST, "/api/leads/{id}/retry-3d-model", order_api_retry, NO_BODY, 0},
    {HTTP_POST, "/api/leads/{id}/cancel-3d-model", order_cancel_api_post, NO_BODY, 0},
    {HTTP_GET, "/api/leads/{id}/model", model_api_get, 0, 0},
    {HTTP_GET, "/api/leads/{id}/model/file", model_api_file, 0, 0},
    {HTTP_POST, "/api/leads/{id}/reconvert", model_api_reconvert, NO_BODY, 0},

    {HTTP_POST, "/api/projects/3d", order_create_api_post, JSON_BODY, 0},
    {HTTP_POST, "/api/projects/3d/batch", batch_api_post, JSON_BODY, BATCH_BODY_MAX},
    {HTTP_GET, "/api/batches/{id}", batch_api_get, 0, 0},
    {HTTP_GET, "/api/projects/3d/{id}", project_api_get, 0, 0},
    {HTTP_GET, "/api/projects/3d/{id}/files", file_api_list, 0, 0},
    {HTTP_GET, "/media/{content}/{name}", file_api_media, 0, 0},

    {HTTP_GET, "/api/companies/{id}/settings", company_api_get, 0, 0},
    {HTTP_PUT, "/api/companies/{id}/settings", company_api_put, JSON_BODY, 0},

    {HTTP_GET, "/api/orders", order_list_api_get, 0, 0},
    {HTTP_GET, "/api/orders/{id}", order_api_get, 0, 0},
    {HTTP_POST, "/api/orders/{id}/link", order_api_link, JSON_BODY, 0},
    {HTTP_POST, "/api/orders/{id}/order-again", order_api_again, NO_BODY, 0},

    {HTTP_GET, "/api/jobs", job_api_list, 0, 0},
    {HTTP_GET, "/api/jobs/{id}", job_api_get, 0, 0},
    {HTTP_POST, "/api/jobs/retry", job_api_retry_all, JSON_BODY, 0},
    {HTTP_POST, "/api/jobs/{id}/retry", job_api_retry, NO_BODY, 0},
    {HTTP_POST, "/api/jobs/{id}/cancel", job_api_cancel, NO_BODY, 0},
    {HTTP_GET, "/api/job-kinds", job_api_kinds, 0, 0},
    {HTTP_POST, "/api/job-kinds/{kind}/pause", job_api_pause, NO_BODY, 0},
    {HTTP_POST, "/api/job-kinds/{kind}/resume", job_api_resume, NO_BODY, 0},

    {HTTP_POST, "/api/upstream/isolate", upstream_api_isolate, NO_BODY, 0},
    {HTTP_POST, "/api/upstream/restore", upstream_api_restore, NO_BODY, 0},
    {HTTP_GET, "/", health_api_index, 0, 0},
    {HTTP_GET, "/health", health_api_get, 0, 0},
};

const size_t api_route_count = COUNT_OF(api_routes);
