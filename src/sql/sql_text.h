// Statement texts: filling in what comes from a field table.
#ifndef SUNLEAD_SQL_TEXT_H
#define SUNLEAD_SQL_TEXT_H

#include "base/buf.h"
#include "sql/sql.h"

// sql_text_expand() writes a statement's text with the placeholders of its field table filled in.
// The SQL fields are counted in the table's order; the first one is the id.
//   {columns}     all names:                  id, company_id, ...
//   {columns-id}  all but the first
//   {values}      as many parameters:         $1, $2, ...
//   {values-id}   one parameter less
//   {set-id}      all but the first, from $2: company_id = $2, ...
//   {changes}     those not read-only, each set to its parameter ($3 on) where its bit (its place
//   in the
//                 table) is set in $2, and kept otherwise
//   {after-changes}  the parameter behind the last of {changes}
//   {after-all}      the parameter behind the last of {values}
//   {after-values-id}  the parameter behind the last of {values-id}
//   {after-changes+1}  one further; so the others too
// Other braces ({last:table}) are left to the driver. An unknown placeholder is a programming
// error.
void sql_text_expand(const struct sql_stmt *stmt, const char *text, struct buf *ret_text);

// sql_text_param_field() is the field whose value parameter i (from 0) of a statement with
// {values-id} or {changes} is; NULL for other statements and parameters.
const struct field *sql_text_param_field(const struct sql_stmt *stmt, size_t i);

// sql_text_quoted_end() is the end of what is quoted by, or the comment that begins with, the
// character at `at`; `at` if there is none.
size_t sql_text_quoted_end(struct str text, size_t at);

// sql_text_last_end() is the end of a {last:table} at `at`, whose table it gives; `at` if something
// else is there. One that is not closed, or names no table, is a programming error.
size_t sql_text_last_end(struct str text, size_t at, struct str *ret_table);

#endif
