// Which stored files are not to be kept any longer, and their removal: models at a time.
#ifndef SUNLEAD_STORE_RETENTION_STORE_H
#define SUNLEAD_STORE_RETENTION_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/company.h"
#include "sql/sql.h"

#define RETENTION_PORTION 100

// Projects that have files to be removed; one may be there twice.
struct retention_portion {
    size_t count;
    int64_t project_ids[3 * RETENTION_PORTION];
};

struct retention_rule {
    int64_t now_us;
    const struct file_policy *settings; // of companies that do not say
};

// retention_store_due() reads projects with files of a company that stores nothing, or keeps them
// for days that are over; RETENTION_PORTION of those that said so themselves, as many others. A
// model's files, also those made of them, are as old as the newest of its originals.
void retention_store_due(struct sql_op *op, const struct retention_rule *rule,
                         struct retention_portion *portion);

// retention_store_orphans() adds projects with stored files whose lead is gone, whoever deleted it.
// Reads all orders that have files.
void retention_store_orphans(struct sql_op *op, struct retention_portion *portion);

// retention_store_remove() makes rows "removed" of the projects (a JSON array of ids), if their
// files are due or their lead is gone: their contents become loose. Orders that have none left say
// so.
void retention_store_remove(struct sql_op *op, const struct retention_rule *rule, struct str ids);

// retention_store_restore() makes the originals of a project that were removed, or never to be
// stored, files to be fetched again, and its order (if it is completed) one whose files are
// pending.
void retention_store_restore(struct sql_op *op, int64_t project_id, int64_t now_us);

#endif
