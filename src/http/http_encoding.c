// Reading Accept-Encoding (RFC 9110, sections 12.4.2 and 12.5.3).
#include "http/http_encoding.h"

#include "http/http_server.h"

#define WEIGHT_MAX  1000 // of "1.000"
#define WEIGHT_NONE (-1) // not said, or not a weight

// "0", "0.5", "1.000": at most three digits behind the point, in thousandths.
static int parse_weight(struct str s)
{
    if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1') ||
        (s.len > 1 && s.ptr[1] != '.'))
        return WEIGHT_NONE;
    int weight = (s.ptr[0] - '0') * WEIGHT_MAX;
    int unit = WEIGHT_MAX / 10;
    for (size_t i = 2; i < s.len; i++, unit /= 10) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return WEIGHT_NONE;
        weight += (s.ptr[i] - '0') * unit;
    }
    return weight <= WEIGHT_MAX ? weight : WEIGHT_NONE;
}

// The weight of "gzip;q=0.5", whose coding is cut off.
static int take_weight(struct str *element)
{
    size_t mark = str_find(*element, ';', 0);
    struct str parameter = str_trim(str_slice(*element, mark + 1, element->len));
    *element = str_trim(str_slice(*element, 0, mark));
    if (parameter.len == 0)
        return WEIGHT_MAX;
    bool is_weight = str_equal_nocase(str_slice(parameter, 0, 2), STR("q="));
    return is_weight ? parse_weight(str_slice(parameter, 2, parameter.len)) : WEIGHT_NONE;
}

bool http_encoding_gzip(struct str header)
{
    int gzip = WEIGHT_NONE;
    int any = WEIGHT_NONE;
    int identity = WEIGHT_NONE;
    while (header.len > 0) {
        struct str coding = str_split(&header, ',');
        int weight = take_weight(&coding);
        if (str_equal_nocase(coding, STR("gzip")) || str_equal_nocase(coding, STR("x-gzip")))
            gzip = weight;
        else if (str_equal_nocase(coding, STR("identity")))
            identity = weight;
        else if (str_equal(coding, STR("*")))
            any = weight;
    }
    if (gzip == WEIGHT_NONE)
        gzip = any;
    return gzip > 0 && gzip >= identity;
}

bool http_accepts_gzip(struct http_request *request)
{
    return http_encoding_gzip(http_header(request, "Accept-Encoding"));
}
