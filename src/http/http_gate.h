// The gate: rules that every request's headers must keep before anything else looks at them.
#ifndef SUNLEAD_HTTP_GATE_H
#define SUNLEAD_HTTP_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

// What the walk over the headers found. Zeroed before the first header; texts are borrowed.
struct http_gate {
    const char *fault; // the first broken rule, in words fit to be shown; NULL: none
    struct str host;
    struct str content_length;
    struct str content_type;
    struct str transfer_encoding;
    struct str expect;
    struct str request_id; // only if it is a sane one
    uint64_t length;       // Content-Length as a number; 0 without
};

// http_gate_header() looks at one header line.
void http_gate_header(struct http_gate *gate, struct str name, struct str value);

// http_gate_finish() looks at what only shows behind the last header. Returns gate->fault.
const char *http_gate_finish(struct http_gate *gate, bool http_1_0);

#endif
