// The handlers of the simulator's routes.
#include "sim/sim_api.h"

#include "base/log.h"
#include "base/number.h"
#include "sim/sim_admin.h"
#include "sim/sim_call.h"
#include "sim/sim_request.h"

#define PAGE_DEFAULT 50
#define PAGE_MAX     1000

static void handle_login(struct sim_call *call)
{
    struct error err = {0};
    struct sim_login login;
    if (sim_login_decode(http_body(call->request), http_arena(call->request), &login, &err) !=
        ERR_OK) {
        sim_call_refuse(call, 400, &err);
        return;
    }
    if (login.contact.len == 0 || login.password.len == 0) {
        sim_call_refuse_with(call, 401, "the contact or the password is wrong");
        return;
    }
    char token[SIM_TOKEN_TEXT];
    sim_state_login(call->app->state, login.contact, token);
    struct buf buf;
    sim_call_buf(call, &buf, SIM_ANSWER_MAX);
    sim_answer_session(&buf, str_of(token), login.contact);
    sim_call_answer(call, 200, &buf);
}

// A header's text for the ledger; null if it is not fit for it.
static struct str noted(struct str text)
{
    return str_is_utf8(text) ? str_cut(text, SIM_AGENT_MAX) : STR_NULL;
}

// Adds who asks, and what the answer and the project will meet.
static void describe(const struct sim_call *call, struct sim_project *project)
{
    struct buf names;
    project->asked_by = str_of(call->caller.contact);
    project->session = call->caller.session;
    project->user_agent = noted(http_header(call->request, "User-Agent"));
    project->request_id = noted(http_request_id(call->request));
    project->unanswered = sim_plan_spoils(&call->plan);
    sim_call_buf(call, &names, SIM_FAULTS_MAX);
    sim_plan_print(&names, &call->plan);
    if (names.len > 0)
        project->answer_faults = buf_str(&names);
    sim_faults_draw(call->app->faults, SIM_PROJECT, &project->fate);
}

static void handle_create(struct sim_call *call)
{
    struct error err = {0};
    struct sim_project wanted;
    enum err code =
        sim_create_decode(http_body(call->request), http_arena(call->request), &wanted, &err);
    if (code != ERR_OK) {
        sim_call_refuse(call, code == ERR_CONFLICT ? 422 : 400, &err);
        return;
    }
    describe(call, &wanted);
    const struct sim_project *project;
    if (sim_state_add(call->app->state, &wanted, &project, &err) != ERR_OK) {
        log_error(LOG_WARN, "simulate.create_refused", &err);
        sim_call_refuse(call, 503, &err);
        return;
    }
    struct buf buf;
    sim_call_buf(call, &buf, SIM_ANSWER_MAX);
    sim_answer_created(&buf, project);
    sim_call_answer(call, 201, &buf);
}

static void handle_adders(struct sim_call *call)
{
    struct error err = {0};
    int64_t project_id;
    if (sim_ids_decode(http_body(call->request), http_arena(call->request), &project_id, NULL,
                       &err) != ERR_OK) {
        sim_call_refuse(call, 400, &err);
        return;
    }
    const struct sim_project *project = sim_state_project(call->app->state, project_id);
    if (project == NULL) {
        sim_call_refuse_with(call, 404, "there is no such project");
        return;
    }
    struct buf buf;
    sim_call_buf(call, &buf, SIM_ANSWER_MAX);
    sim_answer_adders(&buf, project);
    sim_call_answer(call, 200, &buf);
}

static void handle_price(struct sim_call *call)
{
    struct error err = {0};
    int64_t project_id;
    int64_t house_id;
    if (sim_ids_decode(http_body(call->request), http_arena(call->request), &project_id, &house_id,
                       &err) != ERR_OK) {
        sim_call_refuse(call, 400, &err);
        return;
    }
    const struct sim_project *project = sim_state_project(call->app->state, project_id);
    if (project == NULL || project->house_id != house_id) {
        sim_call_refuse_with(call, 404, "there is no such project with this house");
        return;
    }
    struct buf buf;
    sim_call_buf(call, &buf, SIM_ANSWER_MAX);
    sim_answer_price(&buf, project);
    sim_call_answer(call, 200, &buf);
}

