// Handlers that no fault hits, so that a simulator can always be asked and set right.
#include "sim/sim_admin.h"

#include "base/number.h"
#include "json/json_read.h"
#include "sim/sim_call.h"

static void answer(struct http_request *request, const struct buf *buf)
{
    check(!buf->overflow);
    http_respond(request, 200, "application/json", buf_str(buf));
}

void sim_admin_health(struct http_request *request)
{
    const struct sim_app *app = http_app(request);
    struct buf buf;
    buf_init_arena(&buf, http_arena(request), SIM_ANSWER_MAX);
    buf_printf(&buf, "{\"status\":\"ok\",\"projects\":%zu}\n", sim_state_count(app->state));
    answer(request, &buf);
}

void sim_admin_ledger(struct http_request *request)
{
    const struct sim_app *app = http_app(request);
    size_t count = sim_state_count(app->state);
    struct buf buf;
    buf_init_arena(&buf, http_arena(request), SIM_LIST_MAX);
    buf_printf(&buf, "{\"total\":%zu,\"projects\":[", count);
    for (size_t i = 0; i < count; i++) {
        struct sim_view view = {.project = sim_state_at(app->state, i)};
        view.phase = sim_state_phase(app->state, view.project, &view.progress);
        buf_append_str(&buf, i == 0 ? STR("\n") : STR(",\n"));
        sim_answer_ledger(&buf, &view);
    }
    BUF_LITERAL(&buf, "]}\n");
    answer(request, &buf);
}

void sim_admin_list(struct http_request *request)
{
    const struct sim_app *app = http_app(request);
    struct buf buf;
    buf_init_arena(&buf, http_arena(request), SIM_ANSWER_MAX);
    sim_faults_print(app->faults, &buf);
    answer(request, &buf);
}

// Reads {"rules": [text, ...]}. Texts live in the document.
static enum err decode(const struct json_value *root, struct arena *arena, struct str **ret_texts,
                       size_t *ret_count, struct error *err)
{
    const struct json_value *rules = json_member(root, "rules");
    if (!json_is_array(rules))
        return error_place(err, STR("/rules"), "must be a list of texts");
    size_t count = json_length(rules);
    struct str *texts = arena_new(arena, struct str, count + 1);
    enum err code = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        texts[i] = json_text(json_element(rules, i));
        if (texts[i].ptr == NULL)
            code = error_place(err, arena_printf(arena, "/rules/%zu", i), "must be a text");
    }
    *ret_texts = texts;
    *ret_count = count;
    return code;
}

static enum err take_rules(struct http_request *request, bool replace, struct error *err)
{
    const struct sim_app *app = http_app(request);
    CLEANUP(json_doc_free_ptr) struct json_doc *doc = NULL;
    struct str *texts = NULL;
    size_t count = 0;
    TRY(json_parse(http_body(request), &doc, err));
    TRY(decode(json_root(doc), http_arena(request), &texts, &count, err));
    return sim_faults_add(app->faults, texts, count, replace, err);
}

static void change(struct http_request *request, bool replace)
{
    struct error err;
    error_reset(&err);
    if (take_rules(request, replace, &err) != ERR_OK)
        http_problem(request, &err);
    else
        sim_admin_list(request);
}

void sim_admin_add(struct http_request *request)
{
    change(request, false);
}

void sim_admin_replace(struct http_request *request)
{
    change(request, true);
}

void sim_admin_clear(struct http_request *request)
{
    const struct sim_app *app = http_app(request);
    struct error err;
    error_reset(&err);
    check(sim_faults_add(app->faults, NULL, 0, true, &err) == ERR_OK);
    http_respond(request, 204, NULL, STR_NULL);
}

void sim_admin_remove(struct http_request *request)
{
    const struct sim_app *app = http_app(request);
    int64_t id;
    struct error err;
    error_reset(&err);
    if (number_parse_i64(http_param(request, "id"), 1, INT64_MAX, &id) != ERR_OK)
        id = 0; // which none has
    if (sim_faults_remove(app->faults, id, &err) != ERR_OK)
        http_problem(request, &err);
    else
        http_respond(request, 204, NULL, STR_NULL);
}
