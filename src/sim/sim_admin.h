// The simulator's own calls, which LightFusion does not have: what it did, and its faults.
#ifndef SUNLEAD_SIM_ADMIN_H
#define SUNLEAD_SIM_ADMIN_H

#include "http/http_server.h"

// sim_admin_health() tells that it runs.
void sim_admin_health(struct http_request *request);

// sim_admin_ledger() lists every paid create.
void sim_admin_ledger(struct http_request *request);

// sim_admin_list() lists the rules of faults.
void sim_admin_list(struct http_request *request);

// sim_admin_add() adds rules.
void sim_admin_add(struct http_request *request);

// sim_admin_replace() puts rules in place of all others.
void sim_admin_replace(struct http_request *request);

// sim_admin_clear() removes all rules.
void sim_admin_clear(struct http_request *request);

// sim_admin_remove() removes one rule.
void sim_admin_remove(struct http_request *request);

#endif
