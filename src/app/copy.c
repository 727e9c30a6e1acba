// Copies an installation table by table, in batches that leave a mark of how far they are.
#include "app/copy.h"

#include "json/json_write.h"
#include "sql/migrate.h"

#define BATCH_BYTES_MAX (512U << 20)

struct copy {
    struct sql *from;
    struct sql *to;
    struct arena *arena;
    struct copy_part *parts;
    struct copy_position *positions; // one a part
    int64_t *totals;                 // rows in the source
    size_t count;
    struct copy_source source;
};

static enum err run(struct sql *db, struct sql_op *op, struct error *err)
{
    enum err code = sql_run(db, op);
    if (code != ERR_OK)
        *err = op->error;
    return code;
}

// ---- The source

static enum err check_source(struct copy *copy, struct sha256 *installation, struct error *err)
{
    struct migration_state *states;
    size_t count;
    TRY(migrate_list(copy->from, copy->arena, &states, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (states[i].is_unknown || states[i].is_changed)
            return error_set(err, ERR_CONFLICT,
                             "the source is not this version's: see migration %s in sunlead "
                             "migrate status",
                             states[i].name);
        if (!states[i].applied_us.set)
            return error_set(err, ERR_CONFLICT,
                             "the source lacks migration %s: run sunlead migrate up on it first",
                             states[i].name);
        sha256_add(installation, states[i].name, strlen(states[i].name) + 1);
        sha256_add(installation, &states[i].applied_us.value, sizeof(int64_t));
    }
    return ERR_OK;
}

// A column beyond those that are copied would be lost.
struct column_check {
    const struct copy_part *part;
    struct arena *arena;
    const char *unknown;
};

static void check_column(void *ctx, const struct sql_row *row)
{
    struct column_check *check = ctx;
    for (size_t i = 0; i < check->part->columns.count; i++) {
        if (str_equal(str_of(check->part->columns.list[i].name), sql_row_str(row, 0)))
            return;
    }
    check->unknown = arena_str(check->arena, sql_row_str(row, 0)).ptr;
}

static enum err check_columns(struct copy *copy, const struct copy_part *part, struct error *err)
{
    struct column_check check = {.part = part, .arena = copy->arena};
    struct sql_op *op = sql_op_new(copy->arena, "copy_names", SQL_LANE_LONG);
    struct sql_step *step = sql_op_step(op, &part->names, 0, NULL);
    step->on_row = check_column;
    step->ctx = &check;
    TRY(run(copy->from, op, err));
    if (check.unknown != NULL)
        return error_set(err, ERR_CONFLICT,
                         "%s of the source has a column that sunlead does not know: %s",
                         part->table->name, check.unknown);
    return ERR_OK;
}

static void take_summary(void *ctx, const struct sql_row *row)
{
    int64_t *summary = ctx;
    summary[0] = sql_row_i64(row, 0);
    summary[1] = sql_row_i64(row, 1);
}

// How many rows a table has, and the newest: what tells one state of it from another, without
// reading it whole.
static enum err summarize(struct copy *copy, struct sql *db, size_t i, int64_t ret_summary[2],
                          struct error *err)
{
    struct sql_op *op = sql_op_new(copy->arena, "copy_summary", SQL_LANE_LONG);
    struct sql_step *step = sql_op_step(op, &copy->parts[i].summary, 0, NULL);
    step->on_row = take_summary;
    step->ctx = ret_summary;
    return run(db, op, err);
}

static void close_hash(struct sha256 **hash)
{
    sha256_close(*hash);
}

static struct str finish_hash(struct copy *copy, struct sha256 *hash)
{
    char hex[SHA256_HEX + 1];
    sha256_finish(hash, hex);
    return arena_str(copy->arena, str_of(hex));
}

static enum err look_at_source(struct copy *copy, struct error *err)
{
    CLEANUP(close_hash) struct sha256 *installation = sha256_open();
    CLEANUP(close_hash) struct sha256 *state = sha256_open();
    TRY(check_source(copy, installation, err));
    for (size_t i = 0; i < copy->count; i++) {
        TRY(check_columns(copy, &copy->parts[i], err));
        int64_t summary[2] = {0, 0};
        TRY(summarize(copy, copy->from, i, summary, err));
        copy->totals[i] = summary[0];
        sha256_add(state, summary, sizeof(summary));
    }
    copy->source.installation = finish_hash(copy, installation);
    copy->source.state = finish_hash(copy, state);
    return ERR_OK;
}

// ---- The target

static enum err check_mark(const struct copy *copy, const struct copy_mark *mark, struct error *err)
{
    if (!str_equal(mark->source.installation, copy->source.installation))
        return error_set(err, ERR_CONFLICT,
                         "the target holds an unfinished copy of another installation, or one "
                         "that another version began: give an empty database");
    if (!str_equal(mark->source.state, copy->source.state))
        return error_set(err, ERR_CONFLICT,
                         "the source was changed since the copy in the target was begun: give an "
                         "empty database and copy anew");
    return ERR_OK;
}

// Goes on with what the target's mark tells, or fills a mark that was only just made.
static enum err take_up(struct copy *copy, struct error *err)
{
    struct copy_mark mark = {
        .arena = copy->arena,
        .parts = copy->parts,
        .part_count = copy->count,
        .positions = copy->positions,
    };
    struct sql_op *op = sql_op_new(copy->arena, "copy_read_mark", SQL_LANE_WRITE);
    copy_store_read_mark(op, &mark);
    TRY(run(copy->to, op, err));
    if (mark.found > 0)
        return check_mark(copy, &mark, err);
    op = sql_op_new(copy->arena, "copy_write_mark", SQL_LANE_WRITE);
    for (size_t i = 0; i < copy->count; i++)
        copy_store_write_mark(op, &copy->parts[i], &copy->source);
    return run(copy->to, op, err);
}

static enum err has_table(struct copy *copy, const char *name, bool *ret_has, struct error *err)
{
    *ret_has = false;
    struct sql_op *op = sql_op_new(copy->arena, "copy_has_table", SQL_LANE_LONG);
    copy_store_has_table(op, str_of(name), ret_has);
    return run(copy->to, op, err);
}

// Whether the target has just what the source has: it was copied before.
static enum err find_copied(struct copy *copy, bool *ret_copied, struct error *err)
{
    int64_t rows = 0;
    bool is_same;
    TRY(has_table(copy, "sunlead_migrations", &is_same, err)); // else its tables are somebody's
    for (size_t i = 0; i < copy->count && is_same; i++) {
        int64_t from[2] = {0, 0};
        int64_t to[2] = {0, 0};
        if (copy->parts[i].table->is_kept)
            continue;
        TRY(has_table(copy, copy->parts[i].table->name, &is_same, err));
        if (!is_same)
            break;
        TRY(summarize(copy, copy->from, i, from, err));
        TRY(summarize(copy, copy->to, i, to, err));
        is_same = from[0] == to[0] && from[1] == to[1];
        rows += to[0];
    }
    *ret_copied = is_same && rows > 0;
    return ERR_OK;
}

// Before anything is changed there: the target may be somebody's by mistake.
static enum err check_empty(struct copy *copy, const struct copy_part *part, struct error *err)
{
    bool has;
    TRY(has_table(copy, part->table->name, &has, err));
    if (!has)
        return ERR_OK;
    struct sql_op *op = sql_op_new(copy->arena, "copy_any", SQL_LANE_LONG);
    const struct sql_step *step = sql_op_step(op, &part->any, 0, NULL);
    TRY(run(copy->to, op, err));
    if (step->rows > 0)
        return error_set(err, ERR_CONFLICT,
                         "the target has rows in %s: give a database without leads and without "
                         "rows of sunlead",
                         part->table->name);
    return ERR_OK;
}

static enum err open_target(struct copy *copy, bool *ret_copied, struct error *err)
{
    bool has_mark = false;
    struct sql_op *op = sql_op_new(copy->arena, "copy_has_mark", SQL_LANE_LONG);
    copy_store_has_mark(op, &has_mark);
    TRY(run(copy->to, op, err));
    *ret_copied = false;
    if (has_mark)
        return take_up(copy, err);
    TRY(find_copied(copy, ret_copied, err));
    if (*ret_copied)
        return ERR_OK;
    for (size_t i = 0; i < copy->count; i++) {
        if (!copy->parts[i].table->is_kept)
            TRY(check_empty(copy, &copy->parts[i], err));
    }
    size_t applied;
    TRY(migrate_up(copy->to, &applied, err));
    TRY(copy_store_begin(copy->to, err));
    return take_up(copy, err);
}

// ---- A batch

struct batch {
    const struct copy_part *part;
    struct copy_position from; // borrows its text
    struct copy_position to;
    struct buf json;
    struct error error; // of the first row that cannot be copied
};

static void batch_done(struct batch *batch)
{
    buf_done(&batch->json);
    copy_position_done(&batch->to);
}

static void describe_row(const struct copy_columns *columns, const struct sql_row *row,
                         struct buf *text)
{
    CLEANUP(buf_done) struct buf bytes;
    buf_init(&bytes, SIZE_MAX);
    copy_row_append_bytes(columns, row, &bytes);
    copy_row_describe(columns, buf_str(&bytes), text);
}

static void refuse_row(struct batch *batch, const struct sql_row *row)
{
    CLEANUP(buf_done) struct buf key;
    buf_init(&key, SIZE_MAX);
    describe_row(&batch->part->columns, row, &key);
    struct error why = batch->error;
    (void)error_set(&batch->error, why.code, "%s, %.60s, %.100s", batch->part->table->name,
                    buf_cstr(&key), why.message);
}

static void take_row(void *ctx, const struct sql_row *row)
{
    struct batch *batch = ctx;
    if (batch->error.code != ERR_OK)
        return;
    if (copy_row_check(&batch->part->columns, row, &batch->error) != ERR_OK) {
        refuse_row(batch, row);
        return;
    }
    buf_append_char(&batch->json, batch->json.len == 0 ? '[' : ',');
    copy_row_append_json(&batch->part->columns, row, &batch->json);
    copy_position_take(&batch->to, &batch->part->columns, row);
}

static enum err read_batch(struct copy *copy, struct batch *batch, size_t max, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "copy_read", SQL_LANE_LONG);
    struct sql_step *step = copy_store_read(op, batch->part, &batch->from, max);
    step->on_row = take_row;
    step->ctx = batch;
    TRY(run(copy->from, op, err));
    buf_append_char(&batch->json, ']');
    if (batch->json.overflow)
        (void)error_set(&batch->error, ERR_TOO_LARGE, "%s: the rows are too long",
                        batch->part->table->name);
    if (batch->error.code != ERR_OK)
        *err = batch->error;
    return batch->error.code;
}

