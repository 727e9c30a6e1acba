// The statements of a copy.
#include "store/copy_store.h"

#define TEXT_MAX (16 * 1024)

// ---- The statements of a table

static const char *text_of(struct buf *text)
{
    const char *ended = buf_cstr(text);
    check(ended != NULL);
    return ended;
}

static void append_columns(struct buf *text, const struct copy_columns *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(text, "%s%s", i > 0 ? ", " : "", columns->list[i].name);
}

// The key by which rows are ordered: texts by their bytes, which SQLite does by itself.
static void append_key(struct buf *text, const struct copy_columns *columns, bool collate)
{
    for (size_t i = 0; i < columns->key_count; i++)
        buf_printf(text, "%s%s%s", i > 0 ? ", " : "", columns->list[i].name,
                   collate && columns->list[i].type == SQL_TEXT ? " COLLATE \"C\"" : "");
}

// A page; next: of what is behind the key in the first parameters.
static const char *read_text(const struct copy_part *part, struct arena *arena, bool next,
                             bool collate)
{
    const struct copy_columns *columns = &part->columns;
    const char *where = part->table->where;
    struct buf text;
    buf_init_arena(&text, arena, TEXT_MAX);
    BUF_LITERAL(&text, "SELECT ");
    append_columns(&text, columns, columns->count);
    buf_printf(&text, " FROM %s WHERE %s", part->table->name, where == NULL ? "1 = 1" : where);
    if (next) {
        BUF_LITERAL(&text, " AND (");
        append_key(&text, columns, collate);
        BUF_LITERAL(&text, ") > (");
        for (size_t i = 0; i < columns->key_count; i++)
            buf_printf(&text, "%s$%zu", i > 0 ? ", " : "", i + 1);
        BUF_LITERAL(&text, ")");
    }
    BUF_LITERAL(&text, " ORDER BY ");
    append_key(&text, columns, collate);
    buf_printf(&text, " LIMIT $%zu", next ? columns->key_count + 1 : 1);
    return text_of(&text);
}

static struct sql_stmt read_stmt(const struct copy_part *part, struct arena *arena, bool next)
{
    return (struct sql_stmt){
        .name = next ? "copy_read_next" : "copy_read_first",
        .text = read_text(part, arena, next, true),
        .sqlite = read_text(part, arena, next, false),
    };
}

static const char *insert_text(const struct copy_part *part, struct arena *arena)
{
    struct buf text;
    buf_init_arena(&text, arena, TEXT_MAX);
    buf_printf(&text, "INSERT INTO %s (", part->table->name);
    append_columns(&text, &part->columns, part->columns.count);
    BUF_LITERAL(&text, ") SELECT ");
    append_columns(&text, &part->columns, part->columns.count);
    buf_printf(&text, " FROM json_populate_recordset(NULL::%s, $1::json)", part->table->name);
    return text_of(&text);
}

static struct sql_stmt stmt_of(const char *name, struct str text)
{
    return (struct sql_stmt){.name = name, .text = text.ptr};
}

static void init_id_stmts(struct copy_part *part, struct arena *arena)
{
    const char *name = part->table->name;
    part->last_id = stmt_of("copy_last_id", arena_printf(arena,
                                                         "SELECT max(coalesce({last:%s}, 0), "
                                                         "coalesce((SELECT max(id) FROM %s), 0))",
                                                         name, name));
    part->set_last_id = stmt_of("copy_set_last_id",
                                arena_printf(arena,
                                             "SELECT setval(pg_get_serial_sequence('%s', 'id'), "
                                             "greatest($1::bigint, 1), $1::bigint > 0)",
                                             name));
}

void copy_part_init(struct copy_part *part, const struct copy_table *table, struct arena *arena)
{
    const char *name = table->name;
    const char *where = table->where == NULL ? "1 = 1" : table->where;
    *part = (struct copy_part){.table = table, .columns = {.key_count = table->key_count}};
    part->columns.list = copy_table_columns(table, arena, &part->columns.count);
    part->any = stmt_of("copy_any", arena_printf(arena, "SELECT 1 FROM %s LIMIT 1", name));
    part->names = (struct sql_stmt){
        .name = "copy_names",
        .text = arena_printf(arena,
                             "SELECT column_name FROM information_schema.columns "
                             "WHERE table_schema = current_schema() AND table_name = '%s'",
                             name)
                    .ptr,
        .sqlite = arena_printf(arena, "SELECT name FROM pragma_table_info('%s')", name).ptr,
    };
    part->summary =
        stmt_of("copy_summary", arena_printf(arena, "SELECT count(*), max(%s) FROM %s WHERE %s",
                                             table->newest, name, where));
    part->read_first = read_stmt(part, arena, false);
    part->read_next = read_stmt(part, arena, true);
    part->insert = (struct sql_stmt){.name = "copy_insert", .text = insert_text(part, arena)};
    part->try_cells =
        stmt_of("copy_try_cells",
                arena_printf(arena, "SELECT json_populate_record(NULL::%s, $1::json)", name));
    if (table->counts_ids)
        init_id_stmts(part, arena);
}

