// The files table: steps on our copies of mesh files.
#ifndef SUNLEAD_STORE_FILE_STORE_H
#define SUNLEAD_STORE_FILE_STORE_H

#include <stdint.h>

#include "domain/model_file.h"
#include "sql/sql.h"
#include "store/row_into.h"

// file_store_put() stores a file's row, in place of an older one of the same name. A file that was
// fetched once stays fetched: a later failure does not take it away. One that was removed, or is
// not to be stored, does not wait or fail by what began before. The content of one that is
// stored was put into the store after loose_store_add(); ERR_STALE fails the operation where it may
// be gone since (loose_store_hold()). The row may be older than now.
void file_store_put(struct sql_op *op, const struct model_file *file, int64_t now_us);

// file_store_rows() is an empty list with room for all files of a project, in the arena.
struct row_list file_store_rows(struct arena *arena);

// file_store_list() reads the files of a project into the list (of struct model_file), by name.
void file_store_list(struct sql_op *op, int64_t project_id, struct row_list *list);

// file_store_get() reads one fetched file; ERR_NOT_FOUND fails the operation.
void file_store_get(struct sql_op *op, int64_t project_id, struct str name,
                    struct model_file *file);

// file_store_await() makes files of one project pending that are to be made; those that are stored
// stay. All have the project, company and time of the first.
void file_store_await(struct sql_op *op, const struct model_file *files, size_t count);

// file_store_give_up() makes failed what was to be made of a project's files and is not made yet,
// and notes the reason on what was made before.
void file_store_give_up(struct sql_op *op, int64_t project_id, struct str why, int64_t now_us);

// file_store_note() notes on what was made of a project's files before, and stays stored, why it
// was not made anew. The next one that is made has no such note.
void file_store_note(struct sql_op *op, int64_t project_id, struct str why, int64_t now_us);

// file_store_find() reads some fetched file of this name whose content has this SHA-256;
// ERR_NOT_FOUND fails the operation.
void file_store_find(struct sql_op *op, struct str sha256, struct str name,
                     struct model_file *file);

#endif
