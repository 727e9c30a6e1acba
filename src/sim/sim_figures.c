// The arithmetic of yield, size and price.
#include "sim/sim_figures.h"

#include <math.h>

// Dollars a watt for work, mounting and the company itself.
#define BASE_PRICE         1.85
#define MINIMUM_BASE_PRICE 1.6
// What a financing partner keeps, as a part of the price.
#define DEALER_FEE 0.18
// Dollars a kWh: bought from the utility, and sold to it.
#define RETAIL_RATE 0.18
#define EXPORT_RATE 0.0847
// Utilities connect systems somewhat larger than the use.
#define MAX_MODE_FACTOR 1.15
// Inverters take more panel power than they give out.
#define INVERTER_LOAD 1.3

// kWh a year of one kW on a typical roof, by distance from the equator.
static const struct {
    double latitude;
    double kwh_per_kw;
} yields[] = {
    {0, 1450},  {15, 1560}, {25, 1630}, {32, 1560}, {37.7749, 1428.6}, {42, 1280},
    {48, 1120}, {54, 960},  {60, 850},  {70, 700},  {90, 450},
};

double sim_kwh_per_kw(double latitude)
{
    double at = fabs(latitude);
    for (size_t i = 1; i < COUNT_OF(yields); i++) {
        if (at > yields[i].latitude)
            continue;
        double part = (at - yields[i - 1].latitude) / (yields[i].latitude - yields[i - 1].latitude);
        return yields[i - 1].kwh_per_kw + part * (yields[i].kwh_per_kw - yields[i - 1].kwh_per_kw);
    }
    return yields[COUNT_OF(yields) - 1].kwh_per_kw;
}

int64_t sim_panel_count(const struct sim_wish *wish, const struct sim_panel *panel, int64_t room)
{
    double want_kwh = wish->annual_use_kwh * wish->target_offset_percent / 100;
    if (wish->max)
        want_kwh *= MAX_MODE_FACTOR;
    double panel_kwh = panel->power_w / 1000 * sim_kwh_per_kw(wish->latitude);
    double want = ceil(want_kwh / panel_kwh - 1e-9);
    if (want > (double)room)
        return room;
    return want < 1 ? 1 : (int64_t)want;
}

static double watts(const struct sim_system *system)
{
    return (double)system->panel_count * system->panel->power_w;
}

static double cents(double amount)
{
    return round(amount * 100) / 100;
}

double sim_system_size_kw(const struct sim_system *system)
{
    return watts(system) / 1000;
}

double sim_annual_kwh(const struct sim_system *system)
{
    return round(sim_system_size_kw(system) * sim_kwh_per_kw(system->latitude));
}

int64_t sim_inverter_count(const struct sim_system *system)
{
    if (system->inverter->cost_type == SIM_COST_PER_PANEL)
        return system->panel_count;
    double takes_kw = system->inverter->capacity_kw * INVERTER_LOAD;
    return (int64_t)ceil(sim_system_size_kw(system) / takes_kw);
}

static double inverter_price(const struct sim_system *system)
{
    return (double)sim_inverter_count(system) * system->inverter->cost;
}

double sim_estimated_cost(const struct sim_system *system)
{
    double per_watt = BASE_PRICE + system->panel->price_per_watt;
    return cents(watts(system) * per_watt + inverter_price(system));
}

double sim_annual_savings(const struct sim_system *system)
{
    double made = sim_annual_kwh(system);
    double used = fmin(made, system->annual_use_kwh);
    return round(used * RETAIL_RATE + (made - used) * EXPORT_RATE);
}

bool sim_adder_applies(const struct sim_adder *adder, const struct sim_system *system)
{
    double size = sim_system_size_kw(system);
    if (!adder->active || !adder->is_automatic)
        return false;
    if (adder->state.ptr != NULL && !str_equal_nocase(adder->state, system->state))
        return false;
    if (adder->min_system_size.set && size < adder->min_system_size.value)
        return false;
    return !adder->max_system_size.set || size <= adder->max_system_size.value;
}

double sim_adder_price(const struct sim_adder *adder, const struct sim_system *system)
{
    switch (adder->cost_type) {
    case SIM_COST_FLAT:
        return adder->cost;
    case SIM_COST_PER_WATT:
        return cents(adder->cost * watts(system));
    case SIM_COST_PER_PANEL:
        return cents(adder->cost * (double)system->panel_count);
    }
    return 0;
}

static void add_item(struct sim_price *price, struct str name, double amount)
{
    check(price->item_count < SIM_PRICE_ITEMS_MAX);
    price->items[price->item_count++] = (struct sim_price_item){name, cents(amount)};
    price->total_amount_without_dealer_fee += cents(amount);
}

void sim_price_of(const struct sim_system *system, struct sim_price *ret_price)
{
    double power = watts(system);
    *ret_price = (struct sim_price){
        .base_price_per_watt = BASE_PRICE,
        .default_base_price = BASE_PRICE,
        .minimum_base_price = MINIMUM_BASE_PRICE,
    };
    add_item(ret_price, STR("Solar system"), BASE_PRICE * power);
    add_item(ret_price, STR("Panels"), system->panel->price_per_watt * power);
    add_item(ret_price, STR("Inverter"), inverter_price(system));
    if (system->storage != NULL)
        add_item(ret_price, STR("Storage"),
                 system->storage->cost * (double)system->storage_quantity);
    const struct sim_adder *adder;
    for (size_t i = 0; (adder = sim_adder_at(i)) != NULL; i++) {
        if (sim_adder_applies(adder, system))
            add_item(ret_price, adder->name, sim_adder_price(adder, system));
    }
    double net = cents(ret_price->total_amount_without_dealer_fee);
    ret_price->total_amount_without_dealer_fee = net;
    ret_price->total_fee = cents(net / (1 - DEALER_FEE) - net);
    ret_price->total_amount = cents(net + ret_price->total_fee);
    ret_price->total_price_per_watt = cents(net / power);
    ret_price->total_price_per_watt_financed = cents(ret_price->total_amount / power);
}
