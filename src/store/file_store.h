// The files table: steps on our copies of mesh files.
#ifndef SUNLEAD_STORE_FILE_STORE_H
#define SUNLEAD_STORE_FILE_STORE_H

#include <stdint.h>

#include "domain/model_file.h"
#include "sql/sql.h"
#include "store/row_into.h"

// file_store_put() stores a file's row, in place of an older one of the same name. A file that was
// fetched once stays fetched: a later failure does not take it away.
void file_store_put(struct sql_op *op, const struct model_file *file);

// file_store_list() reads the files of a project into the list (of struct model_file), by name.
void file_store_list(struct sql_op *op, int64_t project_id, struct row_list *list);

// file_store_get() reads one fetched file; ERR_NOT_FOUND fails the operation.
void file_store_get(struct sql_op *op, int64_t project_id, struct str name,
                    struct model_file *file);

// file_store_find() reads some fetched file of this name whose content has this SHA-256;
// ERR_NOT_FOUND fails the operation.
void file_store_find(struct sql_op *op, struct str sha256, struct str name,
                     struct model_file *file);

#endif