// The project of the house named in the path; NULL after answering 404.
static const struct sim_project *house_in_path(struct sim_call *call)
{
    int64_t house_id = 0;
    const struct sim_project *project = NULL;
    if (number_parse_i64(http_param(call->request, "id"), 1, INT64_MAX, &house_id) == ERR_OK)
        project = sim_state_house(call->app->state, house_id);
    if (project == NULL)
        sim_call_refuse_with(call, 404, "there is no such lead");
    return project;
}

static void handle_complete(struct sim_call *call)
{
    const struct sim_project *project = house_in_path(call);
    if (project == NULL)
        return;
    struct sim_view view = sim_call_view(call, project);
    struct buf buf;
    sim_call_buf(call, &buf, SIM_ANSWER_MAX);
    sim_answer_complete(&buf, &view);
    sim_call_answer(call, 200, &buf);
}

static void handle_lead(struct sim_call *call)
{
    const struct sim_project *project = house_in_path(call);
    if (project == NULL)
        return;
    if (!sim_state_is_listed(call->app->state, project)) {
        sim_call_refuse_with(call, 404, "there is no such lead (yet)");
        return;
    }
    struct sim_view view = sim_call_view(call, project);
    struct buf buf;
    sim_call_buf(call, &buf, SIM_ANSWER_MAX);
    sim_answer_lead(&buf, &view);
    sim_call_answer(call, 200, &buf);
}

// Reads a number of the query, or takes the default where it is absent. False after answering 400.
static bool query_number(struct sim_call *call, const char *name, int64_t when_absent,
                         int64_t *ret_value)
{
    struct str text = http_query(call->request, name);
    *ret_value = when_absent;
    if (text.ptr == NULL || number_parse_i64(text, 0, INT64_MAX, ret_value) == ERR_OK)
        return true;
    struct error err = {0};
    error_set(&err, ERR_INVALID, "%s must be a whole number", name);
    sim_call_refuse(call, 400, &err);
    return false;
}

// What a list has so far: entries before the offset are only counted.
struct listing {
    int64_t skip;
    int64_t limit;
    int64_t count;
};

static void list_entry(struct listing *listing, const struct sim_view *view, struct buf *buf)
{
    if (listing->skip > 0) {
        listing->skip--;
        return;
    }
    if (listing->count == listing->limit)
        return;
    if (listing->count++ > 0)
        buf_append_char(buf, ',');
    sim_answer_lead(buf, view);
}

// Newest first, as people look at lists: entries move back a place with every create.
static void list_leads(const struct sim_call *call, struct listing *listing, struct buf *buf)
{
    struct sim_state *state = call->app->state;
    for (size_t i = sim_state_count(state); i > 0 && listing->count < listing->limit; i--) {
        const struct sim_project *project = sim_state_at(state, i - 1);
        if (!sim_state_is_listed(state, project))
            continue;
        struct sim_view view = sim_call_view(call, project);
        list_entry(listing, &view, buf);
        view.is_twin = true;
        if (sim_plan_has(&project->fate, SIM_FAULT_TWIN))
            list_entry(listing, &view, buf);
    }
}

static void handle_leads(struct sim_call *call)
{
    int64_t company_id;
    struct listing listing = {0};
    if (!query_number(call, "company_id", -1, &company_id) ||
        !query_number(call, "limit", PAGE_DEFAULT, &listing.limit) ||
        !query_number(call, "offset", 0, &listing.skip))
        return;
    if (company_id < 0) {
        sim_call_refuse_with(call, 400, "company_id is required");
        return;
    }
    if (listing.limit > PAGE_MAX)
        listing.limit = PAGE_MAX;
    struct buf buf;
    sim_call_buf(call, &buf, SIM_LIST_MAX);
    BUF_LITERAL(&buf, "{\"leads\":[");
    if (company_id == SIM_COMPANY_ID)
        list_leads(call, &listing, &buf);
    BUF_LITERAL(&buf, "]}");
    sim_call_answer(call, 200, &buf);
}

