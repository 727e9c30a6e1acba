// Bodies of answers that are not what they should be.
#ifndef SUNLEAD_SIM_SPOIL_H
#define SUNLEAD_SIM_SPOIL_H

#include "base/arena.h"
#include "base/str.h"

// SIM_PAGE is what a gateway says instead of the service behind it.
#define SIM_PAGE "<!DOCTYPE html>\n<html><body><h1>We will be back soon</h1></body></html>\n"

// SIM_PAGE_TYPE is its content type.
#define SIM_PAGE_TYPE "text/html"

// SIM_WRONG_JSON is JSON that says nothing of what was asked for.
#define SIM_WRONG_JSON "{\"result\":[null,{}]}"

// sim_spoil_length() is how much of len bytes a truncated body has: at, or half where that is
// SIM_HALF; no more than there is.
size_t sim_spoil_length(size_t len, int64_t at);

// sim_spoil_types() is a copy of JSON with other types: numbers become texts that hold none, texts
// become numbers, true, false and null become objects. Names and nesting stay.
struct str sim_spoil_types(struct str json, struct arena *arena);

#endif
