// What happens when a run-time check fails.
#include "base/macro.h"

void check_failed(const char *condition, const char *file, int line)
{
    dprintf(2, "%s:%d: check failed: %s\n", file, line, condition);
    abort();
}
