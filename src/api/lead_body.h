// The bodies of lead and project requests: tables joined from the domain's, and what they mean.
#ifndef SUNLEAD_API_LEAD_BODY_H
#define SUNLEAD_API_LEAD_BODY_H

#include "api/outlook.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/field.h"
#include "domain/lead.h"
#include "domain/project.h"

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

// lead_create_table() has the lead's members and a project's terms; lead_change_table() the lead's
// only. In both bit i of a seen mask is field i of lead_table.
const struct field_table *lead_create_table(void);
// lead_change_table() see lead_create_table().
const struct field_table *lead_change_table(void);
// project_body_table() has the members of a project request.
const struct field_table *project_body_table(void);

// lead_body_finish() works out what the table cannot say: the address in either form, and whether
// there is a consumption (seen: the mask of lead_create_table(), or 0 bits beyond the lead's for
// lead_change_table()).
MUST_CHECK enum err lead_body_finish(struct lead_body *body, uint64_t seen, struct arena *arena,
                                     struct error *err);

// project_body_finish() does the same for a project request.
MUST_CHECK enum err project_body_finish(struct project_body *body, uint64_t seen,
                                        struct arena *arena, struct error *err);

#endif
