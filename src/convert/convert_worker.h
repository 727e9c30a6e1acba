// The process of a conversion: what runs in it.
#ifndef SUNLEAD_CONVERT_WORKER_H
#define SUNLEAD_CONVERT_WORKER_H

#include "convert/convert.h"

// What the words of its command line say.
struct convert_worker {
    struct convert_limits limits;
    struct str names[CONVERT_SOURCES_MAX];
    size_t source_count;
};

// convert_worker_begin() reads the words (megabytes, seconds, names of sources, NULL) and confines
// this process. ERR_INVALID if it was not started by convert_start(), ERR_UNAVAILABLE.
MUST_CHECK enum err convert_worker_begin(char *const *words, struct convert_worker *ret_worker,
                                         struct error *err);

// convert_worker_run() does all that is to be done in such a process, and ends it. It returns only
// if the process was not started by convert_start(), which err then says. version is the program's.
void convert_worker_run(char *const *words, struct str version, struct error *err);

#endif
