// The JSON API: its routes and what the handlers need.
#ifndef SUNLEAD_API_H
#define SUNLEAD_API_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "domain/company.h"
#include "domain/project.h"
#include "files/files.h"
#include "http/http_server.h"
#include "jobs/jobs.h"
#include "jobs/notices.h"
#include "jobs/watch.h"
#include "sql/sql.h"
#include "tasks/upstream_state.h"
#include "upstream/lightfusion.h"

// What handlers work with: the app of the HTTP server. Everything must outlive the server.
struct api {
    struct sql *db;
    const struct clock *clock;
    struct lightfusion *lf;
    struct upstream_state *upstream;
    struct files *files;
    struct jobs *jobs;
    struct watch *watch;
    const struct notices *notices;
    struct project_defaults defaults;
    struct file_policy file_policy; // of companies that do not say
    bool insecure; // take requests with forwarding headers, a foreign Host or a foreign Origin
    const char *cors_origin;  // whose pages may call; NULL: none
    const char *cdn_base_url; // before the addresses of files; NULL: nothing
    const char *version;
    int64_t started_us;
    unsigned pace; // of time-outs (base/pace.h)
    bool draining; // set (atomically) when the process stops: whoever waits is answered at once
};

// The route table, in the order of the documentation.
extern const struct http_route api_routes[];
extern const size_t api_route_count;

// api_guard() is the server's guard: without --insecure it refuses requests that came through a
// proxy or for a foreign host, and changes that a foreign web page asks for.
bool api_guard(struct http_request *request, void *app);

#endif
