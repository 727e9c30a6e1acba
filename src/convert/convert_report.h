// What the process of a conversion is given, and tells in the end.
#ifndef SUNLEAD_CONVERT_REPORT_H
#define SUNLEAD_CONVERT_REPORT_H

#include "convert/convert.h"

// Its descriptors: standard input and output lead nowhere; what libraries say on standard error
// goes to one pipe, the report to another; then come the sources and the products.
#define CONVERT_FD_WORDS  2
#define CONVERT_FD_REPORT 3
#define CONVERT_FD_FILES  4

// CONVERT_FILE_BYTES_MAX is how large a product may be.
#define CONVERT_FILE_BYTES_MAX ((int64_t)512 << 20)

#define CONVERT_REPORT_MAGIC UINT64_C(0x31746e6f63737573)

// Both ends are the same program on the same machine, so a struct will do. It fits into a pipe at
// once.
struct convert_report {
    uint64_t magic;
    uint32_t code; // enum err
    uint32_t product_count;
    int64_t sizes[CONVERT_PRODUCTS_MAX]; // of the products, with ERR_OK
    char message[256];                   // otherwise
};

#endif
