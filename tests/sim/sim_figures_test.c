// Tests of the simulator's solar model.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "sim/sim_figures.h"

static struct sim_system system_at(double latitude, int64_t panel_id, int64_t panel_count)
{
    return (struct sim_system){
        .latitude = latitude,
        .annual_use_kwh = 12900,
        .state = STR("CA"),
        .panel = sim_panel_find(panel_id),
        .panel_count = panel_count,
        .inverter = sim_inverter_find(1),
    };
}

static void assert_close(double value, double want, double within)
{
    if (fabs(value - want) > within)
        fail_msg("%g is not %g", value, want);
}

static void test_production(void **state)
{
    (void)state;
    static const struct {
        double latitude;
        int64_t panel_id, panel_count;
        double size_kw, annual_kwh;
    } table[] = {
        {37.7749, 1, 30, 10.5, 15000}, // San Francisco
        {33.45, 1, 30, 10.5, 16000},   // Phoenix
        {-33.87, 1, 30, 10.5, 16000},  // Sydney
        {47.6, 4, 20, 8, 9050},        // Seattle
        {52.5, 2, 10, 3.7, 3710},      // Berlin
        {64.15, 1, 10, 3.5, 2760},     // Reykjavik
        {1.35, 3, 10, 3.85, 5600},     // Singapore
        {90, 1, 1, 0.35, 157},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct sim_system system =
            system_at(table[i].latitude, table[i].panel_id, table[i].panel_count);
        assert_close(sim_system_size_kw(&system), table[i].size_kw, 1e-9);
        double made = sim_annual_kwh(&system);
        if (fabs(made - table[i].annual_kwh) > 0.05 * table[i].annual_kwh)
            fail_msg("latitude %g: %g kWh", table[i].latitude, made);
    }
}

static void test_yield_is_smooth(void **state)
{
    (void)state;
    for (double latitude = -90; latitude < 90; latitude += 0.01) {
        double here = sim_kwh_per_kw(latitude);
        assert_true(here >= 400 && here <= 1700);
        assert_true(fabs(here - sim_kwh_per_kw(latitude + 0.01)) < 1);
    }
}

static void test_panel_count(void **state)
{
    (void)state;
    static const struct {
        double use_kwh, offset;
        bool max;
        int64_t panel_id, room, want;
    } table[] = {
        {12900, 100, true, 1, 100, 30}, // the example of the specification
        {12900, 100, false, 1, 100, 26}, {12900, 50, false, 1, 100, 13},
        {12900, 200, false, 1, 100, 52}, {12900, 100, false, 4, 100, 23},
        {12900, 100, true, 1, 25, 25},   {6000, 100, false, 1, 100, 12},
        {0, 100, true, 1, 100, 1},       {12900, 0, false, 1, 100, 1},
        {1e9, 1000, true, 1, 100, 100},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct sim_wish wish = {37.7749, table[i].use_kwh, table[i].offset, table[i].max};
        assert_int_equal(sim_panel_count(&wish, sim_panel_find(table[i].panel_id), table[i].room),
                         table[i].want);
    }
}

static void test_money(void **state)
{
    (void)state;
    struct sim_system system = system_at(37.7749, 1, 30);
    assert_close(sim_estimated_cost(&system), 25000, 0.001);
    assert_close(sim_annual_savings(&system), 2500, 0.001);
    system.annual_use_kwh = 1000; // most of it is sold
    assert_true(sim_annual_savings(&system) < 2000);
}

static void test_price_adds_up(void **state)
{
    (void)state;
    for (int64_t panels = 1; panels < 100; panels += 7) {
        struct sim_system system = system_at(37.7749, 2, panels);
        system.storage = sim_storage_find(1);
        system.storage_quantity = 2;
        struct sim_price price;
        sim_price_of(&system, &price);
        double sum = 0;
        for (size_t i = 0; i < price.item_count; i++) {
            assert_true(price.items[i].price > 0 && price.items[i].name.len > 0);
            sum += price.items[i].price;
        }
        assert_close(sum, price.total_amount_without_dealer_fee, 0.005);
        assert_close(price.total_amount_without_dealer_fee + price.total_fee, price.total_amount,
                     0.005);
        double watts = sim_system_size_kw(&system) * 1000;
        assert_close(price.total_price_per_watt * watts, price.total_amount_without_dealer_fee,
                     0.005 * watts + 0.01);
        assert_true(price.total_price_per_watt_financed > price.total_price_per_watt);
    }
}

static void test_inverters(void **state)
{
    (void)state;
    struct sim_system system = system_at(37.7749, 1, 30);
    assert_int_equal(sim_inverter_count(&system), 1);
    system.panel_count = 60;
    assert_int_equal(sim_inverter_count(&system), 2);
    system.inverter = sim_inverter_find(3); // one at each panel
    assert_int_equal(sim_inverter_count(&system), 60);
}

static void test_adders(void **state)
{
    (void)state;
    static const struct {
        int64_t panel_count;
        const char *state;
        const char *want; // ids of those that come by themselves
    } table[] = {
        {30, "CA", "12"}, {30, "ca", "12"}, {30, "NV", "1"},  {30, "", "1"},
        {5, "CA", "123"}, {5, "NV", "13"},  {40, "NV", "14"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct sim_system system = system_at(37.7749, 1, table[i].panel_count);
        system.state = str_of(table[i].state);
        char ids[16] = "";
        size_t len = 0;
        const struct sim_adder *adder;
        for (size_t j = 0; (adder = sim_adder_at(j)) != NULL; j++) {
            if (sim_adder_applies(adder, &system))
                ids[len++] = (char)('0' + adder->id);
        }
        assert_string_equal(ids, table[i].want);
    }
}

static void test_unknown_hardware(void **state)
{
    (void)state;
    static const int64_t ids[] = {0, -1, 99, INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        assert_null(sim_panel_find(ids[i]));
        assert_null(sim_inverter_find(ids[i]));
        assert_null(sim_storage_find(ids[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_production),    cmocka_unit_test(test_yield_is_smooth),
        cmocka_unit_test(test_panel_count),   cmocka_unit_test(test_money),
        cmocka_unit_test(test_price_adds_up), cmocka_unit_test(test_inverters),
        cmocka_unit_test(test_adders),        cmocka_unit_test(test_unknown_hardware),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
