// Encoding of answers, exactly as LightFusion writes them.
#include "sim/sim_answer.h"

#include "base/field.h"
#include "json/json_write.h"

#define SOURCE_EARTH 2
#define ADDRESS_LINE 2304
// Ids that no project gets: of what only looks like one.
#define OTHER_IDS INT64_C(1000000000)
// About a metre.
#define BESIDE_DEGREES 0.00001

// The members that stand beside each other in the answer to a create.
struct created {
    int64_t id;
    int64_t lead_id;
    struct str status;
    double annual_production;
    double system_size;
    double estimated_cost;
    double annual_savings;
};

static const struct field created_fields[] = {
    {FIELD_AS_I64(struct created, id)},
    {FIELD_AS_I64(struct created, lead_id)},
    {FIELD_AS_STR(struct created, status, 0)},
    {FIELD_AS_F64(struct created, annual_production)},
    {FIELD_AS_F64(struct created, system_size)},
    {FIELD_AS_F64(struct created, estimated_cost)},
    {FIELD_AS_F64(struct created, annual_savings)},
};
static const struct field_table created_table =
    FIELD_TABLE("created", created_fields, struct created);

static const struct field price_item_fields[] = {
    {FIELD_AS_STR(struct sim_price_item, name, 0)},
    {FIELD_AS_F64(struct sim_price_item, price)},
};
static const struct field_table price_item_table =
    FIELD_TABLE("item", price_item_fields, struct sim_price_item);

static const struct field price_fields[] = {
    {FIELD_AS_F64(struct sim_price, base_price_per_watt)},
    {FIELD_AS_F64(struct sim_price, total_price_per_watt)},
    {FIELD_AS_F64(struct sim_price, total_price_per_watt_financed)},
    {FIELD_AS_F64(struct sim_price, default_base_price)},
    {FIELD_AS_F64(struct sim_price, minimum_base_price)},
    {FIELD_AS_F64(struct sim_price, total_amount)},
    {FIELD_AS_F64(struct sim_price, total_amount_without_dealer_fee)},
    {FIELD_AS_F64(struct sim_price, total_fee)},
};
static const struct field_table price_table = FIELD_TABLE("price", price_fields, struct sim_price);

struct build {
    int64_t id;
    int64_t state;
    int64_t progress;
};

static const struct field build_fields[] = {
    {FIELD_AS_I64(struct build, id)},
    {FIELD_AS_I64(struct build, state)},
    {FIELD_AS_I64(struct build, progress)},
};
static const struct field_table build_table = FIELD_TABLE("build", build_fields, struct build);

struct house {
    int64_t id;
    double kwh_usage;
    int64_t panel_count;
    double system_size;
    int64_t inverter_count;
    int64_t battery_count;
    struct sim_panel panel;
    struct sim_inverter inverter;
};

static const struct field house_fields[] = {
    {FIELD_AS_I64(struct house, id)},
    {FIELD_AS_F64(struct house, kwh_usage)},
    {FIELD_AS_I64(struct house, panel_count)},
    {FIELD_AS_F64(struct house, system_size)},
    {FIELD_AS_I64(struct house, inverter_count)},
    {FIELD_AS_I64(struct house, battery_count)},
    {FIELD_AS_OBJECT(struct house, panel, &sim_panel_table)},
    {FIELD_AS_OBJECT(struct house, inverter, &sim_inverter_table)},
};
static const struct field_table house_table = FIELD_TABLE("house", house_fields, struct house);

struct production {
    int64_t id;
    double annual;
    double kwh_per_kw;
};

static const struct field production_fields[] = {
    {FIELD_AS_I64(struct production, id)},
    {FIELD_AS_F64(struct production, annual)},
    {FIELD_AS_F64(struct production, kwh_per_kw)},
};
static const struct field_table production_table =
    FIELD_TABLE("production", production_fields, struct production);

static const struct field address_fields[] = {
    {FIELD_AS_STR(struct sim_address, street, 0)},
    {FIELD_AS_STR(struct sim_address, city, 0)},
    {FIELD_AS_STR(struct sim_address, state, 0)},
    {.name = "postalcode",
     .type = FIELD_STR,
     .offset = FIELD_OFFSET(struct sim_address, postal_code, struct str)},
    {FIELD_AS_STR(struct sim_address, country, 0)},
};
static const struct field_table address_table =
    FIELD_TABLE("address", address_fields, struct sim_address);