// The row that the target refused, cell by cell.
struct blame {
    const struct copy_part *part;
    struct arena *arena;
    struct buf key;
    struct str *cells;
};

static void take_cells(void *ctx, const struct sql_row *row)
{
    struct blame *blame = ctx;
    describe_row(&blame->part->columns, row, &blame->key);
    for (size_t i = 0; i < blame->part->columns.count; i++) {
        struct buf cell;
        buf_init_arena(&cell, blame->arena, SIZE_MAX);
        copy_row_append_cell(&blame->part->columns, row, i, &cell);
        blame->cells[i] = buf_str(&cell);
    }
}

// Finds the column of the one row behind a position that the target refused; in *err is why.
static enum err name_refused(struct copy *copy, const struct copy_part *part,
                             const struct copy_position *after, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct blame blame = {.part = part, .arena = arena};
    buf_init_arena(&blame.key, arena, SIZE_MAX);
    blame.cells = arena_new(arena, struct str, part->columns.count);
    struct error why = *err;
    struct sql_op *op = sql_op_new(arena, "copy_read", SQL_LANE_LONG);
    struct sql_step *step = copy_store_read(op, part, after, 1);
    step->on_row = take_cells;
    step->ctx = &blame;
    TRY(run(copy->from, op, err));
    const char *column = why.place_count > 0 ? why.places[0].pointer + 1 : NULL;
    for (size_t i = 0; i < part->columns.count && column == NULL; i++) {
        op = sql_op_new(arena, "copy_try_cells", SQL_LANE_LONG);
        copy_store_try_cells(op, part, blame.cells[i]);
        if (sql_run(copy->to, op) == ERR_INVALID)
            column = part->columns.list[i].name;
    }
    (void)error_set(err, ERR_INVALID, "%s, %.60s%s%s: %.100s", part->table->name,
                    buf_cstr(&blame.key), column == NULL ? "" : ", column ",
                    column == NULL ? "" : column, why.message);
    error_cause(err, "%s", why.cause);
    return ERR_INVALID;
}

