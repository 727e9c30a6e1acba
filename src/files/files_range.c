// Reading Content-Range and x-goog-hash.
#include "files/files_range.h"

#include "base/hash.h"
#include "base/number.h"

bool files_range_parse(struct str header, struct files_range *ret_range)
{
    static const struct str unit = STR_INIT("bytes ");
    if (header.ptr == NULL || !str_equal_nocase(str_slice(header, 0, unit.len), unit))
        return false;
    struct str last = str_slice(header, unit.len, header.len);
    struct str first = str_split(&last, '-');
    if (last.ptr == NULL)
        return false;
    struct str total = last;
    last = str_split(&total, '/');
    return total.ptr != NULL &&
           number_parse_i64(total, 1, INT64_MAX, &ret_range->total) == ERR_OK &&
           number_parse_i64(last, 0, ret_range->total - 1, &ret_range->last) == ERR_OK &&
           number_parse_i64(first, 0, ret_range->last, &ret_range->first) == ERR_OK;
}

struct str files_hash_md5(struct str header)
{
    static const struct str name = STR_INIT("md5=");
    struct str rest = header;
    while (rest.ptr != NULL) {
        struct str sum = str_trim(str_split(&rest, ','));
        if (str_starts(sum, name) && sum.len == name.len + MD5_BASE64)
            return str_slice(sum, name.len, sum.len);
    }
    return STR_NULL;
}
