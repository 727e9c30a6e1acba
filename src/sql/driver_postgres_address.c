// Where a PostgreSQL server is.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

// What a URL that does not say otherwise gets. A connection is good for nothing on a standby (which
// a pooler knows of its servers as they once were), and a peer that vanished must be noticed.
static const struct {
    const char *name;
    const char *value;
    bool is_direct; // not for a pooler
} defaults[] = {
    {"fallback_application_name", "sunlead", false},
    {"target_session_attrs", "read-write", true},
    {"keepalives_idle", "10", false},
    {"keepalives_interval", "5", false},
    {"keepalives_count", "3", false},
    {"tcp_user_timeout", "15000", false},
};

static void add(struct postgres_address *address, const char *name, const char *value)
{
    check(address->count < POSTGRES_ADDRESS_MAX);
    address->names[address->count] = strdup(name);
    address->values[address->count] = strdup(value);
    check(address->names[address->count] != NULL && address->values[address->count] != NULL);
    address->count++;
}

enum err postgres_address_init(struct postgres_address *address, const char *url, bool is_pooled,
                               struct error *err)
{
    memset(address, 0, sizeof(*address));
    address->is_pooled = is_pooled;
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &why);
    // libpq's words quote what it does not understand, which may be a part of the password.
    PQfreemem(why);
    if (options == NULL)
        return error_set(
            err, ERR_INVALID,
            "this address of PostgreSQL is not understood; write "
            "postgres://USER:PASSWORD@HOST/DATABASE, with %%XX for special characters");
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (option->val != NULL && strcmp(option->keyword, "client_encoding") != 0)
            add(address, option->keyword, option->val);
    }
    PQconninfoFree(options);
    for (size_t i = 0; i < COUNT_OF(defaults); i++) {
        bool has = postgres_address_get(address, defaults[i].name).ptr != NULL;
        if (!has && !(is_pooled && defaults[i].is_direct))
            add(address, defaults[i].name, defaults[i].value);
    }
    add(address, "client_encoding", "UTF8");
    return ERR_OK;
}

struct str postgres_address_get(const struct postgres_address *address, const char *name)
{
    for (size_t i = 0; i < address->count; i++) {
        if (strcmp(address->names[i], name) == 0)
            return str_of(address->values[i]);
    }
    return STR_NULL;
}

void postgres_address_done(struct postgres_address *address)
{
    for (size_t i = 0; i < address->count; i++) {
        free(address->names[i]);
        free(address->values[i]);
    }
    address->count = 0;
}