// ---- Positions

static void set_text(struct copy_position *position, struct sql_value *value, struct str text)
{
    char *copy = malloc(text.len + 1);
    check(copy != NULL);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    free(position->text);
    position->text = copy;
    *value = SQLV_TEXT(((struct str){.ptr = copy, .len = text.len}));
}

void copy_position_take(struct copy_position *position, const struct copy_columns *columns,
                        const struct sql_row *row)
{
    position->rows++;
    for (size_t i = 0; i < columns->key_count; i++) {
        if (columns->list[i].type == SQL_TEXT)
            set_text(position, &position->key[i], sql_row_str(row, i));
        else
            position->key[i] =
                (struct sql_value){.type = columns->list[i].type, .i64 = sql_row_i64(row, i)};
    }
}

void copy_position_set(struct copy_position *position, const struct copy_position *from)
{
    position->rows = from->rows;
    for (size_t i = 0; i < COPY_KEY_MAX; i++) {
        if (from->key[i].type == SQL_TEXT)
            set_text(position, &position->key[i], from->key[i].text);
        else
            position->key[i] = from->key[i];
    }
}

void copy_position_done(struct copy_position *position)
{
    free(TAKE_PTR(position->text));
}

// ---- Rows

struct sql_step *copy_store_read(struct sql_op *op, const struct copy_part *part,
                                 const struct copy_position *after, size_t max)
{
    struct sql_value params[COPY_KEY_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < part->columns.key_count && after->rows > 0; i++) {
        params[count] = after->key[i];
        params[count++].text = arena_str(op->arena, after->key[i].text);
    }
    params[count++] = SQLV_INT((int64_t)max);
    return sql_op_step(op, after->rows > 0 ? &part->read_next : &part->read_first, count, params);
}

// The mark has a column for the number and one for the text of a key.
static struct sql_value key_of(const struct copy_part *part, const struct copy_position *position,
                               enum sql_type type)
{
    for (size_t i = 0; i < part->columns.key_count; i++) {
        if (part->columns.list[i].type == type)
            return position->key[i];
    }
    return SQLV_NULL;
}

void copy_store_insert(struct sql_op *op, const struct copy_part *part, struct str rows,
                       const struct copy_position *from, const struct copy_position *to)
{
    static const struct sql_stmt pass = {
        .name = "copy_pass",
        .text = "SELECT set_config('sunlead.copy', 'on', true)",
    };
    static const struct sql_stmt advance = {
        .name = "copy_advance",
        .text = "UPDATE sunlead_copy SET copied = $3, last_number = $4, last_text = $5 "
                "WHERE part = $1 AND copied = $2",
    };
    (void)sql_op_step(op, &pass, 0, NULL);
    struct sql_step *step =
        SQL_STEP(op, &advance, SQLV_TEXT(str_of(part->table->name)), SQLV_INT(from->rows),
                 SQLV_INT(to->rows), key_of(part, to, SQL_INT), key_of(part, to, SQL_TEXT));
    step->when_none = ERR_STALE;
    step->none_message = "another process copies into this database";
    SQL_STEP(op, &part->insert, SQLV_TEXT(rows));
}

void copy_store_try_cells(struct sql_op *op, const struct copy_part *part, struct str cells)
{
    SQL_STEP(op, &part->try_cells, SQLV_TEXT(cells));
}

// ---- The mark

static void take_true(void *ctx, const struct sql_row *row)
{
    (void)row;
    *(bool *)ctx = true;
}

void copy_store_has_table(struct sql_op *op, struct str name, bool *has_table)
{
    static const struct sql_stmt stmt = {
        .name = "copy_has_table",
        .text = "SELECT 1 FROM information_schema.tables "
                "WHERE table_schema = current_schema() AND table_name = $1",
        .sqlite = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1",
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_TEXT(name));
    step->on_row = take_true;
    step->ctx = has_table;
}

