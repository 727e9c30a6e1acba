// Reads an Accept header.
#include "api/model_accept.h"

#include "base/number.h"

// How exactly a range names a type; the most exact one that fits decides.
enum fit { FIT_NONE, FIT_ANY, FIT_KIND, FIT_EXACT };

static enum fit fit_of(struct str range, struct str type)
{
    size_t slash = str_find(type, '/', 0);
    if (str_equal_nocase(range, type))
        return FIT_EXACT;
    if (range.len == slash + 2 && range.ptr[slash + 1] == '*' &&
        str_equal_nocase(str_slice(range, 0, slash + 1), str_slice(type, 0, slash + 1)))
        return FIT_KIND;
    return str_equal(range, STR("*/*")) ? FIT_ANY : FIT_NONE;
}

// The weight among a range's parameters: 1 where there is none, 0 where it is no number.
static double weight_of(struct str parameters)
{
    while (parameters.ptr != NULL) {
        struct str parameter = str_trim(str_split(&parameters, ';'));
        double weight = 0;
        if (!str_equal_nocase(str_slice(parameter, 0, 2), STR("q=")))
            continue;
        if (number_parse_f64(str_slice(parameter, 2, parameter.len), &weight) != ERR_OK)
            return 0;
        return weight < 0 || weight > 1 ? 0 : weight;
    }
    return 1;
}

static double liking_of(struct str accept, struct str type)
{
    enum fit best = FIT_NONE;
    double liking = 0;
    while (accept.ptr != NULL) {
        struct str parameters = str_split(&accept, ',');
        struct str range = str_trim(str_split(&parameters, ';'));
        enum fit fit = fit_of(range, type);
        if (fit > best) {
            best = fit;
            liking = weight_of(parameters);
        }
    }
    return liking;
}

size_t model_accept_choose(struct str accept, const struct str *types, size_t count)
{
    size_t chosen = count;
    double most = 0;
    if (str_trim(accept).len == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        double liking = liking_of(accept, types[i]);
        if (liking > most) {
            most = liking;
            chosen = i;
        }
    }
    return chosen;
}
