// The parts of an order that are kept as JSON text: the request and LightFusion's details.
#ifndef SUNLEAD_TASKS_PROJECT_JSON_H
#define SUNLEAD_TASKS_PROJECT_JSON_H

#include "base/arena.h"
#include "base/error.h"
#include "domain/project.h"

// project_request_text() writes a completed request as the text that an order keeps; equal requests
// give equal texts.
struct str project_request_text(const struct project_request *request, struct arena *arena);

// project_request_read() reads it back. ERR_CORRUPT if it is no such text.
MUST_CHECK enum err project_request_read(struct str text, struct arena *arena,
                                         struct project_request *ret_request, struct error *err);

// project_details_text() writes details as the text that an order keeps; null if it would be larger
// than PROJECT_DETAILS_MAX.
struct str project_details_text(const struct project_details *details, struct arena *arena);

// project_details_read() reads it back; a null text gives empty details. ERR_CORRUPT if it is no
// such text.
MUST_CHECK enum err project_details_read(struct str text, struct arena *arena,
                                         struct project_details *ret_details, struct error *err);

#endif