void copy_store_has_mark(struct sql_op *op, bool *has_mark)
{
    copy_store_has_table(op, STR("sunlead_copy"), has_mark);
}

static void restore(struct copy_position *position, const struct copy_part *part,
                    const struct sql_row *row)
{
    position->rows = sql_row_i64(row, 1);
    for (size_t i = 0; i < part->columns.key_count; i++) {
        enum sql_type type = part->columns.list[i].type;
        if (type == SQL_TEXT)
            set_text(position, &position->key[i], sql_row_str(row, 3));
        else
            position->key[i] = (struct sql_value){.type = type, .i64 = sql_row_i64(row, 2)};
    }
}

static void take_mark(void *ctx, const struct sql_row *row)
{
    struct copy_mark *mark = ctx;
    mark->found++;
    mark->source.installation = arena_str(mark->arena, sql_row_str(row, 4));
    mark->source.state = arena_str(mark->arena, sql_row_str(row, 5));
    for (size_t i = 0; i < mark->part_count; i++) {
        if (str_equal(str_of(mark->parts[i].table->name), sql_row_str(row, 0)))
            restore(&mark->positions[i], &mark->parts[i], row);
    }
}

void copy_store_read_mark(struct sql_op *op, struct copy_mark *mark)
{
    static const struct sql_stmt stmt = {
        .name = "copy_read_mark",
        .text = "SELECT part, copied, last_number, last_text, installation, state "
                "FROM sunlead_copy FOR UPDATE",
    };
    struct sql_step *step = sql_op_step(op, &stmt, 0, NULL);
    step->on_row = take_mark;
    step->ctx = mark;
}

void copy_store_write_mark(struct sql_op *op, const struct copy_part *part,
                           const struct copy_source *source)
{
    static const struct sql_stmt stmt = {
        .name = "copy_write_mark",
        .text = "INSERT INTO sunlead_copy (part, copied, installation, state) "
                "VALUES ($1, 0, $2, $3)",
    };
    SQL_STEP(op, &stmt, SQLV_TEXT(str_of(part->table->name)), SQLV_TEXT(source->installation),
             SQLV_TEXT(source->state));
}

// The copy's own transactions say who they are. What anybody else writes fails as on a database
// that is not available at the moment.
static const char begin_text[] =
    "CREATE TABLE sunlead_copy (part TEXT PRIMARY KEY, copied BIGINT NOT NULL, "
    "last_number BIGINT, last_text TEXT, installation TEXT NOT NULL, state TEXT NOT NULL);\n"
    "CREATE FUNCTION sunlead_copy_guard() RETURNS TRIGGER LANGUAGE plpgsql AS $$\n"
    "BEGIN\n"
    "    IF current_setting('sunlead.copy', true) IS DISTINCT FROM 'on' THEN\n"
    "        RAISE EXCEPTION 'sunlead migrate copy into this database has not ended'\n"
    "            USING ERRCODE = '55P03';\n"
    "    END IF;\n"
    "    RETURN NULL;\n"
    "END $$;\n";

static void append_begin(struct buf *text, const char *table)
{
    buf_printf(text,
               "CREATE TRIGGER sunlead_copy_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE "
               "ON %s FOR EACH STATEMENT EXECUTE FUNCTION sunlead_copy_guard();\n"
               "DO $$ BEGIN IF EXISTS (SELECT 1 FROM %s) THEN "
               "RAISE EXCEPTION '%s is not empty' USING ERRCODE = '23505'; END IF; END $$;\n",
               table, table, table);
}

enum err copy_store_begin(struct sql *db, struct error *err)
{
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_append_str(&text, STR(begin_text));
    for (size_t i = 0; i < copy_table_count; i++) {
        if (!copy_tables[i].is_kept)
            append_begin(&text, copy_tables[i].name);
    }
    check(!text.overflow);
    return sql_script(db, buf_str(&text), err);
}

enum err copy_store_end(struct sql *db, struct error *err)
{
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, TEXT_MAX);
    BUF_LITERAL(&text, "DROP FUNCTION sunlead_copy_guard() CASCADE; DROP TABLE sunlead_copy;");
    for (size_t i = 0; i < copy_table_count; i++)
        buf_printf(&text, "ANALYZE %s;", copy_tables[i].name);
    check(!text.overflow);
    return sql_script(db, buf_str(&text), err);
}
