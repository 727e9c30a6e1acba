// The file of settings, .env: KEY=VALUE lines.
#ifndef SUNLEAD_APP_CONFIG_FILE_H
#define SUNLEAD_APP_CONFIG_FILE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

// One line that sets something.
struct config_entry {
    struct str name;
    struct str value;
    size_t line; // from 1
};

struct config_file {
    const char *name; // for messages
    struct config_entry *entries;
    size_t count;
};

// config_file_parse() reads the text of the file called name. A line is empty, a
// # comment, or NAME=VALUE, with "export " before it where one likes. A value stands bare (trimmed,
// up to " #"), in 'single quotes' (as it is) or in "double quotes" (where \" and \\ stand for " and
// \). ERR_INVALID names file and line, also for a name that is set twice. Entries go into the
// arena.
MUST_CHECK enum err config_file_parse(const char *name, struct str text, struct arena *arena,
                                      struct config_file *ret_file, struct error *err);

// config_file_find() is the line that sets a name; NULL if none does.
const struct config_entry *config_file_find(const struct config_file *file, struct str name);

#endif