struct company {
    int64_t id;
    struct str name;
};

static const struct field company_fields[] = {
    {FIELD_AS_I64(struct company, id)},
    {FIELD_AS_STR(struct company, name, 0)},
};
static const struct field_table company_table =
    FIELD_TABLE("company", company_fields, struct company);

static const struct company the_company = {SIM_COMPANY_ID, STR_INIT("Bright Roofs Inc.")};

struct complete {
    int64_t id;
    int64_t state;
    int64_t house_id;
    int64_t lead_id;
    double latitude;
    double longitude;
    struct build build;
    struct house house;
    struct production production;
    struct sim_address address;
    struct str current_provider;
    struct str future_provider;
    struct str financing_provider;
    struct company company;
};

static const struct field complete_fields[] = {
    {FIELD_AS_I64(struct complete, id)},
    {FIELD_AS_I64(struct complete, state)},
    {FIELD_AS_I64(struct complete, house_id)},
    {FIELD_AS_I64(struct complete, lead_id)},
    {FIELD_AS_F64(struct complete, latitude)},
    {FIELD_AS_F64(struct complete, longitude)},
    {FIELD_AS_OBJECT(struct complete, build, &build_table)},
    {FIELD_AS_OBJECT(struct complete, house, &house_table)},
    {FIELD_AS_OBJECT(struct complete, production, &production_table)},
    {FIELD_AS_OBJECT(struct complete, address, &address_table)},
    {FIELD_AS_STR(struct complete, current_provider, 0)},
    {FIELD_AS_STR(struct complete, future_provider, 0)},
    {FIELD_AS_STR(struct complete, financing_provider, 0)},
    {FIELD_AS_OBJECT(struct complete, company, &company_table)},
};
static const struct field_table complete_table =
    FIELD_TABLE("lead", complete_fields, struct complete);

struct lead_entry {
    int64_t id;
    struct opt_i64 created_at;
    struct opt_i64 updated_at;
    int64_t state;
    int64_t company_id;
    int64_t creator_id;
    double latitude;
    double longitude;
    struct str address;
    int64_t source;
    double kwh_usage;
    double system_size;
    int64_t panel_count;
    double annual_production;
};

static const struct field lead_entry_fields[] = {
    {FIELD_AS_I64(struct lead_entry, id)},
    {FIELD_AS_TIME(struct lead_entry, created_at)},
    {FIELD_AS_TIME(struct lead_entry, updated_at)},
    {FIELD_AS_I64(struct lead_entry, state)},
    {FIELD_AS_I64(struct lead_entry, company_id)},
    {FIELD_AS_I64(struct lead_entry, creator_id)},
    {FIELD_AS_F64(struct lead_entry, latitude)},
    {FIELD_AS_F64(struct lead_entry, longitude)},
    {FIELD_AS_STR(struct lead_entry, address, 0)},
    {FIELD_AS_I64(struct lead_entry, source)},
    {FIELD_AS_F64(struct lead_entry, kwh_usage)},
    {FIELD_AS_F64(struct lead_entry, system_size)},
    {FIELD_AS_I64(struct lead_entry, panel_count)},
    {FIELD_AS_F64(struct lead_entry, annual_production)},
};
static const struct field_table lead_entry_table =
    FIELD_TABLE("lead", lead_entry_fields, struct lead_entry);

struct ledger_line {
    int64_t project_id;
    int64_t house_id;
    struct opt_i64 time;
    double latitude;
    double longitude;
    struct str homeowner_email;
    struct str status;
    struct str asked_by;
    int64_t session;
    struct str user_agent;
    struct str request_id;
    bool answered;
    struct str answer_faults;
    struct str fate;
};

static const struct field ledger_fields[] = {
    {FIELD_AS_I64(struct ledger_line, project_id)},
    {FIELD_AS_I64(struct ledger_line, house_id)},
    {FIELD_AS_TIME(struct ledger_line, time)},
    {FIELD_AS_F64(struct ledger_line, latitude)},
    {FIELD_AS_F64(struct ledger_line, longitude)},
    {FIELD_AS_STR(struct ledger_line, homeowner_email, 0)},
    {FIELD_AS_STR(struct ledger_line, status, 0)},
    {FIELD_AS_STR(struct ledger_line, asked_by, 0)},
    {FIELD_AS_I64(struct ledger_line, session)},
    {FIELD_AS_STR(struct ledger_line, user_agent, 0)},
    {FIELD_AS_STR(struct ledger_line, request_id, 0)},
    {FIELD_AS_BOOL(struct ledger_line, answered)},
    {FIELD_AS_STR(struct ledger_line, answer_faults, 0)},
    {FIELD_AS_STR(struct ledger_line, fate, 0)},
};
static const struct field_table ledger_table =
    FIELD_TABLE("ledger line", ledger_fields, struct ledger_line);

