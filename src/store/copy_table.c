// The tables that are copied, and their columns.
#include "store/copy_table.h"

#include "domain/batch.h"
#include "domain/company.h"
#include "domain/job.h"
#include "domain/lead.h"
#include "domain/model_file.h"
#include "domain/order.h"

#define OWN(columns) .own = (columns), .own_count = COUNT_OF(columns)

static const struct copy_column event_columns[] = {
    {"id", SQL_INT},       {"at", SQL_TIME},   {"type", SQL_TEXT}, {"lead_id", SQL_INT},
    {"order_id", SQL_INT}, {"op_id", SQL_INT}, {"data", SQL_TEXT},
};

static const struct copy_column request_columns[] = {
    {"id", SQL_TEXT},         {"fingerprint", SQL_TEXT}, {"op_id", SQL_INT},
    {"status", SQL_INT},      {"location", SQL_TEXT},    {"answer", SQL_TEXT},
    {"created_at", SQL_TIME}, {"answered_at", SQL_TIME},
};

static const struct copy_column loose_columns[] = {
    {"sha256", SQL_TEXT},
    {"since", SQL_TIME},
    {"removing", SQL_BOOL},
};

static const struct copy_column source_columns[] = {
    {"source", SQL_TEXT},
    {"equal", SQL_INT},
    {"differed", SQL_INT},
};

static const struct copy_column exchange_columns[] = {
    {"id", SQL_INT},          {"at", SQL_TIME},      {"call", SQL_TEXT},
    {"outcome", SQL_TEXT},    {"times", SQL_INT},    {"status", SQL_INT},
    {"duration_ms", SQL_INT}, {"request", SQL_TEXT}, {"answer", SQL_TEXT},
};

static const struct copy_column kind_columns[] = {
    {"kind", SQL_TEXT},
    {"paused_at", SQL_TIME},
    {"paused_by", SQL_TEXT},
};

static const struct copy_column count_columns[] = {
    {"company_id", SQL_INT},
    {"has_3d_model", SQL_BOOL},
    {"leads", SQL_INT},
};

// An order may hold two JSON texts of 64 KiB.
const struct copy_table copy_tables[] = {
    {
        .name = "leads",
        .fields = &lead_table,
        .key_count = 1,
        .newest = "updated_at",
        .batch_rows = 1000,
        .counts_ids = true,
    },
    {
        .name = "sunlead_orders",
        .fields = &order_table,
        .key_count = 1,
        .newest = "updated_at",
        .batch_rows = 200,
        .counts_ids = true,
    },
    {
        .name = "sunlead_files",
        .fields = &model_file_table,
        .key_count = 2,
        .newest = "updated_at",
        .batch_rows = 1000,
    },
    {
        .name = "sunlead_loose_files",
        OWN(loose_columns),
        .key_count = 1,
        .newest = "since",
        .batch_rows = 1000,
    },
    {
        .name = "sunlead_companies",
        .fields = &company_table,
        .key_count = 1,
        .newest = "updated_at",
        .batch_rows = 1000,
    },
    {
        .name = "sunlead_events",
        OWN(event_columns),
        .key_count = 1,
        .newest = "id",
        .batch_rows = 1000,
        .counts_ids = true,
    },
    {
        .name = "sunlead_exchanges",
        OWN(exchange_columns),
        .key_count = 1,
        .newest = "at",
        .batch_rows = 1000,
    },
    {
        .name = "sunlead_project_id_sources",
        OWN(source_columns),
        .key_count = 1,
        .newest = "equal + differed",
        .batch_rows = 1000,
    },
    {
        .name = "sunlead_batches",
        .fields = &batch_table,
        .key_count = 1,
        .newest = "id",
        .batch_rows = 1000,
        .counts_ids = true,
    },
    // An answer may be long.
    {
        .name = "sunlead_requests",
        OWN(request_columns),
        .key_count = 1,
        .newest = "coalesce(answered_at, created_at)",
        .batch_rows = 10,
    },
    {
        .name = "sunlead_jobs",
        .fields = &job_table,
        .key_count = 1,
        .newest = "updated_at",
        .batch_rows = 1000,
        .counts_ids = true,
    },
    {
        .name = "sunlead_job_kinds",
        OWN(kind_columns),
        .key_count = 1,
        .newest = "paused_at",
        .batch_rows = 1000,
    },
    {
        .name = "sunlead_lead_totals",
        OWN(count_columns),
        .key_count = 2,
        .where = "leads <> 0",
        .newest = "leads",
        .batch_rows = 1000,
        .is_kept = true,
    },
};
const size_t copy_table_count = COUNT_OF(copy_tables);

static enum sql_type type_of(const struct field *field)
{
    switch (field->type) {
    case FIELD_I64:
    case FIELD_OPT_I64:
        return SQL_INT;
    case FIELD_F64:
    case FIELD_OPT_F64:
        return SQL_FLOAT;
    case FIELD_BOOL:
        return SQL_BOOL;
    case FIELD_TIME:
        return SQL_TIME;
    case FIELD_STR:
    case FIELD_RAW:
    case FIELD_ENUM: // as the text that is stored
        return SQL_TEXT;
    case FIELD_F64_LIST:
    case FIELD_OBJECT:
        break;
    }
    check_failed("field that is a column", __FILE__, __LINE__);
}

const struct copy_column *copy_table_columns(const struct copy_table *table, struct arena *arena,
                                             size_t *ret_count)
{
    if (table->fields == NULL) {
        *ret_count = table->own_count;
        return table->own;
    }
    struct copy_column *columns = arena_new(arena, struct copy_column, table->fields->count);
    size_t count = 0;
    for (size_t i = 0; i < table->fields->count; i++) {
        const struct field *field = &table->fields->fields[i];
        if ((field->flags & FIELD_NO_SQL) == 0)
            columns[count++] = (struct copy_column){field->name, type_of(field)};
    }
    *ret_count = count;
    return columns;
}
