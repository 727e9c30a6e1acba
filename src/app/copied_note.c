// Writes and heeds the note beside a SQLite file whose leads have moved.
#include "app/copied_note.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define NOTE_MAX       4096
#define NOTE_SHOWN_MAX 120

static const struct str sqlite_scheme = STR_INIT("sqlite:");

// Null for another kind of database.
static struct str path_of(const char *url, struct arena *arena)
{
    struct str text = str_of(url);
    if (!str_starts(text, sqlite_scheme))
        return STR_NULL;
    return arena_printf(arena, "%.*s.copied",
                        STR_ARG(str_slice(text, sqlite_scheme.len, text.len)));
}

enum err copied_note_write(const char *from_url, struct str to_url, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct str path = path_of(from_url, arena);
    check(path.ptr != NULL);
    struct buf note;
    buf_init_arena(&note, arena, NOTE_MAX);
    buf_append_str(&note, to_url);
    BUF_LITERAL(&note, " at ");
    time_append(&note, clock_now_us(clock_system()));
    buf_append_char(&note, '\n');
    struct str tmp = arena_printf(arena, "%.*s.tmp", STR_ARG(path));
    CLEANUP(fd_close) int fd = open(tmp.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return fs_err(err, "open", tmp.ptr);
    TRY(fs_write_all(fd, note.ptr, note.len, err));
    return fs_publish(fd, tmp.ptr, path.ptr, err);
}

enum err copied_note_read(const char *from_url, struct arena *arena, struct str *ret_note,
                          struct error *err)
{
    *ret_note = STR_NULL;
    struct str path = path_of(from_url, arena);
    if (path.ptr == NULL || access(path.ptr, F_OK) != 0)
        return ERR_OK;
    TRY(fs_read_all(path.ptr, arena, NOTE_MAX, ret_note, err));
    *ret_note = str_slice(*ret_note, 0, str_find(*ret_note, '\n', 0));
    return ERR_OK;
}

enum err copied_note_refuse(const char *database_url, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct str note;
    TRY(copied_note_read(database_url, arena, &note, err));
    if (note.ptr == NULL)
        return ERR_OK;
    return error_set(err, ERR_CONFLICT,
                     "its leads were copied to %.*s: set this to that one, or remove the .copied "
                     "file beside the old one to work there all the same",
                     STR_ARG(str_cut(note, NOTE_SHOWN_MAX)));
}
