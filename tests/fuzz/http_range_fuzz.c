// Reads any bytes as a file's length and the headers that ask for parts of it.
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/macro.h"
#include "http/http_encoding.h"
#include "http/http_range.h"

static void check_range(struct str header, uint64_t total)
{
    struct http_range range = http_range_parse(header, total);
    if (range.kind != HTTP_RANGE_PART)
        return;
    check(range.length > 0 && range.length <= total);
    check(range.offset <= total - range.length);
}

static void check_tags(struct str header)
{
    struct str etag = STR("a");
    if (http_etag_same(header, etag))
        check(http_etag_matches(header, etag));
    if (http_etag_matches(header, etag))
        check(http_etag_listed(header, etag));
    bool any = str_equal(str_trim(header), STR("*"));
    check(http_etag_listed(header, STR("never\"there")) == any);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t total = 0;
    if (size < sizeof(total))
        return 0;
    memcpy(&total, data, sizeof(total));
    struct str header = {.ptr = (const char *)data + sizeof(total), .len = size - sizeof(total)};
    check_range(header, total);
    check_range(header, total % 1000);
    check_tags(header);
    (void)http_encoding_gzip(header);
    return 0;
}