void sim_answer_session(struct buf *buf, struct str token, struct str contact)
{
    BUF_LITERAL(buf, "{\"token\":");
    json_write_str(buf, token);
    buf_printf(buf, ",\"user\":{\"id\":%d,\"company_id\":%d,\"email\":", SIM_USER_ID,
               SIM_COMPANY_ID);
    json_write_str(buf, contact);
    buf_printf(buf, "},\"contact\":{\"id\":%d,\"email\":", SIM_USER_ID);
    json_write_str(buf, contact);
    BUF_LITERAL(buf, "},\"company\":");
    json_write_object(buf, &company_table, &the_company);
    buf_append_char(buf, '}');
}

static void write_adder_list(struct buf *buf, const struct sim_system *system)
{
    const char *separator = "";
    const struct sim_adder *adder;
    buf_append_char(buf, '[');
    for (size_t i = 0; (adder = sim_adder_at(i)) != NULL; i++) {
        if (!sim_adder_applies(adder, system))
            continue;
        struct sim_adder chosen = *adder;
        chosen.quantity = 1;
        buf_append_str(buf, str_of(separator));
        json_write_object(buf, &sim_adder_table, &chosen);
        separator = ",";
    }
    buf_append_char(buf, ']');
}

static struct sim_inverter inverter_of(const struct sim_system *system)
{
    struct sim_inverter inverter = *system->inverter;
    inverter.quantity = sim_inverter_count(system);
    return inverter;
}

void sim_answer_adders(struct buf *buf, const struct sim_project *project)
{
    const struct sim_system *system = &project->system;
    struct sim_inverter inverter = inverter_of(system);
    BUF_LITERAL(buf, "{\"panel\":");
    json_write_object(buf, &sim_panel_table, system->panel);
    BUF_LITERAL(buf, ",\"inverter\":[");
    json_write_object(buf, &sim_inverter_table, &inverter);
    BUF_LITERAL(buf, "],\"storage\":");
    if (system->storage != NULL) {
        struct sim_storage storage = *system->storage;
        storage.quantity = system->storage_quantity;
        json_write_object(buf, &sim_storage_table, &storage);
    } else {
        BUF_LITERAL(buf, "null");
    }
    BUF_LITERAL(buf, ",\"adders\":");
    write_adder_list(buf, system);
    buf_append_char(buf, '}');
}

void sim_answer_created(struct buf *buf, const struct sim_project *project)
{
    const struct sim_system *system = &project->system;
    struct created created = {
        .id = project->id,
        .lead_id = project->house_id,
        .status = STR("processing"),
        .annual_production = sim_annual_kwh(system),
        .system_size = sim_system_size_kw(system),
        .estimated_cost = sim_estimated_cost(system),
        .annual_savings = sim_annual_savings(system),
    };
    buf_append_char(buf, '{');
    (void)json_write_members(buf, &created_table, &created, true);
    BUF_LITERAL(buf, ",\"adders\":");
    sim_answer_adders(buf, project);
    buf_append_char(buf, '}');
}

void sim_answer_price(struct buf *buf, const struct sim_project *project)
{
    struct sim_price price;
    sim_price_of(&project->system, &price);
    BUF_LITERAL(buf, "{\"items\":[");
    for (size_t i = 0; i < price.item_count; i++) {
        if (i > 0)
            buf_append_char(buf, ',');
        json_write_object(buf, &price_item_table, &price.items[i]);
    }
    buf_append_char(buf, ']');
    (void)json_write_members(buf, &price_table, &price, false);
    buf_append_char(buf, '}');
}

