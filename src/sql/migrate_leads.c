// A table leads that somebody else made: whether sunlead can work on it, and which columns it
// lacks.
#include "sql/migrate_leads.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX (64 * 1024)

// ---- What the columns have to be like.

enum type {
    TYPE_INT2 = 1 << 0,
    TYPE_INT4 = 1 << 1,
    TYPE_INT8 = 1 << 2,
    TYPE_NUMERIC = 1 << 3,
    TYPE_FLOAT4 = 1 << 4,
    TYPE_FLOAT8 = 1 << 5,
    TYPE_TEXT = 1 << 6,
    TYPE_VARCHAR = 1 << 7,
    TYPE_CHAR = 1 << 8,
    TYPE_ENUM = 1 << 9,
    TYPE_BOOL = 1 << 10,
    TYPE_DATE = 1 << 11,
    TYPE_TIMESTAMP = 1 << 12,
    TYPE_TIMESTAMPTZ = 1 << 13,
};

static const struct {
    const char *name; // in pg_type
    unsigned type;
    const char *words;
} types[] = {
    {"int2", TYPE_INT2, "smallint"},
    {"int4", TYPE_INT4, "integer"},
    {"int8", TYPE_INT8, "bigint"},
    {"numeric", TYPE_NUMERIC, "numeric"},
    {"float4", TYPE_FLOAT4, "real"},
    {"float8", TYPE_FLOAT8, "double precision"},
    {"text", TYPE_TEXT, "text"},
    {"varchar", TYPE_VARCHAR, "character varying"},
    {"bpchar", TYPE_CHAR, "character"},
    {"enum", TYPE_ENUM, "an enum"},
    {"bool", TYPE_BOOL, "boolean"},
    {"date", TYPE_DATE, "date"},
    {"timestamp", TYPE_TIMESTAMP, "timestamp"},
    {"timestamptz", TYPE_TIMESTAMPTZ, "timestamp with time zone"},
};

#define IDS     (TYPE_INT2 | TYPE_INT4 | TYPE_INT8)
#define COUNTS  (IDS | TYPE_NUMERIC)
#define FIGURES (TYPE_NUMERIC | TYPE_FLOAT4 | TYPE_FLOAT8)
#define TEXTS   (TYPE_TEXT | TYPE_VARCHAR | TYPE_CHAR)
#define WORDS   (TYPE_TEXT | TYPE_VARCHAR | TYPE_ENUM)
#define BOOLS   (TYPE_BOOL | IDS)
#define TIMES   (TYPE_TIMESTAMP | TYPE_TIMESTAMPTZ)

// What sunlead writes into a column of words.
static const char *const model_words[] = {"pending", "processing", "completed", "failed", NULL};
static const char *const sync_words[] = {"pending", "synced", "failed", "syncing", NULL};

// The columns of 000_create_leads.sql and 001_add_3d_fields_to_leads.sql. A constant default is no
// work for the table's rows. Checks are left out: they would be checked on every row.
static const struct column {
    const char *name;
    unsigned types;
    const char *definition;   // NULL: has to be there
    const char *const *words; // those that sunlead writes, NULL: any text
    bool is_nulled;           // sunlead itself writes NULL
} columns[] = {
    {"id", IDS, NULL, NULL, false},
    {"company_id", IDS, NULL, NULL, false},
    {"creator_id", IDS, NULL, NULL, false},
    {"latitude", FIGURES, NULL, NULL, false},
    {"longitude", FIGURES, NULL, NULL, false},
    {"address", TEXTS, "TEXT", NULL, false},
    {"source", COUNTS, "INTEGER NOT NULL DEFAULT 4", NULL, false},
    {"kwh_usage", FIGURES, "DOUBLE PRECISION", NULL, false},
    {"system_size", FIGURES, "DOUBLE PRECISION", NULL, false},
    {"panel_count", COUNTS, "INTEGER", NULL, false},
    {"annual_production", FIGURES, "DOUBLE PRECISION", NULL, false},
    {"state", COUNTS, "INTEGER NOT NULL DEFAULT 0", NULL, false},
    {"promo_code", TEXTS, "TEXT", NULL, false},
    {"is_2d", BOOLS, "BOOLEAN NOT NULL DEFAULT FALSE", NULL, false},
    {"external_lead_id", TEXTS, "TEXT", NULL, false},
    {"sync_status", WORDS, "TEXT", sync_words, true},
    {"last_synced_at", TIMES, "TIMESTAMPTZ", NULL, true},
    {"panel_id", IDS, "BIGINT", NULL, false},
    {"inverter_id", IDS, "BIGINT", NULL, false},
    {"utility_id", IDS, "BIGINT", NULL, false},
    {"roof_material", TEXTS, "TEXT", NULL, false},
    {"installation_date", TIMES | TYPE_DATE, "TIMESTAMPTZ", NULL, false},
    {"created_at", TIMES, "TIMESTAMPTZ NOT NULL DEFAULT now()", NULL, false},
    {"updated_at", TIMES, "TIMESTAMPTZ NOT NULL DEFAULT now()", NULL, false},
    {"lightfusion_3d_project_id", TYPE_INT4 | TYPE_INT8, "INTEGER", NULL, true},
    {"lightfusion_3d_house_id", TYPE_INT4 | TYPE_INT8, "INTEGER", NULL, true},
    {"model_3d_status", WORDS, "VARCHAR(50)", model_words, true},
    {"model_3d_created_at", TIMES, "TIMESTAMPTZ", NULL, true},
    {"model_3d_completed_at", TIMES, "TIMESTAMPTZ", NULL, true},
};

