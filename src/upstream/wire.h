// LightFusion's member names: our structs to its JSON and back.
#ifndef SUNLEAD_UPSTREAM_WIRE_H
#define SUNLEAD_UPSTREAM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "upstream/lightfusion.h"

// Reading is lenient: unknown members are ignored, numbers may be texts or have a needless
// fraction, what is missing, null or of another type is taken as absent. Each wire_read function
// returns false if the text does not even hold what it must; the results are then undefined. All
// results are in the arena given (or in the call's).

// wire_write_login() is the body of a login.
struct str wire_write_login(const char *email, const char *password, struct arena *arena);

struct wire_login {
    struct str token; // 1 to WIRE_TOKEN_MAX visible ASCII characters: fit for a header
    struct opt_i64 company_id;
};

#define WIRE_TOKEN_MAX 8192

// wire_read_login() reads a session. It must hold a token.
bool wire_read_login(struct str text, struct arena *arena, struct wire_login *ret_login);

// wire_is_token() tells whether a text may stand as a bearer token.
bool wire_is_token(struct str text);

// wire_write_create() is the body of a create.
struct str wire_write_create(const struct project_request *request, struct arena *arena);

// wire_read_create() reads the answer of a create. It must hold a project id.
bool wire_read_create(struct str text, struct lf_create *create);

// wire_read_complete() reads the answer of /complete. It must hold an object "lead".
bool wire_read_complete(struct str text, struct lf_complete *complete);

// wire_write_adders() is the body of ListProjectAdders.
struct str wire_write_adders(int64_t project_id, struct arena *arena);

// wire_read_adders() reads its answer, which must be an object.
bool wire_read_adders(struct str text, struct lf_details *details);

// wire_write_prices() is the body of GetPriceBreakdown.
struct str wire_write_prices(int64_t project_id, int64_t house_id, struct arena *arena);

// wire_read_prices() reads its answer, which must be an object.
bool wire_read_prices(struct str text, struct lf_details *details);

// One entry of LightFusion's list of leads, as far as it could be read.
struct wire_lead {
    struct opt_i64 id; // a house id
    struct opt_f64 latitude;
    struct opt_f64 longitude;
    struct opt_i64 created_us;
};

struct wire_leads {
    struct wire_lead *leads;
    size_t count;
};

// wire_read_leads() reads a page of leads. It must hold an array "leads" of objects, or null for an
// empty one.
bool wire_read_leads(struct str text, struct arena *arena, struct wire_leads *ret_leads);

// wire_find_words() is what the body of a failure says in words: the text of "error", "message" or
// "detail" of a JSON object, cleaned; null if there is none.
struct str wire_find_words(struct str text, struct arena *arena);

#define WIRE_WORDS_MAX      500
#define WIRE_WORDS_READ_MAX (16 * 1024)

// wire_clean_words() drops control characters (line breaks become spaces) and what is not UTF-8.
// What is longer than WIRE_WORDS_READ_MAX is cut.
struct str wire_clean_words(struct str text, struct arena *arena);

// wire_cut_words() cuts a cleaned text to WIRE_WORDS_MAX bytes, between characters.
struct str wire_cut_words(struct str text);

#endif
