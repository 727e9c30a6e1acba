// All statements that were ever run, in PostgreSQL's words.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#define SLOTS_AT_FIRST 128
#define STMT_TEXT_MAX  (64 * 1024)

static struct postgres_stmt **find_slot(struct postgres_stmt **slots, size_t slot_count,
                                        const struct sql_stmt *stmt, bool is_required)
{
    uint64_t hash = (((uintptr_t)stmt >> 4) + is_required) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = (size_t)(hash >> 32);; i++) {
        struct postgres_stmt **slot = &slots[i & (slot_count - 1)];
        if (*slot == NULL || ((*slot)->stmt == stmt && (*slot)->is_required == is_required))
            return slot;
    }
}

// Room for one more, in both tables.
static void grow(struct postgres_stmts *stmts)
{
    if (stmts->count < stmts->slot_count / 2)
        return;
    size_t count = stmts->slot_count == 0 ? SLOTS_AT_FIRST : stmts->slot_count * 2;
    struct postgres_stmt **slots = calloc(count, sizeof(slots[0]));
    struct postgres_stmt **all = realloc(stmts->all, count / 2 * sizeof(all[0]));
    check(slots != NULL && all != NULL);
    for (size_t i = 0; i < stmts->count; i++)
        *find_slot(slots, count, all[i]->stmt, all[i]->is_required) = all[i];
    free(stmts->slots);
    stmts->slots = slots;
    stmts->slot_count = count;
    stmts->all = all;
}

static struct postgres_stmt *make(const struct sql_stmt *stmt, bool is_required, size_t index)
{
    struct postgres_stmt *made = calloc(1, sizeof(*made));
    check(made != NULL);
    struct buf text;
    buf_init(&text, STMT_TEXT_MAX);
    made->stmt = stmt;
    made->source = stmt->text;
    made->is_required = is_required;
    made->returns_count = postgres_text_write(stmt, is_required, &text);
    made->index = index;
    check(buf_cstr(&text) != NULL);
    made->text = text.ptr;
    int len = snprintf(made->name, sizeof(made->name), "s%zu", index);
    check(len > 0 && (size_t)len < sizeof(made->name));
    return made;
}

struct postgres_stmt *postgres_stmts_find(struct postgres_stmts *stmts, const struct sql_stmt *stmt,
                                          bool is_required)
{
    grow(stmts);
    struct postgres_stmt **slot = find_slot(stmts->slots, stmts->slot_count, stmt, is_required);
    if (*slot == NULL) {
        *slot = make(stmt, is_required, stmts->count);
        stmts->all[stmts->count++] = *slot;
    }
    check((*slot)->source == stmt->text);
    return *slot;
}

static void forget(struct postgres_stmt *stmt)
{
    free(TAKE_PTR(stmt->param_types));
}

void postgres_stmts_forget(struct postgres_stmts *stmts)
{
    for (size_t i = 0; i < stmts->count; i++)
        forget(stmts->all[i]);
    stmts->forgotten++;
}

void postgres_stmts_done(struct postgres_stmts *stmts)
{
    postgres_stmts_forget(stmts);
    for (size_t i = 0; i < stmts->count; i++) {
        free(stmts->all[i]->text);
        free(stmts->all[i]);
    }
    free(stmts->all);
    free(stmts->slots);
}

static uint64_t sum_result_types(const PGresult *result)
{
    uint64_t sum = (uint64_t)PQnfields(result);
    for (int i = 0; i < PQnfields(result); i++)
        sum = sum * UINT64_C(0x100000001b3) + PQftype(result, i);
    return sum;
}

bool postgres_stmt_fits(const struct postgres_stmt *stmt, const struct pg_result *result)
{
    return stmt->param_types == NULL || stmt->result_types == sum_result_types(result);
}

bool postgres_stmt_describe(struct postgres_stmt *stmt, const struct pg_result *description)
{
    size_t count = (size_t)PQnparams(description);
    unsigned *types = calloc(count + 1, sizeof(types[0]));
    check(types != NULL && count <= POSTGRES_VALUES_MAX);
    for (size_t i = 0; i < count; i++)
        types[i] = PQparamtype(description, (int)i);
    bool is_other = stmt->param_types != NULL &&
                    (memcmp(stmt->param_types, types, count * sizeof(types[0])) != 0 ||
                     !postgres_stmt_fits(stmt, description));
    free(stmt->param_types);
    stmt->param_types = types;
    stmt->param_count = count;
    stmt->result_types = sum_result_types(description);
    return is_other;
}
