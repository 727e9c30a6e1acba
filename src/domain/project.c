// The fields of a project request and what is filled in where it is silent.
#include "domain/project.h"

#include <math.h>

#include "base/buf.h"

#define ID_BOUNDS     .min = 1, .max = LIGHTFUSION_ID_MAX
#define PART_MAX      200
#define WORD_MAX      20
#define MONTH_KWH_MAX 1e8

static const char *const period_names[] = {NULL, "month", "year", FIELD_NAMES_END};

static const struct field address_fields[] = {
    // A lead's address goes whole into the street where it cannot be split.
    {FIELD_AS_STR(struct project_address, street, LEAD_ADDRESS_MAX)},
    {FIELD_AS_STR(struct project_address, city, PART_MAX)},
    {FIELD_AS_STR(struct project_address, state, PART_MAX)},
    {FIELD_AS_STR(struct project_address, postal_code, PART_MAX),
     .alias = {"Postalcode", "postalCode"}},
    {FIELD_AS_STR(struct project_address, country, PART_MAX)},
};
const struct field_table project_address_table =
    FIELD_TABLE("address", address_fields, struct project_address);

static const struct field homeowner_fields[] = {
    {FIELD_AS_STR(struct project_homeowner, email, PART_MAX)},
    {FIELD_AS_STR(struct project_homeowner, first_name, PART_MAX)},
    {FIELD_AS_STR(struct project_homeowner, last_name, PART_MAX)},
    {FIELD_AS_STR(struct project_homeowner, phone, PART_MAX)},
};
const struct field_table project_homeowner_table =
    FIELD_TABLE("homeowner", homeowner_fields, struct project_homeowner);

static const struct field hardware_fields[] = {
    {FIELD_AS_OPT_I64(struct project_hardware, panel_id), ID_BOUNDS},
    {FIELD_AS_OPT_I64(struct project_hardware, inverter_id), ID_BOUNDS},
    {FIELD_AS_OPT_I64(struct project_hardware, storage_id), ID_BOUNDS},
    {FIELD_AS_OPT_I64(struct project_hardware, storage_quantity), .min = 0, .max = 1000},
};
const struct field_table project_hardware_table =
    FIELD_TABLE("hardware", hardware_fields, struct project_hardware);

static const struct field request_fields[] = {
    {FIELD_AS_OPT_F64(struct project_request, latitude), .min = -90, .max = 90},
    {FIELD_AS_OPT_F64(struct project_request, longitude), .min = -180, .max = 180},
    {FIELD_AS_OBJECT(struct project_request, address, &project_address_table)},
    {FIELD_AS_OBJECT(struct project_request, homeowner, &project_homeowner_table)},
    {FIELD_AS_OBJECT(struct project_request, hardware, &project_hardware_table)},
    {FIELD_AS_F64_LIST(struct project_request, consumption, PROJECT_MONTHS),
     .flags = FIELD_NOT_NULL, .max = MONTH_KWH_MAX},
    {FIELD_AS_OPT_I64(struct project_request, lse_id), ID_BOUNDS},
    {FIELD_AS_ENUM(struct project_request, period, enum project_period, period_names)},
    {FIELD_AS_OPT_I64(struct project_request, target_solar_offset), .min = 1, .max = 1000},
    {FIELD_AS_STR(struct project_request, mode, WORD_MAX)},
    {FIELD_AS_STR(struct project_request, unit, WORD_MAX)},
};
const struct field_table project_request_table =
    FIELD_TABLE("project request", request_fields, struct project_request);

static const struct field details_fields[] = {
    {FIELD_AS_RAW(struct project_details, panel, PROJECT_DETAILS_MAX)},
    {FIELD_AS_RAW(struct project_details, inverter, PROJECT_DETAILS_MAX)},
    {FIELD_AS_RAW(struct project_details, storage, PROJECT_DETAILS_MAX)},
    {FIELD_AS_RAW(struct project_details, adders, PROJECT_DETAILS_MAX)},
    {FIELD_AS_RAW(struct project_details, price_breakdown, PROJECT_DETAILS_MAX)},
    {FIELD_AS_RAW(struct project_details, lead_completion, PROJECT_DETAILS_MAX)},
};
const struct field_table project_details_table =
    FIELD_TABLE("project details", details_fields, struct project_details);

void project_spread_usage(double kwh_year, double ret_months[PROJECT_MONTHS])
{
    double whole = floor(fmax(kwh_year, 0));
    double each = floor(whole / PROJECT_MONTHS);
    double rest = whole - each * PROJECT_MONTHS;
    for (int month = 0; month < PROJECT_MONTHS; month++)
        ret_months[month] = each + (month < rest ? 1 : 0);
}

static void default_str(struct str *value, struct str fallback)
{
    if (value->ptr == NULL)
        *value = fallback.ptr == NULL ? STR("") : fallback;
}

static void default_i64(struct opt_i64 *value, struct opt_i64 fallback)
{
    if (!value->set)
        *value = fallback;
}

static bool address_is_empty(const struct project_address *address)
{
    return address->street.len == 0 && address->city.len == 0 && address->state.len == 0 &&
           address->postal_code.len == 0;
}

