// The process of a conversion, as the one that starts it sees it.
#ifndef SUNLEAD_CONVERT_CHILD_H
#define SUNLEAD_CONVERT_CHILD_H

#include "convert/convert.h"

// convert_child_run() starts the process, waits for its end (or ends it) and says how the
// conversion ended: fills in end, error and the figures of the run, but for the hashes. Blocks.
void convert_child_run(const struct convert_settings *settings, struct convert_run *run);

#endif