void sim_answer_complete(struct buf *buf, const struct sim_view *view)
{
    const struct sim_project *project = view->project;
    const struct sim_system *system = &project->system;
    bool is_hidden = sim_plan_has(&project->fate, SIM_FAULT_NO_PROJECT_ID);
    int64_t build_id = project->id + (is_hidden ? OTHER_IDS : 0);
    struct complete complete = {
        .id = project->house_id,
        .state = view->phase,
        .house_id = project->house_id,
        .lead_id = project->house_id,
        .latitude = project->latitude,
        .longitude = project->longitude,
        .build = {.id = build_id, .state = view->phase, .progress = view->progress},
        .house = {.id = project->house_id,
                  .kwh_usage = system->annual_use_kwh,
                  .panel_count = system->panel_count,
                  .system_size = sim_system_size_kw(system),
                  .inverter_count = sim_inverter_count(system),
                  .battery_count = system->storage_quantity,
                  .panel = *system->panel,
                  .inverter = inverter_of(system)},
        .production = {.id = build_id,
                       .annual = sim_annual_kwh(system),
                       .kwh_per_kw = sim_kwh_per_kw(system->latitude)},
        .address = project->address,
        .company = the_company,
    };
    BUF_LITERAL(buf, "{\"lead\":");
    json_write_object(buf, &complete_table, &complete);
    buf_append_char(buf, '}');
}

void sim_answer_lead(struct buf *buf, const struct sim_view *view)
{
    const struct sim_project *project = view->project;
    const struct sim_system *system = &project->system;
    const struct sim_address *address = &project->address;
    char line[ADDRESS_LINE];
    snprintf(line, sizeof(line), "%.*s, %.*s, %.*s %.*s", STR_ARG(address->street),
             STR_ARG(address->city), STR_ARG(address->state), STR_ARG(address->postal_code));
    int64_t done_us = view->phase == SIM_DONE ? project->duration_us : 0;
    struct lead_entry entry = {
        .id = project->house_id + (view->is_twin ? OTHER_IDS : 0),
        .created_at = OPT_I64(project->created_us + view->skew_us),
        .updated_at = OPT_I64(project->created_us + view->skew_us + done_us),
        .state = view->phase,
        .company_id = SIM_COMPANY_ID,
        .creator_id = SIM_USER_ID,
        .latitude = project->latitude + (view->is_twin ? BESIDE_DEGREES : 0),
        .longitude = project->longitude,
        .address = str_of(line),
        .source = SOURCE_EARTH,
        .kwh_usage = system->annual_use_kwh,
        .system_size = sim_system_size_kw(system),
        .panel_count = system->panel_count,
        .annual_production = sim_annual_kwh(system),
    };
    json_write_object(buf, &lead_entry_table, &entry);
}

void sim_answer_ledger(struct buf *buf, const struct sim_view *view)
{
    static const char *const names[] = {
        [SIM_PROGRESS] = "progress",
        [SIM_DONE] = "done",
        [SIM_ERRORED] = "errored",
        [SIM_INITIALIZED] = "initialized",
    };
    const struct sim_project *project = view->project;
    CLEANUP(buf_done) struct buf fate;
    buf_init(&fate, SIM_FAULTS_MAX);
    sim_plan_print(&fate, &project->fate);
    struct ledger_line line = {
        .project_id = project->id,
        .house_id = project->house_id,
        .time = OPT_I64(project->created_us),
        .latitude = project->latitude,
        .longitude = project->longitude,
        .homeowner_email = project->homeowner_email,
        .status = str_of(names[view->phase]),
        .asked_by = project->asked_by,
        .session = project->session,
        .user_agent = project->user_agent,
        .request_id = project->request_id,
        .answered = !project->unanswered,
        .answer_faults = project->answer_faults,
        .fate = fate.len > 0 ? buf_str(&fate) : STR_NULL,
    };
    json_write_object(buf, &ledger_table, &line);
}

void sim_answer_error(struct buf *buf, const struct error *err)
{
    BUF_LITERAL(buf, "{\"error\":");
    json_write_str(buf, str_of(err->message));
    if (err->place_count > 0) {
        BUF_LITERAL(buf, ",\"details\":[");
        for (unsigned i = 0; i < err->place_count; i++) {
            buf_append_str(buf, i == 0 ? STR("{\"field\":") : STR(",{\"field\":"));
            json_write_str(buf, str_of(err->places[i].pointer));
            BUF_LITERAL(buf, ",\"message\":");
            json_write_str(buf, str_of(err->places[i].detail));
            buf_append_char(buf, '}');
        }
        buf_append_char(buf, ']');
    }
    buf_append_char(buf, '}');
}
