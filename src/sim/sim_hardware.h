// The hardware that the simulator sells.
#ifndef SUNLEAD_SIM_HARDWARE_H
#define SUNLEAD_SIM_HARDWARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/field.h"
#include "base/str.h"

// The one company that all sessions belong to, and its one user.
#define SIM_COMPANY_ID 42
#define SIM_USER_ID    7

struct sim_panel {
    int64_t id;
    struct str manufacturer;
    struct str model;
    struct str display_name;
    bool active;
    bool is_default;
    double power_w;
    double price_per_watt;
    bool is_domestic;
    double width_m;
    double height_m;
};

enum sim_cost_type {
    SIM_COST_FLAT = 1,
    SIM_COST_PER_WATT,
    SIM_COST_PER_PANEL,
};

struct sim_inverter {
    int64_t id;
    struct str name;
    struct str manufacturer;
    struct str category;
    enum sim_cost_type cost_type;
    double cost;
    double capacity_kw; // SIM_COST_PER_PANEL: one for each panel
    int64_t quantity;   // of a project
    bool is_active;
};

struct sim_storage {
    int64_t id;
    struct str manufacturer;
    struct str model;
    struct str display_name;
    double capacity_kwh;
    double cost;
    int64_t quantity; // of a project
    bool active;
};

struct sim_adder {
    int64_t id;
    int64_t company_id;
    struct str name;
    double cost;
    enum sim_cost_type cost_type;
    struct str states; // JSON array of state codes; empty: all
    struct str state;  // the only state where it applies by itself; null: everywhere
    bool active;
    int64_t category_id;
    bool is_automatic;
    struct opt_f64 min_system_size; // kW
    struct opt_f64 max_system_size;
    int64_t quantity; // of a project
    struct opt_f64 custom_price;
};

// How each struct stands in answers: members in PascalCase.
extern const struct field_table sim_panel_table;
extern const struct field_table sim_inverter_table;
extern const struct field_table sim_storage_table;
extern const struct field_table sim_adder_table;

// sim_panel_find(), sim_inverter_find(), sim_storage_find() give the hardware with an id, which
// lives for ever; NULL if there is none.
const struct sim_panel *sim_panel_find(int64_t id);
const struct sim_inverter *sim_inverter_find(int64_t id);
const struct sim_storage *sim_storage_find(int64_t id);

// sim_adder_at() is the adder at a place in the list, which lives for ever; NULL behind the last
// one.
const struct sim_adder *sim_adder_at(size_t index);

#endif
