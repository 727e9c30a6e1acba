// The bodies of the simulator's answers.
#ifndef SUNLEAD_SIM_ANSWER_H
#define SUNLEAD_SIM_ANSWER_H

#include "base/buf.h"
#include "base/error.h"
#include "sim/sim_state.h"

// A project as it stands at the moment of the answer.
struct sim_view {
    const struct sim_project *project;
    enum sim_phase phase;
    int progress;
    int64_t skew_us; // by which times are shifted
    bool is_twin;    // shown as another lead at its place
};

// sim_answer_session() adds the answer to a login.
void sim_answer_session(struct buf *buf, struct str token, struct str contact);

// sim_answer_created() adds the answer to a create.
void sim_answer_created(struct buf *buf, const struct sim_project *project);

// sim_answer_adders() adds the hardware and adders of a project.
void sim_answer_adders(struct buf *buf, const struct sim_project *project);

// sim_answer_price() adds the price breakdown of a project.
void sim_answer_price(struct buf *buf, const struct sim_project *project);

// sim_answer_complete() adds the whole lead with state, build, house and production.
void sim_answer_complete(struct buf *buf, const struct sim_view *view);

// sim_answer_lead() adds the lead as look-ups show it; its id is the house's.
void sim_answer_lead(struct buf *buf, const struct sim_view *view);

// sim_answer_ledger() adds one line of the ledger.
void sim_answer_ledger(struct buf *buf, const struct sim_view *view);

// sim_answer_error() adds the words of a refusal.
void sim_answer_error(struct buf *buf, const struct error *err);

#endif