static void note(struct migrate_leads *leads, const char *format, ...) PRINTF_LIKE(2, 3);

static void note(struct migrate_leads *leads, const char *format, ...)
{
    char line[400];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    size_t kept = len < 0 ? 0 : (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
    leads->problem_count++;
    buf_printf(&leads->problems, "%.*s\n", (int)kept, line);
}

// ---- The table itself.

#define ID_COLUMN "(SELECT attnum FROM pg_attribute WHERE attrelid = c.oid AND attname = 'id')"

static const char read_table[] =
    "SELECT c.relkind::text, n.nspname::text, n.nspname = current_schema(), "
    "coalesce(current_schema()::text, ''), "
    "CASE WHEN c.relkind = 'p' THEN (SELECT coalesce(sum(pg_relation_size(relid)), 0)::bigint / "
    "200 "
    "FROM pg_partition_tree(c.oid)) "
    "WHEN c.reltuples >= 0 THEN c.reltuples::bigint "
    "WHEN c.relkind = 'r' THEN pg_relation_size(c.oid) / 200 ELSE 0 END, "
    "pg_has_role(c.relowner, 'USAGE'), pg_get_userbyid(c.relowner)::text, current_user::text, "
    "EXISTS (SELECT 1 FROM pg_inherits "
    "WHERE (inhparent = c.oid AND c.relkind <> 'p') OR inhrelid = c.oid), "
    "c.relforcerowsecurity, "
    "EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique "
    "AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = " ID_COLUMN " "
    "AND (i.indnkeyatts = 1 OR c.relkind = 'p')), "
    "CASE WHEN " ID_COLUMN " IS NULL THEN true "
    "ELSE pg_get_serial_sequence(c.oid::regclass::text, 'id') IS NOT NULL AND EXISTS "
    "(SELECT 1 FROM pg_attribute WHERE attrelid = c.oid AND attname = 'id' "
    "AND (atthasdef OR attidentity <> '')) END "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.oid = to_regclass('leads')";

static const char *kind_of(struct str relkind)
{
    static const struct {
        char kind;
        const char *words;
    } kinds[] = {{'p', "a partitioned table with rows"},
                 {'v', "a view"},
                 {'m', "a materialized view"},
                 {'f', "a foreign table"}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (relkind.len == 1 && relkind.ptr[0] == kinds[i].kind)
            return kinds[i].words;
    }
    return "no table";
}

static void take_table(void *ctx, const struct sql_row *row)
{
    struct migrate_leads *leads = ctx;
    struct str schema = sql_row_str(row, 1);
    leads->exists = true;
    leads->rows = sql_row_i64(row, 4);
    // One with partitions takes its indexes under a lock, and so only as long as it is empty.
    leads->is_partitioned = str_equal(sql_row_str(row, 0), STR("p"));
    leads->is_table =
        str_equal(sql_row_str(row, 0), STR("r")) || (leads->is_partitioned && leads->rows == 0);
    if (!leads->is_table) {
        note(leads, "it is %s; only an ordinary table can be adopted",
             kind_of(sql_row_str(row, 0)));
        return;
    }
    if (sql_row_i64(row, 2) == 0)
        note(leads,
             "it is in the schema %.*s, and new tables would be made in the schema %.*s: "
             "put its schema first in the search_path",
             STR_ARG(schema), STR_ARG(sql_row_str(row, 3)));
    if (sql_row_i64(row, 5) == 0)
        note(leads, "it belongs to the role %.*s: GRANT %.*s TO %.*s", STR_ARG(sql_row_str(row, 6)),
             STR_ARG(sql_row_str(row, 6)), STR_ARG(sql_row_str(row, 7)));
    if (sql_row_i64(row, 8) != 0)
        note(leads, "it inherits or is inherited from");
    if (sql_row_i64(row, 9) != 0)
        note(leads, "row level security is forced on its owner");
    if (sql_row_i64(row, 10) == 0)
        note(leads, "no primary key or unique index %s",
             leads->is_partitioned ? "that begins with id" : "on id alone");
    if (sql_row_i64(row, 11) == 0)
        note(leads, "column id does not count itself: it needs an identity, or a default from a "
                    "sequence that it owns (ALTER SEQUENCE ... OWNED BY leads.id)");
}

// ---- Its columns.

static const char read_columns[] =
    "SELECT a.attname::text, CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' "
    "ELSE t.typname::text END, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
    "a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR "
    "(a.attidentity = 'a' AND a.attname <> 'id'), a.atttypmod, "
    "(SELECT coalesce(string_agg(' ' || e.enumlabel || ' ', ''), '') FROM pg_enum e "
    "WHERE e.enumtypid = t.oid) "
    "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
    "WHERE a.attrelid = to_regclass('leads') AND a.attnum > 0 AND NOT a.attisdropped "
    "ORDER BY a.attnum";

static unsigned type_of(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (str_equal(name, str_of(types[i].name)))
            return types[i].type;
    }
    return 0;
}

