// The handlers of the simulator's routes.
#include "sim/sim_api.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/number.h"
#include "sim/sim_answer.h"
#include "sim/sim_request.h"

#define ANSWER_MAX   ((size_t)64 << 10)
#define LIST_MAX     ((size_t)256 << 20)
#define PAGE_DEFAULT 50
#define PAGE_MAX     1000

static struct sim_app *app_of(struct http_request *request)
{
    return http_app(request);
}

static void answer_buf(struct http_request *request, struct buf *buf, size_t max)
{
    buf_init_arena(buf, http_arena(request), max);
}

static void answer(struct http_request *request, int status, const struct buf *buf)
{
    check(!buf->overflow);
    http_respond(request, status, "application/json", buf_str(buf));
}

static void refuse(struct http_request *request, int status, const struct error *err)
{
    struct buf buf;
    answer_buf(request, &buf, ANSWER_MAX);
    sim_answer_error(&buf, err);
    answer(request, status, &buf);
}

static void refuse_with(struct http_request *request, int status, const char *words)
{
    struct error err = {0};
    error_set(&err, ERR_INVALID, "%s", words);
    refuse(request, status, &err);
}

// Whose token the request has; false if none or not a good one.
static bool who_asks(struct http_request *request, char ret_contact[SIM_CONTACT_MAX])
{
    static const struct str scheme = STR_INIT("Bearer ");
    struct str header = http_header(request, "Authorization");
    if (header.len < scheme.len || !str_equal_nocase(str_slice(header, 0, scheme.len), scheme))
        return false;
    struct str token = str_trim(str_slice(header, scheme.len, header.len));
    return sim_state_who(app_of(request)->state, token, ret_contact);
}

bool sim_api_guard(struct http_request *request, void *app)
{
    (void)app;
    char contact[SIM_CONTACT_MAX];
    struct str path = http_path(request);
    bool is_api = str_starts(path, STR("/v1/")) || str_starts(path, STR("/v3/"));
    if (!is_api || str_equal(path, STR("/v1/users/sessions")) || who_asks(request, contact))
        return true;
    http_set_header(request, "WWW-Authenticate", STR("Bearer"));
    refuse_with(request, 401, "the token is missing, unknown or expired");
    return false;
}

static void handle_login(struct http_request *request)
{
    struct error err = {0};
    struct sim_login login;
    if (sim_login_decode(http_body(request), http_arena(request), &login, &err) != ERR_OK) {
        refuse(request, 400, &err);
        return;
    }
    if (login.contact.len == 0 || login.password.len == 0) {
        refuse_with(request, 401, "the contact or the password is wrong");
        return;
    }
    char token[SIM_TOKEN_TEXT];
    sim_state_login(app_of(request)->state, login.contact, token);
    struct buf buf;
    answer_buf(request, &buf, ANSWER_MAX);
    sim_answer_session(&buf, str_of(token), login.contact);
    answer(request, 200, &buf);
}

static void handle_create(struct http_request *request)
{
    struct error err = {0};
    struct sim_project wanted;
    enum err code = sim_create_decode(http_body(request), http_arena(request), &wanted, &err);
    if (code != ERR_OK) {
        refuse(request, code == ERR_CONFLICT ? 422 : 400, &err);
        return;
    }
    char contact[SIM_CONTACT_MAX];
    if (!who_asks(request, contact)) { // the token ran out since the guard looked
        refuse_with(request, 401, "the token is expired");
        return;
    }
    wanted.asked_by = str_of(contact);
    const struct sim_project *project;
    if (sim_state_add(app_of(request)->state, &wanted, &project, &err) != ERR_OK) {
        log_error(LOG_WARN, "simulate.create_refused", &err);
        refuse(request, 503, &err);
        return;
    }
    struct buf buf;
    answer_buf(request, &buf, ANSWER_MAX);
    sim_answer_created(&buf, project);
    answer(request, 201, &buf);
}

static struct sim_view view_of(struct http_request *request, const struct sim_project *project)
{
    struct sim_view view = {.project = project};
    view.phase = sim_state_phase(app_of(request)->state, project, &view.progress);
    return view;
}

static void handle_adders(struct http_request *request)
{
    struct error err = {0};
    int64_t project_id;
    if (sim_ids_decode(http_body(request), http_arena(request), &project_id, NULL, &err) !=
        ERR_OK) {
        refuse(request, 400, &err);
        return;
    }
    const struct sim_project *project = sim_state_project(app_of(request)->state, project_id);
    if (project == NULL) {
        refuse_with(request, 404, "there is no such project");
        return;
    }
    struct buf buf;
    answer_buf(request, &buf, ANSWER_MAX);
    sim_answer_adders(&buf, project);
    answer(request, 200, &buf);
}

static void handle_price(struct http_request *request)
{
    struct error err = {0};
    int64_t project_id;
    int64_t house_id;
    if (sim_ids_decode(http_body(request), http_arena(request), &project_id, &house_id, &err) !=
        ERR_OK) {
        refuse(request, 400, &err);
        return;
    }
    const struct sim_project *project = sim_state_project(app_of(request)->state, project_id);
    if (project == NULL || project->house_id != house_id) {
        refuse_with(request, 404, "there is no such project with this house");
        return;
    }
    struct buf buf;
    answer_buf(request, &buf, ANSWER_MAX);
    sim_answer_price(&buf, project);
    answer(request, 200, &buf);
}