static bool is_refusal(enum err code)
{
    return code == ERR_INVALID || code == ERR_CONFLICT || code == ERR_TOO_LARGE;
}

static enum err write_batch(struct copy *copy, struct batch *batch, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "copy_write", SQL_LANE_WRITE);
    copy_store_insert(op, batch->part, buf_str(&batch->json), &batch->from, &batch->to);
    return run(copy->to, op, err);
}

// Copies the next rows, at most *max; *max becomes 0 at the end of the table. Of a batch that is
// refused the next try takes half, until the row that it is about stands alone.
static enum err copy_batch(struct copy *copy, size_t part, size_t *max, struct error *err)
{
    struct copy_position *position = &copy->positions[part];
    CLEANUP(batch_done) struct batch batch = {.part = &copy->parts[part], .from = *position};
    buf_init(&batch.json, BATCH_BYTES_MAX);
    error_reset(&batch.error);
    batch.to.rows = position->rows;
    TRY(read_batch(copy, &batch, *max, err));
    size_t rows = (size_t)(batch.to.rows - position->rows);
    if (rows == 0) {
        *max = 0;
        return ERR_OK;
    }
    enum err code = write_batch(copy, &batch, err);
    if (is_refusal(code) && rows == 1)
        return name_refused(copy, batch.part, position, err);
    if (is_refusal(code)) {
        *max = rows / 2;
        return ERR_OK;
    }
    if (code == ERR_OK)
        copy_position_set(position, &batch.to);
    return code;
}

