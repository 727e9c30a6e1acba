// The bodies of lead and project requests: tables joined from the domain's, and what they mean.
#ifndef SUNLEAD_API_LEAD_BODY_H
#define SUNLEAD_API_LEAD_BODY_H

#include "api/outlook.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/field.h"
#include "domain/lead.h"
#include "domain/project.h"
#include "json/json_read.h"

// The body of POST /api/leads and PUT /api/leads/{id}. The lead comes first, so that its table's
// offsets hold.
struct lead_body {
    struct lead lead;
    struct str address_json; // a text or an object
    bool create_3d_model;
    struct project_request terms; // place and address are the lead's
    struct outlook outlook;       // what GET gave, sent back: not looked at
};

// The body of POST /api/projects/3d.
struct project_body {
    struct opt_i64 lead_id;
    struct opt_i64 company_id;
    struct opt_i64 creator_id;
    bool force; // order although the lead's model is completed
    struct str address_json;
    struct project_request terms;
};

// An item of POST /api/projects/3d/batch. The project comes first, so that its table's offsets
// hold.
struct batch_item_body {
    struct project_body project;
    struct str reference;
};

// lead_create_table() has the lead's members and a project's terms; lead_change_table() the lead's
// only. In both bit i of a seen mask is field i of lead_table.
const struct field_table *lead_create_table(void);
// lead_change_table() see lead_create_table().
const struct field_table *lead_change_table(void);
// project_body_table() has the members of a project request.
const struct field_table *project_body_table(void);
// batch_item_table() has those and a reference; bit i of a seen mask is field i of
// project_body_table().
const struct field_table *batch_item_table(void);

// lead_body_finish() works out what the table cannot say: the address in either form, and whether
// there is a consumption (how: as it was decoded by lead_create_table() or lead_change_table()).
MUST_CHECK enum err lead_body_finish(struct lead_body *body, const struct json_decoding *how,
                                     struct error *err);

// project_body_finish() does the same for a project request, or one in a batch. Without a lead_id
// it must tell what a new lead needs.
MUST_CHECK enum err project_body_finish(struct project_body *body, const struct json_decoding *how,
                                        struct error *err);

// project_body_lead() is the lead that is made for a request without lead_id.
struct lead project_body_lead(const struct project_body *body, struct arena *arena, int64_t now_us);

#endif
