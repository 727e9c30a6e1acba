// The note beside a SQLite file that tells that its leads have moved to another database.
#ifndef SUNLEAD_APP_COPIED_NOTE_H
#define SUNLEAD_APP_COPIED_NOTE_H

#include "base/arena.h"
#include "base/error.h"

// copied_note_write() writes PATH.copied, beside the file of a sqlite:PATH, with the address of the
// database that its leads were copied to (without a password) and the time. Blocks.
MUST_CHECK enum err copied_note_write(const char *from_url, struct str to_url, struct error *err);

// copied_note_read() reads the note of a sqlite:PATH, as one line; null when there is none, or the
// address is another kind. In the arena.
MUST_CHECK enum err copied_note_read(const char *from_url, struct arena *arena,
                                     struct str *ret_note, struct error *err);

// copied_note_refuse() is ERR_CONFLICT, with what to do, where a database has such a note: who
// works on it would order and pay for what the other one orders too.
MUST_CHECK enum err copied_note_refuse(const char *database_url, struct error *err);

#endif
