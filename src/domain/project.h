// The request for a 3D project: what a client asks for and what LightFusion needs to know.
#ifndef SUNLEAD_DOMAIN_PROJECT_H
#define SUNLEAD_DOMAIN_PROJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/field.h"
#include "base/number.h"
#include "base/str.h"
#include "domain/lead.h"

#define PROJECT_MONTHS 12

struct project_address {
    struct str street;
    struct str city;
    struct str state;
    struct str postal_code; // "Postalcode" in the specification
    struct str country;
};

struct project_homeowner {
    struct str email;
    struct str first_name;
    struct str last_name;
    struct str phone;
};

struct project_hardware {
    struct opt_i64 panel_id;
    struct opt_i64 inverter_id;
    struct opt_i64 storage_id;
    struct opt_i64 storage_quantity;
};

enum project_period { PROJECT_PERIOD_NONE, PROJECT_MONTH, PROJECT_YEAR };

// The terms of an order. After project_complete() nothing that LightFusion needs is missing.
struct project_request {
    struct opt_f64 latitude;
    struct opt_f64 longitude;
    struct project_address address;
    struct project_homeowner homeowner;
    struct project_hardware hardware;
    double consumption[PROJECT_MONTHS]; // kWh (or currency, see unit) a month
    bool has_consumption;
    struct opt_i64 lse_id; // load serving entity: the utility
    enum project_period period;
    struct opt_i64 target_solar_offset; // percent
    struct str mode;
    struct str unit;
};

// Its members as they are stored with an order (all of them, addresses as objects).
extern const struct field_table project_request_table;
extern const struct field_table project_address_table;
extern const struct field_table project_homeowner_table;
extern const struct field_table project_hardware_table;

// What settings say where a request is silent.
struct project_defaults {
    struct project_homeowner homeowner;
    struct project_hardware hardware;
    int64_t lse_id;
    double kwh_usage; // a year
    struct str country;
};

// project_complete() fills what a request leaves out: place, address, panel, inverter and utility
// from the lead, consumption from the lead's kwh_usage (else the default) spread over 12 months in
// whole numbers with the remainder on the first months, the rest from the defaults. lead may be
// NULL where the request has a place of its own.
void project_complete(struct project_request *request, const struct lead *lead,
                      const struct project_defaults *defaults);

// project_address_parse() turns one line into an address: the whole of it is the street, unless it
// ends in
// ", City, ST 12345" (or 12345-6789), which is split off.
void project_address_parse(struct str line, struct str country,
                           struct project_address *ret_address);

// project_address_join() writes an address in one line ("street, city, state postal code,
// country"), empty parts left out; null if all are empty.
struct str project_address_join(const struct project_address *address, struct arena *arena);

// project_check_place() is ERR_INVALID, with /latitude or /longitude, where a completed request has
// no place on Earth: a lead that another system stored may have none.
MUST_CHECK enum err project_check_place(const struct project_request *request, struct error *err);

// project_spread_usage() spreads a year's use over 12 months as project_complete() does.
void project_spread_usage(double kwh_year, double ret_months[PROJECT_MONTHS]);

// What LightFusion says of a project in figures; each may be missing.
struct project_figures {
    struct opt_f64 system_size;       // kW
    struct opt_i64 panel_count;       //
    struct opt_f64 annual_production; // kWh
    struct opt_f64 estimated_cost;    // USD
    struct opt_f64 annual_savings;    // USD
};

// What LightFusion tells of a project beside its state; JSON texts as they came, null where
// unknown.
struct project_details {
    struct str panel;
    struct str inverter;
    struct str storage;
    struct str adders;
    struct str price_breakdown;
    struct str lead_completion;
};

extern const struct field_table project_details_table;

#define PROJECT_DETAILS_MAX 262144 // bytes of JSON

#endif
