// A call of LightFusion's API on its way to a handler and back, with the faults it meets.
#ifndef SUNLEAD_SIM_CALL_H
#define SUNLEAD_SIM_CALL_H

#include "base/buf.h"
#include "http/http_server.h"
#include "sim/sim_answer.h"
#include "sim/sim_faults.h"
#include "sim/sim_files.h"
#include "sim/sim_state.h"

// What handlers work on: settings.app of the server.
struct sim_app {
    struct sim_state *state;
    struct sim_files *files;
    struct sim_faults *faults;
};

// SIM_ANSWER_MAX bounds the bodies of ordinary answers, SIM_LIST_MAX those of lists.
#define SIM_ANSWER_MAX ((size_t)64 << 10)
#define SIM_LIST_MAX   ((size_t)256 << 20)

struct sim_call {
    struct http_request *request;
    struct sim_app *app;
    enum sim_place place;
    struct sim_plan plan;
    struct sim_caller caller; // of calls that want a token
};

typedef void sim_handler(struct sim_call *call);

// sim_call_run() draws the faults of a request and answers by them, or runs the handler. Where a
// token is wanted, calls without a good one are 401. Every answer to the request goes by it.
void sim_call_run(struct http_request *request, enum sim_place place, bool wants_token,
                  sim_handler *handler);

// sim_call_buf() begins the body of an answer.
void sim_call_buf(const struct sim_call *call, struct buf *buf, size_t max);

// sim_call_answer() answers with JSON, spoiled as the faults say.
void sim_call_answer(struct sim_call *call, int status, const struct buf *buf);

// sim_call_refuse() answers with the words of an error.
void sim_call_refuse(struct sim_call *call, int status, const struct error *err);

// sim_call_refuse_with() answers with words of ours.
void sim_call_refuse_with(struct sim_call *call, int status, const char *words);

// sim_call_answer_file() answers with a file of a project by its name, later.
void sim_call_answer_file(struct sim_call *call, const struct sim_project *project,
                          struct str name);

// sim_call_view() is a project as it stands now, to this caller.
struct sim_view sim_call_view(const struct sim_call *call, const struct sim_project *project);

#endif