static const char *wanted(struct migrate_leads *leads, unsigned set)
{
    struct buf text;
    buf_init_arena(&text, leads->arena, TEXT_MAX);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if ((set & types[i].type) != 0)
            buf_printf(&text, "%s%s", text.len == 0 ? "" : ", ", types[i].words);
    }
    return buf_cstr(&text);
}

// Whether the labels of an enum, parted by spaces, hold a word.
static bool has_label(struct migrate_leads *leads, struct str labels, const char *word)
{
    struct str all = arena_str(leads->arena, labels);
    return strstr(all.ptr, arena_printf(leads->arena, " %s ", word).ptr) != NULL;
}

// The length of a VARCHAR(n) is its type's modifier less four bytes; -1: no limit.
static void check_words(struct migrate_leads *leads, const struct column *column,
                        const struct sql_row *row, unsigned type)
{
    int64_t modifier = sql_row_i64(row, 6);
    for (const char *const *word = column->words; word != NULL && *word != NULL; word++) {
        bool is_short =
            type == TYPE_VARCHAR && modifier >= 0 && modifier - 4 < (int64_t)strlen(*word);
        bool is_unknown = type == TYPE_ENUM && !has_label(leads, sql_row_str(row, 7), *word);
        if (is_short || is_unknown) {
            note(leads, "column %s is %.*s, which has no room for \"%s\"", column->name,
                 STR_ARG(sql_row_str(row, 2)), *word);
            return;
        }
    }
}

static void check_known(struct migrate_leads *leads, const struct column *column,
                        const struct sql_row *row)
{
    unsigned type = type_of(sql_row_str(row, 1));
    if ((type & column->types) == 0)
        note(leads, "column %s is %.*s; wanted: %s", column->name, STR_ARG(sql_row_str(row, 2)),
             wanted(leads, column->types));
    else
        check_words(leads, column, row, type);
    if (sql_row_i64(row, 5) != 0)
        note(leads, "column %s is generated: sunlead could not write it", column->name);
    if (column->is_nulled && sql_row_i64(row, 3) != 0)
        note(leads, "column %s is NOT NULL: sunlead writes NULL there", column->name);
}

static void take_column(void *ctx, const struct sql_row *row)
{
    struct migrate_leads *leads = ctx;
    struct str name = sql_row_str(row, 0);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        if (!str_equal(name, str_of(columns[i].name)))
            continue;
        leads->seen |= UINT64_C(1) << i;
        check_known(leads, &columns[i], row);
        return;
    }
    bool fills_itself = sql_row_i64(row, 4) != 0 || sql_row_i64(row, 5) != 0;
    if (sql_row_i64(row, 3) != 0 && !fills_itself)
        note(leads, "column %.*s is NOT NULL without a default, and sunlead does not know it",
             STR_ARG(name));
}

static void add_missing(struct migrate_leads *leads)
{
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        const struct column *column = &columns[i];
        if ((leads->seen & (UINT64_C(1) << i)) != 0)
            continue;
        if (column->definition == NULL) {
            note(leads, "column %s is missing", column->name);
            continue;
        }
        buf_printf(&leads->change, "%sADD COLUMN IF NOT EXISTS %s %s",
                   leads->change.len == 0 ? "ALTER TABLE leads " : ", ", column->name,
                   column->definition);
        buf_printf(&leads->missing, "%s%s", leads->missing.len == 0 ? "" : ", ", column->name);
    }
}

enum err migrate_leads_read(struct sql_session *session, struct arena *arena,
                            struct migrate_leads *ret_leads, struct error *err)
{
    *ret_leads = (struct migrate_leads){.arena = arena};
    buf_init_arena(&ret_leads->problems, arena, TEXT_MAX);
    buf_init_arena(&ret_leads->missing, arena, TEXT_MAX);
    buf_init_arena(&ret_leads->change, arena, TEXT_MAX);
    const struct sql_driver *driver = session->driver;
    TRY(driver->session_run(session, read_table, take_table, ret_leads, err));
    if (!ret_leads->is_table)
        return ERR_OK;
    TRY(driver->session_run(session, read_columns, take_column, ret_leads, err));
    add_missing(ret_leads);
    return ERR_OK;
}