// The project of the house named in the path; NULL after answering 404.
static const struct sim_project *house_in_path(struct http_request *request)
{
    int64_t house_id = 0;
    const struct sim_project *project = NULL;
    if (number_parse_i64(http_param(request, "id"), 1, INT64_MAX, &house_id) == ERR_OK)
        project = sim_state_house(app_of(request)->state, house_id);
    if (project == NULL)
        refuse_with(request, 404, "there is no such lead");
    return project;
}

static void handle_complete(struct http_request *request)
{
    const struct sim_project *project = house_in_path(request);
    if (project == NULL)
        return;
    struct sim_view view = view_of(request, project);
    struct buf buf;
    answer_buf(request, &buf, ANSWER_MAX);
    sim_answer_complete(&buf, &view);
    answer(request, 200, &buf);
}

static void handle_lead(struct http_request *request)
{
    const struct sim_project *project = house_in_path(request);
    if (project == NULL)
        return;
    struct sim_view view = view_of(request, project);
    struct buf buf;
    answer_buf(request, &buf, ANSWER_MAX);
    sim_answer_lead(&buf, &view);
    answer(request, 200, &buf);
}

// Reads a number of the query, or takes the default where it is absent. False after answering 400.
static bool query_number(struct http_request *request, const char *name, int64_t when_absent,
                         int64_t *ret_value)
{
    struct str text = http_query(request, name);
    *ret_value = when_absent;
    if (text.ptr == NULL || number_parse_i64(text, 0, INT64_MAX, ret_value) == ERR_OK)
        return true;
    struct error err = {0};
    error_set(&err, ERR_INVALID, "%s must be a whole number", name);
    refuse(request, 400, &err);
    return false;
}

// Newest first, as people look at lists: entries move back a place with every create.
static void handle_leads(struct http_request *request)
{
    struct sim_state *state = app_of(request)->state;
    int64_t company_id, limit, offset;
    if (!query_number(request, "company_id", -1, &company_id) ||
        !query_number(request, "limit", PAGE_DEFAULT, &limit) ||
        !query_number(request, "offset", 0, &offset))
        return;
    if (company_id < 0) {
        refuse_with(request, 400, "company_id is required");
        return;
    }
    int64_t count = company_id == SIM_COMPANY_ID ? (int64_t)sim_state_count(state) : 0;
    if (limit > PAGE_MAX)
        limit = PAGE_MAX;
    struct buf buf;
    answer_buf(request, &buf, LIST_MAX);
    BUF_LITERAL(&buf, "{\"leads\":[");
    for (int64_t i = 0; i < limit && offset < count - i; i++) {
        struct sim_view view =
            view_of(request, sim_state_at(state, (size_t)(count - 1 - offset - i)));
        if (i > 0)
            buf_append_char(&buf, ',');
        sim_answer_lead(&buf, &view);
    }
    BUF_LITERAL(&buf, "]}");
    answer(request, 200, &buf);
}

static void handle_ledger(struct http_request *request)
{
    struct sim_state *state = app_of(request)->state;
    size_t count = sim_state_count(state);
    struct buf buf;
    answer_buf(request, &buf, LIST_MAX);
    buf_printf(&buf, "{\"total\":%zu,\"projects\":[", count);
    for (size_t i = 0; i < count; i++) {
        struct sim_view view = view_of(request, sim_state_at(state, i));
        buf_append_str(&buf, i == 0 ? STR("\n") : STR(",\n"));
        sim_answer_ledger(&buf, &view);
    }
    BUF_LITERAL(&buf, "]}\n");
    answer(request, 200, &buf);
}

static void handle_health(struct http_request *request)
{
    struct buf buf;
    answer_buf(request, &buf, ANSWER_MAX);
    buf_printf(&buf, "{\"status\":\"ok\",\"projects\":%zu}\n",
               sim_state_count(app_of(request)->state));
    answer(request, 200, &buf);
}

static void handle_file(struct http_request *request)
{
    struct sim_app *app = app_of(request);
    int64_t project_id = 0;
    const struct sim_project *project = NULL;
    if (number_parse_i64(http_param(request, "project_id"), 1, INT64_MAX, &project_id) == ERR_OK)
        project = sim_state_project(app->state, project_id);
    if (project == NULL || view_of(request, project).phase != SIM_DONE) {
        refuse_with(request, 404, "there is no such file (yet)");
        return;
    }
    sim_files_answer(app->files, request, project, http_param(request, "file"));
}

static const struct http_route routes[] = {
    {HTTP_POST, "/v1/users/sessions", handle_login, HTTP_ROUTE_JSON_BODY, 0},
    {HTTP_POST, "/v1/lead/create", handle_create, HTTP_ROUTE_JSON_BODY, 0},
    {HTTP_POST, "/v3/adders.ListProjectAdders", handle_adders, HTTP_ROUTE_JSON_BODY, 0},
    {HTTP_POST, "/v3/adders.GetPriceBreakdown", handle_price, HTTP_ROUTE_JSON_BODY, 0},
    {HTTP_POST, "/v1/leads/{id}/complete", handle_complete,
     HTTP_ROUTE_JSON_BODY | HTTP_ROUTE_OPTIONAL_BODY, 0},
    {HTTP_GET, "/v1/leads", handle_leads, 0, 0},
    {HTTP_GET, "/v1/lead/{id}", handle_lead, 0, 0},
    {HTTP_GET, "/storage/leads/{project_id}/mesh/{file}", handle_file, 0, 0},
    {HTTP_GET, "/ledger", handle_ledger, 0, 0},
    {HTTP_GET, "/health", handle_health, 0, 0},
};

const struct http_route *sim_api_routes(size_t *ret_count)
{
    *ret_count = COUNT_OF(routes);
    return routes;
}
