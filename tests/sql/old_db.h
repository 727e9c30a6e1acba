// The tables of an older system, and short words for adopting them.
#ifndef SUNLEAD_TESTS_SQL_OLD_DB_H
#define SUNLEAD_TESTS_SQL_OLD_DB_H

#include "sql/postgres_db.h"
#include "sql/sql_driver.h"

// The tables of the older system, whose programs log in as "crm" and may do nothing else.
#define COMPANIES                                                                                  \
    "CREATE TABLE companies (id SERIAL PRIMARY KEY, name TEXT NOT NULL);"                          \
    "CREATE TABLE users (id SERIAL PRIMARY KEY, company_id INTEGER REFERENCES companies(id));"     \
    "INSERT INTO companies (name) SELECT 'c' || n FROM generate_series(1, 9) n;"                   \
    "INSERT INTO users (company_id) SELECT id FROM companies;"
#define LEADS                                                                                      \
    "CREATE TABLE leads (id SERIAL PRIMARY KEY, "                                                  \
    "company_id INTEGER REFERENCES companies(id), "                                                \
    "creator_id INTEGER NOT NULL REFERENCES users(id), latitude DECIMAL(10,8) NOT NULL, "          \
    "longitude DECIMAL(11,8) NOT NULL, address VARCHAR(255), system_size DECIMAL(10,2), "          \
    "sync_status VARCHAR(20) DEFAULT 'pending' "                                                   \
    "CHECK (sync_status IN ('pending', 'synced', 'failed', 'syncing')), "                          \
    "created_at TIMESTAMP DEFAULT now(), updated_at TIMESTAMP DEFAULT now());"
#define WITH_3D                                                                                    \
    "ALTER TABLE leads ADD lightfusion_3d_project_id INTEGER, ADD lightfusion_3d_house_id "        \
    "INTEGER, ADD model_3d_status VARCHAR(50), ADD model_3d_created_at TIMESTAMPTZ, "              \
    "ADD model_3d_completed_at TIMESTAMPTZ;"
#define CRM                                                                                        \
    "DO $$ BEGIN CREATE ROLE crm LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"        \
    "GRANT USAGE ON SCHEMA public TO crm; GRANT SELECT, INSERT, UPDATE, DELETE ON leads, "         \
    "companies, users TO crm;"                                                                     \
    "GRANT USAGE ON leads_id_seq TO crm;"
#define INSERT "INSERT INTO leads (company_id, creator_id, latitude, longitude) "

// old_db_make() makes the tables, with so many leads.
static inline void old_db_make(struct postgres_db_fixture *db, const char *leads, int rows)
{
    postgres_db_script(db, COMPANIES);
    postgres_db_script(db, leads);
    postgres_db_script(db, CRM);
    const char *fill = arena_printf(db->arena,
                                    INSERT "SELECT 1 + n %% 9, 1 + n %% 9, 37.5, -122 FROM "
                                           "generate_series(1, %d) n",
                                    rows)
                           .ptr;
    postgres_db_script(db, fill);
}

// old_db_wrong_totals() is how many counters tell another number of leads than there are.
static inline int64_t old_db_wrong_totals(struct postgres_db_fixture *db)
{
    return postgres_db_i64(
        db, "SELECT count(*) FROM (SELECT coalesce(company_id, 0) AS c, "
            "lightfusion_3d_project_id IS NOT NULL AS m, count(*) AS n FROM leads GROUP BY 1, 2) l "
            "FULL JOIN (SELECT company_id AS c, has_3d_model AS m, sum(leads) AS n FROM "
            "sunlead_lead_counts GROUP BY 1, 2 HAVING sum(leads) <> 0) s "
            "ON s.c = l.c AND s.m = l.m WHERE s.n IS DISTINCT FROM l.n");
}

// old_db_missing() counts the migrations that are not applied.
static inline int64_t old_db_missing(struct postgres_db_fixture *db)
{
    struct migration_state *states;
    size_t count;
    int64_t missing = 0;
    assert_int_equal(migrate_list(db->sql, db->arena, &states, &count, NULL), ERR_OK);
    for (size_t i = 0; i < count; i++)
        missing += states[i].applied_us.set ? 0 : 1;
    return missing;
}

// old_db_run() runs a statement on a session of its own, which must succeed.
static inline void old_db_run(struct sql_session *session, const char *text)
{
    struct error err;
    error_reset(&err);
    if (session->driver->session_run(session, text, NULL, NULL, &err) != ERR_OK)
        fail_msg("%s: %s (%s)", text, err.message, err.cause);
}

// old_db_session() opens one.
static inline struct sql_session *old_db_session(struct postgres_db_fixture *db)
{
    struct sql_session *session = NULL;
    assert_int_equal(db->sql->driver->session_open(db->sql, &session, NULL), ERR_OK);
    return session;
}

#endif