static void handle_file(struct sim_call *call)
{
    int64_t project_id = 0;
    const struct sim_project *project = NULL;
    struct str text = http_param(call->request, "project_id");
    if (number_parse_i64(text, 1, INT64_MAX, &project_id) == ERR_OK)
        project = sim_state_project(call->app->state, project_id);
    if (project == NULL || !sim_state_has_files(call->app->state, project)) {
        sim_call_refuse_with(call, 404, "there is no such file (yet)");
        return;
    }
    sim_call_answer_file(call, project, http_param(call->request, "file"));
}

static void run_login(struct http_request *request)
{
    sim_call_run(request, SIM_SESSION, false, handle_login);
}

static void run_create(struct http_request *request)
{
    sim_call_run(request, SIM_CREATE, true, handle_create);
}

static void run_adders(struct http_request *request)
{
    sim_call_run(request, SIM_ADDERS, true, handle_adders);
}

static void run_price(struct http_request *request)
{
    sim_call_run(request, SIM_PRICE, true, handle_price);
}

static void run_complete(struct http_request *request)
{
    sim_call_run(request, SIM_COMPLETE, true, handle_complete);
}

static void run_leads(struct http_request *request)
{
    sim_call_run(request, SIM_LEADS, true, handle_leads);
}

static void run_lead(struct http_request *request)
{
    sim_call_run(request, SIM_LEAD, true, handle_lead);
}

static void run_file(struct http_request *request)
{
    static const struct {
        struct str suffix;
        enum sim_place place;
    } kinds[] = {
        {STR_INIT(".obj"), SIM_OBJ},
        {STR_INIT(".ply"), SIM_PLY},
        {STR_INIT(".mtl"), SIM_MTL},
    };
    struct str name = http_param(request, "file");
    struct str suffix = str_slice(name, name.len < 4 ? 0 : name.len - 4, name.len);
    enum sim_place place = SIM_JPG;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_equal(suffix, kinds[i].suffix))
            place = kinds[i].place;
    }
    sim_call_run(request, place, false, handle_file);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/v1/users/sessions", run_login, HTTP_ROUTE_JSON_BODY, 0},
    {HTTP_POST, "/v1/lead/create", run_create, HTTP_ROUTE_JSON_BODY, 0},
    {HTTP_POST, "/v3/adders.ListProjectAdders", run_adders, HTTP_ROUTE_JSON_BODY, 0},
    {HTTP_POST, "/v3/adders.GetPriceBreakdown", run_price, HTTP_ROUTE_JSON_BODY, 0},
    {HTTP_POST, "/v1/leads/{id}/complete", run_complete,
     HTTP_ROUTE_JSON_BODY | HTTP_ROUTE_OPTIONAL_BODY, 0},
    {HTTP_GET, "/v1/leads", run_leads, 0, 0},
    {HTTP_GET, "/v1/lead/{id}", run_lead, 0, 0},
    {HTTP_GET, "/storage/leads/{project_id}/mesh/{file}", run_file, 0, 0},
    {HTTP_GET, "/health", sim_admin_health, 0, 0},
    {HTTP_GET, "/ledger", sim_admin_ledger, 0, 0},
    {HTTP_GET, "/faults", sim_admin_list, 0, 0},
    {HTTP_POST, "/faults", sim_admin_add, HTTP_ROUTE_JSON_BODY, 0},
    {HTTP_PUT, "/faults", sim_admin_replace, HTTP_ROUTE_JSON_BODY, 0},
    {HTTP_DELETE, "/faults", sim_admin_clear, 0, 0},
    {HTTP_DELETE, "/faults/{id}", sim_admin_remove, 0, 0},
};

const struct http_route *sim_api_routes(size_t *ret_count)
{
    *ret_count = COUNT_OF(routes);
    return routes;
}
