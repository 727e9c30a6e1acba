// The solar model of the simulator: size, yield and price of a system, without chance.
#ifndef SUNLEAD_SIM_FIGURES_H
#define SUNLEAD_SIM_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "sim/sim_hardware.h"

// What a system is wanted for.
struct sim_wish {
    double latitude;
    double annual_use_kwh;
    double target_offset_percent;
    bool max; // the largest system that utilities connect: 115 % of the target
};

// A system as it is going to be built.
struct sim_system {
    double latitude;
    double annual_use_kwh;
    struct str state; // of the address: some adders go by it
    const struct sim_panel *panel;
    int64_t panel_count;
    const struct sim_inverter *inverter;
    const struct sim_storage *storage; // NULL: none
    int64_t storage_quantity;
};

// sim_kwh_per_kw() is the yearly yield of one kW of panels at a latitude.
double sim_kwh_per_kw(double latitude);

// sim_panel_count() is how many panels the wish asks for: at least one, at most what the roof has
// room for.
int64_t sim_panel_count(const struct sim_wish *wish, const struct sim_panel *panel, int64_t room);

// sim_system_size_kw() is the power of all panels.
double sim_system_size_kw(const struct sim_system *system);

// sim_annual_kwh() is the yearly production, a whole number.
double sim_annual_kwh(const struct sim_system *system);

// sim_inverter_count() is how many inverters the system needs.
int64_t sim_inverter_count(const struct sim_system *system);

// sim_estimated_cost() is the price of panels, inverters and work, without storage, adders and
// fees.
double sim_estimated_cost(const struct sim_system *system);

// sim_annual_savings() is what a year's production saves at the utility's rates, in whole dollars.
double sim_annual_savings(const struct sim_system *system);

// sim_adder_applies() tells whether an adder comes with the system by itself.
bool sim_adder_applies(const struct sim_adder *adder, const struct sim_system *system);

// sim_adder_price() is what the adder costs on this system.
double sim_adder_price(const struct sim_adder *adder, const struct sim_system *system);

#define SIM_PRICE_ITEMS_MAX 16

struct sim_price_item {
    struct str name;
    double price;
};

struct sim_price {
    struct sim_price_item items[SIM_PRICE_ITEMS_MAX];
    size_t item_count;
    double base_price_per_watt;
    double total_price_per_watt;
    double total_price_per_watt_financed;
    double default_base_price;
    double minimum_base_price;
    double total_amount;
    double total_amount_without_dealer_fee;
    double total_fee;
};

// sim_price_of() breaks the price of the system down into items and totals, rounded to cents.
void sim_price_of(const struct sim_system *system, struct sim_price *ret_price);

#endif