// ---- All of it

static void take_last(void *ctx, const struct sql_row *row)
{
    *(int64_t *)ctx = sql_row_i64(row, 0);
}

// Ids go on behind the last one that was ever given, be its row there or not.
static enum err copy_ids(struct copy *copy, const struct copy_part *part, struct error *err)
{
    int64_t last = 0;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "copy_last_id", SQL_LANE_LONG);
    struct sql_step *step = sql_op_step(op, &part->last_id, 0, NULL);
    step->on_row = take_last;
    step->ctx = &last;
    TRY(run(copy->from, op, err));
    op = sql_op_new(arena, "copy_set_last_id", SQL_LANE_WRITE);
    SQL_STEP(op, &part->set_last_id, SQLV_INT(last));
    return run(copy->to, op, err);
}

static enum err copy_rows(struct copy *copy, struct error *err)
{
    struct copy_progress progress;
    copy_progress_init(&progress, "copy.copying", "rows are being copied");
    for (size_t i = 0; i < copy->count; i++) {
        const struct copy_part *part = &copy->parts[i];
        size_t max = part->table->is_kept ? 0 : part->table->batch_rows;
        while (max > 0) {
            TRY(copy_batch(copy, i, &max, err));
            copy_progress_tell(&progress, part->table->name, copy->positions[i].rows,
                               copy->totals[i]);
        }
        if (part->table->counts_ids)
            TRY(copy_ids(copy, part, err));
    }
    return ERR_OK;
}

static enum err compare_all(struct copy *copy, struct copy_report *ret_report, struct error *err)
{
    struct copy_progress progress;
    copy_progress_init(&progress, "copy.comparing", "rows are being compared");
    *ret_report = (struct copy_report){
        .outcomes = arena_new(copy->arena, struct copy_outcome, copy->count),
        .count = copy->count,
        .is_equal = true,
    };
    for (size_t i = 0; i < copy->count; i++) {
        const struct copy_pair pair = {
            .from = copy->from,
            .to = copy->to,
            .arena = copy->arena,
            .progress = &progress,
            .total = copy->totals[i],
        };
        TRY(copy_compare(&pair, &copy->parts[i], &ret_report->outcomes[i], err));
        if (ret_report->outcomes[i].difference != NULL)
            ret_report->is_equal = false;
    }
    return ERR_OK;
}

static enum err copy_all(struct copy *copy, struct copy_report *ret_report, struct error *err)
{
    TRY(look_at_source(copy, err));
    bool was_copied;
    TRY(open_target(copy, &was_copied, err));
    if (was_copied) {
        *ret_report = (struct copy_report){.was_copied = true, .is_equal = true};
        return ERR_OK;
    }
    TRY(copy_rows(copy, err));
    TRY(compare_all(copy, ret_report, err));
    return ret_report->is_equal ? copy_store_end(copy->to, err) : ERR_OK;
}

enum err copy_run(struct sql *from, struct sql *to, struct arena *arena,
                  struct copy_report *ret_report, struct error *err)
{
    struct copy copy = {
        .from = from,
        .to = to,
        .arena = arena,
        .parts = arena_new(arena, struct copy_part, copy_table_count),
        .positions = arena_new(arena, struct copy_position, copy_table_count),
        .totals = arena_new(arena, int64_t, copy_table_count),
        .count = copy_table_count,
    };
    for (size_t i = 0; i < copy.count; i++)
        copy_part_init(&copy.parts[i], &copy_tables[i], arena);
    enum err code = copy_all(&copy, ret_report, err);
    for (size_t i = 0; i < copy.count; i++)
        copy_position_done(&copy.positions[i]);
    return code;
}
