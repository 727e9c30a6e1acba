// What every fuzz program defines.
#ifndef SUNLEAD_FUZZ_H
#define SUNLEAD_FUZZ_H

#include <stddef.h>
#include <stdint.h>

// LLVMFuzzerTestOneInput runs the code under test on one input of any content. It returns 0; what
// it finds wrong, it reports by aborting.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
