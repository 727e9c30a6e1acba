// Reads a table from two databases at once and finds the first difference.
#include "app/copy_compare.h"

#define PAGE_BYTES_MAX (256U << 20)

// One of the two, with the page that was read last.
struct side {
    struct sql *db;
    const struct copy_part *part;
    struct copy_position at;
    struct sha256 *hash;
    struct buf bytes;
    size_t *ends; // of each row in bytes
    size_t rows;
};

static void side_init(struct side *side, struct sql *db, const struct copy_part *part)
{
    *side = (struct side){.db = db, .part = part, .hash = sha256_open()};
    buf_init(&side->bytes, PAGE_BYTES_MAX);
    side->ends = calloc(part->table->batch_rows, sizeof(side->ends[0]));
    check(side->ends != NULL);
}

static void side_done(struct side *side)
{
    free(side->ends);
    buf_done(&side->bytes);
    sha256_close(side->hash);
    copy_position_done(&side->at);
}

static void take_row(void *ctx, const struct sql_row *row)
{
    struct side *side = ctx;
    copy_position_take(&side->at, &side->part->columns, row);
    copy_row_append_bytes(&side->part->columns, row, &side->bytes);
    side->ends[side->rows++] = side->bytes.len;
}

static enum err read_page(struct side *side, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    buf_reset(&side->bytes);
    side->rows = 0;
    struct sql_op *op = sql_op_new(arena, "copy_compare", SQL_LANE_LONG);
    struct sql_step *step =
        copy_store_read(op, side->part, &side->at, side->part->table->batch_rows);
    step->on_row = take_row;
    step->ctx = side;
    enum err code = sql_run(side->db, op);
    if (code != ERR_OK) {
        *err = op->error;
        return code;
    }
    if (side->bytes.overflow)
        return error_set(err, ERR_TOO_LARGE, "%s: the rows are too long", side->part->table->name);
    sha256_add(side->hash, side->bytes.ptr, side->bytes.len);
    return ERR_OK;
}

// Row i of the page; null behind the last one.
static struct str row_at(const struct side *side, size_t i)
{
    if (i >= side->rows)
        return STR_NULL;
    return str_slice(buf_str(&side->bytes), i == 0 ? 0 : side->ends[i - 1], side->ends[i]);
}

static const char *describe(const struct copy_columns *columns, struct str a, struct str b,
                            struct arena *arena)
{
    struct buf text;
    buf_init_arena(&text, arena, SIZE_MAX);
    int order = a.ptr == NULL ? 1 : b.ptr == NULL ? -1 : copy_row_compare(columns, a, b);
    copy_row_describe(columns, order <= 0 ? a : b, &text);
    if (order != 0)
        buf_printf(&text, " is only in the %s", order < 0 ? "source" : "target");
    else
        buf_printf(&text, " differs in %s", copy_row_difference(columns, a, b));
    return buf_cstr(&text);
}

// The first difference of two pages that begin behind the same rows; NULL: none.
static const char *find_difference(const struct side *from, const struct side *to,
                                   struct arena *arena)
{
    size_t rows = from->rows > to->rows ? from->rows : to->rows;
    for (size_t i = 0; i < rows; i++) {
        struct str a = row_at(from, i);
        struct str b = row_at(to, i);
        if (!str_equal(a, b))
            return describe(&from->part->columns, a, b, arena);
    }
    return NULL;
}

static enum err compare(struct side *from, struct side *to, const struct copy_pair *pair,
                        struct copy_outcome *outcome, struct error *err)
{
    const char *table = from->part->table->name;
    do {
        TRY(read_page(from, err));
        TRY(read_page(to, err));
        if (outcome->difference == NULL)
            outcome->difference = find_difference(from, to, pair->arena);
        copy_progress_tell(pair->progress, table, from->at.rows, pair->total);
    } while (from->rows > 0 || to->rows > 0);
    return ERR_OK;
}

static void sum_up(const struct side *side, struct copy_sum *ret_sum)
{
    ret_sum->rows = side->at.rows;
    sha256_finish(side->hash, ret_sum->sha256);
}

enum err copy_compare(const struct copy_pair *pair, const struct copy_part *part,
                      struct copy_outcome *ret_outcome, struct error *err)
{
    CLEANUP(side_done) struct side from;
    CLEANUP(side_done) struct side to;
    side_init(&from, pair->from, part);
    side_init(&to, pair->to, part);
    *ret_outcome = (struct copy_outcome){.table = part->table->name};
    TRY(compare(&from, &to, pair, ret_outcome, err));
    sum_up(&from, &ret_outcome->from);
    sum_up(&to, &ret_outcome->to);
    return ERR_OK;
}