static void complete_address(struct project_request *request, const struct lead *lead,
                             struct str country)
{
    struct project_address *address = &request->address;
    if (address_is_empty(address) && lead != NULL && lead->address.len > 0)
        project_address_parse(lead->address, address->country.len > 0 ? address->country : country,
                              address);
    default_str(&address->street, STR_NULL);
    default_str(&address->city, STR_NULL);
    default_str(&address->state, STR_NULL);
    default_str(&address->postal_code, STR_NULL);
    default_str(&address->country, country);
}

static void check_degrees(struct str pointer, struct opt_f64 degrees, double max, struct error *err)
{
    if (!degrees.set || isnan(degrees.value))
        (void)error_place(err, pointer, "is not known of the lead: it has to be given");
    else if (!(fabs(degrees.value) <= max))
        (void)error_place(err, pointer, "must be from %g to %g", -max, max);
}

enum err project_check_place(const struct project_request *request, struct error *err)
{
    check_degrees(STR("/latitude"), request->latitude, 90, err);
    check_degrees(STR("/longitude"), request->longitude, 180, err);
    return err->code;
}

void project_complete(struct project_request *request, const struct lead *lead,
                      const struct project_defaults *defaults)
{
    if (lead != NULL && !request->latitude.set)
        request->latitude = OPT_F64(lead->latitude);
    if (lead != NULL && !request->longitude.set)
        request->longitude = OPT_F64(lead->longitude);
    complete_address(request, lead, defaults->country);

    struct project_homeowner *homeowner = &request->homeowner;
    default_str(&homeowner->email, defaults->homeowner.email);
    default_str(&homeowner->first_name, defaults->homeowner.first_name);
    default_str(&homeowner->last_name, defaults->homeowner.last_name);
    default_str(&homeowner->phone, defaults->homeowner.phone);

    struct project_hardware *hardware = &request->hardware;
    if (lead != NULL) {
        default_i64(&hardware->panel_id, lead->panel_id);
        default_i64(&hardware->inverter_id, lead->inverter_id);
        default_i64(&request->lse_id, lead->utility_id);
    }
    default_i64(&hardware->panel_id, defaults->hardware.panel_id);
    default_i64(&hardware->inverter_id, defaults->hardware.inverter_id);
    default_i64(&hardware->storage_id, defaults->hardware.storage_id);
    default_i64(&hardware->storage_quantity, defaults->hardware.storage_quantity);

    if (!request->has_consumption) {
        bool known = lead != NULL && lead->kwh_usage.set && lead->kwh_usage.value > 0;
        project_spread_usage(known ? lead->kwh_usage.value : defaults->kwh_usage,
                             request->consumption);
        request->has_consumption = true;
    }
    default_i64(&request->lse_id, OPT_I64(defaults->lse_id));
    if (request->period == PROJECT_PERIOD_NONE)
        request->period = PROJECT_MONTH;
    default_i64(&request->target_solar_offset, OPT_I64(100));
    default_str(&request->mode, STR("max"));
    default_str(&request->unit, STR("kwh"));
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Tells whether s is "12345" or "12345-6789".
static bool is_zip(struct str s)
{
    if (s.len != 5 && s.len != 10)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (i == 5 ? s.ptr[i] != '-' : !is_digit(s.ptr[i]))
            return false;
    }
    return true;
}

// The position of the last comma before end, or end if there is none.
static size_t last_comma(struct str s, size_t end)
{
    for (size_t i = end; i > 0; i--) {
        if (s.ptr[i - 1] == ',')
            return i - 1;
    }
    return end;
}

void project_address_parse(struct str line, struct str country, struct project_address *ret_address)
{
    *ret_address = (struct project_address){.street = str_trim(line), .country = country};
    size_t state_comma = last_comma(line, line.len);
    size_t city_comma = last_comma(line, state_comma);
    if (state_comma == line.len || city_comma == state_comma)
        return;
    struct str city = str_trim(str_slice(line, city_comma + 1, state_comma));
    struct str tail = str_trim(str_slice(line, state_comma + 1, line.len));
    if (city.len == 0 || city.len > PART_MAX || tail.len < 8 || !is_upper(tail.ptr[0]) ||
        !is_upper(tail.ptr[1]) || tail.ptr[2] != ' ')
        return;
    struct str zip = str_trim(str_slice(tail, 3, tail.len));
    if (!is_zip(zip))
        return;
    ret_address->street = str_trim(str_slice(line, 0, city_comma));
    ret_address->city = city;
    ret_address->state = str_slice(tail, 0, 2);
    ret_address->postal_code = zip;
}

struct str project_address_join(const struct project_address *address, struct arena *arena)
{
    struct buf line;
    buf_init_arena(&line, arena, 8 * PART_MAX);
    const struct {
        const char *before;
        struct str part;
    } parts[] = {{", ", address->street},
                 {", ", address->city},
                 {", ", address->state},
                 {address->state.len > 0 ? " " : ", ", address->postal_code},
                 {", ", address->country}};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i].part.len == 0)
            continue;
        if (line.len > 0)
            buf_append_str(&line, str_of(parts[i].before));
        buf_append_str(&line, parts[i].part);
    }
    if (line.len == 0)
        return STR_NULL;
    // Five long parts may pass the lead's bound by a little: what is stored is cut at a whole
    // character.
    return str_cut(buf_str(&line), LEAD_ADDRESS_MAX);
}
