// Takes from the process of a conversion all that it does not need.
#ifndef SUNLEAD_CONVERT_CONFINE_H
#define SUNLEAD_CONVERT_CONFINE_H

#include <stdbool.h>

#include "convert/convert.h"

// convert_confine() limits this process for good: descriptors from fd_count on are closed and none
// can be opened; memory, computing time and sizes of files are bounded; of system calls those for
// memory, for reading and writing what is open and for ending are left, any other one kills it.
// ERR_UNAVAILABLE where the system does not have that.
MUST_CHECK enum err convert_confine(const struct convert_limits *limits, int fd_count,
                                    struct error *err);

// convert_is_filtered() tells whether convert_confine() bounds memory and system calls: not in
// builds with a sanitizer, which needs more of both.
bool convert_is_filtered(void);

#endif
